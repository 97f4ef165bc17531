//! Redundant sound (RFC 2198 §3): a payload that repeats what was sent before, so that the next packet repairs a lost one.
//! Pure.
//!
//! ```text
//!  1 type offset length │ … │ 0 type │ repeated, the oldest first │ … │ primary: what is said now
//! ```
//!
//! It is forwarded as it came, and so repairs what is lost on the way to the server and on the way from it. Only who does
//! not take it is sent the primary alone.

/// Most blocks that a payload may repeat. Browsers repeat one, or two if they are told. Higher: a liar makes reading cost
/// more. Lower: somebody's longer memory is not heard at all.
pub(crate) const MAX_REPEATED: usize = 8;

/// One more than the longest offset, in ticks: 14 bits, at 48 kHz a third of a second.
pub(crate) const MAX_OFFSET: u32 = 1 << 14;

/// Marks a header that another follows.
const MORE: u8 = 0x80;

/// Length of the header of a repeated block; the primary's has one byte.
const HEADER: usize = 4;

/// Where things are in a payload that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Red {
    /// Where the headers end.
    headers: usize,
    /// Where the primary block begins.
    primary: usize,
}

/// A repeated block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block<'a> {
    payload_type: u8,
    /// How much older than the primary, in ticks.
    offset: u32,
    body: &'a [u8],
}

impl Red {
    /// Reads a payload whose primary block has this type; none if it has another or is cut off.
    pub(crate) fn read(payload: &[u8], payload_type: u8) -> Option<Self> {
        let (mut at, mut bodies) = (0, 0);
        while payload.get(at)? & MORE != 0 {
            let (_, _, length) = header(payload.get(at..)?.first_chunk()?);
            bodies += length;
            at += HEADER;
            if at > MAX_REPEATED * HEADER {
                return None;
            }
        }
        let headers = at + 1;
        let primary = headers + bodies;
        (payload[at] == payload_type && primary <= payload.len()).then_some(Self { headers, primary })
    }

    /// What is said now. `payload` is the one that was read, here as below.
    pub(crate) fn primary(self, payload: &[u8]) -> &[u8] {
        payload.get(self.primary..).unwrap_or_default()
    }

    /// Appends the payload with another type in its headers, and without what is repeated from further back than `reach`
    /// ticks or is of a type of its own.
    pub(crate) fn rewrite(self, payload: &[u8], payload_type: u8, reach: u32, out: &mut Vec<u8>) {
        let own = payload.get(self.headers.wrapping_sub(1)).copied();
        let may_stay = |b: &Block<'_>| Some(b.payload_type) == own && b.offset <= reach;
        if own == Some(payload_type) && self.repeated(payload).all(|b| may_stay(&b)) {
            out.extend_from_slice(payload);
        } else {
            write(payload_type, self.repeated(payload).filter(may_stay), self.primary(payload), out);
        }
    }

    fn repeated(self, payload: &[u8]) -> impl Iterator<Item = Block<'_>> + Clone {
        let (headers, _) = payload.get(..self.headers).unwrap_or_default().as_chunks::<HEADER>();
        let mut at = self.headers;
        headers.iter().map(move |h| {
            let (payload_type, offset, length) = header(h);
            let body = payload.get(at..at + length).unwrap_or_default();
            at += length;
            Block { payload_type, offset, body }
        })
    }
}

/// Payload type, offset and length of a repeated block.
fn header(h: &[u8; HEADER]) -> (u8, u32, usize) {
    let rest = u32::from_be_bytes([0, h[1], h[2], h[3]]);
    (h[0] & !MORE, rest >> 10, (rest & 0x3ff) as usize)
}

/// Appends blocks as a payload. Each fits its header: it was read from one.
fn write<'a>(
    payload_type: u8,
    repeated: impl Iterator<Item = Block<'a>> + Clone,
    primary: &[u8],
    out: &mut Vec<u8>,
) {
    for b in repeated.clone() {
        #[allow(clippy::cast_possible_truncation)] // 10 bits
        let rest = ((b.offset << 10) | (b.body.len() as u32)).to_be_bytes();
        out.extend_from_slice(&[MORE | payload_type, rest[1], rest[2], rest[3]]);
    }
    out.push(payload_type);
    repeated.for_each(|b| out.extend_from_slice(b.body));
    out.extend_from_slice(primary);
}

/// Any bytes (feature `fuzzing`): what is read is inside, and what is made of it can be read again and repeats no more than
/// it may.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(bytes: &[u8]) {
    let mut input = crate::fuzzing::input::Input::new(bytes);
    let (theirs, ours, reach) = (input.u8() & !MORE, input.u8() & !MORE, input.u16().into());
    hold(input.rest(), theirs, ours, reach);
}

/// The promises, for one payload. `true`: it could be read.
#[cfg(any(test, feature = "fuzzing"))]
fn hold(payload: &[u8], theirs: u8, ours: u8, reach: u32) -> bool {
    let Some(red) = Red::read(payload, theirs) else { return false };
    assert!(payload.ends_with(red.primary(payload)));
    let kept = |b: &Block<'_>| b.payload_type == theirs && b.offset <= reach;
    let expected: Vec<(u32, &[u8])> =
        red.repeated(payload).filter(kept).map(|b| (b.offset, b.body)).collect();
    let made = rewritten(red, payload, ours, reach);
    assert!(made.len() <= payload.len());
    let again = Red::read(&made, ours).expect("what is written can be read");
    assert_eq!(again.primary(&made), red.primary(payload));
    assert!(again.repeated(&made).all(|b| b.payload_type == ours));
    assert_eq!(again.repeated(&made).map(|b| (b.offset, b.body)).collect::<Vec<_>>(), expected);
    assert_eq!(rewritten(again, &made, ours, reach), made, "it is done once");
    true
}

/// [`Red::rewrite`] into a buffer of its own.
#[cfg(any(test, feature = "fuzzing"))]
fn rewritten(red: Red, payload: &[u8], payload_type: u8, reach: u32) -> Vec<u8> {
    let mut out = Vec::new();
    red.rewrite(payload, payload_type, reach, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPUS: u8 = 111;

    /// As Chromium sends it: 20 ms and 40 ms back, then now.
    const PAYLOAD: &[u8] =
        &[0x80 | 111, 0x1e, 0, 2, 0x80 | 111, 0x0f, 0, 3, 111, 0xa1, 0xa2, 0xb1, 0xb2, 0xb3, 0xc1, 0xc2];

    #[test]
    fn what_is_repeated_and_what_is_said_now() {
        let red = Red::read(PAYLOAD, OPUS).unwrap();
        assert_eq!(red.primary(PAYLOAD), [0xc1, 0xc2]);
        let blocks: Vec<_> = red.repeated(PAYLOAD).map(|b| (b.payload_type, b.offset, b.body)).collect();
        assert_eq!(blocks, [(OPUS, 1920, &[0xa1, 0xa2][..]), (OPUS, 960, &[0xb1, 0xb2, 0xb3])]);
    }

    #[test]
    fn only_what_is_older_than_it_may_be_is_taken_out() {
        let red = Red::read(PAYLOAD, OPUS).unwrap();
        assert_eq!(rewritten(red, PAYLOAD, OPUS, 1920), PAYLOAD);
        let one = [0x80 | 111, 0x0f, 0, 3, 111, 0xb1, 0xb2, 0xb3, 0xc1, 0xc2];
        for reach in [960, 1919] {
            assert_eq!(rewritten(red, PAYLOAD, OPUS, reach), one);
        }
        for reach in [0, 959] {
            assert_eq!(rewritten(red, PAYLOAD, OPUS, reach), [111, 0xc1, 0xc2]);
        }
    }

    #[test]
    fn each_receiver_has_its_own_payload_type_in_it() {
        let red = Red::read(PAYLOAD, OPUS).unwrap();
        let made = rewritten(red, PAYLOAD, 96, u32::MAX);
        assert_eq!((made[0], made[4], made[8]), (0x80 | 96, 0x80 | 96, 96));
        assert_eq!((&made[1..4], &made[9..]), (&PAYLOAD[1..4], &PAYLOAD[9..]));
    }

    #[test]
    fn a_block_of_another_codec_is_not_repeated() {
        let mut payload = PAYLOAD.to_vec();
        payload[0] = 0x80 | 13;
        let made = rewritten(Red::read(&payload, OPUS).unwrap(), &payload, OPUS, u32::MAX);
        assert_eq!(made, [0x80 | 111, 0x0f, 0, 3, 111, 0xb1, 0xb2, 0xb3, 0xc1, 0xc2]);
    }

    #[test]
    fn lies_are_no_payload() {
        for cut in 0..14 {
            assert_eq!(Red::read(&PAYLOAD[..cut], OPUS), None, "cut at {cut}");
        }
        assert_eq!(Red::read(PAYLOAD, 96), None, "a primary block of another codec");
        let many = |n: usize| [[0x80 | OPUS, 0, 0, 0].repeat(n), vec![OPUS, 1]].concat();
        assert!(Red::read(&many(MAX_REPEATED), OPUS).is_some());
        assert_eq!(Red::read(&many(MAX_REPEATED + 1), OPUS), None);
        assert_eq!(
            Red::read(&[0x80 | OPUS, 0, 3, 0xff, OPUS, 1], OPUS),
            None,
            "a longer block than there is"
        );
    }

    /// A pause is a packet of one to three bytes, and nothing at all is one too.
    #[test]
    fn the_shortest_payloads() {
        assert_eq!(Red::read(&[OPUS, 0xf8], OPUS).unwrap().primary(&[OPUS, 0xf8]), [0xf8]);
        assert!(Red::read(&[OPUS], OPUS).unwrap().primary(&[OPUS]).is_empty());
    }

    fn blocks() -> impl Strategy<Value = Vec<(bool, u32, Vec<u8>)>> {
        let body = prop::collection::vec(any::<u8>(), 0..200);
        prop::collection::vec((prop::bool::weighted(0.9), 0..MAX_OFFSET, body), 0..=MAX_REPEATED)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(blocks in blocks(), primary in prop::collection::vec(any::<u8>(), 0..200), reach in 0..MAX_OFFSET) {
            let repeated = blocks.iter().map(|(_, offset, body)| Block { payload_type: OPUS, offset: *offset, body });
            let mut payload = Vec::new();
            write(OPUS, repeated, &primary, &mut payload);
            for (i, _) in blocks.iter().enumerate().filter(|(_, (own, ..))| !own) {
                payload[i * HEADER] = MORE | 13;
            }
            prop_assert!(hold(&payload, OPUS, OPUS, reach) && hold(&payload, OPUS, 96, reach));
            prop_assert_eq!(Red::read(&payload, OPUS).unwrap().primary(&payload), &primary[..]);
        }

        #[test]
        fn any_bytes_hold(payload in prop::collection::vec(any::<u8>(), 0..100), reach in 0..MAX_OFFSET) {
            for theirs in payload.iter().take(40) {
                hold(&payload, theirs & !MORE, OPUS, reach);
            }
        }
    }
}
