//! What holds of any packets.

use super::*;
use crate::webrtc::srtp::ReplayWindow;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Longer than any datagram of the Internet.
const LONGEST: usize = 1_600;

#[test]
fn every_length_is_opened_as_it_was_sealed() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let payload: Vec<u8> = (0..LONGEST).map(|n| (n * 31) as u8).collect();
        for len in 0..=LONGEST {
            let sealed = sealed_rtp(&mut sealer, len as u64, &payload[..len]);
            assert_eq!(sealed.len(), HEADER + len + sealer.rtp_overhead());
            assert_eq!(sealed[..HEADER], rtp(len as u16, &[])[..], "the header stays in the clear");
            assert!(len < 8 || sealed[HEADER..HEADER + len] != payload[..len]);
            assert_eq!(
                opened_rtp(&mut opener, &sealed, len as u64).unwrap(),
                rtp(len as u16, &payload[..len])
            );

            let compound = rtcp(SSRC, &payload[..len]);
            let sealed = sealed_rtcp(&mut sealer, &compound);
            assert_eq!(sealed.len(), compound.len() + sealer.rtcp_overhead());
            assert_eq!(sealed[..8], compound[..8]);
            assert!(len < 8 || sealed[8..8 + len] != payload[..len]);
            assert_eq!(opened_rtcp(&mut opener, &sealed).unwrap(), compound);
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_never_opens() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        for payload in [&b""[..], b"s", b"sound and picture, a block and a half"] {
            let sealed = sealed_rtp(&mut sealer, 9, payload);
            for bit in 0..8 * sealed.len() {
                let mut bent = sealed.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(opened_rtp(&mut opener, &bent, 9), None, "{profile:?}: bit {bit}");
            }
            // The lower 16 bits are the header's, which were flipped above.
            for bit in 16..48 {
                assert_eq!(
                    opened_rtp(&mut opener, &sealed, 9 ^ 1 << bit),
                    None,
                    "{profile:?}: index, bit {bit}"
                );
            }
            assert!(opened_rtp(&mut opener, &sealed, 9).is_some(), "the twin");

            let sealed = sealed_rtcp(&mut sealer, &rtcp(SSRC, payload));
            for bit in 0..8 * sealed.len() {
                let mut bent = sealed.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(opened_rtcp(&mut opener, &bent), None, "{profile:?}: bit {bit}");
            }
            assert!(opened_rtcp(&mut opener, &sealed).is_some(), "the twin");
        }
    }
}

fn profile() -> impl Strategy<Value = SrtpProfile> {
    prop::sample::select(&PROFILES[..])
}

proptest! {
    #[test]
    fn any_packet_is_opened_as_it_was_sealed(
        profile in profile(),
        index in 0..1_u64 << 48,
        ssrc: u32,
        extra in 0..60_usize,
        payload in prop::collection::vec(any::<u8>(), 0..LONGEST),
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let mut packet = vec![0x5a; 12 + extra];
        packet[2..4].copy_from_slice(&index.to_be_bytes()[6..]);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        packet.extend(&payload);
        let mut sealed = packet.clone();
        prop_assert!(sealer.seal_rtp(&mut sealed, 0, 12 + extra, ssrc, index));
        prop_assert_eq!(opener.open_rtp(&mut sealed, 12 + extra, ssrc, index), Some(packet.len()));
        prop_assert_eq!(&sealed[..packet.len()], &packet[..]);
    }

    #[test]
    fn any_bytes_open_to_nothing(profile in profile(), bytes in prop::collection::vec(any::<u8>(), 0..200), header in 0..80_usize, index: u64) {
        let (_, mut opener) = pair(profile);
        prop_assert_eq!(opener.open_rtp(&mut bytes.clone(), header, SSRC, index), None);
        prop_assert_eq!(opener.open_rtcp(&mut bytes.clone()), None);
    }

    /// A stream across two rollovers, of which some packets are lost, some are late and some come again: each that comes in
    /// the window opens, once.
    #[test]
    fn a_stream_opens_whatever_the_network_does(
        profile in profile(),
        first in 0..32_768_u64,
        steps in prop::collection::vec((1..20_000_u64, 0..100_u64, any::<bool>()), 1..40),
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let mut window = ReplayWindow::default();
        let mut taken = BTreeSet::new();
        let mut newest = first;
        for (lost, late, again) in std::iter::once((0, 0, false)).chain(steps) {
            newest += lost;
            let before = newest.saturating_sub(late);
            for index in [newest, before, if again { newest } else { before }] {
                let sealed = sealed_rtp(&mut sealer, index, b"sound");
                let Some(found) = window.index_of(index as u16) else {
                    prop_assert!(taken.contains(&index), "{} is refused", index);
                    continue;
                };
                prop_assert_eq!(found, index);
                prop_assert!(taken.insert(index), "{} is taken twice", index);
                prop_assert!(opened_rtp(&mut opener, &sealed, found).is_some());
                window.accept(found);
                prop_assert_eq!(window.highest(), Some(newest));
            }
        }
    }

    /// SRTCP packets in any order, some again: each within the window opens, once.
    #[test]
    fn reports_open_once_in_any_order(profile in profile(), order in prop::collection::vec(0..200_u64, 1..300)) {
        let (mut sealer, mut opener) = pair(profile);
        let sealed: Vec<_> = (0..200).map(|_| sealed_rtcp(&mut sealer, &rtcp(SSRC, b"feedback"))).collect();
        let (mut taken, mut highest) = (BTreeSet::new(), 0);
        for index in order {
            highest = highest.max(index);
            let new = highest - index < 128 && taken.insert(index);
            prop_assert_eq!(opened_rtcp(&mut opener, &sealed[index as usize]).is_some(), new, "{}", index);
        }
    }
}
