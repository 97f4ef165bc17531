//! What a decoder must know first: the parameter sets, as they stand in the packets of a browser and in the header of a
//! pusher (`AVCDecoderConfigurationRecord`, ISO/IEC 14496-15 §5.3.3.1).

use super::nal;

/// Parameter sets of a kind that are kept. Encoders for calls send one of each. Higher: streams that switch between many.
/// Lower: a liar holds less.
const MAX_SETS: usize = 4;

/// Longest parameter set. One of a call has about 30 bytes.
const MAX_SET: usize = 1024;

/// The parameter sets of a stream, each kind in the order in which its ids were first seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Config {
    sps: Vec<Vec<u8>>,
    pps: Vec<Vec<u8>>,
    /// Bytes of the length before each unit of a tag: 1, 2 or 4.
    pub(crate) length_size: usize,
}

/// A header that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the H.264 header is cut short")]
    Short,
    #[error("the H.264 header has lengths of 3 bytes")]
    LengthSize,
    #[error("the H.264 header lacks parameter sets, or has too many or too long ones")]
    Sets,
}

impl Config {
    /// Of a stream that comes in packets.
    pub(crate) fn new() -> Self {
        Self { length_size: 4, ..Self::default() }
    }

    /// Reads the body of a header tag, from the byte after the composition time.
    pub(crate) fn read(record: &[u8]) -> Result<Self, ConfigError> {
        let (head, mut rest) = record.split_first_chunk::<5>().ok_or(ConfigError::Short)?;
        let length_size = usize::from(head[4] & 3) + 1;
        if length_size == 3 {
            return Err(ConfigError::LengthSize);
        }
        let mut sets = [Vec::new(), Vec::new()];
        for (kept, mask) in sets.iter_mut().zip([0x1f, 0xff]) {
            let (&count, after) = rest.split_first().ok_or(ConfigError::Short)?;
            rest = after;
            for _ in 0..count & mask {
                let (length, after) = rest.split_first_chunk::<2>().ok_or(ConfigError::Short)?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (set, after) = after.split_at_checked(length).ok_or(ConfigError::Short)?;
                rest = after;
                if kept.len() >= MAX_SETS || !(4..=MAX_SET).contains(&length.max(4)) || set.is_empty() {
                    return Err(ConfigError::Sets);
                }
                kept.push(set.to_vec());
            }
        }
        let [sps, pps] = sets;
        let whole = sps.first().is_some_and(|s| s.len() >= 4) && !pps.is_empty();
        if whole { Ok(Self { sps, pps, length_size }) } else { Err(ConfigError::Sets) }
    }

    /// Takes a parameter set of the stream. `true`: it says something new.
    pub(crate) fn learn(&mut self, unit: &[u8]) -> bool {
        let Some((&first, body)) = unit.split_first() else { return false };
        if unit.len() > MAX_SET {
            return false;
        }
        let (kept, id) = match nal::kind(first) {
            // The id follows profile, constraints and level (§7.3.2.1.1).
            nal::SPS if unit.len() >= 5 => (&mut self.sps, id_at(&body[3..])),
            nal::PPS => (&mut self.pps, id_at(body)),
            _ => return false,
        };
        let skip = if nal::kind(first) == nal::SPS { 4 } else { 1 };
        if let Some(known) = kept.iter_mut().find(|k| id_at(&k[skip..]) == id) {
            if known == unit {
                return false;
            }
            *known = unit.to_vec();
            return true;
        }
        if kept.len() >= MAX_SETS {
            kept.remove(0);
        }
        kept.push(unit.to_vec());
        true
    }

    /// There is enough for a decoder to begin.
    pub(crate) fn is_whole(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// All parameter sets, in the order in which a decoder takes them.
    pub(crate) fn sets(&self) -> impl Iterator<Item = &[u8]> {
        self.sps.iter().chain(&self.pps).map(Vec::as_slice)
    }

    /// The body of a header tag, with lengths of four bytes. None: a set is missing.
    pub(crate) fn record(&self) -> Option<Vec<u8>> {
        let first = self.sps.first()?;
        self.pps.first()?;
        let mut out = vec![1, *first.get(1)?, *first.get(2)?, *first.get(3)?, 0xff];
        for (sets, reserved) in [(&self.sps, 0xe0), (&self.pps, 0)] {
            // MAX_SETS and MAX_SET keep both within their fields.
            out.push(reserved | u8::try_from(sets.len()).unwrap_or(u8::MAX));
            for set in sets {
                out.extend_from_slice(&u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
                out.extend_from_slice(set);
            }
        }
        Some(out)
    }
}

/// The Exp-Golomb number that begins a payload (§9.1). Ids are below 256, so 17 bits hold each.
fn id_at(bytes: &[u8]) -> u32 {
    let mut head = [0; 8];
    head.iter_mut().zip(bytes).for_each(|(h, b)| *h = *b);
    let bits = u64::from_be_bytes(head);
    let zeros = bits.leading_zeros().min(16);
    u32::try_from(bits >> (63 - 2 * zeros)).unwrap_or(u32::MAX).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 8] = [0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50];
    const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

    fn config() -> Config {
        let mut c = Config::new();
        assert!(c.learn(&SPS) && !c.is_whole() && c.learn(&PPS) && c.is_whole());
        c
    }

    #[test]
    fn what_was_learned_is_written_and_read_again() {
        let record = config().record().unwrap();
        assert_eq!(record[..6], [1, 0x42, 0xc0, 0x1e, 0xff, 0xe1]);
        assert_eq!(Config::read(&record), Ok(config()));
        for cut in 0..record.len() {
            assert!(Config::read(&record[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn only_what_is_new_is_new() {
        let mut c = config();
        assert!(!c.learn(&SPS) && !c.learn(&PPS));
        let larger = [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x51];
        assert!(c.learn(&larger));
        assert_eq!(
            c.sets().collect::<Vec<_>>(),
            [&larger[..], &PPS],
            "of the same id: in place of the other"
        );
        let second = [0x68, 0x4e, 0x3c, 0x80];
        assert!(c.learn(&second), "of another id: beside it");
        assert_eq!(c.sets().count(), 3);
    }

    #[test]
    fn lies_are_refused_and_bounded() {
        assert_eq!(
            Config::read(&[1, 0x42, 0, 0x1e, 0xfe, 0xe1, 0, 4, 0x67, 1, 2, 3, 1]),
            Err(ConfigError::LengthSize)
        );
        assert_eq!(Config::read(&[1, 0x42, 0, 0x1e, 0xff, 0xe0, 0]), Err(ConfigError::Sets));
        assert_eq!(Config::read(&[1, 0x42, 0, 0x1e, 0xff, 0xe1, 0xff, 0xff, 0x67]), Err(ConfigError::Short));
        let mut c = config();
        assert!(
            !c.learn(&[0x68; MAX_SET + 1])
                && !c.learn(&[])
                && !c.learn(&[0x67, 1])
                && !c.learn(&[0x65, 1, 2])
        );
        for id in 0..100u8 {
            c.learn(&[0x68, 0x80 >> (id % 8), id, 1]);
        }
        assert!(c.pps.len() <= MAX_SETS);
    }

    #[test]
    fn ids_are_exp_golomb_numbers() {
        for (bytes, id) in [(&[0x80][..], 0), (&[0x40], 1), (&[0x60], 2), (&[0x20], 3), (&[0x01, 0x02], 128)]
        {
            assert_eq!(id_at(bytes), id, "{bytes:x?}");
        }
        let _ = (id_at(&[]), id_at(&[0; 9]));
    }
}
