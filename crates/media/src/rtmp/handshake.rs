//! The simple handshake (RTMP 1.0 §5.2), the server's side. Peers that can do the digest handshake of the Flash era fall
//! back to this one when the server's version field is zero.

use super::RtmpError;

/// Length of C1, S1, C2 and S2.
const LENGTH: usize = 1536;
const VERSION: u8 = 3;

/// Where the handshake stands.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// What came of C0 and C1, then of C2.
    got: Vec<u8>,
    answered: bool,
    random: [u8; 8],
}

impl Handshake {
    /// `random`: any bytes; they only make S1 differ from the zeros before it.
    pub(crate) fn new(random: [u8; 8]) -> Self {
        Self { got: Vec::new(), answered: false, random }
    }

    /// Takes bytes; the answer goes to `out`. Gives what belongs to the chunks that follow once C2 is whole.
    pub(crate) fn read<'a>(
        &mut self,
        mut bytes: &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, RtmpError> {
        if !self.answered {
            bytes = self.take(bytes, 1 + LENGTH);
            match self.got.first() {
                Some(&VERSION) | None => {}
                Some(&other) => return Err(RtmpError::NotRtmp(other)),
            }
            if self.got.len() < 1 + LENGTH {
                return Ok(None);
            }
            out.push(VERSION);
            out.extend_from_slice(&[0; 8]); // our time, and a version of zero: no digest
            out.extend(self.random.iter().cycle().take(LENGTH - 8));
            out.extend_from_slice(&self.got[1..]); // S2 is C1
            self.answered = true;
            self.got.clear();
        }
        bytes = self.take(bytes, LENGTH);
        // C2 should repeat S1. Some clients send anything, and nothing depends on it.
        Ok((self.got.len() == LENGTH).then_some(bytes))
    }

    fn take<'a>(&mut self, bytes: &'a [u8], until: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at((until - self.got.len()).min(bytes.len()));
        self.got.extend_from_slice(taken);
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_pieces_of_any_size() {
        let mut client = vec![3];
        client.extend((0..LENGTH).map(|n| n as u8));
        client.extend([5; LENGTH]);
        client.extend(b"chunks");
        for piece in [1, 7, 1536, 1537, 4000] {
            let (mut h, mut out, mut done) = (Handshake::new([9; 8]), Vec::new(), false);
            let mut after = Vec::new();
            for bytes in client.chunks(piece) {
                if done {
                    after.extend_from_slice(bytes);
                } else if let Some(rest) = h.read(bytes, &mut out).unwrap() {
                    done = true;
                    after.extend_from_slice(rest);
                }
            }
            assert_eq!(after, b"chunks", "{piece}");
            assert_eq!(out.len(), 1 + 2 * LENGTH);
            assert_eq!(out[1 + LENGTH..], client[1..=LENGTH], "S2 repeats C1");
        }
    }

    #[test]
    fn another_protocol_is_named_at_its_first_byte() {
        let mut h = Handshake::new([0; 8]);
        assert_eq!(h.read(b"GET / HTTP/1.1", &mut Vec::new()), Err(RtmpError::NotRtmp(b'G')));
    }
}
