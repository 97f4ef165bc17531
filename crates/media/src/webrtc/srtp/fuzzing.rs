//! What comes from the network into SRTP (feature `fuzzing`).

use super::keys::MasterKey;
use super::{Opener, ReplayWindow, Sealer, master_keys};
use crate::fuzzing::input::Input;
use crate::webrtc::SrtpProfile;

const SSRC: u32 = 0x5afe_5afe;

fn key(choice: u8) -> MasterKey {
    let (profile, exported) = match choice % 3 {
        0 => (SrtpProfile::Aes128CmSha1, 60),
        1 => (SrtpProfile::Aes128Gcm, 56),
        _ => (SrtpProfile::Aes256Gcm, 88),
    };
    master_keys(profile, &vec![0x5a; exported]).expect("a length that fits").0
}

/// Arbitrary bytes never open. What was sealed opens once, and with a change never; packets are lost, come late and come
/// again.
pub(crate) fn srtp(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let key = key(input.u8());
    let (Some(mut sealer), Some(mut opener)) = (Sealer::new(&key), Opener::new(&key)) else {
        panic!("a key is refused")
    };
    let mut window = ReplayWindow::default();
    let mut newest = 0_u64;
    let mut reports = Vec::new();
    while !input.is_empty() {
        let act = input.u8();
        match act & 3 {
            0 => {
                let (header, index) = (input.u8().into(), input.u64());
                let packet = input.piece();
                assert_eq!(opener.open_rtp(&mut packet.to_vec(), header, SSRC, index), None);
                assert_eq!(opener.open_rtcp(&mut packet.to_vec()), None);
            }
            1 => {
                // Fewer than half the range of sequence numbers, so that the receiver can tell.
                newest += u64::from(input.u16() >> 1);
                sound(&mut input, newest, (&mut sealer, &mut opener), &mut window);
            }
            2 => {
                let late = newest.saturating_sub(input.u16().into());
                sound(&mut input, late, (&mut sealer, &mut opener), &mut window);
            }
            _ => {
                let mut sealed = [&[0x80, 201, 0, 1][..], &SSRC.to_be_bytes(), input.piece()].concat();
                let compound = sealed.clone();
                assert!(sealer.seal_rtcp(&mut sealed, 0));
                if let Some(mut bent) = bent(&mut input, &sealed) {
                    assert_eq!(opener.open_rtcp(&mut bent), None);
                }
                let len = opener.open_rtcp(&mut sealed.clone()).expect("what was sealed opens");
                assert_eq!(len, compound.len());
                reports.push(sealed);
                let again = usize::from(input.u8()) % reports.len();
                assert_eq!(opener.open_rtcp(&mut reports[again].clone()), None, "once");
            }
        }
    }
}

/// A packet is sealed, comes bent, and then as it is, if it is new.
fn sound(
    input: &mut Input<'_>,
    index: u64,
    (sealer, opener): (&mut Sealer, &mut Opener),
    window: &mut ReplayWindow,
) {
    let extra = usize::from(input.u8() & 0x3f);
    let header = 12 + extra;
    let mut packet = vec![0x80, 111];
    packet.extend_from_slice(&(index as u16).to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&SSRC.to_be_bytes());
    packet.resize(header, 0x5a);
    packet.extend_from_slice(input.piece());
    let mut sealed = packet.clone();
    assert!(sealer.seal_rtp(&mut sealed, 0, header, SSRC, index));
    assert_eq!(sealed.len(), packet.len() + sealer.rtp_overhead());
    if let Some(mut bent) = bent(input, &sealed) {
        assert_eq!(opener.open_rtp(&mut bent, header, SSRC, index), None);
    }
    let Some(found) = window.index_of(index as u16) else { return };
    // Below the reach of the window a number is that of another rollover, or the same index.
    if found == index {
        assert_eq!(opener.open_rtp(&mut sealed, header, SSRC, found), Some(packet.len()));
        assert_eq!(sealed[..packet.len()], packet);
        window.accept(found);
        assert_eq!(window.index_of(index as u16), None, "once");
    } else {
        assert_eq!(opener.open_rtp(&mut sealed, header, SSRC, found), None);
    }
    assert!(window.highest().is_none_or(|highest| highest >> 48 == 0));
}

/// The packet with bytes changed or its end cut off, if that changes it.
fn bent(input: &mut Input<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
    let (at, change, keep) = (input.u16(), input.u8(), input.u8());
    let mut bent = sealed.to_vec();
    let at = usize::from(at) % bent.len();
    bent[at] ^= change;
    if keep & 1 != 0 {
        bent.truncate(at);
    }
    (bent != sealed).then_some(bent)
}
