//! This machine: settings, data folder, ports. A running server beside it is not disturbed.

use super::holder::{self, Holder};
use super::web;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use tring_server::diagnostics::{self, Finding};
use tring_server::{Config, TlsSource};
use tring_store::Store;

/// A port that the server needs.
struct Port {
    address: SocketAddr,
    udp: bool,
    /// The setting that it comes from, and what to change.
    setting: &'static str,
    change: &'static str,
}

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let mut found = vec![match config.check() {
        Ok(()) => Finding::info("settings", "can be read, and are in their ranges"),
        Err(e) => Finding::error("settings", e.to_string(), "Put it right and ask again"),
    }];
    found.push(data(config).await);
    found.extend(diagnostics::check(config));
    let looked = web::look(&web::Server::local(config)).await;
    let running = looked.is_tring;
    found.extend(looked.findings.into_iter().filter(|finding| finding.subject == web::DATABASE));
    found.push(match running {
        true => Finding::info("server", format!("a Tring server runs on {}", config.listen)),
        false => Finding::info("server", format!("no Tring server runs on {} now", config.listen)),
    });
    found.extend(ports(config).iter().map(|port| port.check(running)));
    found
}

/// Opens the database if there is one. Makes nothing but the newest tables in one that is there.
async fn data(config: &Config) -> Finding {
    let folder = config.data.display();
    let subject = "data folder";
    match Store::open_existing(&config.data).await {
        Ok(store) => {
            let apps = store.list_apps().await;
            store.close().await;
            match apps {
                Ok(apps) if apps.is_empty() => Finding::warning(
                    subject,
                    format!("{folder} has a database without an app: nobody can sign in"),
                    "Make one: tring app create NAME",
                ),
                Ok(apps) => Finding::info(subject, format!("{folder} opens, apps: {}", apps.len())),
                Err(e) => Finding::error(subject, e.to_string(), "See whether the disk is full or damaged"),
            }
        }
        Err(tring_store::StoreError::Absent { .. }) => match writable(&config.data) {
            Ok(()) => {
                Finding::info(subject, format!("{folder} has no database yet; the first start makes it"))
            }
            Err(e) => Finding::error(
                subject,
                format!("{folder} cannot be written: {e}"),
                "Choose another with --data, or give it to the user that runs the server",
            ),
        },
        Err(e) => Finding { advice: None, ..Finding::error(subject, e.to_string(), "") },
    }
}

/// Whether the folder, or the nearest one above it that exists, takes a file.
fn writable(folder: &std::path::Path) -> io::Result<()> {
    let absolute = std::path::absolute(folder)?;
    let existing = absolute.ancestors().find(|f| f.exists()).unwrap_or(&absolute);
    let probe = existing.join(format!(".tring-doctor-{}", std::process::id()));
    std::fs::write(&probe, "")?;
    std::fs::remove_file(&probe)
}

fn ports(config: &Config) -> Vec<Port> {
    let tcp = |address, setting, change| Port { address, udp: false, setting, change };
    let mut all = vec![tcp(config.listen, "listen", "--listen")];
    if !matches!(config.tls_source(), Ok(TlsSource::Off) | Err(_)) {
        all.push(tcp(config.tls_listen(), "tls.listen", "tls.listen"));
    }
    if config.rtmp.enabled {
        all.push(tcp(config.rtmp.listen, "rtmp.listen", "--rtmp-listen"));
    }
    let first = config.media.udp_port;
    let workers = u16::try_from(config.media.workers).unwrap_or(u16::MAX);
    let udp = (0..workers).filter_map(|worker| first.checked_add(worker)).map(|port| Port {
        address: SocketAddr::new(config.media.bind, port),
        udp: true,
        setting: "media.udp_port",
        change: "--media-port",
    });
    all.extend(udp);
    // A port that the system chooses is free.
    all.retain(|port| port.address.port() != 0);
    all
}

impl Port {
    /// `running`: a Tring server answers on this machine.
    fn check(&self, running: bool) -> Finding {
        let (kind, port) = (if self.udp { "UDP" } else { "TCP" }, self.address.port());
        let subject = format!("{kind} {port}");
        let bound = match self.udp {
            true => UdpSocket::bind(self.address).map(drop),
            false => TcpListener::bind(self.address).map(drop),
        };
        let setting = self.setting;
        let Err(error) = bound else {
            return match running {
                // Another server than the one that these settings are for, or other settings than its own.
                true => Finding::warning(
                    subject,
                    format!("free, although a server runs: it was started with another {setting}"),
                    "Ask with the settings of the server (--config, or the same options)",
                ),
                false => Finding::info(subject, format!("free ({setting})")),
            };
        };
        match error.kind() {
            io::ErrorKind::AddrInUse => match holder::of(self.udp, port) {
                Some(Holder { name, pid }) if name == "tring" => {
                    Finding::info(subject, format!("held by Tring, process {pid} ({setting})"))
                }
                Some(Holder { name, pid }) => Finding::error(
                    subject,
                    format!("held by another program: {name}, process {pid}"),
                    format!("Stop it, or choose another port with {}", self.change),
                ),
                None if running => Finding::info(
                    subject,
                    format!("taken, as it must be beside a running server ({setting})"),
                ),
                None => Finding::error(
                    subject,
                    "held by another program, which cannot be seen by this user",
                    format!("See as root which it is (ss -lpn), or choose another with {}", self.change),
                ),
            },
            io::ErrorKind::PermissionDenied => Finding::error(
                subject,
                "this user may not open it",
                format!("Choose one above 1023 with {}", self.change),
            ),
            io::ErrorKind::AddrNotAvailable => Finding::error(
                subject,
                format!("{} is no address of this machine", self.address.ip()),
                "Use 0.0.0.0, ::, or one that `ip address` lists",
            ),
            _ => Finding::error(subject, error.to_string(), format!("Choose another with {}", self.change)),
        }
    }
}
