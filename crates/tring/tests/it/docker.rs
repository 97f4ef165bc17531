//! The container's files against what they speak of: no Docker is needed, and none is used.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tring_server::Config;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The instructions of the Dockerfile, continued lines joined, comments dropped.
fn instructions() -> Vec<Vec<String>> {
    let text = read("Dockerfile");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    joined.lines().map(words).filter(|words| !words.is_empty()).collect()
}

/// What the server listens on with no setting: `port/protocol`, a range for the workers.
fn defaults() -> BTreeSet<String> {
    let config = Config::default();
    let first = usize::from(config.media.udp_port);
    let last = first + config.media.workers - 1;
    let tcp = [config.listen.port(), config.tls_listen().port(), config.rtmp.listen.port()];
    let tcp = tcp.into_iter().map(|port| format!("{port}/tcp"));
    tcp.chain([format!("{first}-{last}/udp")]).collect()
}

#[test]
fn the_ports_are_those_that_the_server_uses() {
    let instructions = instructions();
    let exposed = instructions.iter().filter(|i| i[0] == "EXPOSE").flat_map(|i| i[1..].to_vec());
    assert_eq!(exposed.collect::<BTreeSet<_>>(), defaults());
    let compose = read("compose.yaml");
    let mapped = compose.lines().filter_map(|line| {
        let port = line.trim().strip_prefix("- \"")?.strip_suffix('"')?;
        let (outside, inside) = port.split_once(':')?;
        let (inside, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
        assert_eq!(outside, inside, "clients are told the numbers inside");
        Some(format!("{inside}/{protocol}"))
    });
    assert_eq!(mapped.collect::<BTreeSet<_>>(), defaults());
}

#[test]
fn what_the_image_is_built_from_is_there_and_not_ignored() {
    let ignored = read(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().collect();
    let mut copied = 0;
    for copy in instructions().iter().filter(|i| i[0] == "COPY" && !i[1].starts_with("--from")) {
        for source in &copy[1..copy.len() - 1] {
            assert!(root().join(source).exists(), "COPY {source}");
            assert!(!ignored.contains(&source.as_str()), "{source} is in .dockerignore");
            copied += 1;
        }
    }
    assert!(copied >= 6, "the sources are copied: {copied}");
    // Cargo does not build in a workspace with members that are not there.
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        let folder = member.trim_end_matches("/*");
        let is_copied = instructions().iter().any(|i| i[0] == "COPY" && i[1..].iter().any(|w| w == folder));
        assert!(is_copied, "the workspace's member {member} is copied");
    }
}

#[test]
fn the_toolchains_are_new_enough_and_the_server_is_not_root() {
    let instructions = instructions();
    let images: Vec<&str> = instructions.iter().filter(|i| i[0] == "FROM").map(|i| i[1].as_str()).collect();
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(
        images.iter().any(|image| image.starts_with(&format!("rust:{rust}-"))),
        "{images:?}: Rust {rust}"
    );
    let last = |name: &str| instructions.iter().rfind(|i| i[0] == name).unwrap().clone();
    assert_eq!(last("USER")[1], "tring");
    assert_eq!(last("VOLUME")[1], "/data");
    let position = |name: &str| instructions.iter().rposition(|i| i[0] == name).unwrap();
    assert!(position("FROM") < position("USER"), "in the image that runs");
}

#[test]
fn the_commands_in_the_image_are_those_of_the_binary() {
    let instructions = instructions();
    let health = instructions.iter().find(|i| i[0] == "HEALTHCHECK").unwrap().join(" ");
    let health = health.split_once("CMD ").unwrap().1;
    assert_eq!(health, "[\"tring\", \"health\"]");
    for command in ["health", "serve"] {
        let help = std::process::Command::new(env!("CARGO_BIN_EXE_tring")).args([command, "--help"]).output();
        let help = String::from_utf8(help.unwrap().stdout).unwrap();
        for variable in ["TRING_ADVERTISE", "TRING_DATA"] {
            assert!(help.contains(variable), "tring {command} takes {variable}");
        }
    }
    assert!(read("compose.yaml").contains("TRING_ADVERTISE: ${TRING_ADVERTISE:-}"));
}
