//! What the local CA may sign for: its name constraints (RFC 5280 §4.2.1.10).

use super::names::Machine;
use rcgen::{CidrSubnet, GeneralSubtree};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;

/// Private IPv4 networks (RFC 1918, 6598), link-local and loopback ones.
const PRIVATE_V4: [([u8; 4], u8); 6] = [
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([100, 64, 0, 0], 10),
    ([169, 254, 0, 0], 16),
    ([127, 0, 0, 0], 8),
];

/// Unique local IPv6 addresses (RFC 4193), link-local ones, loopback.
const PRIVATE_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::LOCALHOST, 128),
];

/// One thing that a CA may sign for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Permitted {
    Network { address: Vec<u8>, mask: Vec<u8> },
    Domain(String),
}

/// All that a CA may sign for.
pub(super) struct Constraints(Vec<Permitted>);

impl Constraints {
    /// Reads the constraints in a CA's certificate, in DER.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let certificate = Certificate::from_der(der).map_err(|e| e.to_string())?;
        let found = certificate
            .tbs_certificate()
            .get_extension::<x509_cert::ext::pkix::NameConstraints>()
            .map_err(|e| e.to_string())?;
        let subtrees = found.and_then(|(_, constraints)| constraints.permitted_subtrees).unwrap_or_default();
        let permitted = subtrees
            .into_iter()
            .filter_map(|subtree| match subtree.base {
                GeneralName::DnsName(name) => Some(Permitted::Domain(name.as_str().to_owned())),
                GeneralName::IpAddress(bytes) => {
                    let (address, mask) = bytes.as_bytes().split_at(bytes.as_bytes().len() / 2);
                    Some(Permitted::Network { address: address.into(), mask: mask.into() })
                }
                _ => None,
            })
            .collect();
        Ok(Self(permitted))
    }

    /// Whether the CA may sign for an address.
    pub(super) fn allow_address(&self, ip: IpAddr) -> bool {
        let bytes = octets(ip);
        self.0.iter().any(|p| match p {
            Permitted::Network { address, mask } => {
                mask.len() == bytes.len()
                    && bytes.iter().zip(mask).zip(address).all(|((b, m), a)| b & m == a & m)
            }
            Permitted::Domain(_) => false,
        })
    }

    /// Whether the CA may sign for a name: one of those that it was made for, or one below.
    pub(super) fn allow_name(&self, name: &str) -> bool {
        self.0.iter().any(|p| match p {
            Permitted::Domain(domain) => {
                name == domain || name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            Permitted::Network { .. } => false,
        })
    }
}

/// What the CA of a machine is to be allowed: private networks, `.local`, the names and public addresses of the machine.
pub(super) fn permitted(machine: &Machine) -> Vec<GeneralSubtree> {
    let mut list: Vec<GeneralSubtree> = Vec::new();
    list.extend(
        PRIVATE_V4.map(|(net, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(net, bits))),
    );
    list.extend(
        PRIVATE_V6
            .map(|(net, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(net.octets(), bits))),
    );
    for ip in &machine.addresses {
        let known = |(net, bits): &(Ipv4Addr, u8), v4: Ipv4Addr| {
            v4.to_bits() >> (32 - bits) == net.to_bits() >> (32 - bits)
        };
        match ip {
            IpAddr::V4(v4) if PRIVATE_V4.iter().any(|(n, b)| known(&((*n).into(), *b), *v4)) => {}
            IpAddr::V4(v4) => {
                list.push(GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(v4.octets(), 32)))
            }
            IpAddr::V6(v6) if v6.is_unique_local() => {}
            // The network: privacy extensions (RFC 8981) change the rest each day.
            IpAddr::V6(v6) => {
                let net = Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64);
                list.push(GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(net.octets(), 64)));
            }
        }
    }
    list.push(GeneralSubtree::DnsName("local".into()));
    list.extend(machine.names().into_iter().filter(|n| !n.ends_with(".local")).map(GeneralSubtree::DnsName));
    list
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().into(),
        IpAddr::V6(v6) => v6.octets().into(),
    }
}
