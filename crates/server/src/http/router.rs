//! The public routes, and those handlers that are too small for a file: health, SDK, demo page.

use crate::http::cross_origin::{from_this_machine, preflight};
use crate::http::state::AppState;
use crate::http::{assets, demo_guard, flv, install, usersig, websocket};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;

/// Longest body of a POST, in bytes. The signing service takes the largest, about 300. Higher: a stranger holds more
/// memory. Lower: nothing gained below that.
const MAX_BODY: usize = 16 * 1024;

/// The public routes.
pub(crate) fn router(state: Arc<AppState>) -> Router {
    let mut router = Router::new()
        .route("/v1/socket", get(websocket::upgrade))
        .route("/v1/usersig", post(usersig::usersig))
        .route("/live/{stream}", get(flv::play))
        .route("/healthz", get(health))
        .route("/sdk/{*path}", get(sdk))
        .merge(install::routes());
    if state.config.demo {
        let demo = Router::new()
            .route("/demo/config.json", get(usersig::demo_config))
            .route("/demo/usersig", post(usersig::demo_usersig).options(preflight))
            .route_layer(from_fn_with_state(state.clone(), demo_guard::guard))
            // Outermost: a page of this machine may read why it was refused, too.
            .route_layer(from_fn(from_this_machine));
        router = router.merge(demo).fallback(get(demo_page));
    } else {
        router = router.fallback(nothing_here);
    }
    router.layer(DefaultBodyLimit::max(MAX_BODY)).with_state(state)
}

/// Whether this server can carry calls: it cannot without its switchboard. It can without its database, so that one which
/// takes nothing is told, and no reason for an orchestrator to end a server with calls.
async fn health(State(state): State<Arc<AppState>>) -> (StatusCode, Json<serde_json::Value>) {
    let (code, status) = match state.switchboard.is_closed() {
        false => (StatusCode::OK, "ok"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    // By the number of workers `tring doctor` knows which UDP ports there are.
    let workers = state.config.media.workers;
    let mut body = json!({ "status": status, "version": env!("CARGO_PKG_VERSION"), "mediaWorkers": workers });
    for (name, value) in state.store_health.fields() {
        body[name] = value;
    }
    (code, Json(body))
}

async fn sdk(Path(path): Path<String>, headers: HeaderMap) -> Response {
    assets::sdk(&path, &headers)
}

async fn demo_page(State(_): State<Arc<AppState>>, uri: axum::http::Uri, headers: HeaderMap) -> Response {
    if !assets::present() {
        let text = "this binary was built without its clients: run `make build`, then start it again\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    assets::demo(uri.path().trim_start_matches('/'), &headers)
}

async fn nothing_here() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found. This is a Tring server; clients connect to /v1/socket\n")
}
