//! The local ICE user name fragment: who owns a session, readable from its first STUN check.
//!
//! Sixteen characters of the ice-char set (RFC 8839 §5.4): four hexadecimal digits of the node, two of the worker, ten
//! random ones. So a datagram that reaches the wrong worker or node can be handed to its owner without a shared map.

/// Length of a local ufrag, in characters. RFC 8839 wants 4 to 256.
pub(crate) const UFRAG_LEN: usize = 16;

/// Characters of a local ICE password. RFC 8839 wants at least 22; 26 of 32 letters are 130 random bits.
const PASSWORD_LEN: usize = 26;

/// Characters of the random part: 50 bits. It only keeps ufrags apart; the password keeps strangers out.
const RANDOM_LEN: usize = 10;

/// Most attributes of a STUN message that are looked at. A browser's check has about eight.
const MAX_STUN_ATTRIBUTES: usize = 24;

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyzABCDEFGH";

/// The ufrag of one of our sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ufrag([u8; UFRAG_LEN]);

/// The part of a server that owns a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The node.
    pub node: u16,
    /// The worker on that node, counted from 0.
    pub worker: u8,
}

impl Ufrag {
    /// A fresh ufrag of `owner`, from random bytes.
    pub(crate) fn new(owner: Owner, random: [u8; RANDOM_LEN]) -> Self {
        let mut text = [0; UFRAG_LEN];
        text[..4].copy_from_slice(&hex16(owner.node));
        text[4..6].copy_from_slice(&hex16(owner.worker.into())[2..]);
        for (t, r) in text[6..].iter_mut().zip(random) {
            *t = letter(r);
        }
        Self(text)
    }

    /// Reads a text as one of our ufrags.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; UFRAG_LEN] = text.try_into().ok()?;
        text.iter().all(u8::is_ascii_alphanumeric).then_some(Self(text))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Who made it, if it has our format.
    pub(crate) fn owner(&self) -> Option<Owner> {
        let node = u16::from_str_radix(std::str::from_utf8(&self.0[..4]).ok()?, 16).ok()?;
        let worker = u8::from_str_radix(std::str::from_utf8(&self.0[4..6]).ok()?, 16).ok()?;
        Some(Owner { node, worker })
    }
}

/// A local ICE password from random bytes.
pub(crate) fn password(random: [u8; PASSWORD_LEN]) -> String {
    random.iter().map(|&r| char::from(letter(r))).collect()
}

fn letter(random: u8) -> u8 {
    ALPHABET[usize::from(random & 31)]
}

fn hex16(n: u16) -> [u8; 4] {
    let digit = |shift: u16| b"0123456789abcdef"[usize::from((n >> shift) & 15)];
    [digit(12), digit(8), digit(4), digit(0)]
}

/// What the first byte of a datagram says it is (RFC 7983 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stun,
    Dtls,
    Rtp,
    Other,
}

pub(crate) fn kind(datagram: &[u8]) -> Kind {
    match datagram.first() {
        Some(0..=3) => Kind::Stun,
        Some(20..=63) => Kind::Dtls,
        Some(128..=191) => Kind::Rtp,
        _ => Kind::Other,
    }
}

/// The local ufrag that a STUN Binding request names in USERNAME (RFC 8445 §7.2.2: `theirs-to-us` is `local:remote`).
/// Nothing is authenticated here; that is the ICE agent's work.
pub(crate) fn named_in_check(datagram: &[u8]) -> Option<Ufrag> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USERNAME: u16 = 0x0006;
    let (header, mut rest) = datagram.split_at_checked(20)?;
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    for _ in 0..MAX_STUN_ATTRIBUTES {
        let (head, body) = rest.split_at_checked(4)?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = body.get(..len)?;
        if u16::from_be_bytes([head[0], head[1]]) == USERNAME {
            let local = value.split(|&b| b == b':').next()?;
            return Ufrag::parse(local);
        }
        rest = body.get(len.next_multiple_of(4)..)?;
    }
    None
}

/// Which worker a datagram belongs to, if it is an ICE check for a session of this server's making. For the shell, to
/// hand a misplaced one to its owner.
pub fn owner_of(datagram: &[u8]) -> Option<Owner> {
    match kind(datagram) {
        Kind::Stun => named_in_check(datagram)?.owner(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ufrag_names_its_node_and_worker() {
        let owner = Owner { node: 0xbeef, worker: 7 };
        let u = Ufrag::new(owner, [3, 250, 1, 2, 3, 4, 5, 6, 7, 31]);
        assert_eq!(u.as_str().len(), UFRAG_LEN);
        assert!(u.as_str().starts_with("beef07"));
        assert_eq!(Ufrag::parse(u.as_str().as_bytes()), Some(u));
        assert_eq!(u.owner(), Some(owner));
    }

    #[test]
    fn foreign_and_cut_checks_name_nobody() {
        assert_eq!(owner_of(b""), None);
        let mut check = vec![0, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42];
        check.extend([7; 12]);
        check.extend([0, 6, 0, 20]);
        check.extend(b"000102abcdefghij:abc");
        assert_eq!(owner_of(&check), Some(Owner { node: 1, worker: 2 }));
        for cut in 0..check.len() {
            assert_eq!(owner_of(&check[..cut]), None, "cut at {cut}");
        }
        check[24] = b'+';
        assert_eq!(owner_of(&check), None);
    }
}
