//! Where mini-programs push and play: the addresses that they are told, and FLV over HTTP.

use crate::config::RtmpSettings;
use crate::http::Doors;
use crate::limits::stranger_log::stranger_event;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::io::ReaderStream;
use tring_media::{StreamTicket, StreamTickets};
use tring_protocol::log::Untrusted;
use tring_protocol::{CallId, PlayStream, Success};

/// The path in RTMP addresses.
const APP: &str = "call";

/// Longest name of a host (RFC 1035 §2.3.4), with a port.
const MAX_HOST: usize = 253 + 6;

/// Bytes read of a stream at a time on its way to HTTP. Higher: fewer wake-ups for a key frame. Lower: less memory.
const FLV_CHUNK: usize = 16 * 1024;

/// What the addresses of one device's streams begin with.
pub(crate) struct StreamUrls {
    authority: String,
}

impl StreamUrls {
    /// `host`: the name by which the device reaches this server. `port`: RTMP's.
    pub(crate) fn new(settings: &RtmpSettings, host: &str, port: u16) -> Self {
        let host = settings.advertise.as_deref().unwrap_or(host);
        let host = if host.is_empty() { "localhost" } else { host };
        // A port of its own, unless it is the end of an IPv6 address without brackets.
        let has_port = host.rsplit_once(':').is_some_and(|(h, _)| !h.contains(':') || h.ends_with(']'));
        Self { authority: if has_port { host.to_owned() } else { format!("{host}:{port}") } }
    }

    pub(crate) fn all(&self, call: &CallId, tickets: &StreamTickets) -> Success {
        let rtmp =
            |t: &StreamTicket| format!("rtmp://{}/{APP}/{call}?ticket={}", self.authority, t.as_str()).into();
        let play = tickets.play.iter().map(|(user, ticket)| PlayStream {
            user_id: user.clone(),
            url: rtmp(ticket),
            flv_path: format!("/live/{call}.flv?ticket={}", ticket.as_str()).into(),
        });
        Success::Streams { push: rtmp(&tickets.push), play: play.collect() }
    }
}

/// The host that a client asked for, without port; empty if it named none that an address can hold.
pub(crate) fn host_of(headers: &HeaderMap) -> Arc<str> {
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let host = without_port(host);
    if is_host(host) { host.into() } else { "".into() }
}

/// A host, without the port behind it.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A name or address, with a port or without, and nothing that could change the meaning of a URL.
pub(crate) fn is_host(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    !text.is_empty() && text.len() <= MAX_HOST && text.bytes().all(plain)
}

#[derive(Deserialize)]
pub(crate) struct FlvQuery {
    ticket: Option<String>,
}

/// `GET /live/{call}.flv?ticket=…`.
pub(crate) async fn flv(
    State(doors): State<Arc<Doors>>,
    Path(stream): Path<String>,
    Query(query): Query<FlvQuery>,
) -> Response {
    let Some(ticket) = query.ticket.as_deref().and_then(StreamTicket::parse) else {
        return (StatusCode::FORBIDDEN, "a ticket is needed: `streams` of the signalling gives one\n")
            .into_response();
    };
    let played = doors.media.play(stream.clone(), &ticket).and_then(|socket| {
        socket.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(socket)
    });
    let mut socket = match played {
        Ok(socket) => socket,
        Err(error) => {
            stranger_event!(DEBUG, stream = %Untrusted(&stream), %error, "an FLV stream is not played");
            return (StatusCode::SERVICE_UNAVAILABLE, "the server has no room for this stream now\n")
                .into_response();
        }
    };
    // The first bytes are FLV's own header, sent as soon as the ticket was taken. Without them it was not.
    if socket.readable().await.is_err() || is_over(&mut socket) {
        return (
            StatusCode::FORBIDDEN,
            "this ticket is not valid: its call is over, or it was never given\n",
        )
            .into_response();
    }
    let headers = [(header::CONTENT_TYPE, "video/x-flv"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(ReaderStream::with_capacity(socket, FLV_CHUNK))).into_response()
}

/// Its other end was closed before anything came.
fn is_over(socket: &mut tokio::net::UnixStream) -> bool {
    use std::os::fd::AsFd;
    let mut byte = [std::mem::MaybeUninit::uninit()];
    matches!(socket2::SockRef::from(&socket.as_fd()).peek(&mut byte), Ok(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(advertise: Option<&str>, host: &str) -> String {
        let settings = RtmpSettings { advertise: advertise.map(str::to_owned), ..RtmpSettings::default() };
        StreamUrls::new(&settings, host, 1935).authority
    }

    #[test]
    fn a_device_is_told_the_name_by_which_it_came() {
        assert_eq!(authority(None, "calls.example"), "calls.example:1935");
        assert_eq!(authority(None, "[2001:db8::1]"), "[2001:db8::1]:1935");
        assert_eq!(authority(None, ""), "localhost:1935");
        assert_eq!(authority(Some("media.example"), "calls.example"), "media.example:1935");
        assert_eq!(authority(Some("media.example:2935"), "calls.example"), "media.example:2935");
        assert_eq!(authority(Some("[2001:db8::1]:2935"), "x"), "[2001:db8::1]:2935");
    }

    #[test]
    fn a_host_that_would_change_the_url_is_none() {
        let host = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, header::HeaderValue::from_static(text));
            host_of(&headers).to_string()
        };
        assert_eq!(host("calls.example:8080"), "calls.example");
        assert_eq!(host("[::1]:8080"), "[::1]");
        assert_eq!(host("192.0.2.7"), "192.0.2.7");
        for bad in ["evil.example/x?", "a b", "user@evil.example"] {
            assert_eq!(host(bad), "", "{bad}");
        }
        assert_eq!(host_of(&HeaderMap::new()).as_ref(), "");
    }
}
