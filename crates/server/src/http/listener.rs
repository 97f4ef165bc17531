//! Connections: how many, from where, and how long they may take before they ask for something. With TLS or without.

use crate::http::guarded_stream::{GuardedStream, STALLED_FOR};
use crate::limits::shared_connection_limit::{ConnectionPermit, SharedConnectionLimit};
use crate::limits::stranger_log::stranger_event;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tracing::warn;
use tring_protocol::log::Untrusted;

/// Bytes that wait in a connection for a request's head: the largest head that is read. Browsers send about 1 kB.
const HEAD_BUFFER: usize = 16 * 1024;

/// How long the accepting waits after the system had no file for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// First byte of a TLS connection: a handshake record (RFC 8446, 5.1). No HTTP method begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// How long connections may take.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// How long a connection may take to send a request's head; also how long it may wait between two requests, and how
    /// long a TLS handshake may take before the first.
    pub(crate) head_within: Duration,
    /// How long a request may take from its head to its answer.
    pub(crate) answer_within: Duration,
    /// How long an answer may make no progress.
    pub(crate) stalled_for: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { head_within: HEAD_WITHIN, answer_within: ANSWER_WITHIN, stalled_for: STALLED_FOR }
    }
}

/// [`Bounds::head_within`] of a server. Higher: slow links still make it. Lower: whoever only connects is gone sooner.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// [`Bounds::answer_within`] of a server. Bodies have 16 KiB at most.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Accepts connections for as long as it is polled. With `tls` they are TLS connections.
pub(crate) async fn accept(
    listener: TcpListener,
    routes: Router,
    limit: SharedConnectionLimit,
    bounds: Bounds,
    tls: Option<Arc<ServerConfig>>,
) {
    let routes = TowerToHyperService::new(routes);
    let tls = tls.map(TlsAcceptor::from);
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // A peer that is gone already is its own matter; everything else is the system's and takes a while.
                if !matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        // Too many who make use of it: closed at once. A queue would make everybody wait for those who ask for nothing.
        let (permit, mut eviction) = match limit.enter(from.ip()) {
            Ok(entered) => entered,
            Err(full) => {
                stranger_event!(DEBUG, %from, ?full, "connection refused: too many are open");
                continue;
            }
        };
        // A call's messages are small and each is waited for.
        let _ = stream.set_nodelay(true);
        let (routes, bounds, tls) = (routes.clone(), bounds.clone(), tls.clone());
        tokio::spawn(async move {
            // Held until the connection ends or has become a WebSocket, which has bounds of its own.
            let permit = Arc::new(permit);
            let mut connection = pin!(async {
                match tls {
                    None => {
                        let stream = GuardedStream::new(stream, Arc::downgrade(&permit), bounds.stalled_for);
                        serve(stream, routes, from, &bounds, &permit).await;
                    }
                    Some(tls) => serve_tls(tls, stream, routes, from, &bounds, &permit).await,
                }
            });
            tokio::select! {
                () = &mut connection => {}
                () = eviction.happens() => {
                    stranger_event!(DEBUG, %from, "connection ended: another needs its place");
                    permit.set_evicted();
                }
            }
        });
    }
}

async fn serve_tls(
    tls: TlsAcceptor,
    stream: TcpStream,
    routes: TowerToHyperService<Router>,
    from: SocketAddr,
    bounds: &Bounds,
    permit: &Arc<ConnectionPermit>,
) {
    let guard = |stream| GuardedStream::new(stream, Arc::downgrade(permit), bounds.stalled_for);
    let handshake = async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
            return Ok(Err(guard(stream)));
        }
        // Below TLS: what counts is what leaves.
        tls.accept(guard(stream)).await.map(Ok)
    };
    match tokio::time::timeout(bounds.head_within, handshake).await {
        Ok(Ok(Ok(stream))) => serve(stream, routes, from, bounds, permit).await,
        Ok(Ok(Err(plain))) => {
            let routes = TowerToHyperService::new(Router::new().fallback(speaks_https));
            serve(plain, routes, from, bounds, permit).await;
        }
        // A phone that does not trust the certificate ends like this: no fault of the server's.
        Ok(Err(error)) => stranger_event!(DEBUG, %from, error = %Untrusted(&error), "no TLS connection"),
        Err(_) => stranger_event!(DEBUG, %from, "no TLS connection in time"),
    }
}

/// Plain HTTP on the TLS port: whoever left out the `s` is led on, with a text for those who do not follow.
async fn speaks_https(request: Request<Body>) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let target = host.and_then(|host| {
        Uri::builder()
            .scheme("https")
            .authority(host)
            .path_and_query(path)
            .build()
            .ok()
            .map(|u| u.to_string())
    });
    match target {
        Some(to) => {
            let text = format!("this port speaks HTTPS: open {to}\n");
            let headers = [(header::LOCATION, to), (header::CONNECTION, "close".into())];
            (StatusCode::TEMPORARY_REDIRECT, headers, text).into_response()
        }
        None => {
            let text = "this port speaks HTTPS: open it with https:// in front\n";
            (StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], text).into_response()
        }
    }
}

async fn serve<S>(
    stream: S,
    routes: TowerToHyperService<Router>,
    from: SocketAddr,
    bounds: &Bounds,
    permit: &Arc<ConnectionPermit>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let within = bounds.answer_within;
    let service = service_fn(move |request| {
        let answering = Answering::new(permit.clone());
        let answer = answer(routes.clone(), request, from, within);
        async move { answer.await.map(|answer| answer.map(|body| AnswerBody { body, _answering: answering })) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_within)
        .max_buf_size(HEAD_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        stranger_event!(DEBUG, %from, error = %Untrusted(&error), "connection ended");
    }
}

async fn answer(
    routes: TowerToHyperService<Router>,
    mut request: Request<Incoming>,
    from: SocketAddr,
    within: Duration,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(ConnectInfo(from));
    match tokio::time::timeout(within, routes.call(request)).await {
        Ok(answered) => answered,
        Err(_) => {
            let text = "the request took too long\n";
            Ok((StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")], text).into_response())
        }
    }
}

/// A request of this connection is being answered. Idle again once it is gone.
struct Answering(Arc<ConnectionPermit>);

impl Answering {
    fn new(permit: Arc<ConnectionPermit>) -> Self {
        permit.set_answering(true);
        Self(permit)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.set_answering(false);
    }
}

/// The body of an answer. While it lasts, its connection is being served.
struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
