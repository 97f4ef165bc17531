//! `tring serve`: reads the settings, lets the command line override them, sets up the log, runs the server.

use crate::log;
use crate::output::{self, Answer, Failure, Form, Outcome};
use clap::Args;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Start the server.
///
/// Everything has a default: without any option it listens on port 8080 for HTTP and WebSocket and on UDP ports from
/// 7700 on for media, and keeps its database in the folder `data`. Options win over the configuration file.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: Settings,

    /// What is logged: error, warn, info, debug, trace, or a list such as info,tring_server=debug.
    #[arg(long, value_name = "FILTER", env = "TRING_LOG", default_value = log::DEFAULT)]
    log: String,

    /// Say everything as JSON, one object a line: the log, where to click, and why the server does not start.
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    /// How this start speaks.
    pub(crate) fn form(&self) -> Form {
        if self.log_json { Form::JsonLines } else { Form::Text }
    }

    /// The same of a command line that cannot be understood, whose option may still be.
    pub(crate) fn form_of_misuse(args: impl Iterator<Item = String>) -> Form {
        let args: Vec<String> = args.collect();
        let asked = args.iter().any(|a| a == "serve") && args.iter().any(|a| a == "--log-json");
        if asked { Form::JsonLines } else { Form::Text }
    }
}

// Settings by option or variable: they win over the configuration file. No doc comment: clap would show it as the text of
// each command that takes these.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Serve the demo page, and make its app at the first start. Anybody who can reach the server may sign in to that
    /// app as anybody: not for production.
    #[arg(long)]
    demo: bool,

    /// Address and port of HTTP and WebSocket [default: 0.0.0.0:8080].
    #[arg(long, value_name = "IP:PORT", env = "TRING_LISTEN")]
    listen: Option<SocketAddr>,

    /// Address and port of HTTPS and secure WebSockets [default: that of --listen, 363 ports higher, such as 8443; only
    /// with --demo or a certificate].
    #[arg(long, value_name = "IP:PORT", env = "TRING_TLS_LISTEN")]
    tls_listen: Option<SocketAddr>,

    /// Certificate chain of HTTPS (PEM). Without one, the demo and --tls-listen use a local CA, kept in the data folder.
    #[arg(long, value_name = "FILE", env = "TRING_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert (PEM).
    #[arg(long, value_name = "FILE", env = "TRING_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// Folder of the database; made if absent [default: data].
    #[arg(long, value_name = "DIR", env = "TRING_DATA")]
    data: Option<PathBuf>,

    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "TRING_CONFIG")]
    config: Option<PathBuf>,

    /// First UDP port of media; each worker takes one, counting up; 0 lets the system choose [default: 7700].
    #[arg(long, value_name = "PORT", env = "TRING_MEDIA_PORT")]
    media_port: Option<u16>,

    /// Media workers, each a thread and a UDP port [default: 4].
    #[arg(long, value_name = "N", env = "TRING_MEDIA_WORKERS")]
    media_workers: Option<usize>,

    /// Address that clients are told to send media to, for a server behind NAT or in a container; may be repeated, or
    /// several with commas between them [default: the machine's own addresses].
    #[arg(long, value_name = "IP[:PORT]", env = "TRING_ADVERTISE", value_delimiter = ',')]
    advertise: Vec<String>,

    /// Address and port of RTMP, by which mini-programs push and play [default: 0.0.0.0:1935].
    #[arg(long, value_name = "IP:PORT", env = "TRING_RTMP_LISTEN")]
    rtmp_listen: Option<SocketAddr>,
}

/// Runs until the server is told to stop.
pub(crate) fn run(args: Serve) -> Outcome {
    let form = args.form();
    log::start(&args.log, form)?;
    let config = settings(args.settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(tring_server::run(config, |announcement| announce(form, announcement)))?;
    Ok(Answer::silent())
}

/// For who looks at the terminal, or reads stdout. Nobody may: a closed pipe (`tring serve | head`) is no reason to end
/// calls.
fn announce(form: Form, announcement: tring_server::Announcement) {
    let text = match form {
        Form::Text => announcement.text,
        Form::JsonLines => output::json_line("INFO", announcement.message, announcement.fields),
    };
    let _ = writeln!(io::stdout(), "{text}");
}

/// The configuration file with what wins over it. Errors: it cannot be read, or a setting is out of its range.
pub(crate) fn settings(args: Settings) -> Result<tring_server::Config, Failure> {
    let mut config = tring_server::Config::load(args.config.as_deref())?;
    config.demo |= args.demo;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(listen) = args.tls_listen {
        config.tls.listen = Some(listen);
    }
    if let Some(cert) = args.tls_cert {
        config.tls.cert = Some(cert);
    }
    if let Some(key) = args.tls_key {
        config.tls.key = Some(key);
    }
    if let Some(data) = args.data {
        config.data = data;
    }
    if let Some(port) = args.media_port {
        config.media.udp_port = port;
    }
    if let Some(listen) = args.rtmp_listen {
        config.rtmp.listen = listen;
    }
    if let Some(workers) = args.media_workers {
        config.media.workers = workers;
    }
    // A variable that is set and empty, as in a compose file, says nothing.
    let advertise: Vec<String> =
        args.advertise.into_iter().filter(|entry| !entry.trim().is_empty()).collect();
    if !advertise.is_empty() {
        config.media.advertise = advertise;
    }
    Ok(config)
}
