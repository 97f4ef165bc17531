//! Chunks to messages and back (RTMP 1.0 §5.3).
//!
//! The reader takes bytes as they come, in pieces of any size, and holds unfinished messages of several chunk streams at
//! once, since peers may interleave them. It reserves little on the word of a header: memory grows with what arrived.

use super::RtmpError;
use super::message::{self, Message};

/// Unfinished or remembered chunk streams. Peers use three to eight. Higher: more memory for each connection.
pub(crate) const MAX_CHUNK_STREAMS: usize = 16;

/// Bytes that all unfinished messages of a connection may hold. At least one of the longest must fit.
pub(crate) const MAX_UNFINISHED: usize = 2 * message::MAX_MEDIA;

/// What is reserved at once for a message, if so much has come. Most frames come whole in one read, and are allocated
/// once. Higher: key frames too; a liar's headers hold more memory.
const MAX_RESERVED: usize = 8 * 1024;

/// The chunk size of both directions until one says otherwise (§5.4.1).
const DEFAULT_CHUNK: usize = 128;

/// The longest header of a chunk: basic 3, message 11, extended timestamp 4.
const MAX_HEADER: usize = 18;

/// A timestamp field that says that the real one follows in four bytes (§5.3.1.3).
const EXTENDED: u32 = 0x00ff_ffff;

/// What a chunk stream remembers of its last message header.
#[derive(Debug, Clone, Default)]
struct Header {
    timestamp: u32,
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    /// The value of the extended field, if the message has one.
    extended: Option<u32>,
}

#[derive(Debug)]
struct ChunkStream {
    id: u32,
    header: Header,
    payload: Vec<u8>,
    unfinished: bool,
}

/// Bytes in, messages out.
#[derive(Debug)]
pub(crate) struct Reader {
    chunk_size: usize,
    streams: Vec<ChunkStream>,
    /// A header that is not whole yet, or the few bytes that were taken for one and are what follows it.
    carry: Vec<u8>,
    /// Where payload bytes go: index of the chunk stream, and how many are left of this chunk.
    filling: Option<(usize, usize)>,
    unfinished: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            chunk_size: DEFAULT_CHUNK,
            streams: Vec::new(),
            carry: Vec::with_capacity(MAX_HEADER),
            filling: None,
            unfinished: 0,
        }
    }
}

/// The header of a chunk.
struct Head {
    format: u8,
    id: u32,
    header: Header,
    /// Bytes that it took.
    length: usize,
}

impl Reader {
    /// Takes bytes until a message is whole: gives it and what was not taken yet. Protocol control of the chunk layer
    /// itself (chunk size, abort) is the caller's to hand back by [`Reader::set_chunk_size`] and [`Reader::abort`].
    pub(crate) fn read<'a>(&mut self, mut bytes: &'a [u8]) -> Result<(Option<Message>, &'a [u8]), RtmpError> {
        loop {
            if let Some((index, left)) = self.filling {
                let carried = left.min(self.carry.len());
                let (piece, rest) = bytes.split_at((left - carried).min(bytes.len()));
                bytes = rest;
                let taken = carried + piece.len();
                let ChunkStream { header, payload, .. } = &mut self.streams[index];
                if payload.is_empty() {
                    let came = taken + bytes.len();
                    payload.reserve_exact(header.length.min(came).min(MAX_RESERVED));
                }
                payload.extend(self.carry.drain(..carried));
                payload.extend_from_slice(piece);
                self.unfinished += taken;
                if taken < left {
                    self.filling = Some((index, left - taken));
                    return Ok((None, bytes));
                }
                self.filling = None;
                if let Some(message) = self.finished(index) {
                    return Ok((Some(message), bytes));
                }
            }
            let Some((head, rest)) = self.head(bytes)? else { return Ok((None, &[])) };
            bytes = rest;
            self.begin(head)?;
            // A message without payload is whole with its header.
            if let Some((index, 0)) = self.filling {
                self.filling = None;
                if let Some(message) = self.finished(index) {
                    return Ok((Some(message), bytes));
                }
            }
        }
    }

    /// The peer's chunk size from now on.
    pub(crate) fn set_chunk_size(&mut self, size: u32) -> Result<(), RtmpError> {
        // No message is longer than a media message, so a larger size changes nothing; memory follows the payload.
        match usize::try_from(size) {
            Ok(n) if n > 0 && size < 1 << 31 => self.chunk_size = n.min(message::MAX_MEDIA),
            _ => return Err(RtmpError::ChunkSize(size)),
        }
        Ok(())
    }

    /// Drops what came of an unfinished message (§5.4.2).
    pub(crate) fn abort(&mut self, id: u32) {
        if let Some(stream) = self.streams.iter_mut().find(|s| s.id == id) {
            self.unfinished -= stream.payload.len();
            stream.payload.clear();
            stream.unfinished = false;
        }
    }

    /// Bytes of unfinished messages, counted anew.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn held(&self) -> usize {
        let held = self.streams.iter().map(|s| s.payload.len()).sum();
        assert_eq!(held, self.unfinished, "the count of what is unfinished drifts");
        held
    }

    /// Collects a header over as many reads as it takes. `None`: all bytes were taken and more are needed.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Head, &'a [u8])>, RtmpError> {
        let carried = self.carry.len();
        let wanted = (MAX_HEADER - carried).min(bytes.len());
        self.carry.extend_from_slice(&bytes[..wanted]);
        match self.parse(&self.carry)? {
            None => Ok(None), // fewer than the longest header were there, so all bytes are in the carry
            Some(head) => {
                // An extended timestamp that was waited for and is none: what was carried goes on behind the header.
                self.carry.truncate(carried);
                self.carry.drain(..head.length.min(carried));
                let rest = &bytes[head.length.saturating_sub(carried)..];
                Ok(Some((head, rest)))
            }
        }
    }

    /// `None`: more bytes are needed.
    fn parse(&self, bytes: &[u8]) -> Result<Option<Head>, RtmpError> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let format = first >> 6;
        let (id, mut at) = match (first & 0x3f, bytes) {
            (0, [_, low, ..]) => (64 + u32::from(*low), 2),
            (1, [_, low, high, ..]) => (64 + u32::from(*low) + 256 * u32::from(*high), 3),
            (0 | 1, _) => return Ok(None),
            (id, _) => (u32::from(id), 1),
        };
        let before = self.streams.iter().find(|s| s.id == id);
        let mut header = match (format, before) {
            (0, _) => Header::default(),
            (_, Some(stream)) => stream.header.clone(),
            (_, None) => return Err(RtmpError::NoEarlierChunk(id)),
        };
        let length = at + [11, 7, 3, 0][usize::from(format)];
        let Some(fields) = bytes.get(at..length) else { return Ok(None) };
        at = length;
        let mut time = header.extended.map_or(header.delta, |_| EXTENDED);
        if let [a, b, c, ..] = fields {
            time = u32::from_be_bytes([0, *a, *b, *c]);
        }
        if let [_, _, _, a, b, c, kind, ..] = fields {
            header.length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            header.kind = *kind;
        }
        if let [.., a, b, c, d] = fields
            && format == 0
        {
            header.stream = u32::from_le_bytes([*a, *b, *c, *d]);
        }
        let continues = format == 3 && before.is_some_and(|s| s.unfinished);
        if time == EXTENDED && (format < 3 || header.extended.is_some()) {
            match bytes.get(at..at + 4) {
                None => return Ok(None),
                Some(field) => {
                    let value = u32::from_be_bytes([field[0], field[1], field[2], field[3]]);
                    // Peers disagree on whether the field is repeated in chunks of format 3; one that is not the
                    // message's own value is payload.
                    if format < 3 || header.extended == Some(value) {
                        at += 4;
                        header.extended = Some(value);
                        time = value;
                    } else {
                        time = header.extended.unwrap_or_default();
                    }
                }
            }
        } else if format < 3 {
            header.extended = None;
        }
        if !continues {
            header.delta = time;
            header.timestamp = if format == 0 { time } else { header.timestamp.wrapping_add(time) };
        }
        Ok(Some(Head { format, id, header, length: at }))
    }

    fn begin(&mut self, Head { format, id, header, .. }: Head) -> Result<(), RtmpError> {
        let index = match self.streams.iter().position(|s| s.id == id) {
            Some(index) => index,
            None if self.streams.len() >= MAX_CHUNK_STREAMS => return Err(RtmpError::TooManyChunkStreams),
            None => {
                let header = Header::default();
                self.streams.push(ChunkStream { id, header, payload: Vec::new(), unfinished: false });
                self.streams.len() - 1
            }
        };
        let stream = &mut self.streams[index];
        if stream.unfinished && format != 3 {
            return Err(RtmpError::Interrupted(id));
        }
        if header.length > message::longest(header.kind) {
            return Err(RtmpError::MessageTooLong(header.length));
        }
        stream.header = header;
        stream.unfinished = true;
        let left = stream.header.length - stream.payload.len();
        // Counted before a byte of it arrives, so that many streams cannot each begin a long message.
        if self.unfinished + left.min(self.chunk_size) > MAX_UNFINISHED {
            return Err(RtmpError::TooMuchUnfinished);
        }
        self.filling = Some((index, left.min(self.chunk_size)));
        Ok(())
    }

    fn finished(&mut self, index: usize) -> Option<Message> {
        let stream = &mut self.streams[index];
        if stream.payload.len() < stream.header.length {
            return None;
        }
        stream.unfinished = false;
        let payload = std::mem::take(&mut stream.payload);
        self.unfinished -= payload.len();
        let Header { timestamp, kind, stream, .. } = stream.header;
        Some(Message { kind, stream, timestamp, payload })
    }
}

/// Messages out as chunks.
#[derive(Debug)]
pub(crate) struct Writer {
    chunk_size: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self { chunk_size: DEFAULT_CHUNK }
    }
}

impl Writer {
    /// The size that the peer was told.
    pub(crate) fn set_chunk_size(&mut self, size: usize) {
        self.chunk_size = size.max(1);
    }

    /// Appends a message: a full header (format 0), then format 3 for each further chunk. Compressed headers would save
    /// eight bytes a message and need memory of the last one.
    pub(crate) fn write(
        &self,
        chunk_stream: u8,
        (kind, stream, timestamp): (u8, u32, u32),
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        debug_assert!((2..64).contains(&chunk_stream));
        let time = timestamp.min(EXTENDED);
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(EXTENDED).to_be_bytes();
        let [_, time_field @ ..] = time.to_be_bytes();
        out.push(chunk_stream);
        out.extend_from_slice(&time_field);
        out.extend_from_slice(&length);
        out.push(kind);
        out.extend_from_slice(&stream.to_le_bytes());
        let extended = (time == EXTENDED).then(|| timestamp.to_be_bytes());
        out.extend(extended.iter().flatten());
        for (n, piece) in payload.chunks(self.chunk_size).enumerate() {
            if n > 0 {
                out.push(0xc0 | chunk_stream);
                out.extend(extended.iter().flatten());
            }
            out.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{AUDIO, COMMAND, VIDEO};
    use super::*;
    use proptest::prelude::*;

    fn read_all(reader: &mut Reader, mut bytes: &[u8]) -> Result<Vec<Message>, RtmpError> {
        let mut messages = Vec::new();
        loop {
            let (message, rest) = reader.read(bytes)?;
            match message {
                Some(m) => messages.push(m),
                None => return Ok(messages),
            }
            bytes = rest;
        }
    }

    /// A chunk of format 3 may or may not repeat the extended timestamp, and which it is shows after four bytes.
    #[test]
    fn a_chunk_without_the_extended_timestamp_is_read_however_it_is_cut() {
        let mut bytes = vec![4, 255, 255, 255, 0, 0, 130, AUDIO, 1, 0, 0, 0, 1, 0, 0, 0];
        bytes.extend([7; 128]);
        bytes.extend([0xc4, 8, 9, 0xc4]);
        bytes.extend([7; 128]);
        bytes.extend([0xc4, 1, 2]);
        bytes.extend([6, 0, 0, 0, 0, 0, 1, VIDEO, 1, 0, 0, 0, 5]);
        for size in 1..20 {
            let (mut reader, mut found) = (Reader::default(), Vec::new());
            for piece in bytes.chunks(size) {
                found.extend(read_all(&mut reader, piece).unwrap());
            }
            let tails: Vec<_> = found.iter().map(|m| (m.kind, m.payload.len(), m.payload.last())).collect();
            assert_eq!(
                tails,
                [(AUDIO, 130, Some(&9)), (AUDIO, 130, Some(&2)), (VIDEO, 1, Some(&5))],
                "{size}"
            );
        }
    }

    proptest! {
        /// Any messages, any chunk size, cut anywhere.
        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            messages in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..700), any::<bool>()), 1..12),
            chunk in 1_usize..400,
            cuts in prop::collection::vec(1_usize..90, 1..40),
        ) {
            let mut writer = Writer::default();
            writer.set_chunk_size(chunk);
            let mut bytes = Vec::new();
            let messages: Vec<Message> = messages.into_iter().map(|(timestamp, payload, video)| {
                Message { kind: if video { VIDEO } else { AUDIO }, stream: 1, timestamp, payload }
            }).collect();
            for m in &messages {
                writer.write(if m.kind == VIDEO { 6 } else { 4 }, (m.kind, 1, m.timestamp), &m.payload, &mut bytes);
            }
            let mut reader = Reader::default();
            reader.set_chunk_size(chunk as u32).unwrap();
            let (mut found, mut rest, mut cuts) = (Vec::new(), &bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                found.extend(read_all(&mut reader, piece).unwrap());
                rest = later;
            }
            prop_assert_eq!(found, messages);
            prop_assert_eq!(reader.unfinished, 0);
        }

        #[test]
        fn any_bytes_are_read_or_refused_within_the_bounds(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            let mut reader = Reader::default();
            let _ = read_all(&mut reader, &bytes);
            prop_assert!(reader.streams.len() <= MAX_CHUNK_STREAMS);
            let held: usize = reader.streams.iter().map(|s| s.payload.len()).sum();
            prop_assert_eq!(held, reader.unfinished);
        }
    }

    /// Format 0 on a chunk stream.
    fn head(stream: u8, time: u32, length: u32, kind: u8) -> Vec<u8> {
        let (t, l) = (time.to_be_bytes(), length.to_be_bytes());
        vec![stream, t[1], t[2], t[3], l[1], l[2], l[3], kind, 1, 0, 0, 0]
    }

    #[test]
    fn interleaved_chunk_streams_are_two_messages() {
        let mut bytes = head(6, 40, 200, VIDEO);
        bytes.extend([1; 128]);
        bytes.extend(head(4, 41, 130, AUDIO));
        bytes.extend([2; 128]);
        bytes.push(0xc6);
        bytes.extend([1; 72]);
        bytes.push(0xc4);
        bytes.extend([2; 2]);
        let found = read_all(&mut Reader::default(), &bytes).unwrap();
        let short: Vec<_> = found.iter().map(|m| (m.kind, m.timestamp, m.payload.len())).collect();
        assert_eq!(short, [(VIDEO, 40, 200), (AUDIO, 41, 130)]);
        assert!(found[0].payload.iter().all(|&b| b == 1) && found[1].payload.iter().all(|&b| b == 2));
    }

    #[test]
    fn deltas_add_up_and_repeat() {
        let mut bytes = head(4, 1000, 1, AUDIO);
        bytes.push(9);
        bytes.extend([0x44, 0, 0, 20, 0, 0, 1, AUDIO, 9]); // format 1: 20 ms later
        bytes.extend([0x84, 0, 0, 21, 9]); // format 2
        bytes.extend([0xc4, 9]); // format 3: the same delta again
        let times: Vec<_> =
            read_all(&mut Reader::default(), &bytes).unwrap().iter().map(|m| m.timestamp).collect();
        assert_eq!(times, [1000, 1020, 1041, 1062]);
    }

    #[test]
    fn an_extended_timestamp_may_be_repeated_in_later_chunks_or_not() {
        let time: u32 = 0x0123_4567;
        for repeated in [true, false] {
            let mut bytes = head(6, EXTENDED, 200, VIDEO);
            bytes.extend(time.to_be_bytes());
            bytes.extend([7; 128]);
            bytes.push(0xc6);
            if repeated {
                bytes.extend(time.to_be_bytes());
            }
            bytes.extend([7; 72]);
            let found = read_all(&mut Reader::default(), &bytes).unwrap();
            assert_eq!(
                (found.len(), found[0].timestamp, found[0].payload.len()),
                (1, time, 200),
                "{repeated}"
            );
            assert!(found[0].payload.iter().all(|&b| b == 7));
        }
    }

    #[test]
    fn lies_are_refused() {
        let mut reader = Reader::default();
        assert_eq!(read_all(&mut reader, &[0xc5]), Err(RtmpError::NoEarlierChunk(5)));

        let long = head(5, 0, 0x00ff_ffff, VIDEO);
        assert_eq!(read_all(&mut Reader::default(), &long), Err(RtmpError::MessageTooLong(0x00ff_ffff)));
        let command = head(3, 0, 100_000, COMMAND);
        assert_eq!(read_all(&mut Reader::default(), &command), Err(RtmpError::MessageTooLong(100_000)));

        // Shorter than what came of the message before, which crashes a reader with one buffer.
        let mut inside = head(6, 0, 300, VIDEO);
        inside.extend([0; 128]);
        inside.extend(head(6, 0, 10, VIDEO));
        assert_eq!(read_all(&mut Reader::default(), &inside), Err(RtmpError::Interrupted(6)));

        let mut many = Vec::new();
        for id in 3..40 {
            many.extend(head(id, 0, 500, VIDEO));
            many.extend([0; 128]);
        }
        assert_eq!(read_all(&mut Reader::default(), &many), Err(RtmpError::TooManyChunkStreams));
        for size in [0, 1 << 31] {
            assert_eq!(Reader::default().set_chunk_size(size), Err(RtmpError::ChunkSize(size)));
        }
    }

    #[test]
    fn unfinished_messages_are_bounded_together() {
        let mut reader = Reader::default();
        reader.set_chunk_size(message::MAX_MEDIA as u32 - 1).unwrap();
        let mut bytes = Vec::new();
        for id in 3..6 {
            bytes.extend(head(id, 0, message::MAX_MEDIA as u32, VIDEO));
            bytes.extend(vec![0; message::MAX_MEDIA - 1]);
        }
        assert_eq!(read_all(&mut reader, &bytes), Err(RtmpError::TooMuchUnfinished));
        assert!(reader.unfinished <= MAX_UNFINISHED);
    }

    #[test]
    fn an_aborted_message_is_forgotten() {
        let mut reader = Reader::default();
        let mut bytes = head(6, 0, 300, VIDEO);
        bytes.extend([1; 128]);
        assert!(read_all(&mut reader, &bytes).unwrap().is_empty());
        reader.abort(6);
        assert_eq!(reader.unfinished, 0);
        let mut bytes = head(6, 5, 1, VIDEO);
        bytes.push(2);
        assert_eq!(read_all(&mut reader, &bytes).unwrap()[0].payload, [2]);
    }

    #[test]
    fn long_chunk_stream_ids() {
        let mut bytes = vec![0, 10];
        bytes.extend(&head(0, 7, 1, AUDIO)[1..]);
        bytes.push(1);
        bytes.extend([1, 10, 2]);
        bytes.extend(&head(0, 8, 1, AUDIO)[1..]);
        bytes.push(2);
        let times: Vec<_> =
            read_all(&mut Reader::default(), &bytes).unwrap().iter().map(|m| m.timestamp).collect();
        assert_eq!(times, [7, 8]);
    }
}
