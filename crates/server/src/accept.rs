//! Connections: how many, from where, and how long they may take before they ask for something.

use crate::addresses::Shares;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
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
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// Bytes that wait in a connection for a request's head: the largest head that is read. Browsers send about 1 kB.
const HEAD_BUFFER: usize = 16 * 1024;

/// How long the accepting waits after the system had no file for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What connections may take.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Connections that are no WebSocket, or not yet.
    pub(crate) connections: usize,
    /// Of one address.
    pub(crate) of_address: usize,
    /// How long a connection may take to send a request's head; also how long it may wait between two requests.
    pub(crate) head_within: Duration,
    /// How long a request may take from its head to its answer.
    pub(crate) answer_within: Duration,
}

/// [`Bounds::head_within`] of a server. Higher: slow links still make it. Lower: whoever only connects is gone sooner.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// [`Bounds::answer_within`] of a server. Bodies have 16 KiB at most.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Accepts connections for as long as it is polled.
pub(crate) async fn accept(listener: TcpListener, routes: Router, bounds: Bounds) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let shares = Shares::new(bounds.of_address);
    let routes = TowerToHyperService::new(routes);
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
        let (Ok(place), Some(seat)) = (places.clone().try_acquire_owned(), shares.enter(from.ip())) else {
            debug!(%from, "connection refused: too many are open");
            metrics::counter!("tring_connections_refused_total").increment(1);
            continue;
        };
        // A call's messages are small and each is waited for.
        let _ = stream.set_nodelay(true);
        let (routes, bounds) = (routes.clone(), bounds.clone());
        tokio::spawn(async move {
            // Held until the connection ends or has become a WebSocket, which has bounds of its own.
            let _held = (place, seat);
            let service =
                service_fn(move |request| answer(routes.clone(), request, from, bounds.answer_within));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(bounds.head_within)
                .max_buf_size(HEAD_BUFFER)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if let Err(error) = connection.await {
                debug!(%from, %error, "connection ended");
            }
        });
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
