//! Starting and stopping the whole server.

use crate::accept::{self, Bounds};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::connection_limit::ConnectionLimit;
use crate::directory::Directory;
use crate::greeting::Greeting;
use crate::http::{self, Doors};
use crate::notices;
use crate::session_limit::SessionLimit;
use crate::signing::Signing;
use crate::switchboard::{INBOX, In, Switchboard};
use crate::tls::{Finding, Identity, Machine};
use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};
use tring_calls::CallRecord;
use tring_medianet::MediaNet;
use tring_protocol::SdkAppId;
use tring_store::{CallRecordRow, Store, StoreError};

/// Call records that wait for the database.
const RECORDS: usize = 8192;

/// Files that the server needs besides its connections: database, media sockets.
const FILES_BESIDE_SOCKETS: u64 = 512;

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
    Certificate(Vec<Finding>),
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
    switchboard: mpsc::Sender<In>,
    identity: Option<Arc<Identity>>,
    /// Accept connections.
    doors: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    failures: mpsc::Receiver<&'static str>,
    records: Option<JoinHandle<()>>,
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
        self.doors.iter().for_each(JoinHandle::abort);
        let _ = self.stopping.send(true);
        let (done, told) = oneshot::channel();
        if self.switchboard.send(In::Shutdown(done)).await.is_ok() {
            let _ = tokio::time::timeout(STOP_WITHIN, told).await;
        }
        // All permits are back when the last socket has closed.
        if tokio::time::timeout(STOP_WITHIN, self.sockets.acquire_many(ALL_SOCKETS)).await.is_err() {
            warn!("some clients did not take the end of their calls in time");
        }
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        if let Some(records) = self.records.take() {
            let _ = tokio::time::timeout(STOP_WITHIN, records).await;
        }
    }

    fn greeting(&self, machine: &Machine) -> String {
        let authority = self.identity.as_ref().and_then(|identity| identity.authority());
        Greeting {
            plain: self.address,
            tls: self.tls,
            udp: self.media.addresses().to_vec(),
            rtmp: self.rtmp,
            demo_app: self.demo_app,
            fingerprint: authority.map(|authority| authority.fingerprint()),
            certified: self.identity.as_ref().and_then(|identity| identity.host()),
            machine,
        }
        .text(std::io::stdout().is_terminal())
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
        self.doors.iter().for_each(JoinHandle::abort);
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

/// Starts the server. Errors: [`RunError`].
pub async fn start(config: Config) -> Result<Running, RunError> {
    start_at(config, Clock::start(), Bounds::default()).await
}

async fn start_at(config: Config, clock: Clock, bounds: Bounds) -> Result<Running, RunError> {
    config.check()?;
    let config = Arc::new(config);
    let store = Store::open(&config.data).await?;
    crate::check::log(&config);
    let demo_app = if config.demo { Some(store.ensure_demo_app().await?.id) } else { None };
    let directory = Directory::load(&store, config.demo).await?;
    let identity = Identity::open(&config).map_err(RunError::Certificate)?;

    raise_file_limit(files_wanted(&config));
    let (listener, address) = listen(config.listen, "--listen").await?;
    let secure = match &identity {
        Some(identity) => {
            let (listener, address) = listen(config.tls_listen(), "--tls-listen").await?;
            let settings = identity
                .server_config()
                .map_err(|e| Finding::Authority { folder: config.data.join("ca"), why: e.to_string() });
            Some((listener, address, settings.map_err(|f| RunError::Certificate(vec![f]))?))
        }
        None => None,
    };
    let tls = secure.as_ref().map(|(_, address, _)| *address);

    let (send, notices) = notices::channel();
    let media = tring_medianet::start(media_config(&config), send)?;
    let (records, written) = mpsc::channel(RECORDS);
    let (switchboard, inbox) = mpsc::channel(INBOX);
    let (failed, failures) = mpsc::channel(4);
    let owner = Switchboard::new(clock, config.clone(), directory.clone(), media.clone(), records);
    let mut tasks = vec![
        watched("switchboard", failed.clone(), owner.run(inbox, notices)),
        watched("directory", failed.clone(), directory.clone().follow(store.clone(), switchboard.clone())),
    ];
    let records = tokio::spawn(write_records(store.clone(), written));
    if let Some(metrics) = config.metrics_listen {
        tasks.push(tokio::spawn(serve_metrics(metrics)));
    }
    let limits = &config.limits;
    let sockets = Arc::new(Semaphore::new(ALL_SOCKETS as usize));
    let (stopping, stops) = watch::channel(false);
    let (connections, pending) = (limits.max_connections, limits.max_pending_sockets);
    let connections = ConnectionLimit::new("http", connections, limits.share_of(connections));
    if let Some(identity) = &identity {
        tasks.push(tokio::spawn(identity.clone().keep()));
    }
    let doors = Arc::new(Doors {
        clock,
        directory,
        signing: Signing::new(store, demo_app, limits),
        switchboard: switchboard.clone(),
        media: media.clone(),
        sockets: sockets.clone(),
        pending_sockets: ConnectionLimit::new("pending", pending, limits.share_of(pending)),
        session_limit: SessionLimit::new(limits.max_sockets, limits.share_of(limits.max_sockets)),
        next_socket: AtomicU64::new(1),
        stopping: stops,
        address,
        tls,
        identity: identity.clone(),
        config,
    });
    let routes = http::router(doors);
    let mut doors = Vec::new();
    if let Some((listener, _, settings)) = secure {
        let door =
            accept::accept(listener, routes.clone(), connections.clone(), bounds.clone(), Some(settings));
        doors.push(watched("HTTPS door", failed.clone(), door));
    }
    doors.push(watched("HTTP door", failed, accept::accept(listener, routes, connections, bounds, None)));
    Ok(Running {
        address,
        tls,
        identity,
        rtmp: media.rtmp_address(),
        demo_app,
        switchboard,
        doors,
        tasks,
        failures,
        records: Some(records),
        media,
        sockets,
        stopping,
    })
}

/// Starts the server, prints where to click, and runs until it is interrupted or fails. Errors: [`RunError`].
pub async fn run(config: Config) -> Result<(), RunError> {
    let machine = Machine::look(&config);
    let mut running = start(config).await?;
    say(&running.greeting(&machine));
    let result = tokio::select! {
        () = stop_signal() => Ok(()),
        failed = running.failed() => Err(failed),
    };
    say("\nstopping: calls end, clients are told");
    running.stop().await;
    result
}

/// For who looks at the terminal. Nobody may: a closed pipe (`tring serve | head`) is no reason to end calls.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Open files that the settings may need.
pub(crate) fn files_wanted(config: &Config) -> u64 {
    let limits = &config.limits;
    (limits.max_sockets + limits.max_pending_sockets + limits.max_connections) as u64 + FILES_BESIDE_SOCKETS
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<(TcpListener, SocketAddr), RunError> {
    let fault = |source| RunError::Listen { address, option, source };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

/// Lets the process have a file for each socket: the usual soft limit of 1,024 would refuse users far below the setting.
fn raise_file_limit(wanted: u64) {
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            warn!(
                limit,
                wanted,
                "the system allows fewer open files than limits.max_sockets, limits.max_pending_sockets and limits.max_connections need: raise `ulimit -Hn`"
            );
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "cannot raise the limit of open files"),
    }
}

fn media_config(config: &Config) -> tring_medianet::Config {
    let settings = &config.media;
    tring_medianet::Config {
        bind: settings.bind,
        udp_port: settings.udp_port,
        workers: settings.workers,
        advertise: settings.advertise.clone(),
        rtmp: config.rtmp.enabled.then_some(config.rtmp.listen),
        ..tring_medianet::Config::default()
    }
}

async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn write_records(store: Store, mut records: mpsc::Receiver<CallRecord>) {
    while let Some(record) = records.recv().await {
        let call = record.call.clone();
        if let Err(error) = store.insert_call_record(&row(record)).await {
            error!(%call, %error, "a call record was not written");
        }
    }
}

fn row(record: CallRecord) -> CallRecordRow {
    CallRecordRow {
        app: record.room.app,
        call: record.call,
        room: record.room.room,
        caller: record.caller,
        media: record.media,
        started: record.started,
        accepted: record.accepted,
        ended: record.ended,
        reason: record.reason,
        callees: record.callees,
    }
}

async fn serve_metrics(address: SocketAddr) {
    let handle = match PrometheusBuilder::new().install_recorder() {
        Ok(handle) => handle,
        Err(e) => return error!(error = %e, "no metrics page"),
    };
    let page =
        axum::Router::new().route("/metrics", axum::routing::get(move || async move { handle.render() }));
    match TcpListener::bind(address).await {
        Ok(listener) => {
            info!(%address, "metrics page");
            let _ = axum::serve(listener, page).await;
        }
        Err(e) => error!(%address, error = %e, "no metrics page: choose another metrics_listen"),
    }
}

#[cfg(test)]
mod tests;
