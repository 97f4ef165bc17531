//! Messages and the kinds of them that a call needs (RTMP 1.0 §5.4, §7.1).

use super::RtmpError;

pub(crate) const SET_CHUNK_SIZE: u8 = 1;
pub(crate) const ABORT: u8 = 2;
pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
pub(crate) const USER_CONTROL: u8 = 4;
pub(crate) const WINDOW_SIZE: u8 = 5;
pub(crate) const PEER_BANDWIDTH: u8 = 6;
pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;
/// AMF3 data and commands: one byte, then AMF0 in practice.
pub(crate) const DATA_AMF3: u8 = 15;
pub(crate) const COMMAND_AMF3: u8 = 17;
pub(crate) const DATA: u8 = 18;
pub(crate) const COMMAND: u8 = 20;

/// User control events (§7.1.7).
pub(crate) const STREAM_BEGIN: u16 = 0;
pub(crate) const PING_REQUEST: u16 = 6;
pub(crate) const PING_RESPONSE: u16 = 7;

/// Longest audio or video message, in bytes. A key frame of 1080p at 4 Mb/s is about 250 KiB. Higher: sharper pictures
/// pass; a liar costs more memory.
pub(crate) const MAX_MEDIA: usize = 1 << 20;

/// Longest command or metadata. OBS's metadata, the longest seen, has about 600 bytes.
const MAX_COMMAND: usize = 16 * 1024;

/// Longest protocol control message.
const MAX_CONTROL: usize = 64;

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) timestamp: u32,
    pub(crate) payload: Vec<u8>,
}

/// How long a message of a kind may be.
pub(crate) fn longest(kind: u8) -> usize {
    match kind {
        AUDIO | VIDEO => MAX_MEDIA,
        SET_CHUNK_SIZE..=PEER_BANDWIDTH => MAX_CONTROL,
        _ => MAX_COMMAND,
    }
}

impl Message {
    /// The four bytes that control messages begin with.
    pub(crate) fn number(&self) -> Result<u32, RtmpError> {
        match self.payload.first_chunk() {
            Some(bytes) => Ok(u32::from_be_bytes(*bytes)),
            None => Err(RtmpError::Short(self.kind)),
        }
    }
}
