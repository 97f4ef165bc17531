//! What lets a connection push or play: drawn for one call, one device and one direction, and gone with them.

use std::fmt;

/// Random bytes of a ticket. 15 bytes are 120 bits: not to be guessed.
pub(crate) const RANDOM_BYTES: usize = 15;

/// The query parameter that carries it.
const PARAMETER: &str = "ticket=";

/// A ticket: the worker that knows it in two hexadecimal digits, then thirty random ones. Whoever has it may push or
/// play, so it is printed nowhere but in the URL that is given to its device.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamTicket(String);

impl StreamTicket {
    /// A new one.
    pub(crate) fn new(worker: u8, random: [u8; RANDOM_BYTES]) -> Self {
        use fmt::Write;
        let mut text = format!("{worker:02x}");
        for byte in random {
            let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
        }
        Self(text)
    }

    /// Reads one. `None`: it is not of a ticket's form.
    pub fn parse(text: &str) -> Option<Self> {
        let whole = text.len() == 2 * (1 + RANDOM_BYTES);
        (whole && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The one in the query of a URL.
    pub(crate) fn of_query(query: &str) -> Option<Self> {
        query.split('&').find_map(|p| p.strip_prefix(PARAMETER)).and_then(Self::parse)
    }

    /// The worker that knows it.
    pub fn worker(&self) -> u8 {
        u8::from_str_radix(&self.0[..2], 16).unwrap_or_default()
    }

    /// The ticket as text, for the URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamTicket(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_names_its_worker_and_nothing_prints_it() {
        let ticket = StreamTicket::new(11, [0xab; RANDOM_BYTES]);
        assert_eq!((ticket.worker(), ticket.as_str().len()), (11, 32));
        assert_eq!(
            StreamTicket::of_query(&format!("a=1&ticket={}&b=2", ticket.as_str())),
            Some(ticket.clone())
        );
        assert_eq!(format!("{ticket:?}"), "StreamTicket(…)");
        for wrong in ["", "0bab", &"g".repeat(32), &"é".repeat(16)] {
            assert_eq!(StreamTicket::parse(wrong), None, "{wrong}");
        }
    }
}
