//! The command `tring`: starts the server, manages apps, makes and checks UserSigs.
//!
//! Thin: each command calls a crate that does the work. Exit codes: 0 done, 1 failed (one line on stderr says why and
//! what to do), 2 wrong usage.
//!
//! | module | subject |
//! |---|---|
//! | `serve` | `tring serve`: settings, overrides |
//! | `log` | the server's log: no secret, no forged line, no flood |
//! | `app` | `tring app …` on the database of a data folder |
//! | `usersig` | `tring usersig …` |
//! | `doctor` | `tring doctor …`: what is wrong with a server and the way to it; `tring health` |
//! | `output` | answers for people and as JSON, failures |
//! | `when` | points in time for people |

mod app;
mod doctor;
mod log;
mod output;
mod serve;
mod usersig;
mod when;

use clap::{Args, Parser, Subcommand};
use output::Outcome;
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
    /// Start the server.
    Serve(serve::Serve),
    /// Say what is wrong with this server, or with the way to it, and what to do.
    Doctor(doctor::Doctor),
    /// Ask the running server whether it can carry calls: for health checks.
    Health(doctor::Health),
    /// Make, list, change and delete apps. A running server notices within a second.
    #[command(subcommand)]
    App(app::AppCommand),
    /// Make, check and explain UserSigs, the passwords of users.
    #[command(name = "usersig", subcommand)]
    UserSig(usersig::UserSigCommand),
}

/// Where the database is.
#[derive(Debug, Args)]
struct Data {
    /// The server's data folder.
    #[arg(long, value_name = "DIR", env = "TRING_DATA", default_value = "data")]
    data: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Doctor(args) => on_runtime(doctor::run(args)),
        Command::Health(args) => on_runtime(doctor::health(args)),
        Command::App(command) => on_runtime(app::run(command)),
        Command::UserSig(command) => on_runtime(usersig::run(command)),
    };
    output::finish(outcome)
}

fn on_runtime(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
