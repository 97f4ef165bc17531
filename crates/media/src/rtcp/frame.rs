//! What each packet of RTCP begins with, and where it ends (RFC 3550 §6.4.1).

/// Length of what each packet begins with, in bytes.
pub(super) const HEADER: usize = 4;

/// The most that the five bits of a count say.
pub(super) const MOST: usize = 31;

/// Marks padding at the end of a packet.
const PADDING: u8 = 0x20;

/// A packet's kind and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// How many things are in it, or which feedback it is (FMT, RFC 4585 §6.1): 5 bits.
    pub(super) count: u8,
    pub(super) packet_type: u8,
    /// All behind the header, without padding.
    pub(super) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the first packet. Returns what is behind it too. None: nothing is left, it is cut off, it has another
    /// version, or its padding lies.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let &[first, packet_type, high, low] = bytes.first_chunk::<HEADER>()?;
        if first >> 6 != 2 {
            return None;
        }
        let words = usize::from(u16::from_be_bytes([high, low]));
        let (body, rest) = bytes[HEADER..].split_at_checked(4 * words)?;
        let padding = if first & PADDING == 0 {
            0
        } else {
            // It counts itself. RFC 3550 has whole words of it; transport-wide feedback is padded by bytes.
            body.last().copied().filter(|&padding| padding != 0)?.into()
        };
        let body = &body[..body.len().checked_sub(padding)?];
        Some((Self { count: first & 0x1f, packet_type, body }, rest))
    }
}

/// A packet that is written.
#[derive(Debug)]
#[must_use = "a packet is whole once it is finished"]
pub(super) struct FrameWriter {
    /// Where it begins.
    start: usize,
}

impl FrameWriter {
    /// Begins a packet at the end of a buffer. `count` has 5 bits.
    pub(super) fn begin(out: &mut Vec<u8>, count: u8, packet_type: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0x80 | count & 0x1f, packet_type, 0, 0]);
        Self { start }
    }

    /// Length of what was written so far, in bytes.
    pub(super) fn len(&self, out: &[u8]) -> usize {
        out.len() - self.start
    }

    /// Says how many things are in it, if that was not known before. `count` has 5 bits.
    pub(super) fn set_count(&self, out: &mut [u8], count: u8) {
        out[self.start] = out[self.start] & !0x1f | count & 0x1f;
    }

    /// Pads the packet to whole words: the last byte of padding counts it.
    pub(super) fn pad(&self, out: &mut Vec<u8>) {
        let missing = self.len(out).next_multiple_of(4) - self.len(out);
        if missing > 0 {
            out[self.start] |= PADDING;
            out.extend(std::iter::repeat_n(0, missing - 1));
            #[allow(clippy::cast_possible_truncation)] // less than four
            out.push(missing as u8);
        }
    }

    /// Takes the packet back.
    pub(super) fn discard(self, out: &mut Vec<u8>) {
        out.truncate(self.start);
    }

    /// Says how long the packet is: whole words, at most 65,536.
    pub(super) fn finish(self, out: &mut [u8]) {
        let words = (out.len() - self.start) / 4 - 1;
        debug_assert!(out.len() % 4 == self.start % 4 && words <= usize::from(u16::MAX));
        let words = u16::try_from(words).unwrap_or(u16::MAX);
        out[self.start + 2..self.start + 4].copy_from_slice(&words.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_its_length_says() {
        let bytes = [0x85, 200, 0, 1, 1, 2, 3, 4, 0x80, 9];
        let (frame, rest) = Frame::read(&bytes).unwrap();
        assert_eq!(frame, Frame { count: 5, packet_type: 200, body: &[1, 2, 3, 4] });
        assert_eq!(rest, [0x80, 9]);
        assert_eq!(Frame::read(rest), None);
        assert_eq!(Frame::read(&bytes[..7]), None);
        assert_eq!(Frame::read(&[0x45, 200, 0, 0]), None, "another version");
        assert_eq!(Frame::read(&[]), None);
    }

    #[test]
    fn padding_is_not_in_the_body() {
        let padded = |by: u8| {
            let bytes = [0xa0, 200, 0, 2, 1, 2, 3, 4, 5, 6, 7, by];
            Frame::read(&bytes).map(|(frame, _)| frame.body.to_vec())
        };
        assert_eq!(padded(4), Some(vec![1, 2, 3, 4]));
        assert_eq!(padded(1), Some(vec![1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(padded(8), Some(vec![]));
        assert_eq!([padded(0), padded(9)], [None, None]);
        assert_eq!(Frame::read(&[0xa0, 200, 0, 0]), None, "no byte of it is there");
    }

    #[test]
    fn what_is_written_is_padded_to_words() {
        for (body, expected) in [
            (&[1, 2, 3, 4][..], &[0x83, 205, 0, 1, 1, 2, 3, 4][..]),
            (&[1, 2, 3], &[0xa3, 205, 0, 1, 1, 2, 3, 1]),
            (&[1], &[0xa3, 205, 0, 1, 1, 0, 0, 3]),
        ] {
            let mut out = vec![0xee];
            let frame = FrameWriter::begin(&mut out, 0, 205);
            out.extend_from_slice(body);
            frame.set_count(&mut out, 3);
            frame.pad(&mut out);
            assert_eq!(frame.len(&out), 8);
            frame.finish(&mut out);
            assert_eq!(&out[1..], expected);
        }
    }
}
