//! Hosts as network namespaces. However the laboratory ends, nothing is left behind.

use crate::LabError;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Set in the environment of a program that [`enter`] has run again.
const INSIDE: &str = "TRING_LAB_INSIDE";

/// Runs this program again in a network namespace of its own, in which it may make others: as root, or for an ordinary
/// user inside a new user namespace. Returns only in the program that was run again. Call it first thing in `main`.
///
/// # Errors
/// [`LabError::NotAllowed`] where neither is allowed.
pub fn enter() -> Result<(), LabError> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|error| LabError::io("this program's own path", error))?;
    let mut why = Vec::new();
    for flags in ["-n", "-Urn"] {
        match run(Command::new("unshare").args([flags, "ip", "link"])) {
            Err(error) => why.push(error),
            Ok(()) => {
                let mut again = Command::new("unshare");
                again.arg(flags).arg(program).args(std::env::args_os().skip(1)).env(INSIDE, flags);
                return Err(LabError::io("unshare", again.exec()));
            }
        }
    }
    Err(LabError::NotAllowed(why.join("; ")))
}

/// True where the laboratory is inside a user namespace of its own, which others must join too.
pub(crate) fn has_user_namespace() -> bool {
    std::env::var_os(INSIDE).is_some_and(|flags| flags.to_string_lossy().contains('U'))
}

/// A host's namespace.
#[derive(Debug)]
pub(crate) struct Namespace(tring_testkit::namespace::Namespace);

impl Namespace {
    pub(crate) fn new() -> Result<Self, LabError> {
        let made = tring_testkit::namespace::Namespace::new();
        Ok(Self(made.map_err(|error| LabError::io("unshare -n cat", error))?))
    }

    /// The process that holds it.
    pub(crate) fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Runs commands of `ip`, one a line, inside. The first that fails ends it.
    pub(crate) fn ip(&self, lines: &[String]) -> Result<(), LabError> {
        batch(self.0.command("ip").args(["-batch", "-"]), lines)
    }
}

/// Runs commands of `ip`, one a line, in the laboratory's own namespace. The first that fails ends it.
pub(crate) fn ip(lines: &[String]) -> Result<(), LabError> {
    batch(Command::new("ip").args(["-batch", "-"]), lines)
}

fn batch(command: &mut Command, lines: &[String]) -> Result<(), LabError> {
    let io = |error| LabError::io("ip", error);
    let mut ip =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(io)?;
    if let Some(mut input) = ip.stdin.take() {
        // One that has ended early says why itself.
        let _ = input.write_all((lines.join("\n") + "\n").as_bytes());
    }
    let output = ip.wait_with_output().map_err(io)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", ");
    Err(LabError::Command(format!("ip [{}]: {said}", lines.join("; "))))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
