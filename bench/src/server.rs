//! The server under test: `tring serve` as a child process on loopback, with a data folder of its own.

use crate::error::BenchError;
use crate::process::Process;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tring_client::{Client, Options};
use tring_store::{App, Store};

/// How long it may take to start.
const START_WITHIN: Duration = Duration::from_secs(10);

/// Life of the UserSigs of a run.
const SIGNATURE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A running server.
pub(crate) struct Server {
    child: Child,
    url: String,
    app: App,
    _dir: TempDir,
}

impl Server {
    /// Starts it, with no limit on how often a client may ask: the load comes from few sockets.
    pub(crate) async fn start(binary: &Path, workers: usize) -> Result<Self, BenchError> {
        let dir = tempfile::tempdir().map_err(BenchError::Folder)?;
        let data = dir.path().join("data");
        let store = Store::open(&data).await?;
        let app = store.create_app("bench").await?.app;
        drop(store);
        let port = free_port().map_err(BenchError::Folder)?;
        let config = dir.path().join("tring.toml");
        std::fs::write(&config, settings((Ipv4Addr::LOCALHOST, port).into(), &data, workers))
            .map_err(BenchError::Folder)?;
        let log = dir.path().join("log");
        let file = File::create(&log).map_err(BenchError::Folder)?;
        let errors = file.try_clone().map_err(BenchError::Folder)?;
        let child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|source| BenchError::Start { path: binary.to_owned(), source })?;
        let mut server = Self { child, url: format!("ws://127.0.0.1:{port}/v1/socket"), app, _dir: dir };
        let until = Instant::now() + START_WITHIN;
        loop {
            match server.client("first").await {
                Ok(first) => {
                    first.logout().await?;
                    return Ok(server);
                }
                Err(e) => {
                    let gone = server.child.try_wait().is_ok_and(|s| s.is_some());
                    if gone || Instant::now() > until {
                        let text = std::fs::read_to_string(&log).unwrap_or_default();
                        return Err(BenchError::Server(format!("{text} ({e})")));
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Its process.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Signs a user in.
    pub(crate) async fn client(&self, user: &str) -> Result<Client, BenchError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let app = self.app.id.get();
        let sig = tring_usersig::sign(&self.app.key, app, user, SIGNATURE_LIFE, now)?;
        Ok(Client::connect(Options::new(&self.url, app, user, sig)?).await?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have died already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The server's configuration file.
pub(crate) fn settings(listen: SocketAddr, data: &Path, workers: usize) -> String {
    let ip = listen.ip();
    format!(
        "listen = \"{listen}\"
data = '{}'

[media]
bind = \"{ip}\"
udp_port = 0
workers = {workers}

[rtmp]
listen = \"{ip}:0\"

[limits]
messages_per_second = 1000000.0
messages_burst = 1000000.0
calls_per_minute = 1000000.0
calls_burst = 1000000.0
",
        data.display()
    )
}
