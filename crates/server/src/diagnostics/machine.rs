//! What is read of this machine.

use crate::config::Config;
use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

/// Files by which container runtimes mark a container's root: Docker's and Podman's.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// What control groups of containers are named after.
const CONTAINER_GROUPS: [&str; 4] = ["docker", "kubepods", "containerd", "libpod"];

/// Facts about this machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// The addresses of the machine. None: they could not be read.
    pub(super) addresses: Option<Vec<IpAddr>>,
    /// This process runs in a container.
    pub(super) container: bool,
    pub(super) now: SystemTime,
    /// Files whose last change lies in the past if the clock is right: what they are, and the time.
    pub(super) files: Vec<(String, SystemTime)>,
    /// Most open files that this process may be given.
    pub(super) max_files: Option<u64>,
}

impl Machine {
    pub(super) fn read(config: &Config) -> Self {
        let addresses =
            if_addrs::get_if_addrs().ok().map(|all| all.iter().map(|i| i.ip().to_canonical()).collect());
        Self {
            addresses,
            container: is_container(),
            now: SystemTime::now(),
            files: files(&config.data),
            max_files: rlimit::Resource::NOFILE.get_hard().ok(),
        }
    }
}

fn is_container() -> bool {
    CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists())
        || std::fs::read_to_string("/proc/1/cgroup")
            .is_ok_and(|text| CONTAINER_GROUPS.iter().any(|name| text.contains(name)))
}

fn files(data: &Path) -> Vec<(String, SystemTime)> {
    let mut files = Vec::new();
    let mut add = |what: String, path: &Path| {
        if let Ok(changed) = path.metadata().and_then(|m| m.modified()) {
            files.push((what, changed));
        }
    };
    if let Ok(program) = std::env::current_exe() {
        add("the program itself".into(), &program);
    }
    for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
        add(entry.path().display().to_string(), &entry.path());
    }
    files
}
