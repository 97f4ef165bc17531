//! Starting and stopping the whole server: the one place that knows all of its parts.

mod metrics_page;
mod open_files;
mod stop_signal;

use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::diagnostics::banner::{Announcement, Banner};
use crate::http::demo_guard::DemoGuard;
use crate::http::listener::{self, Bounds};
use crate::http::router;
use crate::http::state::AppState;
use crate::limits::session_limit::SessionLimit;
use crate::limits::shared_connection_limit::SharedConnectionLimit;
use crate::records::retention;
use crate::records::store_health::StoreHealth;
use crate::records::writer::Writer;
use crate::signalling::notice_queue;
use crate::signalling::shell::{self, Inbox, Shell};
use crate::signalling::switchboard::Switchboard;
use crate::signer::Signer;
use crate::tls::{CertificateFinding, Identity, Machine};
use futures_util::FutureExt;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};
use tring_medianet::MediaNet;
use tring_protocol::SdkAppId;
use tring_store::{Store, StoreError};

/// Permits of open WebSockets. They are only counted with these; how many there may be is said in `[limits]`.
const ALL_SOCKETS: u32 = 1 << 28;

/// How long a stop waits for clients to be told, for their sockets to close, and for records to be written: each.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder or the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The media sockets.
    #[error(transparent)]
    Media(#[from] tring_medianet::StartError),
    /// A part without which there are no calls has ended while the server ran.
    #[error("the server cannot go on: its {part} has failed, and the log says why. Start it again")]
    Failed {
        /// Which.
        part: &'static str,
    },
    /// The certificate of HTTPS, its key, the local CA or the clock.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Certificate(Vec<CertificateFinding>),
    /// The HTTP or HTTPS port.
    #[error(
        "cannot listen on {address}: {source}. Another program has the port, or this user may not open it: choose another with {option}"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The option that chooses it.
        option: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// A running server. Dropping it stops it without a word to its clients; [`Running::stop`] tells them first.
pub struct Running {
    /// Where HTTP and WebSocket listen.
    pub address: SocketAddr,
    /// Where HTTPS and secure WebSockets listen, if they do.
    pub tls: Option<SocketAddr>,
    /// Where RTMP listens, if it does.
    pub rtmp: Option<SocketAddr>,
    /// The app of the demo page, with `demo`.
    pub demo_app: Option<SdkAppId>,
    /// The data folder, whole.
    data: PathBuf,
    apps: Apps,
    switchboard: Inbox,
    identity: Option<Arc<Identity>>,
    /// Tasks that accept connections.
    listeners: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    failures: mpsc::Receiver<&'static str>,
    writer: Option<JoinHandle<()>>,
    store_health: StoreHealth,
    media: MediaNet,
    sockets: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Running {
    /// What the media plane has counted, at most a second old.
    pub fn media_stats(&self) -> tring_medianet::Stats {
        self.media.stats()
    }

    /// Looks now whether there is a new certificate, or whether the machine has other addresses, instead of within a
    /// minute.
    pub async fn look_at_certificate(&self) {
        if let Some(identity) = &self.identity {
            identity.look().await;
        }
    }

    /// Ends all calls, tells the clients, waits until they are told, and writes the last records.
    pub async fn stop(mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
        let _ = self.stopping.send(true);
        let told = self.switchboard.shut_down().await;
        let _ = tokio::time::timeout(STOP_WITHIN, told).await;
        // All permits are back when the last socket has closed.
        if tokio::time::timeout(STOP_WITHIN, self.sockets.acquire_many(ALL_SOCKETS)).await.is_err() {
            warn!("some clients did not take the end of their calls in time");
        }
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        if let Some(mut writer) = self.writer.take()
            && tokio::time::timeout(STOP_WITHIN, &mut writer).await.is_err()
        {
            writer.abort();
            let records = self.store_health.waiting();
            error!(
                records,
                "the server stops before the database has taken all call records: these are lost"
            );
        }
    }

    fn banner(&self, machine: &Machine) -> Announcement {
        let authority = self.identity.as_ref().and_then(|identity| identity.authority());
        Banner {
            plain: self.address,
            tls: self.tls,
            udp: self.media.addresses().to_vec(),
            rtmp: self.rtmp,
            data: self.data.clone(),
            apps: self.apps.len(),
            demo_app: self.demo_app,
            fingerprint: authority.map(|authority| authority.fingerprint()),
            certified: self.identity.as_ref().and_then(|identity| identity.host()),
            machine,
        }
        .announcement(std::io::stdout().is_terminal())
    }

    /// Waits until a part of the server fails without which there are no calls. Gives [`RunError::Failed`]. A server
    /// that has failed is of no use any more: stop it, and start another.
    pub async fn failed(&mut self) -> RunError {
        match self.failures.recv().await {
            Some(part) => RunError::Failed { part },
            None => std::future::pending().await,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
        for task in &self.tasks {
            task.abort();
        }
        self.media.clone().shutdown();
    }
}

/// Runs a part of the server that must not end by itself, and says so if it does.
fn watched(
    part: &'static str,
    failures: mpsc::Sender<&'static str>,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        // What it owned is dropped with it, so nothing half-changed is seen again.
        let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
        error!(part, panicked, "a part of the server has ended: the server cannot go on");
        let _ = failures.send(part).await;
    })
}

/// Starts the server.
///
/// # Errors
/// [`RunError`]: nothing runs.
pub async fn start(config: Config) -> Result<Running, RunError> {
    start_at(config, Clock::start(), Bounds::default()).await
}

async fn start_at(config: Config, clock: Clock, bounds: Bounds) -> Result<Running, RunError> {
    config.check()?;
    let config = Arc::new(config);
    let store = Store::open(&config.data).await?;
    crate::diagnostics::log(&config);
    let demo_app = if config.demo { Some(store.ensure_demo_app().await?.id) } else { None };
    let store_health = StoreHealth::new(clock);
    let apps = Apps::load(&store, config.demo, store_health.clone()).await?;
    // Whole: with a relative one, two commands started in two folders have two databases, and nobody sees it.
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    match apps.len() {
        0 => warn!(
            folder = %data.display(),
            "the data folder has no app, so nobody can sign in: make one with `tring app create NAME --data FOLDER`"
        ),
        count => info!(folder = %data.display(), apps = count, "data folder"),
    }
    let identity = Identity::open(&config).map_err(RunError::Certificate)?;

    open_files::raise_limit(config.open_files());
    let (listener, address) = listen(config.listen, "--listen").await?;
    let secure = match &identity {
        Some(identity) => {
            let (listener, address) = listen(config.tls_listen(), "--tls-listen").await?;
            let settings = identity.server_config().map_err(|e| CertificateFinding::Authority {
                folder: config.data.join("ca"),
                why: e.to_string(),
            });
            Some((listener, address, settings.map_err(|f| RunError::Certificate(vec![f]))?))
        }
        None => None,
    };
    let tls = secure.as_ref().map(|(_, address, _)| *address);

    let (send, notices) = notice_queue::channel();
    let media = tring_medianet::start(media_config(&config), send)?;
    let (writer, recorder, audit) =
        Writer::open(&config.data, store.clone(), clock, store_health.clone()).await?;
    let (switchboard, mail) = shell::inbox();
    let (failed, failures) = mpsc::channel(4);
    let rtmp_port = media.rtmp_address().map(|address| address.port());
    let random = Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).is_ok());
    let owner = Switchboard::new(config.clone(), rtmp_port, random);
    let media_plane = media.clone();
    let owner = Shell::new(owner, clock, move |command| media_plane.send(command), recorder);
    let to_switchboard = switchboard.clone();
    let app_changed = async move |change| to_switchboard.app_changed(change).await;
    let mut tasks = vec![
        watched("switchboard", failed.clone(), owner.run(mail, notices)),
        watched("app list", failed.clone(), apps.clone().follow(store.clone(), app_changed)),
        tokio::spawn(retention::run(store, clock, config.retention)),
    ];
    let writer = tokio::spawn(writer.run());
    if let Some(metrics) = config.metrics_listen {
        tasks.extend(metrics_page::open(metrics).await);
    }
    let limits = &config.limits;
    let sockets = Arc::new(Semaphore::new(ALL_SOCKETS as usize));
    let (stopping, stops) = watch::channel(false);
    let (connections, pending) = (limits.max_connections, limits.max_pending_sockets);
    let connections = SharedConnectionLimit::new("http", connections, limits.share_of(connections));
    if let Some(identity) = &identity {
        tasks.push(tokio::spawn(identity.clone().keep()));
    }
    let state = Arc::new(AppState {
        clock,
        apps: apps.clone(),
        signer: Signer::new(audit, demo_app, limits),
        demo_guard: DemoGuard::new(&config),
        switchboard: switchboard.clone(),
        media: media.clone(),
        sockets: sockets.clone(),
        pending_sockets: SharedConnectionLimit::new("pending", pending, limits.share_of(pending)),
        session_limit: SessionLimit::new(limits.max_sockets, limits.share_of(limits.max_sockets)),
        next_socket: AtomicU64::new(1),
        stopping: stops,
        address,
        tls,
        identity: identity.clone(),
        config,
        store_health: store_health.clone(),
    });
    let routes = router::router(state);
    let mut listeners = Vec::new();
    if let Some((listener, _, settings)) = secure {
        let accepting =
            listener::accept(listener, routes.clone(), connections.clone(), bounds.clone(), Some(settings));
        listeners.push(watched("HTTPS listener", failed.clone(), accepting));
    }
    listeners.push(watched(
        "HTTP listener",
        failed,
        listener::accept(listener, routes, connections, bounds, None),
    ));
    Ok(Running {
        address,
        tls,
        identity,
        rtmp: media.rtmp_address(),
        demo_app,
        data,
        apps,
        switchboard,
        listeners,
        tasks,
        failures,
        writer: Some(writer),
        store_health,
        media,
        sockets,
        stopping,
    })
}

/// Starts the server, tells by `say` where to click, and runs until it is interrupted or fails.
///
/// # Errors
/// [`RunError`]: it did not start, or has failed and was stopped.
pub async fn run(config: Config, say: impl Fn(Announcement)) -> Result<(), RunError> {
    // Before anybody is told that it runs: who stops it at once stops it in good order.
    let stop = stop_signal::stop_signal();
    let machine = Machine::look(&config);
    let mut running = start(config).await?;
    say(running.banner(&machine));
    let result = tokio::select! {
        () = stop => Ok(()),
        failed = running.failed() => Err(failed),
    };
    say(Announcement::stopping());
    running.stop().await;
    result
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<(TcpListener, SocketAddr), RunError> {
    let fault = |source| RunError::Listen { address, option, source };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

fn media_config(config: &Config) -> tring_medianet::Config {
    let (settings, limits) = (&config.media, &config.limits);
    tring_medianet::Config {
        bind: settings.bind,
        udp_port: settings.udp_port,
        workers: settings.workers,
        advertise: settings.advertise.clone(),
        rtmp: config.rtmp.enabled.then_some(config.rtmp.listen),
        rtmp_connections: limits.max_rtmp_connections,
        rtmp_connections_of_address: limits.share_of(limits.max_rtmp_connections),
        flv_players: limits.max_connections,
        ..tring_medianet::Config::default()
    }
}

#[cfg(test)]
mod tests;
