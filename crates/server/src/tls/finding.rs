//! What can be wrong with a certificate, and what to do about it.

use crate::severity::Severity;
use std::net::IpAddr;
use std::path::PathBuf;

/// One thing that is wrong with the certificate, its key, or the clock. Its text names what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFinding {
    /// The system's clock shows a time before this program was made.
    #[error(
        "the system's clock shows {now}, which is before this program was made: set it (timedatectl set-ntp true), or certificates and sign-ins are refused"
    )]
    ClockAbsurd {
        /// The time shown, UTC.
        now: String,
    },
    /// A file cannot be read.
    #[error("{setting} {path}: {why}. Check the path, and that the user of the server may read it")]
    Unreadable {
        /// `tls.cert` or `tls.key`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file holds no PEM of the kind that is needed.
    #[error("{setting} {path} {why}")]
    NotPem {
        /// `tls.cert` or `tls.key`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it holds instead, and what to do.
        why: &'static str,
    },
    /// The key is encrypted.
    #[error(
        "tls.key {path} is encrypted, and nobody is there to type its password: write it without one (openssl pkey -in {path} -out plain.key) and give that file"
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or key that cannot be used.
    #[error("{setting} {path} cannot be used: {why}. Have it made anew")]
    Unusable {
        /// `tls.cert` or `tls.key`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The key is another one's.
    #[error(
        "tls.key {key} does not belong to the certificate in tls.cert {cert}: give the key with which that certificate was asked for"
    )]
    KeyMismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificates of the file are in the wrong order.
    #[error(
        "tls.cert {path} has its certificates in the wrong order ({why}): first the server's own, then the one that signed it, and so on; certbot calls that file fullchain.pem"
    )]
    ChainOrder {
        /// The file.
        path: PathBuf,
        /// What is where.
        why: String,
    },
    /// The certificate that signed the server's own is not in the file.
    #[error(
        "tls.cert {path} holds the server's own certificate only: some browsers find the one that signed it, phones and mini-programs do not. Give the whole chain; certbot calls that file fullchain.pem"
    )]
    ChainIncomplete {
        /// The file.
        path: PathBuf,
    },
    /// The certificate has expired.
    #[error(
        "the certificate in {path} expired on {at}, and the clock shows {now}: renew it, or set the clock if it is wrong"
    )]
    Expired {
        /// The file.
        path: PathBuf,
        /// When, UTC.
        at: String,
        /// The clock, UTC.
        now: String,
    },
    /// The certificate expires soon.
    #[error("the certificate in {path} expires on {at}: renew it; the server takes the new file by itself")]
    ExpiresSoon {
        /// The file.
        path: PathBuf,
        /// When, UTC.
        at: String,
    },
    /// The certificate is not valid yet.
    #[error(
        "the certificate in {path} is valid from {from} on, but the clock shows {now}: it is probably the clock that is wrong; set it (timedatectl set-ntp true)"
    )]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// From when, UTC.
        from: String,
        /// The clock, UTC.
        now: String,
    },
    /// The certificate is nobody's but its own.
    #[error(
        "the certificate in {path} is self-signed: phones refuse its secure sockets even after the page was accepted. Use one of a public authority, or leave tls.cert out and set tls.local_ca = true"
    )]
    SelfSigned {
        /// The file.
        path: PathBuf,
    },
    /// The certificate names no host where browsers look.
    #[error(
        "the certificate in {path} has no subjectAltName: browsers refuse it whatever its common name is. Have it made anew with one"
    )]
    NoNames {
        /// The file.
        path: PathBuf,
    },
    /// The certificate names other addresses than the server has.
    #[error(
        "the certificate in {path} is for {names}, and this machine has {addresses}: clients that open another name or address refuse it. Have it made for the name that they open"
    )]
    OtherNames {
        /// The file.
        path: PathBuf,
        /// The names and addresses in the certificate.
        names: String,
        /// The machine's addresses.
        addresses: String,
    },
    /// The certificate is not one for servers.
    #[error(
        "the certificate in {path} is not made for servers (no serverAuth among its extended key usages): browsers refuse it. Have it made anew"
    )]
    NotForServers {
        /// The file.
        path: PathBuf,
    },
    /// The certificate lives longer than phones allow.
    #[error(
        "the certificate in {path} is valid for {days} days: iOS refuses more than 825. Have it made for a year"
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The days for which it is valid.
        days: u64,
    },
    /// Anybody on the machine may read the key.
    #[error("tls.key {path} can be read by every user of this machine: chmod 640 {path}")]
    KeyOpen {
        /// The file.
        path: PathBuf,
    },
    /// The local CA cannot be made or read.
    #[error("the local CA in {folder}: {why}")]
    Authority {
        /// The folder of the CA.
        folder: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// The local CA ends soon.
    #[error(
        "the local CA in {folder} ends on {at}: remove the folder, start again, and install the new CA on the phones before that day"
    )]
    AuthorityEnds {
        /// The CA's folder.
        folder: PathBuf,
        /// When, UTC.
        at: String,
    },
    /// The local CA may not sign for some of the machine's addresses.
    #[error(
        "the local CA in {folder} was made before this machine had {}, and may not sign for it: phones reach the other addresses. To include it, remove the folder, start again, and install the new CA on the phones",
        list(addresses)
    )]
    Uncovered {
        /// The CA's folder.
        folder: PathBuf,
        /// The addresses.
        addresses: Vec<IpAddr>,
    },
}

impl CertificateFinding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::ClockAbsurd { .. }
            | Self::Unreadable { .. }
            | Self::NotPem { .. }
            | Self::EncryptedKey { .. }
            | Self::Unusable { .. }
            | Self::KeyMismatch { .. }
            | Self::ChainOrder { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Authority { .. } => Severity::Error,
            Self::ChainIncomplete { .. }
            | Self::ExpiresSoon { .. }
            | Self::SelfSigned { .. }
            | Self::NoNames { .. }
            | Self::OtherNames { .. }
            | Self::NotForServers { .. }
            | Self::TooLong { .. }
            | Self::KeyOpen { .. }
            | Self::AuthorityEnds { .. }
            | Self::Uncovered { .. } => Severity::Warning,
        }
    }
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
