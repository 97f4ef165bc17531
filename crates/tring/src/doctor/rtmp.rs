//! Whether mini-programs get through: a TCP connection and RTMP's handshake (Adobe RTMP 1.0 §5.2).

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tring_protocol::log::Untrusted;
use tring_server::diagnostics::Finding;

/// Connection and handshake must be done within this.
const WITHIN: Duration = Duration::from_secs(5);

const VERSION: u8 = 3;

/// Bytes of the second part of either side's greeting.
const GREETING: usize = 1536;

const PORT: u16 = 1935;

const SUBJECT: &str = "rtmp";

/// Greets the server of a URL that a mini-program would push to.
pub(super) async fn check(url: &str) -> Finding {
    let authority = url.strip_prefix("rtmp://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let place = if has_port { authority.to_owned() } else { format!("{authority}:{PORT}") };
    let port = place.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(PORT);
    // It comes from a server that may be anybody's.
    let shown = Untrusted(&place);
    let open = format!(
        "For mini-programs open TCP {port} in the firewall of the server, or forward it; see rtmp.advertise"
    );
    match timeout(WITHIN, greet(&place)).await {
        Ok(Ok(true)) => Finding::info(SUBJECT, format!("{shown} answers RTMP's handshake")),
        Ok(Ok(false)) => Finding::error(
            SUBJECT,
            format!("{shown} is open, but something else than RTMP answers"),
            format!("See what has TCP {port} there, and rtmp.advertise"),
        ),
        Ok(Err(e)) => Finding::error(SUBJECT, format!("{shown} cannot be reached: {e}"), open),
        Err(_) => Finding::error(SUBJECT, format!("{shown} does not answer"), open),
    }
}

/// Whether what answers at `host:port` speaks RTMP.
///
/// # Errors
/// Nothing can be reached there, or it closes.
async fn greet(place: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(place).await?;
    let mut hello = vec![0; 1 + GREETING];
    hello[0] = VERSION;
    // Four bytes of time and four of zeros; the rest is anything.
    hello[9..].fill(7);
    stream.write_all(&hello).await?;
    let mut answer = vec![0; 1 + 2 * GREETING];
    stream.read_exact(&mut answer[..1]).await?;
    if answer[0] != VERSION {
        return Ok(false);
    }
    stream.read_exact(&mut answer[1..]).await?;
    let echo = &answer[1 + GREETING..];
    // The echo of what was sent, past the time fields.
    Ok(echo[8..] == hello[9..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tring_server::diagnostics::Severity;

    /// What is found where this is answered.
    async fn found(answer: &'static [u8]) -> Finding {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rtmp://{}/live/x?ticket=y", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = vec![0; 1 + GREETING];
            stream.read_exact(&mut hello).await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        check(&url).await
    }

    #[tokio::test]
    async fn another_service_and_a_closed_port_are_told_apart() {
        let other = found(b"SSH-2.0-x\r\n").await;
        assert!(other.severity == Severity::Error && other.message.contains("something else"), "{other}");
        let cut = found(&[VERSION, 0, 0]).await;
        assert!(cut.severity == Severity::Error && cut.message.contains("cannot be reached"), "{cut}");
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let finding = check(&format!("rtmp://{closed}/live/x")).await;
        assert!(finding.to_string().contains(&format!("open TCP {}", closed.port())), "{finding}");
    }
}
