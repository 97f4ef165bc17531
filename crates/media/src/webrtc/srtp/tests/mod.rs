//! Packets through [`Sealer`] and [`Opener`].

mod other_library;
mod properties;
mod rfc;

use super::keys::MasterKey;
use super::keys::SessionKeys;
use super::{Opener, Sealer, master_keys};
use crate::webrtc::SrtpProfile;

const PROFILES: [SrtpProfile; 3] =
    [SrtpProfile::Aes128CmSha1, SrtpProfile::Aes128Gcm, SrtpProfile::Aes256Gcm];

const SSRC: u32 = 0xcafe_babe;

/// Bytes of the header of [`rtp`].
const HEADER: usize = 24;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| (b as char).to_digit(16).unwrap() as u8)
        .collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Bytes of what a handshake exports for a profile.
fn exported_len(profile: SrtpProfile) -> usize {
    match profile {
        SrtpProfile::Aes128CmSha1 => 60,
        SrtpProfile::Aes128Gcm => 56,
        SrtpProfile::Aes256Gcm => 88,
    }
}

/// The client's and the server's keys out of an export that counts in sevens.
fn keys(profile: SrtpProfile) -> (MasterKey, MasterKey) {
    let exported: Vec<u8> = (0..exported_len(profile)).map(|n| (7 * n + 3) as u8).collect();
    master_keys(profile, &exported).unwrap()
}

/// What the client sends with, and what the server opens it with.
fn pair(profile: SrtpProfile) -> (Sealer, Opener) {
    let key = keys(profile).0;
    (Sealer::new(&key).unwrap(), Opener::new(&key).unwrap())
}

/// A packet of sound with a contributing source and an extension.
fn rtp(seq: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = seq.to_be_bytes();
    let mut packet = vec![0x91, 0x80 | 111, high, low, 0xde, 0xca, 0xfb, 0xad];
    packet.extend(SSRC.to_be_bytes());
    packet.extend([0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]);
    packet.extend(payload);
    packet
}

/// A receiver report with no blocks, and then whatever there is.
fn rtcp(ssrc: u32, rest: &[u8]) -> Vec<u8> {
    let mut compound = vec![0x80, 201, 0, 1];
    compound.extend(ssrc.to_be_bytes());
    compound.extend(rest);
    compound
}

fn sealed_rtp(sealer: &mut Sealer, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = rtp(index as u16, payload);
    assert!(sealer.seal_rtp(&mut packet, 0, HEADER, SSRC, index));
    packet
}

fn sealed_rtcp(sealer: &mut Sealer, compound: &[u8]) -> Vec<u8> {
    let mut packet = compound.to_vec();
    assert!(sealer.seal_rtcp(&mut packet, 0));
    packet
}

/// Header and payload, if it opens.
fn opened_rtp(opener: &mut Opener, sealed: &[u8], index: u64) -> Option<Vec<u8>> {
    let mut packet = sealed.to_vec();
    let len = opener.open_rtp(&mut packet, HEADER, SSRC, index)?;
    packet.truncate(len);
    Some(packet)
}

/// The compound, if it opens.
fn opened_rtcp(opener: &mut Opener, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut packet = sealed.to_vec();
    let len = opener.open_rtcp(&mut packet)?;
    packet.truncate(len);
    Some(packet)
}

#[test]
fn an_export_of_another_length_makes_no_keys() {
    for profile in PROFILES {
        for len in 0..200 {
            assert_eq!(
                master_keys(profile, &vec![7; len]).is_some(),
                len == exported_len(profile),
                "{profile:?} {len}"
            );
        }
    }
}

#[test]
fn a_packet_in_the_middle_of_a_buffer_leaves_what_is_before_it() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let before = b"the packet before".to_vec();
        let mut buffer = [before.clone(), rtp(9, b"sound")].concat();
        assert!(sealer.seal_rtp(&mut buffer, before.len(), HEADER, SSRC, 9));
        assert_eq!(buffer.len(), before.len() + HEADER + 5 + sealer.rtp_overhead());
        assert_eq!(buffer[..before.len()], before);
        assert_eq!(opened_rtp(&mut opener, &buffer[before.len()..], 9).unwrap(), rtp(9, b"sound"));

        let mut buffer = [before.clone(), rtcp(SSRC, b"feedback")].concat();
        assert!(sealer.seal_rtcp(&mut buffer, before.len()));
        assert_eq!(buffer.len(), before.len() + 16 + sealer.rtcp_overhead());
        assert_eq!(buffer[..before.len()], before);
        assert_eq!(opened_rtcp(&mut opener, &buffer[before.len()..]).unwrap(), rtcp(SSRC, b"feedback"));
    }
}

#[test]
fn what_is_no_packet_is_not_sealed_and_left_as_it_was() {
    for profile in PROFILES {
        let (mut sealer, _) = pair(profile);
        let packet = rtp(9, b"sound");
        let mut buffer = packet.clone();
        for (start, header) in [(0, 11), (0, 30), (20, 12), (29, 12), (30, 12), (usize::MAX, usize::MAX)] {
            assert!(!sealer.seal_rtp(&mut buffer, start, header, SSRC, 9), "{start} {header}");
        }
        assert!(!sealer.seal_rtp(&mut buffer, 0, HEADER, SSRC, 1 << 48 | 9), "no index of 49 bits");
        for start in [22, 29, 30, usize::MAX] {
            assert!(!sealer.seal_rtcp(&mut buffer, start), "{start}");
        }
        assert_eq!(buffer, packet);
        assert!(sealer.seal_rtp(&mut buffer, 0, HEADER, SSRC, 9), "the twin");
    }
}

#[test]
fn what_is_no_packet_does_not_open() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let sealed = sealed_rtp(&mut sealer, 9, &[]);
        for len in 0..sealed.len() {
            for header in [0, 11, 12, HEADER, HEADER + 1, usize::MAX] {
                assert_eq!(
                    opener.open_rtp(&mut sealed[..len].to_vec(), header, SSRC, 9),
                    None,
                    "{len} {header}"
                );
            }
        }
        for header in [0, 11, HEADER + 1, usize::MAX] {
            assert_eq!(opener.open_rtp(&mut sealed.clone(), header, SSRC, 9), None, "{header}");
        }
        assert_eq!(opener.open_rtp(&mut sealed.clone(), HEADER, SSRC, 9), Some(HEADER), "the twin");

        let sealed = sealed_rtcp(&mut sealer, &rtcp(SSRC, &[]));
        for len in 0..sealed.len() {
            assert_eq!(opener.open_rtcp(&mut sealed[..len].to_vec()), None, "{len}");
        }
        assert_eq!(opener.open_rtcp(&mut sealed.clone()), Some(8), "the twin");
    }
}

/// Keys of the other direction, of another handshake and of the other purpose open nothing.
#[test]
fn only_the_right_key_opens() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let sound = sealed_rtp(&mut sealer, 9, b"sound");
        let report = sealed_rtcp(&mut sealer, &rtcp(SSRC, b"feedback"));
        let other = master_keys(profile, &vec![7; exported_len(profile)]).unwrap().0;
        for wrong in [keys(profile).1, other] {
            let mut wrong = Opener::new(&wrong).unwrap();
            assert_eq!(opened_rtp(&mut wrong, &sound, 9), None);
            assert_eq!(opened_rtcp(&mut wrong, &report), None);
        }
        assert_eq!(opener.open_rtp(&mut report.clone(), 12, SSRC, 0), None);
        assert_eq!(opener.open_rtcp(&mut sound.clone()), None);
        assert!(opened_rtp(&mut opener, &sound, 9).is_some() && opened_rtcp(&mut opener, &report).is_some());
    }
}

#[test]
fn a_report_opens_once_and_within_the_window() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let sealed: Vec<_> =
            (0..300u16).map(|n| sealed_rtcp(&mut sealer, &rtcp(SSRC, &n.to_be_bytes()))).collect();
        let mut opens = |n: u16| match opened_rtcp(&mut opener, &sealed[usize::from(n)]) {
            Some(compound) => compound == rtcp(SSRC, &n.to_be_bytes()),
            None => false,
        };
        assert!(opens(0) && !opens(0));
        assert!(opens(2) && opens(1) && !opens(2) && !opens(1), "overtaken");
        assert!(opens(299), "297 were lost");
        assert!(!opens(299 - 128) && opens(299 - 127), "the edge of the window");
        assert!(!opens(299) && !opens(299 - 127) && !opens(0));
        assert!(opens(298));
    }
}

/// Each sender counts for itself, and one that cannot authenticate anything takes nobody's place.
#[test]
fn senders_of_reports_are_bounded() {
    use super::open::MAX_RTCP_SENDERS;
    for profile in PROFILES {
        let key = keys(profile).0;
        let (mut sealer, mut opener) = pair(profile);
        let mut bent = sealed_rtcp(&mut sealer, &rtcp(SSRC, b"feedback"));
        for ssrc in 0..2 * MAX_RTCP_SENDERS as u32 {
            bent[4..8].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(opened_rtcp(&mut opener, &bent), None);
        }
        for ssrc in 0..2 * MAX_RTCP_SENDERS as u32 {
            // Another sealer for each: all count from zero.
            let sealed = sealed_rtcp(&mut Sealer::new(&key).unwrap(), &rtcp(ssrc, b"feedback"));
            assert_eq!(opened_rtcp(&mut opener, &sealed).is_some(), ssrc < MAX_RTCP_SENDERS as u32, "{ssrc}");
            assert_eq!(opened_rtcp(&mut opener, &sealed), None, "{ssrc}");
        }
    }
}

#[test]
fn no_report_is_sealed_when_all_indices_are_used_up() {
    for profile in PROFILES {
        let session = keys(profile).0.session(super::keys::Purpose::Rtcp).unwrap();
        let mut sealer = Sealer::given(&session, (1 << 31) - 1);
        let mut opener = Opener::given(&session);
        let last = sealed_rtcp(&mut sealer, &rtcp(SSRC, &[]));
        assert_eq!(opened_rtcp(&mut opener, &last).unwrap(), rtcp(SSRC, &[]));
        let mut buffer = rtcp(SSRC, &[]);
        for _ in 0..3 {
            assert!(!sealer.seal_rtcp(&mut buffer, 0));
        }
        assert_eq!(buffer, rtcp(SSRC, &[]));
    }
}
