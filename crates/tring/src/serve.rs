//! `tring serve`: reads the settings, lets the command line override them, sets up the log, runs the server.

use crate::output::{self, Answer, Failure, Form, Outcome};
use clap::Args;
use serde_json::{Map, Value};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged when nobody says otherwise. The libraries below tell much that only their authors need.
const LOG_DEFAULT: &str = "info,sqlx=warn,str0m=warn";

/// Libraries that log whole frames and heads of requests, in which UserSigs, tickets and API secrets travel. Whatever the
/// filter says, they are not asked for more than `info`.
const LOG_FRAMES: [&str; 6] =
    ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util", "axum", "axum_core"];

/// Start the server.
///
/// Everything has a default: without any option it listens on port 8080 for HTTP and WebSocket and on UDP ports from
/// 7700 on for media, and keeps its database in the folder `data`. Options win over the configuration file.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: Settings,

    /// What is logged: error, warn, info, debug, trace, or a list such as info,tring_server=debug.
    #[arg(long, value_name = "FILTER", env = "TRING_LOG", default_value = LOG_DEFAULT)]
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
    start_log(&args.log, form)?;
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

/// What a panic says where the log is JSON. The log's filter has no say in it.
fn panic_line(info: &PanicHookInfo<'_>) -> String {
    let mut fields = Map::new();
    let payload = info.payload_as_str().unwrap_or("(no text)");
    fields.insert("panic".into(), payload.into());
    let place = info.location().map(ToString::to_string);
    fields.insert("location".into(), place.into());
    fields.insert("thread".into(), std::thread::current().name().map(str::to_owned).into());
    // Taken only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        fields.insert("backtrace".into(), Value::from(backtrace.to_string()));
    }
    output::json_line("ERROR", "panicked", fields)
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

fn start_log(filter: &str, form: Form) -> Result<(), Failure> {
    if form == Form::JsonLines {
        std::panic::set_hook(Box::new(|info| {
            let _ = writeln!(io::stderr(), "{}", panic_line(info));
        }));
    }
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| Failure::new(format!("--log cannot be read ({e}): give for example --log info")))?;
    let no_frames = filter_fn(|meta| {
        let library = meta.target().split("::").next().unwrap_or_default();
        !LOG_FRAMES.contains(&library) || *meta.level() <= LevelFilter::INFO
    });
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let to = tracing_subscriber::registry().with(no_frames).with(filter);
    match form {
        Form::JsonLines => to.with(log.with_ansi(false).json()).try_init(),
        Form::Text => to.with(log).try_init(),
    }
    .map_err(|e| Failure::new(format!("the log cannot be set up: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const INSIDE: &str = "TRING_TEST_PANIC_INSIDE";

    /// Runs itself again, as a process that panics with this hook.
    #[test]
    fn a_panic_is_one_line_of_json() {
        if std::env::var_os(INSIDE).is_some() {
            start_log("off", Form::JsonLines).unwrap();
            let thread = std::thread::Builder::new().name("a worker".into());
            let _ = thread.spawn(|| panic!("two\nlines")).unwrap().join();
            // Nothing of the test's own on this stream.
            std::process::exit(0);
        }
        let name = "serve::tests::a_panic_is_one_line_of_json";
        let inside = |backtrace: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([name, "--exact", "--nocapture"]).env(INSIDE, "1").env("RUST_BACKTRACE", backtrace);
            String::from_utf8(command.output().unwrap().stderr).unwrap()
        };
        for backtrace in ["0", "1"] {
            let said = inside(backtrace);
            assert_eq!(said.lines().count(), 1, "{said}");
            let line: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(line["level"], "ERROR");
            assert_eq!(line["fields"]["message"], "panicked");
            assert_eq!(line["fields"]["panic"], "two\nlines");
            assert_eq!(line["fields"]["thread"], "a worker");
            let place = line["fields"]["location"].as_str().unwrap();
            assert!(place.contains("serve.rs:"), "{place}");
            assert_eq!(line["fields"].get("backtrace").is_some(), backtrace == "1");
        }
    }
}
