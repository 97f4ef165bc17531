//! The server under test: `tring serve` as a child process on loopback, with a data folder of its own.

use crate::harness::error::BenchError;
use crate::harness::process::Process;
use crate::harness::socket_calls::SocketCalls;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tring_client::{Client, Options};
use tring_store::{App, Store};

/// Longest wait for a server to take a client.
const START_WITHIN: Duration = Duration::from_secs(10);

/// Lines of the log that an error tells, those that are no mere information.
const LAST_WORDS: usize = 8;

/// Life of the UserSigs of a run; longer than any run takes.
const SIGNATURE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A running server.
pub(crate) struct Server {
    child: Child,
    url: String,
    /// Address of the metrics page.
    metrics: SocketAddr,
    /// Whom the server's clients trust, where they speak TLS.
    tls: Option<Arc<ClientConfig>>,
    app: App,
    dir: TempDir,
}

impl Server {
    /// Starts a server with no limit on how often a client may ask, since the load comes from few sockets.
    ///
    /// # Errors
    ///
    /// [`BenchError::Server`] with its log, where no client can sign in within [`START_WITHIN`].
    pub(crate) async fn start(binary: &Path, workers: usize) -> Result<Self, BenchError> {
        Self::launch(binary, workers, None).await
    }

    /// Starts a server as [`Server::start`] does, with HTTPS beside the plain port. Its clients come by HTTPS and trust the
    /// server's own CA.
    pub(crate) async fn start_secure(binary: &Path, workers: usize) -> Result<Self, BenchError> {
        let port = free_port().map_err(BenchError::Folder)?;
        let mut server = Self::launch(binary, workers, Some(port)).await?;
        server.tls = Some(trusting(&server.dir.path().join("data/ca/ca.crt"))?);
        server.url = format!("wss://127.0.0.1:{port}/v1/socket");
        Ok(server)
    }

    async fn launch(binary: &Path, workers: usize, secure: Option<u16>) -> Result<Self, BenchError> {
        let dir = tempfile::tempdir().map_err(BenchError::Folder)?;
        let data = dir.path().join("data");
        let store = Store::open(&data).await?;
        let app = store.create_app("bench").await?.app;
        drop(store);
        let port = free_port().map_err(BenchError::Folder)?;
        let config = dir.path().join("tring.toml");
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().map_err(BenchError::Folder)?));
        let mut text = format!("metrics_listen = \"{metrics}\"\n");
        text += &settings((Ipv4Addr::LOCALHOST, port).into(), &data, workers);
        if let Some(port) = secure {
            text += &format!("\n[tls]\nlisten = \"127.0.0.1:{port}\"\nlocal_ca = true\n");
        }
        std::fs::write(&config, text).map_err(BenchError::Folder)?;
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
        let url = format!("ws://127.0.0.1:{port}/v1/socket");
        let mut server = Self { child, url, metrics, tls: None, app, dir };
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

    /// The process of the server, to be measured.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// How packets arrived and left so far, exact to the second: so often the server counts.
    ///
    /// # Errors
    ///
    /// [`BenchError::Metrics`]: the server tells nothing.
    pub(crate) async fn socket_calls(&self) -> Result<SocketCalls, BenchError> {
        let page = self.metrics_page().await.map_err(BenchError::Metrics)?;
        // tring_media_total{what="wake_ups"} 123
        let count = |line: &'_ str| {
            let (name, value) = line.strip_prefix("tring_media_total{what=\"")?.split_once("\"}")?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        };
        let counts: Vec<(String, u64)> = page.lines().filter_map(count).collect();
        Ok(SocketCalls::read(counts.iter().map(|(name, value)| (name.as_str(), *value))))
    }

    /// Media workers that have sessions now, exact to the second: a room goes to the first that is not full.
    ///
    /// # Errors
    ///
    /// [`BenchError::Metrics`]: the server tells nothing.
    pub(crate) async fn workers_in_use(&self) -> Result<usize, BenchError> {
        let page = self.metrics_page().await.map_err(BenchError::Metrics)?;
        // tring_media_sessions{worker="0"} 80
        let sessions = |line: &str| {
            let (_, value) = line.strip_prefix("tring_media_sessions{worker=\"")?.split_once("\"}")?;
            value.trim().parse::<f64>().ok()
        };
        Ok(page.lines().filter_map(sessions).filter(|n| *n > 0.0).count().max(1))
    }

    async fn metrics_page(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.metrics).await?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        Ok(page)
    }

    /// What the server's log and metrics say, for an error.
    pub(crate) async fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|l| !l.contains(" INFO ")).collect();
        let page = self.metrics_page().await.unwrap_or_default();
        let counts: Vec<&str> = page.lines().filter(|l| l.starts_with("tring_media")).collect();
        format!("{} ({})", lines[lines.len().saturating_sub(LAST_WORDS)..].join("; "), counts.join(", "))
    }

    /// Signs a user in.
    pub(crate) async fn client(&self, user: &str) -> Result<Client, BenchError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let app = self.app.id.get();
        let sig = tring_usersig::sign(&self.app.key, app, user, SIGNATURE_LIFE, now)?;
        let mut options = Options::new(&self.url, app, user, sig)?;
        options.tls.clone_from(&self.tls);
        Ok(Client::connect(options).await?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have died already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A TLS client that trusts one CA, read from a PEM file, and no other.
fn trusting(ca: &Path) -> Result<Arc<ClientConfig>, BenchError> {
    let refused = |e: &dyn std::fmt::Display| BenchError::Server(format!("its CA at {}: {e}", ca.display()));
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca).map_err(|e| refused(&e))?;
    roots.add(certificate).map_err(|e| refused(&e))?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A TCP port of loopback that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Text of a configuration file for a server that is measured.
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
offers_per_second = 1000000.0
offers_burst = 1000000.0
",
        data.display()
    )
}
