//! The way of a datagram.

use super::input::Input;
use crate::ice::check;
use crate::ice::demux::{Demux, Destination, MAX_SESSIONS_PER_ADDRESS};
use crate::ice::ufrag::{Kind, Owner, Ufrag, kind};
use crate::key::Key;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const OWNER: Owner = Owner { node: 0x00aa, worker: 3 };

/// The ufrag of session `n`: one that seeds can name.
fn ufrag(n: u8) -> Ufrag {
    Ufrag::new(OWNER, [n % 4; 10])
}

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 9_000 + u16::from(n % 8)))
}

/// Sessions come and go, addresses are bound, datagrams are found: only at sessions that are there, only at addresses
/// that were bound, and a check only at the session that it names.
pub(super) fn demux(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let start = Instant::now();
    let mut demux = Demux::new(OWNER);
    let mut live = [false; 4];
    let mut bound = [[false; 4]; 8];
    let mut passed = 0_u64;
    while !input.is_empty() {
        let (act, a, k) = (input.u8(), input.u8(), input.u8());
        let (source, key, n) = (address(a), Key(u32::from(k % 4)), usize::from(k % 4));
        passed += u64::from(act >> 3);
        let now = start + Duration::from_millis(passed);
        match act & 7 {
            0 => {
                demux.add(ufrag(k), key);
                live[n] = true;
            }
            1 => {
                let addresses: Vec<SocketAddr> = (0..8).map(address).collect();
                demux.remove(&ufrag(k), key, addresses.into_iter());
                live[n] = false;
                bound.iter_mut().for_each(|b| b[n] = false);
            }
            2 if live[n] => {
                demux.bind(source, key, now);
                bound[usize::from(a % 8)][n] = true;
            }
            3 => demux.heard(source, key, now),
            4 => {
                demux.unbind(source, key);
                bound[usize::from(a % 8)][n] = false;
            }
            _ => found(&demux, source, input.piece(), (&live, &bound[usize::from(a % 8)])),
        }
        assert!(demux.len() <= 8 * MAX_SESSIONS_PER_ADDRESS + 4);
    }
}

fn found(demux: &Demux, source: SocketAddr, datagram: &[u8], (live, bound): (&[bool; 4], &[bool; 4])) {
    let check = check::read(datagram);
    let owner = check::owner_of(datagram);
    if let Some(check) = check {
        assert_eq!(kind(datagram), Kind::Stun);
        let text = check.ufrag.as_str();
        assert_eq!(Ufrag::parse(text.as_bytes()), Some(check.ufrag));
        assert_eq!(owner, check.ufrag.owner());
    } else {
        assert_eq!(owner, None);
    }
    match demux.find(source, datagram) {
        Destination::Check(key, found) => {
            assert_eq!(Some(found), check);
            assert!(live[key.0 as usize], "a session that is not there");
            assert_eq!(found.ufrag, ufrag(u8::try_from(key.0).expect("one of four")));
        }
        Destination::Sessions(sharing) => {
            assert!(matches!(kind(datagram), Kind::Dtls | Kind::Rtp));
            let keys = sharing.keys();
            assert!(!keys.is_empty());
            for (i, key) in keys.iter().enumerate() {
                assert!(bound[key.0 as usize], "an address that nobody proved");
                assert!(!keys[..i].contains(key), "the same session twice");
            }
        }
        Destination::Elsewhere => assert!(owner.is_some_and(|o| o != OWNER)),
        Destination::Unknown => {}
    }
}
