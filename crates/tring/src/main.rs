//! The command `tring`: starts the server, manages apps, makes and checks UserSigs.
//!
//! Thin: each command calls a crate that does the work. Exit codes: 0 done, 1 failed (one line on stderr says why and
//! what to do), 2 wrong usage. It may depend on every crate. To read it, begin with `serve`.
//!
//! | module | subject |
//! |---|---|
//! | `serve` | `tring serve` |
//! | `settings` | settings by option or variable |
//! | `log` | the server's log: no secret, no forged line, no flood |
//! | `app` | `tring app …` on the database of a data folder |
//! | `usersig` | `tring usersig …` |
//! | `doctor` | `tring doctor …`: what is wrong with a server and the way to it; `tring health` |
//! | `config` | `tring config`: all settings as a file |
//! | `output` | answers for people and as JSON, failures |
//! | `when` | points in time for people |

mod app;
mod config;
mod doctor;
mod log;
mod output;
mod serve;
mod settings;
mod usersig;
mod when;

use clap::{Args, Parser, Subcommand};
use output::{Failure, Form, Outcome};
use std::path::PathBuf;
use std::process::ExitCode;

/// A self-hosted voice and video calling system.
#[derive(Debug, Parser)]
#[command(name = "tring", version, arg_required_else_help = true, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
    Health(doctor::Health),
    /// Print all settings with their defaults, as a configuration file to start from.
    ///
    /// `tring config > tring.toml`, change what you need, `tring serve --config tring.toml`. Everything in it is commented
    /// out: what stays so follows the defaults of later versions.
    Config,
    /// Make, list, change and delete apps. A running server notices within a second.
    #[command(subcommand)]
    App(app::AppCommand),
    /// Make, check and explain UserSigs, the passwords of users.
    #[command(name = "usersig", subcommand)]
    UserSig(usersig::UserSigCommand),
}

// Where the database is: as `tring serve` finds it. No doc comment: clap would show it as the text of each command.
#[derive(Debug, Args)]
struct Data {
    /// The server's data folder [default: that of --config, else that of `tring serve`].
    #[arg(long, value_name = "DIR", env = "TRING_DATA")]
    data: Option<PathBuf>,

    /// The server's configuration file, for the data folder that it names.
    #[arg(long, value_name = "FILE", env = "TRING_CONFIG")]
    config: Option<PathBuf>,
}

impl Data {
    /// The data folder as an absolute path, so that nobody takes it for another of the same name.
    ///
    /// # Errors
    /// The configuration file cannot be read.
    fn folder(&self) -> Result<PathBuf, Failure> {
        let folder = match &self.data {
            Some(folder) => folder.clone(),
            None => tring_server::Config::load(self.config.as_deref())?.data,
        };
        Ok(std::path::absolute(folder)?)
    }
}

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(wrong) => return misused(&wrong),
    };
    let form = match &command {
        Command::Serve(args) => args.form(),
        _ => Form::Text,
    };
    let outcome = match command {
        Command::Serve(args) => serve::run(args),
        Command::Doctor(args) => on_runtime(doctor::run(args)),
        Command::Health(args) => on_runtime(doctor::health(args)),
        Command::Config => config::run(),
        Command::App(command) => on_runtime(app::run(command)),
        Command::UserSig(command) => on_runtime(usersig::run(command)),
    };
    output::finish(outcome, form)
}

/// Help, the version, or what is wrong with the command line: exit code 2.
fn misused(wrong: &clap::Error) -> ExitCode {
    if wrong.use_stderr() && serve::Serve::form_of_misuse(std::env::args()) == Form::JsonLines {
        output::complain(Form::JsonLines, wrong.render().to_string().trim());
        return ExitCode::from(2);
    }
    wrong.exit()
}

fn on_runtime(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
