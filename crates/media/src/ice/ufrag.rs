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

impl Owner {
    /// The owner of the session that a server's SDP answer describes, as its ICE user name tells it.
    pub fn of_answer(answer: &str) -> Option<Self> {
        let ufrag = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"))?;
        Ufrag::parse(ufrag.trim_end().as_bytes())?.owner()
    }
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
        let answer = format!("v=0\r\na=ice-ufrag:{}\r\na=ice-pwd:x\r\n", u.as_str());
        assert_eq!(Owner::of_answer(&answer), Some(owner));
        assert_eq!(Owner::of_answer("v=0\r\na=ice-ufrag:abcd\r\n"), None);
    }
}
