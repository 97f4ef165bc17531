//! Headers of DTLS records, read before the library has authenticated anything.

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
