//! Connections: how many, from where, and how long they may take before they ask for something. With TLS or without.

use crate::addresses::Shares;
use crate::strangers::stranger_event;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
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

/// What connections may take.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Connections that are no WebSocket, or not yet.
    pub(crate) connections: usize,
    /// Of one address.
    pub(crate) of_address: usize,
    /// How long a connection may take to send a request's head; also how long it may wait between two requests, and how
    /// long a TLS handshake may take before the first.
    pub(crate) head_within: Duration,
    /// How long a request may take from its head to its answer.
    pub(crate) answer_within: Duration,
}

/// [`Bounds::head_within`] of a server. Higher: slow links still make it. Lower: whoever only connects is gone sooner.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// [`Bounds::answer_within`] of a server. Bodies have 16 KiB at most.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The places of all doors together.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    of_address: Shares,
    bounds: Bounds,
}

impl Places {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            all: Arc::new(Semaphore::new(bounds.connections)),
            of_address: Shares::new(bounds.of_address),
            bounds,
        }
    }
}

/// Accepts connections for as long as it is polled. With `tls` they are TLS connections.
pub(crate) async fn accept(
    listener: TcpListener,
    routes: Router,
    places: Places,
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
        // Too many: closed at once. A queue would make everybody wait for those who ask for nothing.
        let (Ok(place), Some(seat)) =
            (places.all.clone().try_acquire_owned(), places.of_address.enter(from.ip()))
        else {
            stranger_event!(DEBUG, %from, "connection refused: too many are open");
            metrics::counter!("tring_connections_refused_total").increment(1);
            continue;
        };
        // A call's messages are small and each is waited for.
        let _ = stream.set_nodelay(true);
        let (routes, bounds, tls) = (routes.clone(), places.bounds.clone(), tls.clone());
        tokio::spawn(async move {
            // Held until the connection ends or has become a WebSocket, which has bounds of its own.
            let _held = (place, seat);
            match tls {
                None => serve(stream, routes, from, &bounds).await,
                Some(tls) => serve_tls(tls, stream, routes, from, &bounds).await,
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
) {
    let handshake = async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
            return Ok(Err(stream));
        }
        tls.accept(stream).await.map(Ok)
    };
    match tokio::time::timeout(bounds.head_within, handshake).await {
        Ok(Ok(Ok(stream))) => serve(stream, routes, from, bounds).await,
        Ok(Ok(Err(plain))) => {
            let routes = TowerToHyperService::new(Router::new().fallback(speaks_https));
            serve(plain, routes, from, bounds).await;
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

async fn serve<S>(stream: S, routes: TowerToHyperService<Router>, from: SocketAddr, bounds: &Bounds)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let within = bounds.answer_within;
    let service = service_fn(move |request| answer(routes.clone(), request, from, within));
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
