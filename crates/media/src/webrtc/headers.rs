//! Headers of RTP and DTLS, read before the library has authenticated anything.

/// The header of an RTP packet (RFC 3550 §5.1); `None` for RTCP (RFC 5761 §4) and everything else.
pub(super) fn rtp_header(datagram: &[u8]) -> Option<&[u8; 12]> {
    let header: &[u8; 12] = datagram.first_chunk()?;
    let rtcp = (64..96).contains(&(header[1] & 0x7f));
    ((128..192).contains(&header[0]) && !rtcp).then_some(header)
}

/// The SSRC of an RTP packet; `None` as for [`rtp_header`].
pub(super) fn rtp_ssrc(datagram: &[u8]) -> Option<u32> {
    let h = rtp_header(datagram)?;
    Some(u32::from_be_bytes([h[8], h[9], h[10], h[11]]))
}

/// The payload type of an RTP packet; `None` as for [`rtp_header`].
pub(super) fn rtp_payload_type(datagram: &[u8]) -> Option<u8> {
    Some(rtp_header(datagram)?[1] & 0x7f)
}

/// One of the DTLS records of a datagram is application data (RFC 6347 §4.1).
pub(super) fn has_application_data(datagram: &[u8]) -> bool {
    const APPLICATION_DATA: u8 = 23;
    const HEADER: usize = 13;
    let mut rest = datagram;
    while let Some(&content_type) = rest.first() {
        if content_type == APPLICATION_DATA {
            return true;
        }
        let Some((header, body)) = rest.split_at_checked(HEADER) else { break };
        let Some(next) = body.get(usize::from(u16::from_be_bytes([header[11], header[12]]))..) else { break };
        rest = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ssrc_of_rtcp_and_short_packets_is_not_looked_at() {
        assert_eq!(rtp_ssrc(&[0x80, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9]), Some(0x0102_0304));
        assert_eq!(rtp_ssrc(&[0x80, 200, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9]), None);
        assert_eq!(rtp_ssrc(&[0x80, 111, 0]), None);
        assert_eq!(rtp_ssrc(&[22; 40]), None);
    }

    #[test]
    fn application_data_is_found_behind_other_records() {
        let record = |kind: u8, len: u8| {
            [&[kind, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, len][..], &vec![23; len.into()]].concat()
        };
        assert!(has_application_data(&record(23, 40)));
        assert!(has_application_data(&[record(20, 1), record(22, 30), record(23, 40)].concat()));
        assert!(!has_application_data(&[record(20, 1), record(22, 30)].concat()));
        assert!(!has_application_data(&record(21, 2)[..14]) && !has_application_data(&[]));
    }
}
