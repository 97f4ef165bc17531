//! Ethernet frames, as far as a network of hosts with one gateway needs them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// Destination, source, type.
const ETHERNET: usize = 14;
const TYPE_IPV4: u16 = 0x0800;
const TYPE_IPV6: u16 = 0x86dd;
const UDP: u8 = 17;
/// Fixed parts of the two headers.
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// What the network must know of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) to: IpAddr,
    /// Of the IP packet.
    pub(crate) bytes: usize,
    pub(crate) is_udp: bool,
}

/// The IP packet of a frame, or nothing where it holds none.
pub(crate) fn parse(frame: &[u8]) -> Option<Packet> {
    let kind = u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?);
    let ip = &frame[ETHERNET..];
    match kind {
        TYPE_IPV4 if ip.len() >= IPV4_HEADER => {
            let to: [u8; 4] = ip[16..20].try_into().ok()?;
            // The frame may be padded to the shortest one of Ethernet.
            let bytes = usize::from(u16::from_be_bytes([ip[2], ip[3]])).clamp(IPV4_HEADER, ip.len());
            Some(Packet { to: Ipv4Addr::from(to).into(), bytes, is_udp: ip[9] == UDP })
        }
        TYPE_IPV6 if ip.len() >= IPV6_HEADER => {
            let to: [u8; 16] = ip[24..40].try_into().ok()?;
            let bytes = (IPV6_HEADER + usize::from(u16::from_be_bytes([ip[4], ip[5]]))).min(ip.len());
            Some(Packet { to: Ipv6Addr::from(to).into(), bytes, is_udp: ip[6] == UDP })
        }
        _ => None,
    }
}

/// Writes who hands the frame to whom. The frame was [`parse`]d.
pub(crate) fn address(frame: &mut [u8], to: Mac, from: Mac) {
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&from);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frame to an address, with a payload of so many bytes.
    pub(crate) fn frame(to: IpAddr, payload: &[u8], protocol: u8) -> Vec<u8> {
        let mut frame = vec![0; 12];
        match to {
            IpAddr::V4(to) => {
                frame.extend(TYPE_IPV4.to_be_bytes());
                let mut ip = [0; IPV4_HEADER];
                ip[0] = 0x45;
                ip[2..4].copy_from_slice(&((IPV4_HEADER + payload.len()) as u16).to_be_bytes());
                ip[9] = protocol;
                ip[16..20].copy_from_slice(&to.octets());
                frame.extend(ip);
            }
            IpAddr::V6(to) => {
                frame.extend(TYPE_IPV6.to_be_bytes());
                let mut ip = [0; IPV6_HEADER];
                ip[0] = 0x60;
                ip[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
                ip[6] = protocol;
                ip[24..40].copy_from_slice(&to.octets());
                frame.extend(ip);
            }
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn the_destination_the_size_and_the_protocol_are_read() {
        for (to, header) in [("10.9.0.2", IPV4_HEADER), ("fd09::2", IPV6_HEADER)] {
            let to: IpAddr = to.parse().expect("an address");
            let mut udp = frame(to, &[7; 100], UDP);
            udp.extend([0; 9]); // padding is no part of the packet
            assert_eq!(parse(&udp), Some(Packet { to, bytes: header + 100, is_udp: true }));
            assert!(!parse(&frame(to, &[], 6)).expect("TCP").is_udp);
        }
    }

    #[test]
    fn what_is_no_ip_packet_is_none() {
        let whole = frame([10, 9, 0, 2].into(), &[1; 8], UDP);
        for length in 0..ETHERNET + IPV4_HEADER {
            assert_eq!(parse(&whole[..length]), None, "{length} bytes");
        }
        let mut arp = whole;
        arp[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(parse(&arp), None);
    }
}
