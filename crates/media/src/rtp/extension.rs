//! The values of the RTP header extensions (RFC 8285) that are used here. A value may have bytes behind those that count:
//! they are passed over.

use crate::rtp::packet::PlayoutDelay;

/// Milliseconds of a step of [`PlayoutDelay`].
const STEP_MS: u16 = 10;

/// The longest [`PlayoutDelay`], in steps: 12 bits.
const MOST_STEPS: u16 = 0xfff;

/// Loudness in dBov, 0 to -127, and whether the sender takes the sound for a voice (RFC 6464 §3).
pub(crate) fn read_audio_level(value: &[u8]) -> Option<(i8, bool)> {
    let &byte = value.first()?;
    Some((-(byte & 0x7f).cast_signed(), byte & 0x80 != 0))
}

/// Loudness in dBov, 0 to -127 (what is above is 0, what is below -127), and whether it is a voice (RFC 6464 §3).
pub(crate) fn write_audio_level(level: i8, voice: bool) -> [u8; 1] {
    [u8::from(voice) << 7 | level.min(0).unsigned_abs().min(127)]
}

/// Bounds of the time between the arrival of a picture and its display: 12 bits each, in steps of 10 ms.
#[cfg(test)]
pub(crate) fn read_playout_delay(value: &[u8]) -> Option<PlayoutDelay> {
    let &[a, b, c] = value.first_chunk()?;
    let min = u16::from_be_bytes([a, b]) >> 4;
    let max = u16::from_be_bytes([b & 0x0f, c]);
    Some(PlayoutDelay { min_ms: min * STEP_MS, max_ms: max * STEP_MS })
}

/// Bounds of the time between the arrival of a picture and its display, as [`read_playout_delay`] reads them. What is no
/// whole step is cut off, what is too long is the longest.
pub(crate) fn write_playout_delay(delay: PlayoutDelay) -> [u8; 3] {
    let steps = |ms: u16| u32::from((ms / STEP_MS).min(MOST_STEPS));
    let [_, bytes @ ..] = (steps(delay.min_ms) << 12 | steps(delay.max_ms)).to_be_bytes();
    bytes
}

/// A transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
pub(crate) fn read_transport_sequence(value: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*value.first_chunk()?))
}

/// A transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
pub(crate) fn write_transport_sequence(sequence: u16) -> [u8; 2] {
    sequence.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_level_is_the_negative_of_seven_bits() {
        assert_eq!(read_audio_level(&[0x80 | 30]), Some((-30, true)));
        assert_eq!(read_audio_level(&[127, 9, 9]), Some((-127, false)));
        assert_eq!(read_audio_level(&[]), None);
        assert_eq!(write_audio_level(-30, true), [0x80 | 30]);
        assert_eq!([write_audio_level(5, false), write_audio_level(i8::MIN, false)], [[0], [127]]);
    }

    #[test]
    fn delays_are_twelve_bits_each() {
        let delay = PlayoutDelay { min_ms: 0x123 * 10, max_ms: 0x456 * 10 };
        assert_eq!(read_playout_delay(&[0x12, 0x34, 0x56]), Some(delay));
        assert_eq!(write_playout_delay(delay), [0x12, 0x34, 0x56]);
        assert_eq!(read_playout_delay(&[0x12, 0x34]), None);
        assert_eq!(write_playout_delay(PlayoutDelay { min_ms: 19, max_ms: 40_960 }), [0, 0x1f, 0xff]);
    }

    #[test]
    fn a_transport_sequence_is_the_first_two_bytes() {
        assert_eq!(read_transport_sequence(&[0x12, 0x34]), Some(0x1234));
        assert_eq!(read_transport_sequence(&[0x12, 0x34, 9]), Some(0x1234));
        assert_eq!(read_transport_sequence(&[0x12]), None);
        assert_eq!(write_transport_sequence(0x1234), [0x12, 0x34]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(level in -127..=0_i8, voice: bool, min in 0..=0xfff_u16, max in 0..=0xfff_u16) {
            prop_assert_eq!(read_audio_level(&write_audio_level(level, voice)), Some((level, voice)));
            let delay = PlayoutDelay { min_ms: min * 10, max_ms: max * 10 };
            prop_assert_eq!(read_playout_delay(&write_playout_delay(delay)), Some(delay));
        }
    }
}
