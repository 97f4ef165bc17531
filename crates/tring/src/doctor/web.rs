//! The server's HTTP: is it there, is it Tring, what does its clock say, is its certificate taken.

use crate::output::Failure;
use crate::when;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore, crypto};
use tring_protocol::log::Untrusted;
use tring_server::Config;
use tring_server::diagnostics::{self, Finding};

/// An answer must have come within this. Higher: slow links still make it. Lower: a closed firewall is told sooner.
const WITHIN: Duration = Duration::from_secs(5);

/// Longest answer that is read, in bytes. That of Tring has some hundred.
const MAX_ANSWER: u64 = 64 * 1024;

const SUBJECT: &str = "server";

/// The subject of what a server says of its database.
pub(super) const DATABASE: &str = "database";

/// Where a server is asked.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Present for `https`.
    tls: Option<Arc<ClientConfig>>,
    host: String,
    port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}", if self.tls.is_some() { "s" } else { "" }, self.authority())
    }
}

impl Server {
    /// Reads `http://host:port`, `https://host:port` or `host:port`; ports may be left out. `ca`: certificates that are
    /// trusted beside the system's.
    pub(super) fn parse(url: &str, ca: Option<&Path>) -> Result<Self, Failure> {
        let bad = || {
            Failure::new(format!(
                "--server {url:?} is no address of a server: give http://host:port or https://host"
            ))
        };
        let (is_tls, rest) = match url.split_once("://") {
            Some(("http" | "ws", rest)) => (false, rest),
            Some(("https" | "wss", rest)) => (true, rest),
            Some(_) => return Err(bad()),
            None => (false, url),
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let bracketed = authority.strip_prefix('[').and_then(|t| t.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().map_err(|_| bad())?,
            None if is_tls => 443,
            None => 80,
        };
        if host.is_empty() || host.contains([' ', '@']) {
            return Err(bad());
        }
        let tls = if is_tls { Some(trust(ca)?) } else { None };
        Ok(Self { tls, host: host.to_owned(), port })
    }

    /// The one on this machine, by its settings.
    pub(super) fn local(config: &Config) -> Self {
        let host = match config.listen.ip() {
            ip if ip.is_unspecified() && ip.is_ipv6() => "::1".to_owned(),
            ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
            ip => ip.to_string(),
        };
        Self { tls: None, host, port: config.listen.port() }
    }

    /// The URL of the WebSocket.
    pub(super) fn socket_url(&self) -> String {
        format!("ws{}://{}/v1/socket", if self.tls.is_some() { "s" } else { "" }, self.authority())
    }

    /// Whom its certificate must be from.
    pub(super) fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }

    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// The system's certificate authorities and those of a file.
fn trust(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let bad =
            |e: String| Failure::new(format!("--ca {}: {e}: give a certificate in PEM", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| bad(e.to_string()))? {
            roots.add(certificate.map_err(|e| bad(e.to_string()))?).map_err(|e| bad(e.to_string()))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What its HTTP tells of a server.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What answers is a Tring server, and can carry calls.
    pub(super) is_tring: bool,
    /// The media workers of the server, each with a UDP port. None: an older server, which does not tell.
    pub(super) workers: Option<u16>,
    /// The server's clock less this machine's, in seconds.
    pub(super) ahead: i64,
    /// The addresses by which it was reached, or could have been.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) findings: Vec<Finding>,
}

/// Asks a server for its health.
pub(super) async fn look(server: &Server) -> Looked {
    let mut looked = Looked::default();
    match tokio::net::lookup_host((server.host.as_str(), server.port)).await {
        Ok(found) => looked.addresses = found.map(|a| a.ip().to_canonical()).collect(),
        Err(e) => {
            let message = format!("the name {} has no address: {e}", server.host);
            let finding = Finding::error(SUBJECT, message, "Check the name, and the DNS of this machine");
            looked.findings.push(finding);
            return looked;
        }
    }
    match timeout(WITHIN, get(server, &looked.addresses)).await {
        Ok(Ok(answer)) => looked.read(server, &answer),
        Ok(Err(finding)) => looked.findings.push(finding),
        Err(_) => looked.findings.push(closed(server, "nothing answers within 5 seconds")),
    }
    looked
}

fn closed(server: &Server, why: &str) -> Finding {
    Finding::error(
        SUBJECT,
        format!("{server} cannot be reached: {why}"),
        format!(
            "See that the server runs, and that TCP {} is open in its firewall or forwarded to it",
            server.port
        ),
    )
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn get(server: &Server, addresses: &[IpAddr]) -> Result<String, Finding> {
    let all: Vec<SocketAddr> = addresses.iter().map(|ip| SocketAddr::new(*ip, server.port)).collect();
    let stream = TcpStream::connect(&all[..]).await.map_err(|e| closed(server, &e.to_string()))?;
    let mut stream: Box<dyn Stream> = match &server.tls {
        None => Box::new(stream),
        Some(tls) => {
            let name =
                ServerName::try_from(server.host.clone()).map_err(|e| closed(server, &e.to_string()))?;
            Box::new(
                TlsConnector::from(tls.clone())
                    .connect(name, stream)
                    .await
                    .map_err(|e| refused(server, &e))?,
            )
        }
    };
    let request = format!(
        "GET /healthz HTTP/1.1\r\nHost: {}\r\nUser-Agent: tring-doctor\r\nConnection: close\r\n\r\n",
        server.authority()
    );
    stream.write_all(request.as_bytes()).await.map_err(|e| closed(server, &e.to_string()))?;
    let mut answer = Vec::new();
    let read = stream.take(MAX_ANSWER).read_to_end(&mut answer).await;
    match read {
        // Some close without TLS's goodbye; what came is whole if it can be read.
        Err(e) if answer.is_empty() => Err(closed(server, &e.to_string())),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// Why the TLS handshake failed.
fn refused(server: &Server, error: &std::io::Error) -> Finding {
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<TlsError>());
    let (message, advice) = match tls {
        Some(TlsError::InvalidCertificate(why)) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                "its certificate has expired".to_owned(),
                "Renew it (tls.cert), and check the clock of this machine",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                ("its certificate is not valid yet".to_owned(), "One of the two clocks is wrong: set it")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("its certificate is not for {}", server.host),
                "Use a name that is in the certificate, or have one made for this name",
            ),
            CertificateError::UnknownIssuer => (
                "its certificate is from nobody that this machine trusts".to_owned(),
                "Give the whole chain in tls.cert; for the server's own CA install it on the clients, and here add --ca FILE",
            ),
            other => (format!("its certificate is refused: {other}"), "Have it made anew"),
        },
        _ => (
            format!("no TLS: {error}"),
            "See that this port is the one of HTTPS; the plain one is asked by http://",
        ),
    };
    Finding::error("https", format!("{server}: {message}"), advice)
}

impl Looked {
    fn read(&mut self, server: &Server, answer: &str) {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        // Whoever answers may not be ours: what it says is shown, not carried out by the terminal.
        let status = Untrusted(head.split(' ').nth(1).unwrap_or("none"));
        // The body may be in chunks.
        let json = body.find('{').zip(body.rfind('}')).and_then(|(from, to)| body.get(from..=to));
        let value: serde_json::Value = json.and_then(|j| serde_json::from_str(j).ok()).unwrap_or_default();
        let Some(health) = value["status"].as_str() else {
            self.findings.push(Finding::error(
                SUBJECT,
                format!("{server} answers, but is no Tring server (GET /healthz: status {status})"),
                "Check address and port; behind a proxy, have it pass all paths on to Tring",
            ));
            return;
        };
        if health != "ok" {
            let message = format!("{server} says that it cannot carry calls ({})", Untrusted(health));
            self.findings.push(Finding::error(SUBJECT, message, "Read its log, and start it again"));
            return;
        }
        self.is_tring = true;
        self.workers = value["mediaWorkers"].as_u64().and_then(|n| u16::try_from(n).ok());
        let version = Untrusted(value["version"].as_str().unwrap_or("?"));
        self.findings.push(Finding::info(SUBJECT, format!("{server} answers, version {version}")));
        self.findings.extend(store(server, &value));
        let date = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("date").then(|| value.trim())
        });
        if let Some(theirs) = date.and_then(http_date) {
            self.ahead = theirs - i64::try_from(when::now().as_secs()).unwrap_or(i64::MAX);
            self.findings
                .push(diagnostics::skew(self.ahead).unwrap_or_else(|| {
                    Finding::info("clock", "the server's clock and this machine's agree")
                }));
        }
    }
}

/// What the server says of its database. None: it is well, or the server is an older one, which does not tell.
fn store(server: &Server, health: &serde_json::Value) -> Option<Finding> {
    let count = |name: &str| health[name].as_u64().unwrap_or_default();
    if health["store"].as_str().is_some_and(|store| store != "ok") {
        let message = format!(
            "{server} carries calls, but its database is not well: of the records {} wait, {} are lost",
            count("recordsWaiting"),
            count("recordsLost")
        );
        let advice = health["storeAdvice"].as_str().unwrap_or("its log says why");
        return Some(Finding::warning(DATABASE, message, Untrusted(advice).to_string()));
    }
    (count("recordsLost") > 0).then(|| {
        let message = format!("{server} has lost {} call records since its start", count("recordsLost"));
        Finding::warning(DATABASE, message, "See in its log when its database took nothing, and why")
    })
}

/// Seconds since the Unix epoch of a date as in `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok().filter(|d| (1..=31).contains(d))?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|m| *m == name)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok().filter(|y| (1970..=9999).contains(y))?;
    let mut clock = words.next()?.split(':').map(|n| n.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // Days since the epoch, counted in years that begin in March, so that the leap day is their last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, String> {
        Server::parse(url, None).map_err(|e| e.text().to_owned())
    }

    #[test]
    fn servers_are_given_by_url_or_by_host_and_port() {
        for (url, shown, socket) in [
            ("http://tring.test:8080/", "http://tring.test:8080", "ws://tring.test:8080/v1/socket"),
            ("192.0.2.1:80", "http://192.0.2.1:80", "ws://192.0.2.1:80/v1/socket"),
            ("http://[2001:db8::1]:9", "http://[2001:db8::1]:9", "ws://[2001:db8::1]:9/v1/socket"),
            ("https://tring.test", "https://tring.test:443", "wss://tring.test:443/v1/socket"),
        ] {
            let server = parse(url).unwrap();
            assert_eq!((server.to_string(), server.socket_url()), (shown.into(), socket.into()));
        }
        for url in ["", "ftp://x", "http://:80", "http://x:port", "http://u@x"] {
            assert!(parse(url).unwrap_err().contains("--server"), "{url}");
        }
    }

    #[test]
    fn dates_of_http_are_read() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        for text in ["", "Sun, 06", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    fn read(answer: &str) -> Looked {
        let mut looked = Looked::default();
        looked.read(&parse("tring.test:80").unwrap(), answer);
        looked
    }

    #[test]
    fn what_answers_is_tring_or_something_else_or_has_failed() {
        let looked =
            read("HTTP/1.1 200 OK\r\nx: y\r\n\r\n{\"status\":\"ok\",\"version\":\"1\",\"mediaWorkers\":4}");
        assert!(looked.is_tring);
        assert_eq!(looked.workers, Some(4));
        let other = read("HTTP/1.1 404 Not Found\r\n\r\n<html></html>");
        assert!(!other.is_tring && other.findings[0].message.contains("no Tring server"), "{other:?}");
        for said in
            [r#"{"status":"ok","version":"\u001b[2J\u202e1"}"#, r#"{"status":"\u001b[2J\u202efailed"}"#]
        {
            let liar = read(&format!("HTTP/1.1 200\x1b[2J OK\r\n\r\n{said}"));
            let shown = &liar.findings[0].message;
            assert!(shown.contains(r"\u{1b}[2J\u{202e}") && !shown.contains('\x1b'), "{shown:?}");
        }
        let failed = read("HTTP/1.1 503 X\r\n\r\n{\"status\":\"failed\"}");
        assert!(!failed.is_tring && failed.findings[0].message.contains("cannot carry calls"), "{failed:?}");
    }

    #[test]
    fn a_database_that_takes_nothing_is_a_warning_with_what_the_server_says_to_do() {
        let with =
            |store: &str| read(&format!("HTTP/1.1 200 OK\r\nx: y\r\n\r\n{{\"status\":\"ok\"{store}}}"));
        for well in ["", r#","store":"ok""#] {
            assert_eq!(with(well).findings.len(), 1, "{well}");
        }
        let degraded = with(r#","store":"degraded","storeAdvice":"Free the disk","recordsWaiting":3"#);
        assert!(degraded.is_tring);
        let said = degraded.findings[1].to_string();
        assert!(said.contains("3 wait, 0 are lost") && said.contains("Free the disk"), "{said}");
        let lost = with(r#","store":"ok","recordsLost":2"#);
        assert!(lost.findings[1].to_string().contains("lost 2 call records"), "{lost:?}");
    }

    #[test]
    fn a_clock_that_is_a_day_off_is_named() {
        let looked =
            read("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n{\"status\":\"ok\"}");
        assert!(looked.findings[1].message.contains("days behind this machine's"), "{looked:?}");
    }
}
