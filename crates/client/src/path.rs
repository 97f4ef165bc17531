//! What the ICE checks of a session tell about its way through the network (RFC 8489 §6, RFC 8445 §7). Pure.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Checks whose answer may still come. Higher: slow answers still count. Lower: less to look through.
const MAX_ASKED: usize = 64;

/// The value in each STUN message, and the mask of its addresses.
const MAGIC_COOKIE: u32 = 0x2112_a442;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Length of a STUN header, in bytes.
const HEADER: usize = 20;

type Transaction = [u8; 12];

/// How far a session came, and what the server saw of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaPath {
    /// ICE checks that the server has answered.
    pub answers: u64,
    /// The address from which the server saw the newest of them come: not the own one behind NAT.
    pub seen_from: Option<SocketAddr>,
    /// The shortest round trip of a check.
    pub round_trip: Option<Duration>,
    /// Datagrams that came and are no STUN: DTLS and SRTP.
    pub others: u64,
}

/// Listens to the datagrams of a session.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    asked: VecDeque<(Transaction, Instant)>,
    pub(crate) path: MediaPath,
}

impl Watch {
    /// A datagram leaves.
    pub(crate) fn sent(&mut self, contents: &[u8], now: Instant) {
        if let Some((BINDING_REQUEST, transaction)) = header(contents) {
            if self.asked.len() == MAX_ASKED {
                self.asked.pop_front();
            }
            self.asked.push_back((transaction, now));
        }
    }

    /// A datagram has come. True if that changed something worth telling.
    pub(crate) fn came(&mut self, contents: &[u8], now: Instant) -> bool {
        let Some((kind, transaction)) = header(contents) else {
            self.path.others += 1;
            return self.path.others == 1;
        };
        let Some(at) = self.asked.iter().position(|(t, _)| *t == transaction) else { return false };
        if kind != BINDING_SUCCESS {
            return false;
        }
        let Some((_, asked)) = self.asked.remove(at) else { return false };
        let took = now.saturating_duration_since(asked);
        self.path.answers += 1;
        self.path.seen_from = mapped(contents, transaction).or(self.path.seen_from);
        self.path.round_trip = Some(self.path.round_trip.map_or(took, |least| least.min(took)));
        true
    }
}

/// The kind and the transaction of a STUN message; none for anything else.
fn header(contents: &[u8]) -> Option<(u16, Transaction)> {
    let head = contents.get(..HEADER)?;
    let is_stun = head[0] < 4 && head[4..8] == MAGIC_COOKIE.to_be_bytes();
    Some((u16::from_be_bytes([head[0], head[1]]), head[8..].try_into().ok()?)).filter(|_| is_stun)
}

/// The address in an answer (RFC 8489 §14.2).
fn mapped(contents: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let mut rest = contents.get(HEADER..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let len = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + len)?;
        if kind == XOR_MAPPED_ADDRESS {
            let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?]) ^ (MAGIC_COOKIE >> 16) as u16;
            let ip: IpAddr = match *value.get(1)? {
                1 => {
                    let bits = u32::from_be_bytes(value.get(4..8)?.try_into().ok()?);
                    Ipv4Addr::from_bits(bits ^ MAGIC_COOKIE).into()
                }
                2 => {
                    let mut mask = [0; 16];
                    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
                    mask[4..].copy_from_slice(&transaction);
                    let bits = u128::from_be_bytes(value.get(4..20)?.try_into().ok()?);
                    Ipv6Addr::from_bits(bits ^ u128::from_be_bytes(mask)).into()
                }
                _ => return None,
            };
            return Some(SocketAddr::new(ip, port));
        }
        rest = rest.get(4 + len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: Transaction = [7; 12];

    fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut m = kind.to_be_bytes().to_vec();
        m.extend([0, 0]);
        m.extend(MAGIC_COOKIE.to_be_bytes());
        m.extend(TRANSACTION);
        for (kind, value) in attributes {
            m.extend(kind.to_be_bytes());
            m.extend((value.len() as u16).to_be_bytes());
            m.extend_from_slice(value);
            m.resize(m.len().next_multiple_of(4), 0);
        }
        m
    }

    #[test]
    fn an_answer_tells_the_round_trip_and_the_address_that_was_seen() {
        let start = Instant::now();
        let mut watch = Watch::default();
        watch.sent(&message(BINDING_REQUEST, &[]), start);
        // 192.0.2.1:32853, as in RFC 5769 §2.2, after an attribute that needs padding.
        let v4 = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let answer = message(BINDING_SUCCESS, &[(0x8022, b"abc"), (XOR_MAPPED_ADDRESS, &v4)]);
        assert!(watch.came(&answer, start + Duration::from_millis(30)));
        assert_eq!(watch.path.seen_from, Some("192.0.2.1:32853".parse().unwrap()));
        assert_eq!(watch.path.round_trip, Some(Duration::from_millis(30)));
        assert!(!watch.came(&answer, start), "nobody asked a second time");
        assert_eq!(watch.path.answers, 1);
    }

    #[test]
    fn an_ipv6_address_is_masked_with_the_transaction_too() {
        let start = Instant::now();
        let mut watch = Watch::default();
        watch.sent(&message(BINDING_REQUEST, &[]), start);
        let mut value = vec![0, 2, 0xa1, 0x47];
        let mut mask = MAGIC_COOKIE.to_be_bytes().to_vec();
        mask.extend(TRANSACTION);
        let address: Ipv6Addr = "2001:db8::5".parse().unwrap();
        value.extend(address.octets().iter().zip(mask).map(|(a, m)| a ^ m));
        watch.came(&message(BINDING_SUCCESS, &[(XOR_MAPPED_ADDRESS, &value)]), start);
        assert_eq!(watch.path.seen_from, Some("[2001:db8::5]:32853".parse().unwrap()));
    }

    #[test]
    fn what_is_cut_short_refused_or_no_stun_gives_no_address() {
        let start = Instant::now();
        let whole = message(BINDING_SUCCESS, &[(XOR_MAPPED_ADDRESS, &[0, 1, 0, 0, 1, 2, 3, 4])]);
        for len in 0..whole.len() {
            let mut watch = Watch::default();
            watch.sent(&message(BINDING_REQUEST, &[]), start);
            watch.came(&whole[..len], start);
            assert_eq!(watch.path.seen_from, None, "{len} bytes");
        }
        let mut watch = Watch::default();
        watch.sent(&message(BINDING_REQUEST, &[]), start);
        assert!(!watch.came(&message(0x0111, &[]), start), "an error is no answer that counts");
        assert!(watch.came(&[22; 60], start), "the first datagram of DTLS");
        assert_eq!((watch.path.answers, watch.path.others), (0, 1));
    }
}
