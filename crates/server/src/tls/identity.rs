//! Where the server's certificate comes from; taking a new one while the server runs.

use super::authority::Authority;
use super::certificate::{self, day};
use super::finding::CertificateFinding;
use super::names::Machine;
use crate::clock;
use crate::config::{Config, TlsSource};
use crate::severity::Severity;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, ServerConfig};
use tracing::{info, warn};

/// How often the files, the addresses and the clock are looked at. Higher: a phone waits longer after the laptop has
/// changed its network. Lower: more system calls for nothing.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often it is said again that a certificate from files nears its end, and nobody renews it. Higher: a log that is
/// read once a day misses it. Lower: a longer log.
const REMIND_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Everything that is wrong with the certificate of this configuration, its key, the local CA and the clock, the worst
/// first; nothing is written, and no network is asked. Empty: all is well. A configuration that is refused by
/// [`Config::check`] gives only what does not depend on it.
///
/// The server refuses to start with an [`Severity::Error`] where HTTPS is on, and logs the rest.
pub fn check(config: &Config) -> Vec<CertificateFinding> {
    check_at(config, now())
}

fn check_at(config: &Config, now: Duration) -> Vec<CertificateFinding> {
    let mut findings: Vec<CertificateFinding> = certificate::check_clock(now).into_iter().collect();
    match config.tls_source() {
        Ok(TlsSource::Files { cert, key }) => {
            findings.extend(certificate::load(&cert, &key, now, &Machine::look(config)).findings);
        }
        Ok(TlsSource::LocalCa { folder }) => match Authority::read(&folder, now) {
            Ok(Some(authority)) => {
                findings.extend(of_authority(&folder, &authority, &Machine::look(config), now));
            }
            Ok(None) => {}
            Err(finding) => findings.push(finding),
        },
        Ok(TlsSource::Off) | Err(_) => {}
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    findings
}

/// What is to be said about a CA that can be used.
fn of_authority(
    folder: &Path,
    authority: &Authority,
    machine: &Machine,
    now: Duration,
) -> Vec<CertificateFinding> {
    let addresses = authority.uncovered(machine);
    let uncovered =
        (!addresses.is_empty()).then(|| CertificateFinding::Uncovered { folder: folder.into(), addresses });
    let ends = authority
        .ends_soon(now)
        .map(|at| CertificateFinding::AuthorityEnds { folder: folder.into(), at: day(at) });
    uncovered.into_iter().chain(ends).collect()
}

fn now() -> Duration {
    Duration::from_millis(clock::wall().as_millis())
}

/// The certificate that clients are shown, and what is needed for the next one. New connections get the newest.
pub(crate) struct Identity {
    config: Config,
    source: Source,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

enum Source {
    Files { cert: PathBuf, key: PathBuf },
    Authority(Box<Authority>),
}

/// What the current certificate was made from.
#[derive(PartialEq, Eq)]
enum Seen {
    /// The files of the certificate and the key: when each was changed and how long it is, and when they were last read.
    Files {
        stamps: [Option<(SystemTime, u64)>; 2],
        at: Duration,
    },
    Machine {
        machine: Machine,
        until: Duration,
    },
}

impl Identity {
    /// Reads or makes the certificate, and logs what is doubtful about it. None: there is no HTTPS.
    ///
    /// # Errors
    /// What the server cannot start with.
    pub(crate) fn open(config: &Config) -> Result<Option<Arc<Self>>, Vec<CertificateFinding>> {
        Self::open_at(config, now())
    }

    fn open_at(config: &Config, now: Duration) -> Result<Option<Arc<Self>>, Vec<CertificateFinding>> {
        let clock = certificate::check_clock(now);
        let machine = Machine::look(config);
        let (source, current, seen) = match config.tls_source() {
            // Refused by `Config::check` before.
            Ok(TlsSource::Off) | Err(_) => {
                clock.iter().for_each(tell);
                return Ok(None);
            }
            Ok(_) if clock.is_some() => return Err(clock.into_iter().collect()),
            Ok(TlsSource::Files { cert, key }) => {
                let seen = Seen::Files { stamps: [stamp(&cert), stamp(&key)], at: now };
                let loaded = certificate::load(&cert, &key, now, &machine);
                let Some(current) = loaded.key else { return Err(errors(loaded.findings)) };
                loaded.findings.iter().for_each(tell);
                (Source::Files { cert, key }, current, seen)
            }
            Ok(TlsSource::LocalCa { folder }) => {
                let authority = match Authority::read(&folder, now).map_err(|f| vec![f])? {
                    Some(authority) => authority,
                    None => Authority::make(&folder, &machine, now).map_err(|f| vec![f])?,
                };
                of_authority(&folder, &authority, &machine, now).iter().for_each(tell);
                let signed = authority.certificate(&machine, now).map_err(|f| vec![f])?;
                let seen = Seen::Machine { machine, until: signed.until };
                (Source::Authority(Box::new(authority)), signed.key, seen)
            }
        };
        let (current, seen) = (RwLock::new(current), Mutex::new(seen));
        Ok(Some(Arc::new(Self { config: config.clone(), source, current, seen })))
    }

    /// The local CA, if the certificate is of it.
    pub(crate) fn authority(&self) -> Option<&Authority> {
        match &self.source {
            Source::Files { .. } => None,
            Source::Authority(authority) => Some(authority),
        }
    }

    /// The first host name of a certificate from files, by which clients must open the server.
    pub(crate) fn host(&self) -> Option<String> {
        if self.authority().is_some() {
            return None;
        }
        self.names().into_iter().find(|name| !name.starts_with('*') && name != "localhost")
    }

    /// The host names of the certificate that clients are shown now, some with `*` for a label.
    pub(crate) fn names(&self) -> Vec<String> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let facts = current.cert.first().and_then(|cert| certificate::Facts::read(cert).ok());
        facts.map(|facts| facts.names).unwrap_or_default()
    }

    /// What a TLS connection needs. HTTP/1.1 only: WebSockets are the point.
    ///
    /// # Errors
    /// None with the protocol versions that are compiled in.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Looks for changes for as long as it is polled.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    /// Looks for changes now: of the files, of the machine's addresses, of the clock.
    pub(crate) async fn look(self: &Arc<Self>) {
        let this = self.clone();
        // Files and the list of interfaces: not for a thread that serves sockets.
        let looked = tokio::task::spawn_blocking(move || {
            let machine = Machine::look(&this.config);
            this.look_at(machine, now());
        });
        if let Err(error) = looked.await {
            warn!(%error, "the certificate could not be looked at");
        }
    }

    fn look_at(&self, machine: Machine, now: Duration) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match (&self.source, &*seen) {
            (Source::Files { cert, key }, Seen::Files { stamps: before, at }) => {
                let (stamps, before) = ([stamp(cert), stamp(key)], *before);
                if stamps == before && now.saturating_sub(*at) < REMIND_EVERY {
                    return;
                }
                // Also if it is no good: what is wrong is said once, and again when the files change again.
                *seen = Seen::Files { stamps, at: now };
                let loaded = certificate::load(cert, key, now, &machine);
                if stamps == before {
                    let ends = |f: &&CertificateFinding| {
                        matches!(
                            f,
                            CertificateFinding::Expired { .. } | CertificateFinding::ExpiresSoon { .. }
                        )
                    };
                    return loaded.findings.iter().filter(ends).for_each(tell);
                }
                loaded.findings.iter().for_each(tell);
                match loaded.key {
                    Some(key) => {
                        info!(file = %cert.display(), "the new certificate is in use");
                        self.set(key);
                    }
                    None => {
                        warn!(file = %cert.display(), "the new certificate is no good: the old one stays in use")
                    }
                }
            }
            (Source::Authority(authority), Seen::Machine { machine: before, until }) => {
                if machine == *before && !authority.is_due(*until, now) {
                    return;
                }
                match authority.certificate(&machine, now) {
                    Ok(signed) => {
                        info!(until = day(signed.until), addresses = ?machine.addresses, "the certificate fits the machine again");
                        self.set(signed.key);
                        *seen = Seen::Machine { machine, until: signed.until };
                    }
                    Err(finding) => tell(&finding),
                }
            }
            // A source never changes its kind.
            _ => {}
        }
    }

    fn set(&self, key: Arc<CertifiedKey>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity") // it holds keys
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn errors(mut findings: Vec<CertificateFinding>) -> Vec<CertificateFinding> {
    findings.retain(|finding| finding.severity() == Severity::Error);
    findings
}

fn tell(finding: &CertificateFinding) {
    warn!("{finding}");
}

#[cfg(test)]
mod tests;
