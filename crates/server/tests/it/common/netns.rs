//! A network namespace with several addresses on its loopback device, for what a server does with strangers: on
//! 127.0.0.0/8 nobody has a share.
//!
//! It works as root, or for an ordinary user where user namespaces are allowed; elsewhere the test says that it was left
//! out, and fails if `CI=true`.

#![allow(clippy::unwrap_used, unreachable_pub, dead_code)]

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// Set where the test runs inside its namespace.
const INSIDE: &str = "TRING_INSIDE_NAMESPACE";

/// The server's own address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Addresses of clients.
pub const CLIENTS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3), Ipv4Addr::new(192, 0, 2, 4)];

/// True inside the namespace. Outside it runs the test of this name once more, inside, and gives false when that has
/// passed.
pub fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"]).unwrap();
        for address in [SERVER].iter().chain(&CLIENTS) {
            run("ip", &["address", "add", &format!("{address}/32"), "dev", "lo"]).unwrap();
        }
        return true;
    }
    let Some(flags) = ["-n", "-Urn"].into_iter().find(|f| run("unshare", &[f, "ip", "link"]).is_ok()) else {
        let why =
            "left out: network namespaces are not allowed here (needs root, or unprivileged user namespaces)";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
        println!("{test}: {why}");
        return false;
    };
    let status = Command::new("unshare")
        .arg(flags)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "see the output of the test inside its namespace above");
    false
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let out = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr)))
}
