//! One RTMP connection, the server's side: bytes in, bytes and events out. It knows the protocol (RTMP 1.0 §7) and
//! nothing of calls: who may publish or play is decided outside, by the name and query of the URL.
//!
//! ```text
//!  handshake ─▶ connect ─▶ createStream ─┬─▶ publish ─▶ accept() ─▶ tags arrive as events
//!                                        └─▶ play ────▶ accept() ─▶ tags leave by write_tag()
//! ```
//!
//! Written for what WeChat's tags (LiteAV), ffmpeg and OBS say. Unknown commands are answered where an answer is
//! expected and otherwise passed over, since each version of a client has its own.

use super::RtmpError;
use super::amf0::{self, Value};
use super::chunk::{Reader, Writer};
use super::handshake::Handshake;
use super::message::{self, Message};
use super::tag::{Tag, TagKind};

/// Our chunk size. Higher: fewer headers within a key frame. Lower: sound waits for less of a picture on its own
/// connection. Most frames of a call fit in one chunk.
const CHUNK_SIZE: u32 = 60_000;

/// The window of acknowledgements that we ask for and give (§5.4.4), in bytes.
const WINDOW: u32 = 2_500_000;

/// Bytes that a peer may send before its publish or play was accepted: handshake, commands, and the metadata that some
/// send early. Higher: a stranger costs more. LiteAV and OBS need about 5 KiB.
const MAX_BEFORE_ACCEPT: usize = 64 * 1024;

/// Commands of one connection. A long call needs about ten.
const MAX_COMMANDS: u32 = 200;

/// The one message stream that `createStream` gives (§7.2.1.3).
const STREAM: u32 = 1;

/// Chunk streams of our own: control (§5.4), commands, and one for each kind of media, as other servers have them.
const CONTROL_CHUNKS: u8 = 2;
const COMMAND_CHUNKS: u8 = 3;
const AUDIO_CHUNKS: u8 = 4;
const DATA_CHUNKS: u8 = 5;
const VIDEO_CHUNKS: u8 = 6;

/// Longest stream name with its query.
const MAX_NAME: usize = 512;

/// What a connection asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It sends media.
    Publish,
    /// It receives media.
    Play,
}

/// What a peer wants to publish or play: the URL `rtmp://host/app/name?query`, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// Which way.
    pub direction: Direction,
    /// The path before the stream, without query.
    pub app: String,
    /// The stream, without query.
    pub name: String,
    /// The query of the stream, or of the app where a client puts it there. It holds the ticket: not for logs.
    pub query: String,
}

impl std::fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}/{}", self.direction, self.app, self.name)
    }
}

/// What came of the bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The peer wants to publish or play. Answer by [`Session::accept`] or [`Session::refuse`]; until then the peer waits.
    Requests(StreamRequest),
    /// Media of a publisher that was accepted.
    Tag(Tag),
    /// The peer has ended what it published or played. Its connection may stay.
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Nothing is under way.
    Open,
    /// Asked for, not answered yet.
    Asked(Direction),
    Flowing(Direction),
    /// Refused or ended.
    Over,
}

/// See the head of this file. A method's `out` is appended to and must reach the peer in order.
#[derive(Debug)]
pub(crate) struct Session {
    handshake: Option<Handshake>,
    reader: Reader,
    writer: Writer,
    stage: Stage,
    app: String,
    app_query: String,
    commands: u32,
    received: usize,
    acknowledged: usize,
    /// The peer wants an acknowledgement each so many bytes.
    window: usize,
}

impl Session {
    /// A connection that was just taken. `random`: eight bytes that a peer cannot foresee.
    pub(crate) fn new(random: [u8; 8]) -> Self {
        Self {
            handshake: Some(Handshake::new(random)),
            reader: Reader::default(),
            writer: Writer::default(),
            stage: Stage::Open,
            app: String::new(),
            app_query: String::new(),
            commands: 0,
            received: 0,
            acknowledged: 0,
            window: usize::MAX,
        }
    }

    /// Takes what the peer sent. An error ends the connection; what was appended to `out` before it may still be sent.
    pub(crate) fn receive(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Result<(), RtmpError> {
        self.received = self.received.wrapping_add(bytes.len());
        if !self.publishes() && self.received > MAX_BEFORE_ACCEPT + self.acknowledged {
            return Err(RtmpError::Chatter);
        }
        if let Some(handshake) = &mut self.handshake {
            match handshake.read(bytes, out)? {
                None => return Ok(()),
                Some(rest) => bytes = rest,
            }
            self.handshake = None;
        }
        loop {
            let (message, rest) = self.reader.read(bytes)?;
            let Some(message) = message else { break };
            bytes = rest;
            self.message(message, out, events)?;
        }
        if self.publishes() && self.received.wrapping_sub(self.acknowledged) >= self.window {
            self.acknowledged = self.received;
            #[allow(clippy::cast_possible_truncation)] // §5.4.3: the counter wraps.
            let sequence = self.received as u32;
            self.control(message::ACKNOWLEDGEMENT, &sequence.to_be_bytes(), out);
        }
        Ok(())
    }

    /// Lets what was asked for begin. Does nothing if nothing was.
    pub(crate) fn accept(&mut self, out: &mut Vec<u8>) {
        let Stage::Asked(direction) = self.stage else { return };
        self.stage = Stage::Flowing(direction);
        self.acknowledged = self.received;
        match direction {
            Direction::Publish => self.status("status", "NetStream.Publish.Start", "publishing", out),
            Direction::Play => {
                let mut begin = message::STREAM_BEGIN.to_be_bytes().to_vec();
                begin.extend_from_slice(&STREAM.to_be_bytes());
                self.control(message::USER_CONTROL, &begin, out);
                self.status("status", "NetStream.Play.Reset", "reset", out);
                self.status("status", "NetStream.Play.Start", "playing", out);
                let access = [Value::text("|RtmpSampleAccess"), Value::Boolean(true), Value::Boolean(true)];
                self.data(&access, out);
            }
        }
    }

    /// Refuses it, with a reason that the peer's log shows. Close the connection when `out` has left.
    pub(crate) fn refuse(&mut self, reason: &str, out: &mut Vec<u8>) {
        let Stage::Asked(direction) = self.stage else { return };
        self.stage = Stage::Over;
        let code = match direction {
            Direction::Publish => "NetStream.Publish.Denied",
            Direction::Play => "NetStream.Play.Failed",
        };
        self.status("error", code, reason, out);
    }

    /// Ends it for what the peer did, and says so. Nothing can be said before the handshake is done.
    pub(crate) fn fail(&mut self, reason: &str, out: &mut Vec<u8>) {
        if self.handshake.is_some() {
            return;
        }
        match self.stage {
            Stage::Over => {}
            Stage::Asked(_) => self.refuse(reason, out),
            Stage::Open => self.status("error", "NetConnection.Connect.Failed", reason, out),
            Stage::Flowing(_) => self.status("error", "NetStream.Failed", reason, out),
        }
        self.stage = Stage::Over;
    }

    /// Tells a peer that what it published or played is over. Close the connection when `out` has left.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        if let Stage::Flowing(direction) = self.stage {
            let code = match direction {
                Direction::Publish => "NetStream.Unpublish.Success",
                Direction::Play => "NetStream.Play.UnpublishNotify",
            };
            self.status("status", code, "the call is over", out);
        }
        self.stage = Stage::Over;
    }

    /// Sends a tag to a peer that plays, at a time of its own clock in milliseconds.
    pub(crate) fn write_tag(&self, tag: &Tag, timestamp: u32, out: &mut Vec<u8>) {
        let chunks = match tag.kind() {
            TagKind::Audio => AUDIO_CHUNKS,
            TagKind::Video => VIDEO_CHUNKS,
            TagKind::Metadata => DATA_CHUNKS,
        };
        self.writer.write(chunks, (tag.number(), STREAM, timestamp), tag.payload(), out);
    }

    fn publishes(&self) -> bool {
        self.stage == Stage::Flowing(Direction::Publish)
    }

    fn message(&mut self, m: Message, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Result<(), RtmpError> {
        match m.kind {
            message::SET_CHUNK_SIZE => self.reader.set_chunk_size(m.number()?)?,
            message::ABORT => self.reader.abort(m.number()?),
            message::WINDOW_SIZE => self.window = m.number()?.max(1024) as usize,
            message::USER_CONTROL => self.user_control(&m, out)?,
            message::AUDIO => self.media(TagKind::Audio, m, events)?,
            message::VIDEO => self.media(TagKind::Video, m, events)?,
            message::DATA => self.metadata(&m.payload, m.timestamp, events),
            message::DATA_AMF3 => self.metadata(m.payload.get(1..).unwrap_or_default(), m.timestamp, events),
            message::COMMAND => self.command(&m.payload, out, events)?,
            message::COMMAND_AMF3 => self.command(m.payload.get(1..).unwrap_or_default(), out, events)?,
            _ => {} // acknowledgements, bandwidth, shared objects: nothing here depends on them
        }
        Ok(())
    }

    fn user_control(&mut self, m: &Message, out: &mut Vec<u8>) -> Result<(), RtmpError> {
        let Some((kind, data)) = m.payload.split_first_chunk() else { return Err(RtmpError::Short(m.kind)) };
        if u16::from_be_bytes(*kind) == message::PING_REQUEST {
            self.commands += 1;
            if self.commands > MAX_COMMANDS && !self.publishes() {
                return Err(RtmpError::Chatter);
            }
            let mut answer = message::PING_RESPONSE.to_be_bytes().to_vec();
            answer.extend_from_slice(data.get(..4).unwrap_or(&[0; 4]));
            self.control(message::USER_CONTROL, &answer, out);
        }
        Ok(())
    }

    fn media(&mut self, kind: TagKind, m: Message, events: &mut Vec<Event>) -> Result<(), RtmpError> {
        match self.stage {
            Stage::Flowing(Direction::Publish) if m.payload.is_empty() => {} // some encoders send empty ones at a pause
            Stage::Flowing(Direction::Publish) => {
                events.push(Event::Tag(Tag::new(kind, m.timestamp, m.payload.into())));
            }
            // Under way when it was stopped or before it heard the answer.
            Stage::Over | Stage::Asked(Direction::Publish) => {}
            _ => return Err(RtmpError::MediaBeforePublish),
        }
        Ok(())
    }

    /// `@setDataFrame` "onMetaData" {…}: players get the last two. Metadata that cannot be read is no reason to end.
    fn metadata(&mut self, payload: &[u8], timestamp: u32, events: &mut Vec<Event>) {
        if !self.publishes() {
            return;
        }
        let Ok(values) = amf0::read(payload) else { return };
        let values = match values.first().and_then(Value::as_str) {
            Some("@setDataFrame") => &values[1..],
            _ => &values[..],
        };
        if values.first().and_then(Value::as_str) == Some("onMetaData") {
            let mut bytes = Vec::new();
            amf0::write(values, &mut bytes);
            events.push(Event::Tag(Tag::new(TagKind::Metadata, timestamp, bytes.into())));
        }
    }

    fn command(
        &mut self,
        payload: &[u8],
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Result<(), RtmpError> {
        self.commands += 1;
        if self.commands > MAX_COMMANDS {
            return Err(RtmpError::Chatter);
        }
        let values = amf0::read(payload)?;
        let name = values.first().and_then(Value::as_str).unwrap_or_default();
        let transaction = values.get(1).and_then(Value::as_number).unwrap_or_default();
        let argument = values.get(3);
        match name {
            "connect" => self.connect(transaction, values.get(2), out),
            "createStream" => {
                self.result(transaction, Value::Null, Value::Number(STREAM.into()), out);
            }
            "publish" => self.wants(Direction::Publish, argument, events)?,
            "play" => self.wants(Direction::Play, argument, events)?,
            "FCPublish" => self.notify("onFCPublish", "NetStream.Publish.Start", out),
            "FCUnpublish" => {
                self.stop(events);
                self.notify("onFCUnpublish", "NetStream.Unpublish.Success", out);
            }
            "deleteStream" | "closeStream" => self.stop(events),
            // Asked by players that wait for the answer; a call has no length.
            "getStreamLength" => self.result(transaction, Value::Null, Value::Number(0.0), out),
            // Every other one (releaseStream, _checkbw, FCSubscribe, receiveAudio, pause…) changes nothing in a call.
            _ if transaction > 0.0 => self.result(transaction, Value::Null, Value::Null, out),
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, transaction: f64, about: Option<&Value>, out: &mut Vec<u8>) {
        let app = about.and_then(|v| v.get("app")).and_then(Value::as_str).unwrap_or_default();
        let (app, query) = app.split_once('?').unwrap_or((app, ""));
        self.app = cut(app.trim_matches('/'));
        self.app_query = cut(query);
        self.control(message::WINDOW_SIZE, &WINDOW.to_be_bytes(), out);
        let mut bandwidth = WINDOW.to_be_bytes().to_vec();
        bandwidth.push(2); // dynamic (§5.4.5)
        self.control(message::PEER_BANDWIDTH, &bandwidth, out);
        self.control(message::SET_CHUNK_SIZE, &CHUNK_SIZE.to_be_bytes(), out);
        self.writer.set_chunk_size(CHUNK_SIZE as usize);
        let server = Value::object(&[
            ("fmsVer", Value::text("FMS/3,5,7,7009")),
            ("capabilities", Value::Number(31.0)),
        ]);
        let status = Value::object(&[
            ("level", Value::text("status")),
            ("code", Value::text("NetConnection.Connect.Success")),
            ("description", Value::text("connected")),
            ("objectEncoding", Value::Number(0.0)),
        ]);
        self.result(transaction, server, status, out);
    }

    fn wants(
        &mut self,
        direction: Direction,
        name: Option<&Value>,
        events: &mut Vec<Event>,
    ) -> Result<(), RtmpError> {
        if self.stage != Stage::Open {
            return Err(RtmpError::OutOfTurn(match direction {
                Direction::Publish => "publish",
                Direction::Play => "play",
            }));
        }
        let full = name.and_then(Value::as_str).unwrap_or_default();
        let (name, query) = full.split_once('?').unwrap_or((full, &self.app_query));
        self.stage = Stage::Asked(direction);
        events.push(Event::Requests(StreamRequest {
            direction,
            app: self.app.clone(),
            name: cut(name),
            query: cut(query),
        }));
        Ok(())
    }

    fn stop(&mut self, events: &mut Vec<Event>) {
        if matches!(self.stage, Stage::Asked(_) | Stage::Flowing(_)) {
            self.stage = Stage::Over;
            events.push(Event::Stopped);
        }
    }

    fn result(&self, transaction: f64, first: Value, second: Value, out: &mut Vec<u8>) {
        self.send_command(&[Value::text("_result"), Value::Number(transaction), first, second], 0, out);
    }

    fn notify(&self, command: &str, code: &str, out: &mut Vec<u8>) {
        let about = Value::object(&[("code", Value::text(code)), ("description", Value::text(""))]);
        self.send_command(&[Value::text(command), Value::Number(0.0), Value::Null, about], 0, out);
    }

    fn status(&self, level: &str, code: &str, description: &str, out: &mut Vec<u8>) {
        let about = Value::object(&[
            ("level", Value::text(level)),
            ("code", Value::text(code)),
            ("description", Value::text(description)),
        ]);
        self.send_command(&[Value::text("onStatus"), Value::Number(0.0), Value::Null, about], STREAM, out);
    }

    fn send_command(&self, values: &[Value], stream: u32, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        amf0::write(values, &mut payload);
        self.writer.write(COMMAND_CHUNKS, (message::COMMAND, stream, 0), &payload, out);
    }

    fn data(&self, values: &[Value], out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        amf0::write(values, &mut payload);
        self.writer.write(DATA_CHUNKS, (message::DATA, STREAM, 0), &payload, out);
    }

    fn control(&self, kind: u8, payload: &[u8], out: &mut Vec<u8>) {
        self.writer.write(CONTROL_CHUNKS, (kind, 0, 0), payload, out);
    }
}

/// A name of a length that fits a log line.
fn cut(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests;
