//! A small RTMP client (RTMP 1.0 §5.2, §7): up to where a server lets it publish or play. What follows are frames.

use super::chunks::{About, COMMAND, Reader, SET_CHUNK_SIZE, Writer};
use crate::harness::error::BenchError;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tring_client::{CallId, Client};

/// Length of C1, S1, C2 and S2.
const HANDSHAKE: usize = 1536;

/// The chunk size that phones push with.
const CHUNK: u32 = 4096;

/// Longest wait for an answer, and for room for a frame in a socket.
const STEP: Duration = Duration::from_secs(10);

const CONTROL_CHUNKS: u8 = 2;
const COMMAND_CHUNKS: u8 = 3;

/// Whether a connection publishes or plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Publish,
    Play,
}

/// Address of an RTMP stream in its parts.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) server: SocketAddr,
    pub(crate) app: String,
    /// Name of the stream, with the query.
    pub(crate) name: String,
}

impl Address {
    /// Reads `rtmp://address:port/app/name?query`.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (server, path) = url.strip_prefix("rtmp://")?.split_once('/')?;
        let (app, name) = path.split_once('/')?;
        Some(Self { server: server.parse().ok()?, app: app.into(), name: name.into() })
    }
}

/// The addresses by which a device pushes its own stream and plays the other's.
///
/// # Errors
///
/// The client's own, or [`BenchError::Stream`] where the server names a host instead of an address.
pub(crate) async fn stream_addresses(
    device: &Client,
    call: &CallId,
) -> std::result::Result<(Address, Address), BenchError> {
    let urls = device.streams(call).await?;
    let play = urls.play.first().map(|p| p.url.expose()).unwrap_or_default();
    let parse = |url| Address::parse(url).ok_or(BenchError::Stream);
    Ok((parse(urls.push.expose())?, parse(play)?))
}

/// A connection that may publish or play.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    /// The message stream that frames belong to.
    pub(crate) stream: u32,
    /// When it began to connect, and when it asked to publish or play.
    pub(crate) opened: Instant,
    pub(crate) asked: Instant,
    /// Messages that came together with the answer, in order.
    pub(crate) early: Vec<(u8, Vec<u8>)>,
}

impl Connection {
    /// Connects, and asks until it may begin.
    pub(crate) fn open(address: &Address, way: Way) -> Result<Self> {
        let opened = Instant::now();
        let mut socket = TcpStream::connect(address.server)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(STEP))?;
        socket.set_write_timeout(Some(STEP))?;
        greet(&mut socket)?;
        let (writer, reader) = (Writer::default(), Reader::default());
        let mut c = Self { socket, writer, reader, stream: 0, opened, asked: opened, early: Vec::new() };
        let url = format!("rtmp://{}/{}", address.server, address.app);
        let mut about = vec![OBJECT];
        for (key, value) in [("app", &*address.app), ("tcUrl", &url), ("flashVer", "LNX 9,0,124,2")] {
            field(&mut about, key);
            text(&mut about, value);
        }
        about.extend(OBJECT_END);
        let mut bytes = Vec::new();
        let size = About { kind: SET_CHUNK_SIZE, stream: 0 };
        c.writer.write(CONTROL_CHUNKS, size, 0, &CHUNK.to_be_bytes(), &mut bytes);
        c.writer.set_chunk_size(CHUNK as usize);
        c.command("connect", 1.0, &about, bytes)?;
        c.until("_result")?;
        c.command("createStream", 2.0, &[NULL], Vec::new())?;
        let answer = c.until("_result")?;
        // The last value is the stream's number.
        let number = answer.last_chunk().map_or(1.0, |bytes| f64::from_be_bytes(*bytes));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a small whole number
        let stream = number as u32;
        c.stream = stream;
        let mut arguments = vec![NULL];
        text(&mut arguments, &address.name);
        c.asked = Instant::now();
        let (command, started) = match way {
            Way::Publish => {
                text(&mut arguments, "live");
                ("publish", "NetStream.Publish.Start")
            }
            Way::Play => ("play", "NetStream.Play.Start"),
        };
        c.command(command, 3.0, &arguments, Vec::new())?;
        c.until(started)?;
        Ok(c)
    }

    /// Waits for more, and shows each message. An end of the connection is an error.
    pub(crate) fn wait(&mut self, buffer: &mut [u8], each: impl FnMut(u8, &[u8])) -> Result<()> {
        let n = self.socket.read(buffer)?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.reader.read(&buffer[..n], each)
    }

    /// Sends a command, after what is in `bytes` already.
    fn command(&mut self, name: &str, transaction: f64, arguments: &[u8], mut bytes: Vec<u8>) -> Result<()> {
        let mut payload = Vec::new();
        text(&mut payload, name);
        payload.push(NUMBER);
        payload.extend(transaction.to_be_bytes());
        payload.extend_from_slice(arguments);
        // Commands share a chunk stream, so they share the message stream too; servers go by the command alone.
        self.writer.write(COMMAND_CHUNKS, About { kind: COMMAND, stream: 0 }, 0, &payload, &mut bytes);
        self.socket.write_all(&bytes)
    }

    /// Waits for a command that holds this text, and gives its payload.
    fn until(&mut self, wanted: &str) -> Result<Vec<u8>> {
        let mut buffer = [0; 16 * 1024];
        let (mut found, mut refused) = (None, None);
        while found.is_none() {
            let mut after = Vec::new();
            let came = self.wait(&mut buffer, |kind, payload| {
                let holds = |text: &str| payload.windows(text.len()).any(|w| w == text.as_bytes());
                if found.is_some() {
                    after.push((kind, payload.to_vec()));
                } else if kind == COMMAND && holds(wanted) {
                    found = Some(payload.to_vec());
                } else if kind == COMMAND && (holds("error") || holds("_error")) {
                    refused = Some(String::from_utf8_lossy(payload).into_owned());
                }
            });
            if let Some(reason) = refused.take() {
                return Err(Error::other(format!("{wanted} was not reached: {reason}")));
            }
            came?;
            self.early.extend(after);
        }
        Ok(found.unwrap_or_default())
    }
}

/// The simple handshake (§5.2).
fn greet(socket: &mut TcpStream) -> Result<()> {
    let mut hello = vec![3];
    hello.extend([0; 8]); // our time, and a version of zero: no digest
    hello.extend([0x5a; HANDSHAKE - 8]);
    socket.write_all(&hello)?;
    let mut answer = [0; 1 + 2 * HANDSHAKE];
    socket.read_exact(&mut answer)?;
    socket.write_all(&answer[1..=HANDSHAKE])
}

// AMF0 (2007) §2: the markers of what a client says.
const NUMBER: u8 = 0;
const TEXT: u8 = 2;
const OBJECT: u8 = 3;
pub(crate) const NULL: u8 = 5;
const OBJECT_END: [u8; 3] = [0, 0, 9];

/// Appends a text.
pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    out.push(TEXT);
    field(out, value);
}

/// Appends a field's name: a text without its marker.
fn field(out: &mut Vec<u8>, value: &str) {
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}

/// What a pusher says of its stream before the first frame: `onMetaData` with an object of numbers.
pub(crate) fn metadata(values: &[(&str, f64)]) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, "@setDataFrame");
    text(&mut out, "onMetaData");
    out.push(OBJECT);
    for (key, value) in values {
        field(&mut out, key);
        out.push(NUMBER);
        out.extend(value.to_be_bytes());
    }
    out.extend(OBJECT_END);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let a = Address::parse("rtmp://127.0.0.1:1935/call/c1?ticket=ab").unwrap();
        assert_eq!((a.server.port(), &*a.app, &*a.name), (1935, "call", "c1?ticket=ab"));
        assert!(Address::parse("rtmp://localhost/call/c1").is_none(), "the bench speaks to addresses only");
    }
}
