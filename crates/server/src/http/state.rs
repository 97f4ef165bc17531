//! What the handlers of all routes share.

use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::demo_guard::DemoGuard;
use crate::limits::session_limit::SessionLimit;
use crate::limits::shared_connection_limit::SharedConnectionLimit;
use crate::records::store_health::StoreHealth;
use crate::signalling::shell::Inbox;
use crate::signer::Signer;
use crate::tls::Identity;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, watch};
use tring_medianet::MediaNet;

/// What the handlers of all routes share.
pub(crate) struct AppState {
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    pub(crate) apps: Apps,
    pub(crate) signer: Signer,
    pub(crate) demo_guard: DemoGuard,
    pub(crate) switchboard: Inbox,
    pub(crate) media: MediaNet,
    /// One permit an open WebSocket, so that a stop can wait for the last.
    pub(crate) sockets: Arc<Semaphore>,
    /// WebSockets that have not signed in.
    pub(crate) pending_sockets: SharedConnectionLimit,
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
