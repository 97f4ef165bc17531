//! The HTTPS proxy that the documents recommend: nginx, with the very block that they show.

#![allow(clippy::unwrap_used, unreachable_pub)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where the block is.
const DOCUMENT: &str = include_str!("../../../../../docs/miniprogram.md");

/// The address that the block passes requests to.
const DOCUMENTED: &str = "127.0.0.1:8080";

/// How long nginx may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// A running nginx, gone when dropped.
pub struct Proxy {
    nginx: Child,
    /// HTTPS with a certificate of its own making.
    pub https: SocketAddr,
    /// The same without TLS.
    pub http: SocketAddr,
    _folder: TempDir,
}

impl Proxy {
    /// Puts nginx before a server.
    pub fn before(server: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (https, http) = (free_port(), free_port());
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", "/CN=localhost", "-keyout", &path("key.pem"), "-out", &path("cert.pem")])
            .stderr(Stdio::null())
            .status()
            .expect("openssl: install it");
        assert!(made.success(), "openssl made no certificate");
        let block = DOCUMENT.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert!(block.contains(DOCUMENTED), "the documents pass requests elsewhere now:\n{block}");
        let block = block.replace(DOCUMENTED, &server.to_string());
        let (cert, key) = (path("cert.pem"), path("key.pem"));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}; ", path(kind)))
            .concat();
        let config = format!(
            "worker_processes 1; daemon off; master_process off; pid {}; error_log {};
             events {{ worker_connections 64; }}
             http {{ access_log off; {temporary}
               server {{ listen {http}; listen {https} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
                 {block} }} }}",
            path("pid"),
            path("log"),
        );
        std::fs::write(path("nginx.conf"), config).unwrap();
        let mut nginx = Command::new("nginx")
            .args(["-p", &path(""), "-c", &path("nginx.conf"), "-e", &path("log")])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx: install it");
        let start = Instant::now();
        while TcpStream::connect(https).is_err() {
            let ended = nginx.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < STARTS_WITHIN, "nginx does not run: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { nginx, https, http, _folder: folder }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
