//! A WebSocket to the server, from the connection to the first answer.

use futures_util::{SinkExt, StreamExt};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use tring_protocol::{Answer, ServerMessage, parse_server_message};

/// Bytes read from the socket at once. The library's default of 128 KiB is too much for thousands of clients in one
/// process.
const READ_BUFFER: usize = 4 * 1024;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a socket, sends one request and takes its answer.
///
/// # Errors
/// Why there is no answer, as a sentence for people.
pub(super) async fn open(
    url: &str,
    tls: Option<Arc<ClientConfig>>,
    text: String,
) -> Result<(Option<IpAddr>, Socket, Answer), String> {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let (mut socket, _) = connect_async_tls_with_config(url, Some(config), true, tls.map(Connector::Rustls))
        .await
        .map_err(|e| e.to_string())?;
    let local = match socket.get_ref() {
        MaybeTlsStream::Plain(stream) => stream.local_addr().ok().map(|a| a.ip()),
        MaybeTlsStream::Rustls(stream) => stream.get_ref().0.local_addr().ok().map(|a| a.ip()),
        _ => None,
    };
    socket.send(Message::text(text)).await.map_err(|e| e.to_string())?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return match parse_server_message(&text) {
                    Ok(ServerMessage::Answer(answer)) => Ok((local, socket, answer)),
                    _ => Err("the answer to the sign-in is none of the protocol".into()),
                };
            }
            Some(Ok(Message::Close(_))) | None => return Err("the server closed the socket".into()),
            Some(Ok(_)) => {}
            Some(Err(e)) => return Err(e.to_string()),
        }
    }
}
