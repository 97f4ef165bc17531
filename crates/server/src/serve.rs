//! Starting and stopping the whole server.

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::directory::Directory;
use crate::http::{self, Doors};
use crate::signing::Signing;
use crate::switchboard::{INBOX, In, Switchboard};
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};
use tring_calls::CallRecord;
use tring_medianet::MediaNet;
use tring_protocol::SdkAppId;
use tring_store::{CallRecordRow, Store, StoreError};

/// Call records that wait for the database.
const RECORDS: usize = 8192;

/// Files that the server needs besides its WebSockets: database, media sockets, HTTP requests under way.
const FILES_BESIDE_SOCKETS: u64 = 512;

/// How long a stop waits for clients to be told and records to be written.
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
    /// The HTTP port.
    #[error(
        "cannot listen on {address}: {source}. Another program has the port, or this user may not open it: choose another with --listen"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A running server. Dropping it stops it without a word to its clients; [`Running::stop`] tells them first.
pub struct Running {
    /// Where HTTP and WebSocket listen.
    pub address: SocketAddr,
    /// The app of the demo page, with `demo`.
    pub demo_app: Option<SdkAppId>,
    switchboard: mpsc::Sender<In>,
    tasks: Vec<JoinHandle<()>>,
    records: Option<JoinHandle<()>>,
    media: MediaNet,
}

impl Running {
    /// Ends all calls, tells the clients and writes the last records.
    pub async fn stop(mut self) {
        let (done, told) = oneshot::channel();
        if self.switchboard.send(In::Shutdown(done)).await.is_ok() {
            let _ = tokio::time::timeout(STOP_WITHIN, told).await;
        }
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        if let Some(records) = self.records.take() {
            let _ = tokio::time::timeout(STOP_WITHIN, records).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.media.clone().shutdown();
    }
}

/// Starts the server. Errors: [`RunError`].
pub async fn start(config: Config) -> Result<Running, RunError> {
    config.check()?;
    let clock = Clock::start();
    let config = Arc::new(config);
    let store = Store::open(&config.data).await?;
    let demo_app = if config.demo { Some(store.ensure_demo_app().await?.id) } else { None };
    let directory = Directory::load(&store).await?;

    raise_file_limit(config.limits.max_sockets);
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| RunError::Listen { address: config.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| RunError::Listen { address: config.listen, source })?;

    // Unbounded, but bounded in fact: a session of the media plane has few notices under way.
    let (notices, heard) = mpsc::unbounded_channel();
    let media = tring_medianet::start(media_config(&config), move |notice| {
        let _ = notices.send(notice);
    })?;

    let (records, written) = mpsc::channel(RECORDS);
    let (switchboard, inbox) = mpsc::channel(INBOX);
    let owner = Switchboard::new(clock, config.clone(), media.clone(), records);
    let mut tasks = vec![tokio::spawn(owner.run(inbox, heard))];
    let records = tokio::spawn(write_records(store.clone(), written));
    tasks.push(tokio::spawn(directory.clone().follow(store.clone(), switchboard.clone())));

    if let Some(metrics) = config.metrics_listen {
        tasks.push(tokio::spawn(serve_metrics(metrics)));
    }
    let doors = Arc::new(Doors {
        clock,
        directory,
        signing: Signing::new(store, demo_app),
        switchboard: switchboard.clone(),
        sockets: Arc::new(Semaphore::new(config.limits.max_sockets)),
        next_socket: AtomicU64::new(1),
        config,
    });
    // A call's messages are small and each is waited for.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let service = http::router(doors).into_make_service_with_connect_info::<SocketAddr>();
    tasks.push(tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, service).await {
            error!(error = %e, "the HTTP door failed");
        }
    }));
    Ok(Running { address, demo_app, switchboard, tasks, records: Some(records), media })
}

/// Starts the server, prints where to click, and runs until it is interrupted. Errors: [`RunError`].
pub async fn run(config: Config) -> Result<(), RunError> {
    let demo = config.demo;
    let running = start(config).await?;
    println!("{}", greeting(running.address, running.demo_app.filter(|_| demo), &running.media));
    stop_signal().await;
    println!("\nstopping: calls end, clients are told");
    running.stop().await;
    Ok(())
}

/// Lets the process have a file for each socket: the usual soft limit of 1,024 would refuse users far below the setting.
fn raise_file_limit(max_sockets: usize) {
    let wanted = max_sockets as u64 + FILES_BESIDE_SOCKETS;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            warn!(
                limit,
                wanted,
                "the system allows fewer open files than limits.max_sockets needs: raise `ulimit -Hn`"
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
        ..tring_medianet::Config::default()
    }
}

fn greeting(address: SocketAddr, demo_app: Option<SdkAppId>, media: &MediaNet) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    let port = address.port();
    let udp: Vec<String> = media.addresses().iter().map(ToString::to_string).collect();
    let mut text = format!(
        "\nTring is running.\n  signalling   ws://{host}:{port}/v1/socket\n  media (UDP)  {}\n",
        udp.join(", ")
    );
    match demo_app {
        Some(app) => {
            text += &format!(
                "  demo app     sdkAppID {app}\n\n  Open  http://{host}:{port}/  and call from one phone to the other.\n"
            );
        }
        None => {
            text +=
                "\n  No demo page (start with --demo for one). Create an app with: tring app create <name>\n"
        }
    }
    text + "  Stop with Ctrl-C.\n"
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
