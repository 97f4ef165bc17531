//! The Prometheus page, on a port of its own.

use metrics_exporter_prometheus::PrometheusBuilder;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tracing::{error, info};

/// Opens the metrics page, and says so, before the server says that it runs. None if it cannot be opened: calls go on
/// without it, and the log says why.
pub(super) async fn open(address: SocketAddr) -> Option<JoinHandle<()>> {
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .inspect_err(|error| error!(%error, "no metrics page"))
        .ok()?;
    let listener = TcpListener::bind(address)
        .await
        .inspect_err(|error| error!(%address, %error, "no metrics page: choose another metrics_listen"))
        .ok()?;
    info!(%address, "metrics page");
    let page =
        axum::Router::new().route("/metrics", axum::routing::get(move || async move { handle.render() }));
    Some(tokio::spawn(async move {
        let _ = axum::serve(listener, page).await;
    }))
}
