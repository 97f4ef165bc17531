//! What `rtcp/` writes, as the library reads it.

use crate::rtcp::extended::{Delay, write_delays, write_receiver_reference_time};
use crate::rtcp::feedback::{FullIntraRequest, write_full_intra, write_nack, write_picture_loss, write_remb};
use crate::rtcp::ntp::NtpTime;
use crate::rtcp::reports::{
    ReportBlock, SenderInfo, write_bye, write_cname, write_receiver_report, write_sender_report,
};
use crate::rtcp::transport_feedback::{FeedbackHead, REFERENCE_TICKS, write_transport_feedback};
use proptest::prelude::*;
use std::time::{Duration, Instant, SystemTime};
use str0m::rtp::SeqNo;
use str0m::rtp::rtcp::{ReceptionReport, ReportBlock as XrBlock, Rtcp, SdesType};

/// The only packet of these bytes. The library takes the padding off before it reads.
fn read(bytes: &[u8]) -> Rtcp {
    let words = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    assert_eq!(4 * (words + 1), bytes.len(), "one packet");
    let padding = if bytes[0] & 0x20 == 0 { 0 } else { usize::from(bytes[bytes.len() - 1]) };
    Rtcp::try_from(&bytes[..bytes.len() - padding]).unwrap()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

const BLOCK: ReportBlock = ReportBlock {
    ssrc: 0x0102_0304,
    fraction_lost: 64,
    lost: 0x01_0203,
    highest: 0x0001_fffe,
    jitter: 960,
    last_report: 0x0a0b_0c0d,
    since_last_report: 0x0001_8000,
};

fn is_block(read: &ReceptionReport) {
    assert_eq!((*read.ssrc, read.fraction_lost, read.packets_lost), (BLOCK.ssrc, 64, 0x01_0203));
    assert_eq!((read.max_seq, read.jitter), (BLOCK.highest, BLOCK.jitter));
    assert_eq!((read.last_sr_time, read.last_sr_delay), (BLOCK.last_report, BLOCK.since_last_report));
}

#[test]
fn reports_are_read() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    let info =
        SenderInfo { sender: 9, ntp: NtpTime::from_system(time), rtp: 48_000, packets: 50, octets: 4_000 };
    let Rtcp::SenderReport(sr) = read(&written(|out| write_sender_report(out, &info, [BLOCK]))) else {
        panic!()
    };
    let i = sr.sender_info;
    assert_eq!((*i.ssrc, i.ntp_time, i.rtp_time.numer()), (9, time, 48_000));
    assert_eq!((i.sender_packet_count, i.sender_octet_count), (50, 4_000));
    assert_eq!(sr.reports.len(), 1);
    sr.reports.iter().for_each(is_block);

    let Rtcp::ReceiverReport(rr) = read(&written(|out| write_receiver_report(out, 9, [BLOCK; 31]))) else {
        panic!()
    };
    assert_eq!((*rr.sender_ssrc, rr.reports.len()), (9, 31));
    rr.reports.iter().for_each(is_block);
}

#[test]
fn names_and_ends_are_read() {
    for cname in ["a", "ab", "abc", "abcd"] {
        let Rtcp::SourceDescription(sdes) = read(&written(|out| write_cname(out, 9, cname))) else {
            panic!()
        };
        let chunk = sdes.reports.get(0).unwrap();
        assert_eq!((*chunk.ssrc, chunk.values.get(0)), (9, Some(&(SdesType::CNAME, cname.to_owned()))));
    }
    let Rtcp::Goodbye(bye) = read(&written(|out| write_bye(out, [1, 2]))) else { panic!() };
    assert_eq!(bye.reports.iter().map(|ssrc| **ssrc).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn requests_are_read() {
    let sequences = [65_530, 65_535, 0, 10, 11, 300];
    let Rtcp::Nack(nack) = read(&written(|out| write_nack(out, 1, 2, sequences))) else { panic!() };
    assert_eq!((*nack.sender_ssrc, *nack.ssrc), (1, 2));
    let near: SeqNo = 65_536.into();
    let asked = nack.reports.iter().flat_map(|entry| entry.into_iter(near));
    assert_eq!(asked.map(|n| (*n & 0xffff) as u16).collect::<Vec<_>>(), sequences);

    let Rtcp::Pli(pli) = read(&written(|out| write_picture_loss(out, 1, 2))) else { panic!() };
    assert_eq!((*pli.sender_ssrc, *pli.ssrc), (1, 2));

    let requests = [FullIntraRequest { ssrc: 7, number: 3 }, FullIntraRequest { ssrc: 8, number: 255 }];
    let Rtcp::Fir(fir) = read(&written(|out| write_full_intra(out, 1, requests))) else { panic!() };
    let asked = fir.reports.iter().map(|r| FullIntraRequest { ssrc: *r.ssrc, number: r.seq_no });
    assert_eq!(asked.collect::<Vec<_>>(), requests);

    let Rtcp::Remb(remb) = read(&written(|out| write_remb(out, 1, 1_000_000, [7, 8]))) else { panic!() };
    assert_eq!((remb.bitrate as u64, remb.ssrcs), (1_000_000, vec![7, 8]));
}

#[test]
fn extended_reports_are_read() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    let bytes = written(|out| write_receiver_reference_time(out, 9, NtpTime::from_system(time)));
    let Rtcp::ExtendedReport(xr) = read(&bytes) else { panic!() };
    let [XrBlock::Rrtr(rrtr)] = &xr.blocks[..] else { panic!() };
    assert_eq!((*xr.ssrc, rrtr.ntp_time), (9, time));

    let delays = [1, 4].map(|n| Delay { ssrc: n, last_report: n + 1, since: n + 2 });
    let Rtcp::ExtendedReport(xr) = read(&written(|out| write_delays(out, 9, delays))) else { panic!() };
    let [XrBlock::Dlrr(dlrr)] = &xr.blocks[..] else { panic!() };
    let told = dlrr.items.iter().map(|i| Delay {
        ssrc: *i.ssrc,
        last_report: i.last_rr_time,
        since: i.last_rr_delay,
    });
    assert_eq!(told.collect::<Vec<_>>(), delays);
}

proptest! {
    /// Times of all sizes, forth and back, and packets that did not come.
    #[test]
    fn transport_feedback_is_read(
        steps in prop::collection::vec((prop_oneof![0..3_i64, 0..600_i64, 300..400_i64, -900..900_i64], prop::bool::weighted(0.8)), 1..300),
        base in 0..60_000_u16,
    ) {
        let mut at = 1_000_000;
        let packets: Vec<_> =
            (base..).zip(&steps).map(|(n, &(step, came))| { at += step; (n, came.then_some(at)) }).collect();
        let mut out = Vec::new();
        let head = FeedbackHead { sender: 1, media: 2, base, number: 9 };
        let taken = write_transport_feedback(&mut out, head, packets.iter().copied(), 1_200);
        let Rtcp::Twcc(twcc) = read(&out) else { panic!() };
        prop_assert_eq!((*twcc.sender_ssrc, *twcc.ssrc, twcc.base_seq, twcc.feedback_count), (1, 2, base, 9));
        prop_assert_eq!(usize::from(twcc.status_count), taken);
        let first = packets[..taken].iter().find_map(|(_, at)| *at).unwrap_or_default();
        prop_assert_eq!(i64::from(twcc.reference_time), first / REFERENCE_TICKS);
        let zero = Instant::now();
        let told: Vec<_> = twcc
            .into_iter(zero, u64::from(base).into())
            .map(|(n, _, at)| (*n as u16, at.map(|at| i64::try_from(at.duration_since(zero).as_micros() / 250).unwrap())))
            .collect();
        prop_assert_eq!(&told[..], &packets[..taken]);
    }
}
