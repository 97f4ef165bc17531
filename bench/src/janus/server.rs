//! Janus as a child process, with a configuration of its own.

use crate::harness::error::BenchError;
use crate::harness::process::Process;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What installs Janus, for people.
pub(crate) const INSTALL_COMMAND: &str = "`apt-get install --no-install-recommends janus`";

/// Longest wait for Janus to listen.
const START_WITHIN: Duration = Duration::from_secs(10);

/// Where packages put plugins and transports: Debian's folder for each architecture, and a build's own.
const FOLDERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/janus",
    "/usr/lib/aarch64-linux-gnu/janus",
    "/usr/lib/janus",
    "/usr/local/lib/janus",
];

/// A running Janus.
pub(crate) struct Janus {
    child: Child,
    port: u16,
    address: IpAddr,
    _dir: TempDir,
}

/// The version of Janus, if the program, its video room and its WebSocket transport are installed.
pub(crate) fn version() -> Option<String> {
    let said = Command::new("janus").arg("--version").output().ok()?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let version = said.lines().find_map(|l| l.strip_prefix("Janus version: "))?;
    let version = version.split_once('(').map_or(version, |(_, v)| v.trim_end_matches(')')).to_owned();
    folder().map(|_| version)
}

fn folder() -> Option<&'static Path> {
    FOLDERS.iter().map(Path::new).find(|f| {
        f.join("plugins/libjanus_videoroom.so").exists()
            && f.join("transports/libjanus_websockets.so").exists()
    })
}

/// The machine's own address by which it would reach others: Janus makes no candidate of a loopback address. What is sent
/// to it stays on this machine; the address asked about (RFC 5737) is sent nothing.
fn own_address() -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
    Ok(socket.local_addr()?.ip())
}

impl Janus {
    /// Starts Janus with that many event loops.
    ///
    /// # Errors
    ///
    /// [`BenchError::Janus`] with its log, where it does not listen within [`START_WITHIN`].
    pub(crate) fn start(workers: usize) -> Result<Self, BenchError> {
        let failed = |why: String| BenchError::Janus(why);
        let folder = folder().ok_or_else(|| failed(format!("it is not installed: {INSTALL_COMMAND}")))?;
        let address = own_address().map_err(|e| failed(format!("no address but loopback: {e}")))?;
        let dir = tempfile::tempdir().map_err(BenchError::Folder)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::Folder)?;
        let port = listener.local_addr().map_err(BenchError::Folder)?.port();
        drop(listener);
        let log = dir.path().join("log");
        let files = [
            ("janus.jcfg", general(folder, dir.path(), &log, workers)),
            ("janus.transport.websockets.jcfg", websockets(port)),
            ("janus.plugin.videoroom.jcfg", "general: { }\n".to_owned()),
        ];
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).map_err(BenchError::Folder)?;
        }
        let child = Command::new("janus")
            .arg("-F")
            .arg(dir.path())
            .arg("-C")
            .arg(dir.path().join("janus.jcfg"))
            .arg("-i")
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| BenchError::Start { path: "janus".into(), source })?;
        let mut janus = Self { child, port, address, _dir: dir };
        let until = Instant::now() + START_WITHIN;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let gone = janus.child.try_wait().is_ok_and(|s| s.is_some());
            if gone || Instant::now() > until {
                return Err(failed(std::fs::read_to_string(&log).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(janus)
    }

    /// The process of Janus, to be measured.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Address of Janus' WebSocket.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    /// The address that media comes from, to which clients bind their own sockets too.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // It may have died already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What favours it, or makes it like ours: as many event loops as ours has workers instead of a thread a connection,
/// ICE-lite, errors logged only and to a file, one plugin and one transport, no events.
fn general(folder: &Path, dir: &Path, log: &Path, workers: usize) -> String {
    let (folder, dir, log) = (folder.display(), dir.display(), log.display());
    format!(
        "general: {{
  configs_folder = \"{dir}\"
  plugins_folder = \"{folder}/plugins\"
  transports_folder = \"{folder}/transports\"
  events_folder = \"{dir}\"
  loggers_folder = \"{dir}\"
  log_to_stdout = false
  log_to_file = \"{log}\"
  debug_level = 2
  session_timeout = 0
  event_loops = {workers}
}}
media: {{ ipv6 = false }}
nat: {{ ice_lite = true }}
plugins: {{ disable = \"{}\" }}
transports: {{ disable = \"{}\" }}
",
        [
            "audiobridge",
            "duktape",
            "echotest",
            "lua",
            "nosip",
            "recordplay",
            "sip",
            "streaming",
            "textroom",
            "videocall",
            "voicemail"
        ]
        .map(|n| format!("libjanus_{n}.so"))
        .join(","),
        ["http", "mqtt", "nanomsg", "pfunix", "rabbitmq"].map(|n| format!("libjanus_{n}.so")).join(",")
    )
}

fn websockets(port: u16) -> String {
    format!(
        "general: {{ json = \"compact\", ws = true, ws_port = {port}, ws_ip = \"127.0.0.1\", wss = false }}
admin: {{ admin_ws = false }}
"
    )
}
