//! FLV over HTTP: a stream of a call, for players that speak no RTMP.

use crate::http::state::AppState;
use crate::limits::stranger_log::stranger_event;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::io::ReaderStream;
use tring_media::StreamTicket;
use tring_protocol::log::Untrusted;

/// Bytes read of a stream at a time on its way to HTTP. Higher: fewer wake-ups for a key frame. Lower: less memory.
const READ_BUFFER: usize = 16 * 1024;

/// The query of a stream's address, as `signalling/stream_urls` writes it.
#[derive(Deserialize)]
pub(crate) struct FlvQuery {
    ticket: Option<String>,
}

/// `GET /live/{call}.flv?ticket=…`: the stream that the ticket is for, as FLV without end.
///
/// Answers 403 without a ticket or with one that is not valid, 503 when the media plane takes no player.
pub(crate) async fn play(
    State(state): State<Arc<AppState>>,
    Path(stream): Path<String>,
    Query(query): Query<FlvQuery>,
) -> Response {
    let Some(ticket) = query.ticket.as_deref().and_then(StreamTicket::parse) else {
        return (StatusCode::FORBIDDEN, "a ticket is needed: `streams` of the signalling gives one\n")
            .into_response();
    };
    let played = state.media.play(stream.clone(), &ticket).and_then(|socket| {
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
    (headers, Body::from_stream(ReaderStream::with_capacity(socket, READ_BUFFER))).into_response()
}

/// The other end of a readable socket was closed before anything came.
fn is_over(socket: &mut tokio::net::UnixStream) -> bool {
    use std::os::fd::AsFd;
    let mut byte = [std::mem::MaybeUninit::uninit()];
    matches!(socket2::SockRef::from(&socket.as_fd()).peek(&mut byte), Ok(0))
}
