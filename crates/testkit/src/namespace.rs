//! A test in network and mount namespaces of its own: every port and every address is free there (on 127.0.0.0/8 of the
//! machine itself no limit by address applies), and all that it sets up or mounts is gone with its process.
//!
//! It works as root, or for an ordinary user where user namespaces are allowed. Elsewhere the test says that it was left out,
//! and fails if `CI=true`.

use crate::process::{again, role, run, succeeds};
use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The role of a test in its namespaces.
const INSIDE: &str = "inside";

/// How `unshare` makes namespaces: for root, and for an ordinary user in a new user namespace.
const WAYS: [&str; 2] = ["-nm", "-Urnm"];

/// Whether a test (of [`test_name!`](crate::test_name)) runs in namespaces of its own. Where it does not, it is run again
/// there; the answer is `false` once it has passed, and the caller returns.
pub fn inside(test: &str) -> bool {
    if role().as_deref() == Some(INSIDE) {
        return true;
    }
    if let Some(way) = allowed(test) {
        succeeds(again(&["unshare", way], test, INSIDE));
    }
    false
}

/// The arguments of `unshare` by which this user makes namespaces. None: that is not allowed; then the test is left out, which
/// this has said.
pub fn allowed(test: &str) -> Option<&'static str> {
    let way = WAYS.into_iter().find(|way| run("unshare", &[way, "ip", "link"]).is_ok());
    if way.is_none() {
        let why =
            "left out: network namespaces are not allowed here (needs root, or unprivileged user namespaces)";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
        println!("{test}: {why}");
    }
    way
}

/// Runs `ip` with these arguments in this process's namespace.
#[track_caller]
pub fn ip(arguments: &str) {
    run("ip", &arguments.split(' ').collect::<Vec<_>>()).unwrap();
}

/// Brings the loopback device up, with these addresses beside its own.
pub fn loopback(addresses: impl IntoIterator<Item = IpAddr>) {
    ip("link set lo up");
    for address in addresses {
        ip(&format!("address add {} dev lo", alone(address)));
    }
}

/// `address/32` or `address/128`: a network of one.
pub fn alone(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// A machine: a network namespace that is entered by commands. It lives as long as its holder, a `cat` that ends when its
/// input does: however the test ends, nothing is left behind.
#[derive(Debug)]
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// Makes one, for who may ([`inside`]).
    ///
    /// # Errors
    /// `unshare` is missing, or the namespace was not made.
    pub fn new() -> io::Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["-n", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Whoever started it decides of the terminal's signals.
        let mut holder = command.process_group(0).spawn()?;
        // `cat` says back what it is told once the namespace is there.
        let mut line = String::new();
        let told = holder.stdin.as_mut().map(|input| input.write_all(b"here\n"));
        let heard = holder.stdout.take().map(|output| BufReader::new(output).read_line(&mut line));
        let namespace = Self { holder };
        match (told, heard) {
            (Some(Ok(())), Some(Ok(_))) if line == "here\n" => Ok(namespace),
            _ => Err(io::Error::other("unshare -n cat: the namespace was not made")),
        }
    }

    /// The process that holds it.
    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A command that runs in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid().to_string(), "-n", "--", program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
