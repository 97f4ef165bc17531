//! A test that runs itself again: for what only a process of its own can have (environment, limits, namespaces). It works
//! under `cargo test`, where the tests of a crate share a process, and under nextest, where each has its own.

use std::process::{Command, Stdio};

/// In the environment of a test that was run again: as what.
const ROLE: &str = "TRING_TEST_ROLE";

/// The name of a test of this module, as the test harness knows it. It does not compile if there is no such function.
#[macro_export]
macro_rules! test_name {
    ($test:ident) => {{
        let _ = $test;
        concat!(module_path!(), "::", stringify!($test)).split_once("::").map_or("", |(_, name)| name)
    }};
}

/// As what this test was run again. None: it was not.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// This program with arguments that run this test alone (of [`test_name!`]), as `role`, by way of `wrapper`: a program which
/// runs the one that its last arguments name, or nothing. Its output is the test's own; [`succeeds`] reads it.
pub fn again(wrapper: &[&str], test: &str, role: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.args(["--exact", test, "--nocapture"]).env(ROLE, role);
    command
}

/// Runs a command of [`again`] to its end. Fails with what it said if the test failed, or if there is no test of this name.
#[track_caller]
pub fn succeeds(mut command: Command) {
    let out = command.stdin(Stdio::null()).output().unwrap();
    let [said, complained] =
        [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(out.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "the test has run: {said}");
}

/// Runs a program to its end. The error has what it complained of.
///
/// # Errors
/// It could not be started, or it failed: where it may be missing, the test says what to install.
pub fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let out = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr)))
}
