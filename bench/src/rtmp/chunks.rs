//! RTMP chunks of the load's own (RTMP 1.0 §5.3): a server is not judged by its own reader.

use std::io::{Error, ErrorKind, Result};

/// The chunk size of both directions until one says otherwise (§5.4.1).
const DEFAULT_CHUNK: usize = 128;

/// The value of a timestamp field that stands for "the timestamp follows" (§5.3.1.3): 4.6 hours, longer than any run.
const EXTENDED: u32 = 0x00ff_ffff;

pub(crate) const SET_CHUNK_SIZE: u8 = 1;
pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;
pub(crate) const DATA: u8 = 18;
pub(crate) const COMMAND: u8 = 20;

/// What a message is and to which message stream it belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
}

/// Turns messages into chunks. As phones do, it leaves out of a header what the chunk stream said before.
#[derive(Debug)]
pub(crate) struct Writer {
    chunk_size: usize,
    /// By chunk stream: the timestamp of the message before.
    newest: [Option<u32>; 8],
}

impl Default for Writer {
    fn default() -> Self {
        Self { chunk_size: DEFAULT_CHUNK, newest: [None; 8] }
    }
}

impl Writer {
    /// The size that the peer was told.
    pub(crate) fn set_chunk_size(&mut self, size: usize) {
        self.chunk_size = size;
    }

    /// Appends a message on chunk stream `id` (2 to 7), which is always of the same message stream.
    pub(crate) fn write(&mut self, id: u8, about: About, time: u32, payload: &[u8], out: &mut Vec<u8>) {
        let before = self.newest[usize::from(id)].replace(time).filter(|&t| t <= time);
        let (format, field) = before.map_or((0, time), |t| (0x40, time - t));
        // Bounded by the load's own frames.
        let length = u32::try_from(payload.len()).unwrap_or(EXTENDED);
        out.push(format | id);
        out.extend_from_slice(&field.to_be_bytes()[1..]);
        out.extend_from_slice(&length.to_be_bytes()[1..]);
        out.push(about.kind);
        if format == 0 {
            out.extend_from_slice(&about.stream.to_le_bytes());
        }
        for (n, piece) in payload.chunks(self.chunk_size).enumerate() {
            if n > 0 {
                out.push(0xc0 | id);
            }
            out.extend_from_slice(piece);
        }
    }
}

/// One chunk stream, with the message that is under way on it.
#[derive(Debug, Default)]
struct Lane {
    id: u8,
    kind: u8,
    length: usize,
    payload: Vec<u8>,
}

/// Turns bytes into messages.
#[derive(Debug)]
pub(crate) struct Reader {
    chunk_size: usize,
    lanes: Vec<Lane>,
    /// Bytes that came and were not taken yet: `held[taken..]`.
    held: Vec<u8>,
    taken: usize,
    /// Where payload goes, and how much of this chunk is to come.
    filling: Option<(usize, usize)>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { chunk_size: DEFAULT_CHUNK, lanes: Vec::new(), held: Vec::new(), taken: 0, filling: None }
    }
}

impl Reader {
    /// Takes bytes and shows each message that is whole, by its kind and payload.
    pub(crate) fn read(&mut self, bytes: &[u8], mut each: impl FnMut(u8, &[u8])) -> Result<()> {
        self.held.extend_from_slice(bytes);
        loop {
            let (lane, left) = match self.filling {
                Some(filling) => filling,
                None => match self.head()? {
                    Some(filling) => filling,
                    None => break,
                },
            };
            let taken = left.min(self.held.len() - self.taken);
            let piece = &self.held[self.taken..self.taken + taken];
            self.lanes[lane].payload.extend_from_slice(piece);
            self.taken += taken;
            if taken < left {
                self.filling = Some((lane, left - taken));
                break;
            }
            self.filling = None;
            let Lane { kind, length, payload, .. } = &mut self.lanes[lane];
            if payload.len() < *length {
                continue;
            }
            if *kind == SET_CHUNK_SIZE
                && let Some(size) = payload.first_chunk()
            {
                self.chunk_size = u32::from_be_bytes(*size) as usize;
            }
            each(*kind, payload);
            payload.clear();
        }
        self.held.drain(..self.taken);
        self.taken = 0;
        Ok(())
    }

    /// Reads a chunk's header: the lane of its message, and how many bytes of payload follow. `None`: the header is not whole.
    fn head(&mut self) -> Result<Option<(usize, usize)>> {
        let Some((&first, rest)) = self.held[self.taken..].split_first() else { return Ok(None) };
        let (format, id) = (first >> 6, first & 0x3f);
        if id < 2 {
            return Err(Error::new(ErrorKind::Unsupported, "a chunk stream above 63"));
        }
        let length = [11, 7, 3, 0][usize::from(format)];
        let Some(fields) = rest.get(..length) else { return Ok(None) };
        let index = match self.lanes.iter().position(|l| l.id == id) {
            Some(index) => index,
            None => {
                self.lanes.push(Lane { id, ..Lane::default() });
                self.lanes.len() - 1
            }
        };
        let lane = &mut self.lanes[index];
        if fields.starts_with(&EXTENDED.to_be_bytes()[1..]) {
            return Err(Error::new(ErrorKind::Unsupported, "an extended timestamp"));
        }
        if let [_, _, _, a, b, c, kind, ..] = fields {
            lane.length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            lane.kind = *kind;
        }
        self.taken += 1 + length;
        Ok(Some((index, self.chunk_size.min(lane.length - lane.payload.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_however_it_is_cut() {
        let mut bytes = Vec::new();
        let mut writer = Writer::default();
        let (sound, picture) = (vec![7; 100], vec![9; 1000]);
        for n in 0..3 {
            writer.write(4, About { kind: AUDIO, stream: 1 }, n * 20, &sound, &mut bytes);
            writer.write(6, About { kind: VIDEO, stream: 1 }, n * 66, &picture, &mut bytes);
        }
        for cut in [1, 5, 128, 5000] {
            let (mut reader, mut found) = (Reader::default(), Vec::new());
            for piece in bytes.chunks(cut) {
                reader.read(piece, |kind, payload| found.push((kind, payload.to_vec()))).unwrap();
            }
            let both = [(AUDIO, sound.clone()), (VIDEO, picture.clone())];
            let wanted: Vec<_> = both.iter().cycle().take(6).cloned().collect();
            assert_eq!(found, wanted, "{cut}");
        }
    }

    #[test]
    fn a_peers_chunk_size_is_followed() {
        let (mut bytes, mut writer) = (Vec::new(), Writer::default());
        writer.write(2, About { kind: SET_CHUNK_SIZE, stream: 0 }, 0, &4096_u32.to_be_bytes(), &mut bytes);
        writer.set_chunk_size(4096);
        writer.write(6, About { kind: VIDEO, stream: 1 }, 0, &[5; 9000], &mut bytes);
        let mut lengths = Vec::new();
        Reader::default().read(&bytes, |_, payload| lengths.push(payload.len())).unwrap();
        assert_eq!(lengths, [4, 9000]);
    }
}
