//! `tring serve`: reads the settings, sets up the log, runs the server.

use crate::log;
use crate::output::{self, Answer, Form, Outcome};
use crate::settings::Settings;
use clap::Args;
use std::io::{self, Write};
use tring_server::Config;

/// Start the server.
#[derive(Debug, Args)]
#[command(long_about = long_about())]
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

/// The head of `tring serve --help`, with the defaults that the table of settings has.
fn long_about() -> String {
    let Config { listen, data, media, .. } = Config::default();
    format!(
        "Start the server.\n\nEverything has a default: without any option it listens on port {} for HTTP and WebSocket and \
         on UDP ports from {} on for media, and keeps its database in the folder `{}`. Options win over variables, and \
         variables over the configuration file.",
        listen.port(),
        media.udp_port,
        data.display()
    )
}

impl Serve {
    /// How this start speaks.
    pub(crate) fn form(&self) -> Form {
        if self.log_json { Form::JsonLines } else { Form::Text }
    }

    /// How a start would speak whose command line cannot be understood, as far as `--log-json` can be seen in it.
    pub(crate) fn form_of_misuse(args: impl Iterator<Item = String>) -> Form {
        let args: Vec<String> = args.collect();
        let asked = args.iter().any(|a| a == "serve") && args.iter().any(|a| a == "--log-json");
        if asked { Form::JsonLines } else { Form::Text }
    }
}

/// Runs until the server is told to stop.
pub(crate) fn run(args: Serve) -> Outcome {
    let form = args.form();
    log::start(&args.log, form)?;
    let config = args.settings.config()?;
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
