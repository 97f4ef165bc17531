//! Every setting, with its default and its range. The names are those of the configuration file and of the documents.

pub(crate) mod sample;

use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The port of HTTPS above the plain one, where nobody has chosen it: 80 and 443, 8080 and 8443.
const TLS_PORT_ABOVE: u16 = 443 - 80;

/// The port of HTTPS where the plain one leaves no room above it.
const TLS_PORT_HIGH: u16 = 8443;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}. Check the path, or start without --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("the configuration file {path} is wrong: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// Settings of `[tls]` that do not go together.
    #[error("{0}")]
    Tls(&'static str),
    /// A setting is out of its range.
    #[error("the setting {name} is {found}: it takes {range}")]
    Range {
        /// Its name.
        name: &'static str,
        /// What it is.
        found: String,
        /// What it takes.
        range: &'static str,
    },
}

/// All settings of `tring serve`. Everything has a default: an empty file is a configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Address and port of HTTP and WebSocket. Default `0.0.0.0:8080`.
    pub listen: SocketAddr,
    /// Folder of the database. Created if absent. Default `data`.
    pub data: PathBuf,
    /// Creates the app `demo` at the first start, serves the demo page, and signs for anybody in that app. Default off.
    pub demo: bool,
    /// Address of the Prometheus page, apart from the public port. Default none: no such page.
    pub metrics_listen: Option<SocketAddr>,
    /// `[tls]`.
    pub tls: TlsSettings,
    /// `[media]`.
    pub media: MediaSettings,
    /// `[rtmp]`.
    pub rtmp: RtmpSettings,
    /// `[calls]`.
    pub calls: CallSettings,
    /// `[limits]`.
    pub limits: LimitSettings,
    /// `[retention]`.
    pub retention: RetentionSettings,
}

/// `[tls]`: HTTPS and secure WebSockets, on a port of their own beside the plain one.
///
/// There is such a port if `cert` and `key` are given, or if the local CA is used: see [`TlsSource`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Address and port. Default: the address of the plain `listen`, 363 ports higher (80 and 443, 8080 and 8443).
    pub listen: Option<SocketAddr>,
    /// Certificate chain (PEM), the server's own first. Taken anew while the server runs when the file changes.
    pub cert: Option<PathBuf>,
    /// Its private key (PEM), not encrypted.
    pub key: Option<PathBuf>,
    /// Signs with a CA of this server's own, made at the first start in `ca/` of the data folder. Phones take its
    /// certificates when their owners have installed it. Default: if there is no `cert`, and `demo` is on or
    /// `tls.listen` is given.
    pub local_ca: Option<bool>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// No HTTPS.
    Off,
    /// The files of `tls.cert` and `tls.key`.
    Files {
        /// `tls.cert`.
        cert: PathBuf,
        /// `tls.key`.
        key: PathBuf,
    },
    /// The local CA in this folder.
    LocalCa {
        /// Its folder.
        folder: PathBuf,
    },
}

/// `[media]`: where sound and picture travel.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MediaSettings {
    /// Address that the UDP sockets bind. Default `0.0.0.0`.
    pub bind: IpAddr,
    /// First UDP port; worker n takes port + n. 0 lets the system choose (tests). Default 7700.
    pub udp_port: u16,
    /// Workers, each with a thread and a port of its own, 1 to 64. Fixed, so that firewall rules survive a larger
    /// machine. Default 4.
    pub workers: usize,
    /// Addresses given to clients, `ip` or `ip:port` (port of worker 0), for a server behind NAT or in a container.
    /// Default none: the machine's own addresses.
    pub advertise: Vec<String>,
}

/// `[rtmp]`: where mini-programs push and play.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RtmpSettings {
    /// Off, no mini-program is carried. Default on.
    pub enabled: bool,
    /// Address and TCP port. Port 0 lets the system choose (tests). Default `0.0.0.0:1935`.
    pub listen: SocketAddr,
    /// `host` or `host:port` that mini-programs are told, where it is not the name by which they reach the server, or
    /// not the port of `listen`. Default none.
    pub advertise: Option<String>,
}

/// `[calls]`: how long things may take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CallSettings {
    /// Seconds that a device may be without its socket while it rings, 1 to 120. Default 15.
    pub ring_grace_s: u16,
    /// Seconds that a device may be without its socket while it talks, 1 to 600. Default 30.
    pub talk_grace_s: u16,
    /// Devices of one callee that connect their transport while they ring, 0 to 8. Default 2.
    pub preconnect_devices: usize,
    /// Devices that one user may have signed in, 1 to 64. Default 8.
    pub max_devices_per_user: usize,
}

/// `[limits]`: what one client, or all of them, may take.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitSettings {
    /// Sessions, which have one WebSocket each, or are kept for `resume_s` without one. Each needs an open file of the
    /// system's. Default 10,000.
    pub max_sockets: usize,
    /// Open WebSockets that have not signed in. When there are as many, the oldest of the address that has most makes way.
    /// Default 2,000.
    pub max_pending_sockets: usize,
    /// Open HTTP connections that are no WebSocket, or not yet. When there are as many, one that does not take its answer
    /// or asks for nothing makes way, of the address that has most. Default 2,000.
    pub max_connections: usize,
    /// Open RTMP connections, of which a call of two phones has four. One whose ticket was not seen yet makes room for a
    /// newer one when there is no other. Each needs an open file. Default 8,192.
    pub max_rtmp_connections: usize,
    /// Part of `max_sockets`, `max_pending_sockets`, `max_connections` and `max_rtmp_connections` that one address may
    /// hold, 0.001 to 1. An IPv6 network of 64 bits counts as one address; this machine's own address has no such bound, for
    /// a proxy on it speaks for everybody. With a proxy on another machine set 1. Default 0.5.
    pub address_share: f32,
    /// Seconds between a client's pings, 5 to 300. A socket silent for two and a half of them is closed. Default 15.
    pub heartbeat_s: u16,
    /// Seconds that a session without a socket is kept, 5 to 3,600. Default 60.
    pub resume_s: u16,
    /// Messages a second of one socket in the long run. Default 20.
    pub messages_per_second: f32,
    /// Messages of one socket at once. Default 60.
    pub messages_burst: f32,
    /// Calls a minute of one user, on whatever devices, in the long run. Default 20.
    pub calls_per_minute: f32,
    /// Calls of one user at once. Default 10.
    pub calls_burst: f32,
    /// Part of a user's calls that may go to one and the same callee, 0.01 to 1: nobody is rung without end by one
    /// other. A few calls always may. Default 0.5.
    pub calls_to_one_share: f32,
    /// How many times as many calls as one user may make, one user may be called by everybody together, 1 to 10,000.
    /// Past that callers are refused; whoever serves many callers under one name needs more. Default 6.
    pub calls_received_factor: f32,
    /// Microphone and camera changes a second of one device in the long run. Default 2.
    pub devices_per_second: f32,
    /// Microphone and camera changes of one device at once. Default 20.
    pub devices_burst: f32,
    /// Offers (`transport`) a second of one device in the long run. Default 1.
    pub offers_per_second: f32,
    /// Offers of one device at once. Default 10.
    pub offers_burst: f32,
    /// UserSigs a second that one app may have signed in the long run. Default 20.
    pub signatures_per_second: f32,
    /// UserSigs of one app at once. Default 100.
    pub signatures_burst: f32,
    /// Longest life of a UserSig from the signing service, in seconds. Default 7 days.
    pub signature_max_s: u32,
}

/// `[retention]`: how long what is written down is kept. What is older is deleted while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetentionSettings {
    /// Days for which it is kept who got a UserSig, 0 to 36,500; 0 keeps it for ever. Default 90.
    pub signatures_days: u32,
    /// Days for which call records are kept, from the start of the call, 0 to 36,500; 0 keeps them for ever. Default 0.
    pub calls_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 8080),
            data: PathBuf::from("data"),
            demo: false,
            metrics_listen: None,
            tls: TlsSettings::default(),
            media: MediaSettings::default(),
            rtmp: RtmpSettings::default(),
            calls: CallSettings::default(),
            limits: LimitSettings::default(),
            retention: RetentionSettings::default(),
        }
    }
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            bind: Ipv4Addr::UNSPECIFIED.into(),
            udp_port: 7700,
            workers: tring_medianet::DEFAULT_WORKERS,
            advertise: Vec::new(),
        }
    }
}

impl Default for RtmpSettings {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 1935), advertise: None }
    }
}

impl Default for CallSettings {
    fn default() -> Self {
        Self { ring_grace_s: 15, talk_grace_s: 30, preconnect_devices: 2, max_devices_per_user: 8 }
    }
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { signatures_days: 90, calls_days: 0 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            max_sockets: 10_000,
            max_pending_sockets: 2_000,
            max_connections: 2_000,
            max_rtmp_connections: tring_medianet::DEFAULT_RTMP_CONNECTIONS,
            address_share: 0.5,
            heartbeat_s: 15,
            resume_s: 60,
            messages_per_second: 20.0,
            messages_burst: 60.0,
            calls_per_minute: 20.0,
            calls_burst: 10.0,
            calls_to_one_share: 0.5,
            calls_received_factor: 6.0,
            devices_per_second: 2.0,
            devices_burst: 20.0,
            offers_per_second: 1.0,
            offers_burst: 10.0,
            signatures_per_second: 20.0,
            signatures_burst: 100.0,
            signature_max_s: 7 * 24 * 3600,
        }
    }
}

impl LimitSettings {
    /// What one address may hold of `all`.
    pub(crate) fn share_of(&self, all: usize) -> usize {
        ((all as f64 * f64::from(self.address_share)).ceil() as usize).max(1)
    }
}

impl Config {
    /// Reads a TOML file, or gives the defaults. Errors: [`ConfigError`].
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|e| ConfigError::Parse { path: path.to_owned(), message: e.to_string() })?;
        config.check()?;
        Ok(config)
    }

    /// Where the certificate of HTTPS comes from. Errors: [`ConfigError::Tls`] for settings that exclude each other.
    pub fn tls_source(&self) -> Result<TlsSource, ConfigError> {
        let tls = &self.tls;
        let folder = || self.data.join("ca");
        match (&tls.cert, &tls.key, tls.local_ca) {
            (Some(_), Some(_), Some(true)) => Err(ConfigError::Tls(
                "tls.local_ca excludes tls.cert and tls.key: leave out the one or the others",
            )),
            (Some(cert), Some(key), _) => Ok(TlsSource::Files { cert: cert.clone(), key: key.clone() }),
            (Some(_), None, _) => {
                Err(ConfigError::Tls("tls.cert is given without tls.key: give the key's file too"))
            }
            (None, Some(_), _) => {
                Err(ConfigError::Tls("tls.key is given without tls.cert: give the certificate's file too"))
            }
            (None, None, Some(true)) => Ok(TlsSource::LocalCa { folder: folder() }),
            (None, None, None) if self.demo || tls.listen.is_some() => {
                Ok(TlsSource::LocalCa { folder: folder() })
            }
            (None, None, Some(false)) if tls.listen.is_some() => Err(ConfigError::Tls(
                "tls.listen is given without a certificate: give tls.cert and tls.key, or set tls.local_ca = true",
            )),
            (None, None, _) => Ok(TlsSource::Off),
        }
    }

    /// Where HTTPS listens, if it is on.
    pub fn tls_listen(&self) -> SocketAddr {
        self.tls.listen.unwrap_or_else(|| {
            let port = match self.listen.port() {
                0 => 0,
                plain => plain.checked_add(TLS_PORT_ABOVE).unwrap_or(TLS_PORT_HIGH),
            };
            SocketAddr::new(self.listen.ip(), port)
        })
    }

    /// Holds every setting against its range. Errors: [`ConfigError::Range`], [`ConfigError::Tls`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.tls_source()?;
        fn within<T: PartialOrd + std::fmt::Display>(
            name: &'static str,
            found: T,
            low: T,
            high: T,
            range: &'static str,
        ) -> Result<(), ConfigError> {
            if found >= low && found <= high {
                return Ok(());
            }
            Err(ConfigError::Range { name, found: found.to_string(), range })
        }
        let (m, c, l) = (&self.media, &self.calls, &self.limits);
        within("media.workers", m.workers, 1, 64, "1 to 64")?;
        within("calls.ring_grace_s", c.ring_grace_s, 1, 120, "1 to 120 seconds")?;
        within("calls.talk_grace_s", c.talk_grace_s, 1, 600, "1 to 600 seconds")?;
        let most = tring_media::MAX_PRECONNECT_DEVICES;
        within("calls.preconnect_devices", c.preconnect_devices, 0, most, "0 to 8")?;
        within("calls.max_devices_per_user", c.max_devices_per_user, 1, 64, "1 to 64")?;
        within("limits.max_sockets", l.max_sockets, 1, 10_000_000, "1 to 10,000,000")?;
        let pending = l.max_pending_sockets;
        within("limits.max_pending_sockets", pending, 1, 10_000_000, "1 to 10,000,000")?;
        within("limits.max_connections", l.max_connections, 1, 10_000_000, "1 to 10,000,000")?;
        let rtmp = l.max_rtmp_connections;
        within("limits.max_rtmp_connections", rtmp, 1, 10_000_000, "1 to 10,000,000")?;
        within("limits.address_share", l.address_share, 0.001, 1.0, "0.001 to 1")?;
        within("limits.calls_to_one_share", l.calls_to_one_share, 0.01, 1.0, "0.01 to 1")?;
        within("limits.calls_received_factor", l.calls_received_factor, 1.0, 1e4, "1 to 10,000")?;
        within("limits.heartbeat_s", l.heartbeat_s, 5, 300, "5 to 300 seconds")?;
        within("limits.resume_s", l.resume_s, 5, 3600, "5 to 3,600 seconds")?;
        if let Some(advertise) = &self.rtmp.advertise
            && !crate::host::is_authority(advertise)
        {
            return Err(ConfigError::Range {
                name: "rtmp.advertise",
                found: format!("{advertise:?}"),
                range: "host or host:port, without rtmp:// and path",
            });
        }
        let range = "at most limits.resume_s: a session must outlive its calls";
        within("calls.ring_grace_s", c.ring_grace_s, 1, l.resume_s, range)?;
        within("calls.talk_grace_s", c.talk_grace_s, 1, l.resume_s, range)?;
        let kept = "0 (for ever) to 36,500 days";
        within("retention.signatures_days", self.retention.signatures_days, 0, 36_500, kept)?;
        within("retention.calls_days", self.retention.calls_days, 0, 36_500, kept)?;
        within("limits.signature_max_s", l.signature_max_s, 60, 366 * 24 * 3600, "60 seconds to a year")?;
        for (name, value) in [
            ("limits.messages_per_second", l.messages_per_second),
            ("limits.messages_burst", l.messages_burst),
            ("limits.calls_per_minute", l.calls_per_minute),
            ("limits.calls_burst", l.calls_burst),
            ("limits.devices_per_second", l.devices_per_second),
            ("limits.devices_burst", l.devices_burst),
            ("limits.offers_per_second", l.offers_per_second),
            ("limits.offers_burst", l.offers_burst),
            ("limits.signatures_per_second", l.signatures_per_second),
            ("limits.signatures_burst", l.signatures_burst),
        ] {
            within(name, value, 1.0, 1e6, "1 to 1,000,000")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tring.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path)).map_err(|e| e.to_string())
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn https_is_off_until_somebody_asks_for_it_and_on_with_the_demo() {
        let source = |text: &str| parse(text).map(|c| c.tls_source().unwrap());
        let local = Ok(TlsSource::LocalCa { folder: "data/ca".into() });
        assert_eq!(source(""), Ok(TlsSource::Off));
        assert_eq!(source("demo = true"), local);
        assert_eq!(source("[tls]\nlisten = \"0.0.0.0:443\""), local);
        assert_eq!(source("demo = true\n[tls]\nlocal_ca = false"), Ok(TlsSource::Off));
        let files = TlsSource::Files { cert: "a.pem".into(), key: "b.pem".into() };
        assert_eq!(source("demo = true\n[tls]\ncert = \"a.pem\"\nkey = \"b.pem\""), Ok(files));
        for (text, named) in [
            ("cert = \"a.pem\"", "without tls.key"),
            ("key = \"a.pem\"", "without tls.cert"),
            ("cert = \"a\"\nkey = \"b\"\nlocal_ca = true", "tls.local_ca excludes"),
            ("listen = \"0.0.0.0:443\"\nlocal_ca = false", "tls.listen is given without a certificate"),
        ] {
            let error = parse(&format!("[tls]\n{text}")).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_port_of_https_goes_with_the_plain_one() {
        let port = |plain: u16| {
            let mut config = Config::default();
            config.listen.set_port(plain);
            config.tls_listen().port()
        };
        assert_eq!([80, 8080, 0, 65_400].map(port), [443, 8443, 0, 8443]);
        let loopback = Config { listen: "127.0.0.1:9000".parse().unwrap(), ..Config::default() };
        assert_eq!(loopback.tls_listen(), "127.0.0.1:9363".parse().unwrap());
    }

    #[test]
    fn a_misspelt_or_out_of_range_setting_is_named() {
        assert!(parse("lisen = \"1.2.3.4:5\"").unwrap_err().contains("lisen"));
        assert!(parse("[media]\nworkers = 0").unwrap_err().contains("media.workers is 0: it takes 1 to 64"));
        assert!(parse("[calls]\ntalk_grace_s = 61").unwrap_err().contains("limits.resume_s"));
        assert!(
            parse("[retention]\nsignatures_days = 36501").unwrap_err().contains("retention.signatures_days")
        );
        assert!(parse("[retention]\ncalls_days = 36501").unwrap_err().contains("retention.calls_days"));
        let error = parse("[limits]\nmax_pending_sockets = 0").unwrap_err();
        assert!(error.contains("limits.max_pending_sockets is 0"), "{error}");
        assert!(parse("[limits]\nheartbeat_s = 1").unwrap_err().contains("limits.heartbeat_s"));
        let error = parse("[limits]\nmax_rtmp_connections = 0").unwrap_err();
        assert!(error.contains("limits.max_rtmp_connections is 0: it takes 1 to 10,000,000"), "{error}");
        assert!(
            Config::load(Some(Path::new("no/such/file"))).unwrap_err().to_string().contains("no/such/file")
        );
    }
}
