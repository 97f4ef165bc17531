//! What the payload of an RTP packet says about the picture that it belongs to.

use crate::rtp::codec::Codec;

/// NAL unit types of H.264 (RFC 6184 §5.2, ITU-T H.264 table 7-1).
const IDR: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// A key frame begins with this packet: nothing before it is needed any more. Sound has none.
pub(crate) fn begins_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => false,
        Codec::H264 => h264(payload),
        Codec::Vp8 => vp8(payload),
    }
}

/// A sequence parameter set, which goes before a key frame, or the first piece of an IDR slice.
fn h264(payload: &[u8]) -> bool {
    let Some((&header, rest)) = payload.split_first() else { return false };
    let opens = |unit: u8| matches!(unit & 0x1f, IDR | SEQUENCE_PARAMETERS);
    match header & 0x1f {
        // Units with their lengths of two bytes before them (§5.7.1); which one is first does not matter.
        STAP_A => {
            let mut rest = rest;
            while let Some((length, units)) = rest.split_first_chunk::<2>() {
                let Some((unit, after)) = units.split_at_checked(u16::from_be_bytes(*length).into()) else {
                    return false;
                };
                if unit.first().is_some_and(|&u| opens(u)) {
                    return true;
                }
                rest = after;
            }
            false
        }
        // The start bit and the type of the unit that is in pieces (§5.8).
        FU_A => rest.first().is_some_and(|&fu| fu & 0x80 != 0 && opens(fu)),
        _ => opens(header),
    }
}

/// The first packet of the first partition, of a frame that refers to no other (RFC 7741 §4.2, §4.3).
fn vp8(payload: &[u8]) -> bool {
    let descriptor = || {
        let (&first, mut rest) = payload.split_first()?;
        // Start of partition 0.
        if first & 0x17 != 0x10 {
            return None;
        }
        if first & 0x80 != 0 {
            let (&extension, after) = rest.split_first()?;
            rest = after;
            if extension & 0x80 != 0 {
                let long = rest.first()? & 0x80 != 0;
                rest = rest.get(if long { 2 } else { 1 }..)?;
            }
            if extension & 0x40 != 0 {
                rest = rest.get(1..)?;
            }
            if extension & 0x30 != 0 {
                rest = rest.get(1..)?;
            }
        }
        rest.first().copied()
    };
    descriptor().is_some_and(|frame| frame & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn key_frames_are_told_by_their_first_packet() {
        let cases: [(Codec, &[u8], bool, &str); 16] = [
            (Codec::H264, &[0x65, 1], true, "an IDR slice"),
            (Codec::H264, &[0x67, 1], true, "a sequence parameter set"),
            (Codec::H264, &[0x68, 1], false, "a picture parameter set alone"),
            (Codec::H264, &[0x41, 1], false, "another slice"),
            (Codec::H264, &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], true, "both sets in one packet"),
            (Codec::H264, &[0x78, 0, 2, 0x06, 1, 0, 2, 0x65, 1], true, "an IDR slice behind something else"),
            (Codec::H264, &[0x78, 0, 9, 0x67, 1], false, "a length that lies"),
            (Codec::H264, &[0x7c, 0x85, 1], true, "the first piece of an IDR slice"),
            (Codec::H264, &[0x7c, 0x05, 1], false, "another piece"),
            (Codec::H264, &[0x7c, 0x81, 1], false, "the first piece of another slice"),
            (Codec::Vp8, &[0x10, 0x30], true, "a key frame, no extension"),
            (Codec::Vp8, &[0x10, 0x31], false, "another frame"),
            (Codec::Vp8, &[0x00, 0x30], false, "not the start"),
            (Codec::Vp8, &[0x11, 0x30], false, "another partition"),
            (Codec::Vp8, &[0x90, 0xf0, 0x81, 2, 3, 4, 0x30], true, "all extensions, a long picture id"),
            (Codec::Opus, &[0x65], false, "sound"),
        ];
        for (codec, payload, begins, what) in cases {
            assert_eq!(begins_keyframe(codec, payload), begins, "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(payload in proptest::collection::vec(any::<u8>(), 0..40), h264: bool) {
            begins_keyframe(if h264 { Codec::H264 } else { Codec::Vp8 }, &payload);
        }
    }
}
