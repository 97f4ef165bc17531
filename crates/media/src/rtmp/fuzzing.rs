//! What any bytes may do to RTMP and FLV (feature `fuzzing`).

use super::chunk::{MAX_UNFINISHED, Reader, Writer};
use super::message;
pub(crate) use super::message::Message;
use super::session::{Direction, Event, Session};
use super::tag::{FLV_HEADER, Tag, TagKind, write_flv};
use super::{RtmpError, amf0, testing};
use crate::fuzzing::input::{Input, pieces};

/// Longest AMF0 that reaches its reader: messages of commands and data are no longer.
const MAX_AMF0: usize = 16 * 1024;

/// What a server has said when its handshake is over.
const SAID_FIRST: usize = 1 + 2 * 1536;

/// Reads all messages of bytes that come in pieces, and minds the two that steer the reader itself, as a session does.
pub(crate) fn messages<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Message>, Result<(), RtmpError>) {
    let (mut reader, mut messages) = (Reader::default(), Vec::new());
    for mut bytes in pieces {
        loop {
            match reader.read(bytes).and_then(|(m, rest)| {
                bytes = rest;
                let Some(m) = m else { return Ok(false) };
                match m.kind {
                    message::SET_CHUNK_SIZE => reader.set_chunk_size(m.number()?)?,
                    message::ABORT => reader.abort(m.number()?),
                    _ => {}
                }
                messages.push(m);
                Ok(true)
            }) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
        assert!(bytes.is_empty(), "bytes were left without a message");
        assert!(reader.held() <= MAX_UNFINISHED, "{} bytes of unfinished messages", reader.held());
    }
    (messages, Ok(()))
}

pub(crate) fn chunk(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let seed = input.u8();
    let bytes = input.rest();
    let whole = messages(pieces(bytes, 0));
    assert_eq!(messages(pieces(bytes, seed | 1)), whole, "cut in pieces");
    assert_eq!(messages(bytes.chunks(1)), whole, "byte for byte");
    // What was read can be written and is read as it was.
    let (mut writer, mut written) = (Writer::default(), Vec::new());
    let size = u32::from(seed) * 3 + 1;
    writer.write(2, (message::SET_CHUNK_SIZE, 0, 0), &size.to_be_bytes(), &mut written);
    writer.set_chunk_size(size as usize);
    let steers = |m: &&Message| matches!(m.kind, message::SET_CHUNK_SIZE | message::ABORT);
    let plain: Vec<&Message> = whole.0.iter().filter(|m| !steers(m)).collect();
    for (n, m) in (3..11).cycle().zip(&plain) {
        writer.write(n, (m.kind, m.stream, m.timestamp), &m.payload, &mut written);
    }
    let (again, result) = messages(pieces(&written, seed));
    assert_eq!(result, Ok(()));
    assert!(again[1..].iter().eq(plain), "read back otherwise than written");
}

pub(crate) fn amf0(bytes: &[u8]) {
    let Ok(values) = amf0::read(&bytes[..bytes.len().min(MAX_AMF0)]) else { return };
    let mut written = Vec::new();
    amf0::write(&values, &mut written);
    let again = amf0::read(&written).expect("what is written can be read");
    // By their bytes: a number that is none is not equal to itself.
    let mut rewritten = Vec::new();
    amf0::write(&again, &mut rewritten);
    assert!(rewritten == written, "{values:?} became {again:?}");
    assert!(written.len() <= 4 * bytes.len() + 64, "{} bytes of {}", written.len(), bytes.len());
}

/// The first byte: 1 a good beginning goes before, 2 it plays, 4 it is refused, 8 it ends after a while. The second: how
/// it is cut.
pub(crate) fn session(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (how, seed) = (input.u8(), input.u8());
    let mut said = Vec::new();
    if how & 1 != 0 {
        said = testing::greeting(if how & 2 != 0 { "play" } else { "publish" }, "call", "c1?ticket=x");
    }
    said.extend_from_slice(input.rest());
    let mut session = Session::new([7; 8]);
    let (mut out, mut events, mut flowing) = (Vec::new(), Vec::new(), None);
    let (mut asked, mut told) = (0, 0);
    for (n, piece) in pieces(&said, seed).enumerate() {
        let result = session.receive(piece, &mut out, &mut events);
        for event in events.drain(..) {
            match event {
                Event::Requests(wanted) => {
                    asked += 1;
                    for text in [&wanted.app, &wanted.name, &wanted.query] {
                        assert!(text.chars().count() <= 512, "a name without end");
                    }
                    if how & 4 != 0 {
                        session.refuse("no", &mut out);
                    } else {
                        session.accept(&mut out);
                        flowing = Some(wanted.direction);
                    }
                }
                Event::Tag(tag) => {
                    assert_eq!(flowing, Some(Direction::Publish), "media of one that may not publish");
                    assert!(tag.payload().len() <= message::MAX_MEDIA);
                    assert!(!(tag.is_header() && tag.is_keyframe()));
                }
                Event::Stopped => flowing = None,
            }
        }
        assert!(asked <= 1, "asked for twice on one connection");
        if result.is_err() || (how & 8 != 0 && n > 200) {
            break;
        }
        if flowing == Some(Direction::Play) && told < 8 {
            told += 1;
            let payload = [0xaf, 1].repeat(1 + 20 * n).into();
            session.write_tag(&Tag::new(TagKind::Audio, u32::MAX, payload), 77, &mut out);
        }
    }
    session.end(&mut out);
    let most = 100_000 + 4 * said.len();
    assert!(out.len() <= most, "{} bytes of answer to {}", out.len(), said.len());
    // Its peer understands all of it.
    let Some(chunks) = out.get(SAID_FIRST..) else { return assert!(out.is_empty(), "half a handshake") };
    assert_eq!(messages(pieces(chunks, seed)).1, Ok(()));
}

pub(crate) fn flv(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (mut stream, mut tags) = (FLV_HEADER.to_vec(), Vec::new());
    while !input.is_empty() {
        let kind = [TagKind::Audio, TagKind::Video, TagKind::Metadata][usize::from(input.u8()) % 3];
        let timestamp = input.u32();
        let tag = Tag::new(kind, timestamp, input.piece().into());
        assert!(!(tag.is_header() && tag.is_keyframe()));
        assert!(!tag.is_header() || tag.unsupported().is_none());
        assert!(tag.data().len() <= tag.payload().len());
        write_flv(&tag, timestamp, &mut stream);
        tags.push(tag);
    }
    assert!(read_flv(&stream) == tags);
}

/// Reads FLV as a player does (annex E).
pub(crate) fn read_flv(stream: &[u8]) -> Vec<Tag> {
    let mut rest = stream.strip_prefix(&FLV_HEADER).expect("the header of FLV");
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let mut input = Input::new(rest);
        let kind = match input.u8() {
            8 => TagKind::Audio,
            9 => TagKind::Video,
            18 => TagKind::Metadata,
            other => panic!("a tag of kind {other}"),
        };
        let size = (usize::from(input.u8()) << 16) | usize::from(input.u16());
        let low = (u32::from(input.u8()) << 16) | u32::from(input.u16());
        let timestamp = (u32::from(input.u8()) << 24) | low;
        assert_eq!(input.take(3), [0, 0, 0], "the stream's number");
        let payload = input.take(size);
        assert_eq!(payload.len(), size, "it ends within a tag");
        assert_eq!(input.u32() as usize, size + 11, "the back pointer");
        tags.push(Tag::new(kind, timestamp, payload.into()));
        rest = input.rest();
    }
    tags
}
