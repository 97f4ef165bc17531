//! Routes, static files, health.

pub(crate) mod assets;
pub(crate) mod cross_origin;
pub(crate) mod demo_guard;
pub(crate) mod flv;
pub(crate) mod guarded_stream;
pub(crate) mod install;
pub(crate) mod listener;
pub(crate) mod usersig;
pub(crate) mod websocket;

use crate::apps::Directory;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::cross_origin::{from_this_machine, preflight};
use crate::http::usersig::Signing;
use crate::limits::connection_limit::ConnectionLimit;
use crate::limits::session_limit::SessionLimit;
use crate::records::store_health::StoreHealth;
use crate::signalling::switchboard::In;
use crate::tls::Identity;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, mpsc, watch};
use tring_medianet::MediaNet;

/// Longest body of a POST, in bytes. The signing service takes the largest, about 300.
const MAX_BODY: usize = 16 * 1024;

/// What every door needs.
pub(crate) struct Doors {
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    pub(crate) directory: Directory,
    pub(crate) signing: Signing,
    pub(crate) demo_guard: demo_guard::DemoGuard,
    pub(crate) switchboard: mpsc::Sender<In>,
    pub(crate) media: MediaNet,
    /// One permit an open WebSocket, so that a stop can wait for the last.
    pub(crate) sockets: Arc<Semaphore>,
    /// WebSockets that have not signed in.
    pub(crate) pending_sockets: ConnectionLimit,
    pub(crate) session_limit: SessionLimit,
    pub(crate) next_socket: AtomicU64,
    /// Where plain HTTP listens.
    pub(crate) address: SocketAddr,
    /// Where HTTPS listens, if it does.
    pub(crate) tls: Option<SocketAddr>,
    /// The certificate of HTTPS.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Whether the database takes what is written.
    pub(crate) store_health: StoreHealth,
    /// Becomes true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// The public routes.
pub(crate) fn router(doors: Arc<Doors>) -> Router {
    let mut router = Router::new()
        .route("/v1/socket", get(websocket::door))
        .route("/v1/usersig", post(usersig::usersig))
        .route("/live/{stream}", get(flv::play))
        .route("/healthz", get(health))
        .route("/sdk/{*path}", get(sdk))
        .merge(install::routes());
    if doors.config.demo {
        let demo = Router::new()
            .route("/demo/config.json", get(usersig::demo_config))
            .route("/demo/usersig", post(usersig::demo_usersig).options(preflight))
            .route_layer(from_fn_with_state(doors.clone(), demo_guard::guard))
            // Outermost: a page of this machine may read why it was refused, too.
            .route_layer(from_fn(from_this_machine));
        router = router.merge(demo).fallback(get(demo_page));
    } else {
        router = router.fallback(nothing_here);
    }
    router.layer(DefaultBodyLimit::max(MAX_BODY)).with_state(doors)
}

/// Whether this server can carry calls: it cannot without its switchboard. It can without its database, so that one which
/// takes nothing is told, and no reason for an orchestrator to end a server with calls.
async fn health(State(doors): State<Arc<Doors>>) -> (StatusCode, Json<serde_json::Value>) {
    let (code, status) = match doors.switchboard.is_closed() {
        false => (StatusCode::OK, "ok"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    // By the number of workers `tring doctor` knows which UDP ports there are.
    let workers = doors.config.media.workers;
    let mut body = json!({ "status": status, "version": env!("CARGO_PKG_VERSION"), "mediaWorkers": workers });
    for (name, value) in doors.store_health.fields() {
        body[name] = value;
    }
    (code, Json(body))
}

async fn sdk(Path(path): Path<String>, headers: HeaderMap) -> Response {
    assets::sdk(&path, &headers)
}

async fn demo_page(State(_): State<Arc<Doors>>, uri: axum::http::Uri, headers: HeaderMap) -> Response {
    if !assets::present() {
        let text = "this binary was built without its clients: run `make build`, then start it again\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    assets::demo(uri.path().trim_start_matches('/'), &headers)
}

async fn nothing_here() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found. This is a Tring server; clients connect to /v1/socket\n")
}
