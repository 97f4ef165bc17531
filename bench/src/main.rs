//! `tring-bench`: the figures of Tring, each with its conditions, as ratios where two things are compared.
//!
//! It starts `tring serve` on loopback with a data folder of its own, makes calls through `tring-client`, and reads what
//! the server's process used from `/proc` (Linux only). Nothing here is a test: a figure that misses its bar says so and
//! the run goes on.
//!
//! | folder | subject |
//! |---|---|
//! | `harness` | the server under test, what `/proc` tells of its process, the table |
//! | `signalling` | call set-ups per CPU-second, memory per signed-in user |
//! | `accept` | from `accept` to the first sound and picture, at true round trips |
//! | `load` | people who send and receive, on one thread: the load of the next three |
//! | `webrtc` | calls that talk: CPU per call and per join, packets per CPU-second, delay, memory per session |
//! | `bare_forwarder` | what to compare them with: nothing but receive, open, seal, send; in a process of its own |
//! | `janus` | what to compare them with: Janus' video room on the same calls |
//! | `rtmp` | calls of two phones through RTMP, and nginx-rtmp on the same streams |
//! | `bridge` | calls of a phone and a browser |
//! | `profile` | where the server's CPU goes while calls talk |

mod accept;
mod bare_forwarder;
mod bridge;
mod harness;
mod janus;
mod load;
mod profile;
mod rtmp;
mod signalling;
mod webrtc;

use clap::{Parser, Subcommand, ValueEnum};
use harness::error::BenchError;
use harness::plan::{Figure, Plan};
use harness::report::Report;
use harness::{machine, process};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Open files that the largest figure needs, in this process and in the server: two sockets for each of 2,000 users, and some. Fewer end the run at
/// its start on a machine whose hard limit is lower.
const FILES: u64 = 8192;

/// Calls of a profile, unless the command line names one size.
const PROFILED_CALLS: usize = 40;

/// The figures of Tring, each with its conditions.
#[derive(Debug, Parser)]
#[command(name = "tring-bench", version)]
struct Cli {
    /// Measure these only, and leave the README alone.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Figure>,

    /// Shorter and smaller: to see that it works. Leaves the README alone.
    #[arg(long)]
    quick: bool,

    /// Sizes of the calls that talk.
    #[arg(long, value_delimiter = ',', default_value = "10,40,100")]
    calls: Vec<usize>,

    /// Sizes of the voice calls that talk.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    voice_calls: Vec<usize>,

    /// Media workers of the server, and threads of the bare forwarder [default: one a core].
    #[arg(long)]
    workers: Option<usize>,

    /// The server to measure [default: `tring` beside this program].
    #[arg(long)]
    server: Option<PathBuf>,

    /// Where the table is written [default: bench/README.md; nowhere, if only a part is measured].
    #[arg(long)]
    readme: Option<PathBuf>,

    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Where the server's CPU goes, by `perf`, while 40 video calls talk, or the one size that `--calls` names.
    Profile {
        /// A server to compare with.
        #[arg(long)]
        before: Option<PathBuf>,
        /// A page with the marks that the table is written between.
        #[arg(long)]
        docs: Option<PathBuf>,
    },
    /// The bare forwarder: started by this program itself.
    #[command(hide = true)]
    BareForwarder {
        #[arg(long)]
        workers: usize,
    },
    /// The laboratory of one round trip: started by this program itself.
    #[command(hide = true)]
    LabAccept {
        #[arg(long)]
        round_trip_ms: u32,
        #[arg(long)]
        calls: usize,
        #[arg(long)]
        workers: usize,
        #[arg(long)]
        server: PathBuf,
    },
    /// The clients in the laboratory: started by it.
    #[command(hide = true)]
    LabClients {
        #[arg(long)]
        url: String,
        #[arg(long)]
        app: u32,
        #[arg(long)]
        sig: Vec<String>,
        #[arg(long)]
        calls: usize,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.part {
        Some(Part::BareForwarder { workers }) => bare_forwarder::forward(*workers),
        // Before there is any thread: the program runs itself again in a namespace.
        Some(Part::LabAccept { round_trip_ms, calls, workers, server }) => tring_lab::enter()
            .map_err(|e| BenchError::Lab(std::io::Error::other(e)))
            .and_then(|()| accept::laboratory(server, *round_trip_ms, *calls, *workers)),
        Some(Part::LabClients { url, app, sig, calls }) => tokio::runtime::Runtime::new()
            .map_err(BenchError::Runtime)
            .and_then(|r| r.block_on(accept::clients(url, *app, sig, *calls))),
        Some(Part::Profile { before, docs }) => profile(&cli, before.as_deref(), docs.as_deref()),
        None => bench(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("tring-bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn profile(cli: &Cli, before: Option<&Path>, docs: Option<&Path>) -> Result<(), BenchError> {
    let runtime = tokio::runtime::Runtime::new().map_err(BenchError::Runtime)?;
    let mut plan = plan(cli);
    // The size that the docs speak of, where the command line names none.
    if cli.calls.len() > 1 {
        plan.calls = vec![PROFILED_CALLS];
    }
    runtime.block_on(profile::measure(&binary(cli)?, before, &plan, docs))
}

fn plan(cli: &Cli) -> Plan {
    Plan::new(cli.calls.clone(), cli.voice_calls.clone(), cli.workers, cli.quick)
}

/// The server to measure.
fn binary(cli: &Cli) -> Result<PathBuf, BenchError> {
    match &cli.server {
        Some(path) => Ok(path.clone()),
        None => Ok(std::env::current_exe().map_err(BenchError::Exe)?.with_file_name("tring")),
    }
}

fn bench(cli: &Cli) -> Result<(), BenchError> {
    process::raise_open_files(FILES)?;
    let plan = plan(cli);
    let binary = binary(cli)?;
    let wanted = |f: Figure| cli.only.is_empty() || cli.only.contains(&f);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(BenchError::Runtime)?;
    let mut report = Report::new(machine::Machine::read(), &plan);
    let mut failed = Vec::new();
    runtime.block_on(async {
        for figure in Figure::value_variants().iter().copied().filter(|&f| wanted(f)) {
            let measured = match figure {
                Figure::Engine => signalling::setups::engine(&plan, &mut report),
                Figure::Setups => signalling::setups::sockets(&binary, &plan, &mut report).await,
                Figure::Idle => signalling::idle::measure(&binary, &plan, &mut report).await,
                Figure::Accept => accept::measure(&binary, &plan, &mut report),
                Figure::Voice => webrtc::voice(&binary, &plan, &mut report).await,
                Figure::Video => webrtc::video(&binary, &plan, &mut report).await,
                Figure::Streams => rtmp::measure(&binary, &plan, &mut report).await,
                Figure::Bridge => bridge::measure(&binary, &plan, &mut report).await,
            };
            // One that fails says so in its place, and costs the others nothing.
            if let Err(e) = measured {
                failed.push(figure);
                report.failed(figure, &e);
            }
        }
    });
    println!("{}", report.markdown());
    let whole = cli.only.is_empty() && !cli.quick;
    let readme = cli.readme.clone().or_else(|| whole.then(|| PathBuf::from("bench/README.md")));
    if let Some(path) = readme {
        report.write(&path)?;
        println!("written to {}", path.display());
    }
    if failed.is_empty() { Ok(()) } else { Err(BenchError::Parts(failed)) }
}
