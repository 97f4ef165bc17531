//! What the settings of `[tls]` come to together: whether there is HTTPS, where it listens, whose certificate it shows.

use super::{Config, ConfigError};
use std::net::SocketAddr;
use std::path::PathBuf;

/// How far the port of HTTPS lies above the plain one, where nobody has chosen it: 80 and 443, 8080 and 8443.
const PORT_ABOVE: u16 = 443 - 80;

/// The port of HTTPS where the plain one leaves no room above it.
const PORT_HIGH: u16 = 8443;

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
    /// A CA of this server's own.
    LocalCa {
        /// `ca/` in the data folder.
        folder: PathBuf,
    },
}

impl Config {
    /// Where the certificate of HTTPS comes from.
    ///
    /// # Errors
    /// [`ConfigError::Tls`] for settings that exclude each other: the server does not start.
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
                plain => plain.checked_add(PORT_ABOVE).unwrap_or(PORT_HIGH),
            };
            SocketAddr::new(self.listen.ip(), port)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse;

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
    fn the_table_says_how_far_the_port_lies_above() {
        let said = crate::config::TlsSettings::SECTION.settings[0].unset.unwrap();
        for text in [said.en, said.zh] {
            assert!(text.contains(&format!(" {PORT_ABOVE}")), "{text}");
        }
    }
}
