//! nginx with its RTMP module, to compare with: on the same streams, by the same load.

use super::client::Address;
use super::load::Stream;
use crate::harness::error::BenchError;
use crate::harness::process::Process;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where Debian's packages put the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// What installs nginx with the module, for people.
pub(crate) const INSTALL_COMMAND: &str = "`apt-get install nginx-light libnginx-mod-rtmp`";

/// Longest wait for nginx to listen.
const START_WITHIN: Duration = Duration::from_secs(5);

/// A running nginx: one process, which is its one worker.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    _dir: TempDir,
}

/// The version of nginx, if it and the module are installed.
pub(crate) fn version() -> Option<String> {
    let said = Command::new("nginx").arg("-v").output().ok()?.stderr;
    let said = String::from_utf8_lossy(&said);
    let version = said.trim().rsplit_once('/')?.1.to_owned();
    Path::new(MODULE).exists().then_some(version)
}

impl Nginx {
    /// Starts nginx.
    ///
    /// # Errors
    ///
    /// [`BenchError::Server`] with its log, where it does not listen within [`START_WITHIN`].
    pub(crate) fn start() -> Result<Self, BenchError> {
        let dir = tempfile::tempdir().map_err(BenchError::Folder)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::Folder)?;
        let address = listener.local_addr().map_err(BenchError::Folder)?;
        drop(listener);
        let (config, log) = (dir.path().join("nginx.conf"), dir.path().join("log"));
        std::fs::write(&config, settings(address, dir.path())).map_err(BenchError::Folder)?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(dir.path())
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| BenchError::Start { path: "nginx".into(), source })?;
        let mut nginx = Self { child, address, _dir: dir };
        let until = Instant::now() + START_WITHIN;
        while TcpStream::connect(address).is_err() {
            let gone = nginx.child.try_wait().is_ok_and(|s| s.is_some());
            if gone || Instant::now() > until {
                return Err(BenchError::Server(std::fs::read_to_string(&log).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// The process of nginx, to be measured.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// A stream for each of the two phones of these calls.
    pub(crate) fn streams(&self, calls: usize) -> Vec<Stream> {
        let address =
            |n: usize| Address { server: self.address, app: "live".into(), name: format!("phone{n}") };
        (0..calls * 2).map(|n| Stream { push: address(n), play: address(n) }).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have died already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What favours it: no logs, no statistics, no interleaving that waits, no pings. Streams are known only to the worker
/// to which they are pushed; relaying them to others costs more, so there is one worker, and no master beside it. Its
/// version keeps no pictures for who joins.
fn settings(address: SocketAddr, dir: &Path) -> String {
    let (dir, pid) = (dir.display(), dir.join("pid"));
    format!(
        "load_module {MODULE};
worker_processes 1;
daemon off;
master_process off;
pid {};
error_log {dir}/log error;
events {{ worker_connections 2048; }}
rtmp {{
  access_log off;
  server {{
    listen {address};
    chunk_size 4096;
    ping 10m;
    application live {{
      live on;
      wait_key on;
      wait_video off;
      interleave off;
      publish_notify off;
      play_restart off;
    }}
  }}
}}
",
        pid.display()
    )
}
