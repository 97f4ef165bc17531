//! The picture of a tag, cut into RTP payloads (RFC 6184, packetization mode 1).

use super::{Config, nal};

/// Longest payload, in bytes. With all that is added it is below [`MAX_SEGMENT`](crate::MAX_SEGMENT), so the packets of a
/// picture leave together. Higher: fewer packets. Lower: paths with small packets.
const MAX_PAYLOAD: usize = 1_200;

/// A picture that cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PacketizeError {
    #[error("a unit's length goes beyond its picture")]
    Length,
    #[error("there is no unit in a picture")]
    Empty,
}

/// Appends the payloads of a picture: `body` is a tag's, from the byte after the composition time. A key frame is given the
/// parameter sets before it, since a receiver may have come after the header. The last payload has the marker.
pub(crate) fn packetize(
    body: &[u8],
    key: bool,
    config: &Config,
    out: &mut Vec<Vec<u8>>,
) -> Result<(), PacketizeError> {
    let before = out.len();
    let units = units(body, config.length_size)?;
    if key {
        parameter_sets(config, out);
    }
    let carried = |unit: &&[u8]| match nal::kind(unit[0]) {
        // Those of the header go before; a set that changed comes with a header of its own.
        nal::SPS | nal::PPS => false,
        kind => (nal::SLICE..nal::STAP_A).contains(&kind),
    };
    let sets = out.len();
    for unit in units.into_iter().filter(carried) {
        fragment(unit, out);
    }
    if out.len() == sets {
        out.truncate(before);
        return Err(PacketizeError::Empty);
    }
    Ok(())
}

fn units(mut body: &[u8], length_size: usize) -> Result<Vec<&[u8]>, PacketizeError> {
    let mut units = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_at_checked(length_size).ok_or(PacketizeError::Length)?;
        let length = length.iter().fold(0, |n, &b| n << 8 | usize::from(b));
        let (unit, rest) = rest.split_at_checked(length).ok_or(PacketizeError::Length)?;
        if !unit.is_empty() {
            units.push(unit);
        }
        body = rest;
    }
    Ok(units)
}

/// Both kinds in one packet where they fit (RFC 6184 §5.7.1), as browsers' encoders send them.
fn parameter_sets(config: &Config, out: &mut Vec<Vec<u8>>) {
    let length: usize = config.sets().map(|s| s.len() + 2).sum();
    if length >= MAX_PAYLOAD {
        return config.sets().for_each(|set| fragment(set, out));
    }
    let importance = config.sets().map(|s| s[0] & 0x60).max().unwrap_or(0);
    let mut payload = vec![importance | nal::STAP_A];
    for set in config.sets() {
        payload.extend_from_slice(&u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
        payload.extend_from_slice(set);
    }
    out.push(payload);
}

/// A unit as it is, or in parts of equal length (§5.8): equal ones leave in one segmented send.
fn fragment(unit: &[u8], out: &mut Vec<Vec<u8>>) {
    const START: u8 = 0x80;
    const END: u8 = 0x40;
    let Some((&first, body)) = unit.split_first() else { return };
    if unit.len() <= MAX_PAYLOAD {
        return out.push(unit.to_vec());
    }
    let parts = body.len().div_ceil(MAX_PAYLOAD - 2);
    let size = body.len().div_ceil(parts);
    let count = body.chunks(size).len();
    for (n, part) in body.chunks(size).enumerate() {
        let start = if n == 0 { START } else { 0 };
        let end = if n + 1 == count { END } else { 0 };
        out.push([&[first & 0xe0 | nal::FU_A, start | end | nal::kind(first)], part].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut c = Config::new();
        c.learn(&[0x67, 0x42, 0xc0, 0x1e, 0x8c]);
        c.learn(&[0x68, 0xce, 0x3c, 0x80]);
        c
    }

    fn body(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|u| [&(u.len() as u32).to_be_bytes()[..], u].concat()).collect()
    }

    #[test]
    fn a_key_frame_brings_its_parameter_sets_once() {
        let mut out = Vec::new();
        let picture = body(&[&[9, 0xf0], &[0x67, 1, 2, 3, 4], &[0x65, 7, 7]]);
        packetize(&picture, true, &config(), &mut out).unwrap();
        let kinds: Vec<u8> = out.iter().map(|p| nal::kind(p[0])).collect();
        assert_eq!(kinds, [nal::STAP_A, 9, nal::KEY_SLICE]);
        assert_eq!(out[0][..4], [0x78, 0, 5, 0x67]);
    }

    #[test]
    fn a_long_unit_is_cut_in_parts_of_equal_length() {
        let unit: Vec<u8> = [0x41].into_iter().chain((0..3_000u32).map(|n| n as u8)).collect();
        let mut out = Vec::new();
        packetize(&body(&[&unit]), false, &config(), &mut out).unwrap();
        assert_eq!(out.iter().map(Vec::len).collect::<Vec<_>>(), [1002, 1002, 1002]);
        assert_eq!(out.iter().map(|p| p[1] & 0xc0).collect::<Vec<_>>(), [0x80, 0, 0x40]);
        let whole: Vec<u8> = out.iter().flat_map(|p| p[2..].to_vec()).collect();
        assert_eq!(whole, unit[1..]);
    }

    #[test]
    fn lengths_that_lie_cost_the_picture() {
        let mut out = Vec::new();
        assert_eq!(packetize(&[0, 0, 0, 9, 1], false, &config(), &mut out), Err(PacketizeError::Length));
        assert_eq!(packetize(&[0, 0], false, &config(), &mut out), Err(PacketizeError::Length));
        assert_eq!(packetize(&body(&[&[0x67, 1]]), true, &config(), &mut out), Err(PacketizeError::Empty));
        assert_eq!(packetize(&[], true, &config(), &mut out), Err(PacketizeError::Empty));
        assert!(out.is_empty());
    }
}
