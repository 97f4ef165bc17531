//! A server: how it is started, asked and stopped.

use super::tring;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longest wait for a line of the log.
const LOGS_WITHIN: Duration = Duration::from_secs(10);

/// `tring serve` on this data folder and on ports that the system chooses. `log`: its `--log`; at `error` warnings about the
/// machine (its limit of open files) are not logged, and what is said is the failure alone.
pub(crate) fn serve(data: &Path, log: &str) -> Command {
    let mut command = tring();
    command.args(["serve", "--listen", "127.0.0.1:0", "--media-port", "0", "--rtmp-listen", "127.0.0.1:0"]);
    command.args(["--log", log, "--data"]).arg(data);
    command
}

/// A server that ends with the test.
pub(crate) struct Running {
    child: Child,
    /// What it has printed until it ran.
    pub(crate) said: String,
    out: Option<BufReader<ChildStdout>>,
    /// The lines of its log, with their ends. Read as they come: nobody writes into a full pipe.
    log: Receiver<Vec<u8>>,
}

/// What a server that has ended has said.
pub(crate) struct Ended {
    /// On its standard output, after its start.
    pub(crate) out: String,
    /// In its log, but for the lines that [`Running::logs`] took.
    pub(crate) log: String,
}

impl Running {
    /// Starts it, and waits until it says that it runs.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_until(command, |said| said.contains("Ctrl-C"))
    }

    /// Starts it, and waits until it has said what the test needs.
    #[track_caller]
    pub(crate) fn start_until(command: &mut Command, is_enough: impl Fn(&str) -> bool) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let (tell, log) = channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while err.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) && tell.send(line).is_ok() {
                line = Vec::new();
            }
        });
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut running = Self { child, said: String::new(), out: None, log };
        while !is_enough(&running.said) {
            if out.read_line(&mut running.said).unwrap() == 0 {
                panic!("it ended before it ran: {}{}", running.said, running.log_to_its_end());
            }
        }
        running.out = Some(out);
        running
    }

    /// Where its HTTP is, as `host:port`: that of its WebSocket's address.
    pub(crate) fn http(&self) -> &str {
        let url = self.said.split("ws://").nth(1).unwrap_or_else(|| panic!("no ws:// in {}", self.said));
        url.split(['/', ' ', '\n', '"']).next().unwrap()
    }

    /// Waits for a line of its log that has all these texts.
    #[track_caller]
    pub(crate) fn logs(&self, texts: &[&str]) {
        loop {
            let line = self.log.recv_timeout(LOGS_WITHIN);
            let line = line.unwrap_or_else(|_| panic!("no line of the log has {texts:?}"));
            let line = String::from_utf8(line).expect("the log is UTF-8");
            if texts.iter().all(|t| line.contains(t)) {
                return;
            }
        }
    }

    /// Nobody reads its standard output from here on: it is closed.
    pub(crate) fn close_output(&mut self) {
        self.out = None;
    }

    /// SIGTERM: it ends in good order.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Ended {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        // First what it says: it may say more than a pipe holds.
        let mut out = String::new();
        if let Some(mut rest) = self.out.take() {
            rest.read_to_string(&mut out).unwrap();
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        Ended { out, log: self.log_to_its_end() }
    }

    /// SIGKILL: it is gone. Gives its log.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log_to_its_end()
    }

    fn log_to_its_end(&self) -> String {
        String::from_utf8(self.log.iter().flatten().collect()).expect("the log is UTF-8")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A plain request; gives the head of the reply in lower case, and its body. `headers`: lines with their ends.
pub(crate) fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}
