//! `tring-lab`: a network of hosts whose links delay, lose, reorder and repeat, for whoever writes JSON lines.

use clap::Parser;
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;
use tring_lab::command::{Command, Step, apply, stats};
use tring_lab::{Lab, Topology};

/// Network namespaces as hosts, and links between them that delay, lose, reorder and repeat packets.
///
/// The first line of the input is the topology, for example {"hosts":{"phone":{"up":"delay=25ms loss=5%"},"server":{}}}.
/// When it runs, one line names each host's addresses and what enters it. Then each line is a command and is answered
/// with one line. It ends with its input, and leaves nothing behind.
#[derive(Parser)]
struct Arguments {
    /// A file with the topology, in the place of the first line of the input.
    topology: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match tring_lab::enter().map_err(|error| error.to_string()).and_then(|()| run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&json!({ "error": error }));
            eprintln!("tring-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let text = match arguments.topology {
        Some(path) => {
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
            line
        }
    };
    let topology: Topology = serde_json::from_str(&text).map_err(|error| format!("the topology: {error}"))?;
    let mut lab = Lab::start(topology).map_err(|error| error.to_string())?;
    say(&json!({ "ready": true, "hosts": lab.info() }));

    let (tell, lines) = channel();
    std::thread::spawn(move || read(&tell));
    serve(&mut lab, &lines);
    Ok(())
}

/// The input's lines, until it ends.
fn read(tell: &Sender<String>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if tell.send(line).is_err() {
            return;
        }
    }
}

/// Answers commands and keeps the times of the script, until the input ends.
fn serve(lab: &mut Lab, lines: &Receiver<String>) {
    let mut script: Vec<Step> = Vec::new();
    let mut began = Instant::now();
    loop {
        let wait = script.last().map(|step| step.at.saturating_sub(began.elapsed()));
        let line = match wait {
            Some(wait) => lines.recv_timeout(wait),
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match line {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => say(&match Command::parse(&line) {
                Ok(Command::Change(change)) => apply(lab, change).unwrap_or_else(failed),
                Ok(Command::Stats) => stats(lab),
                Ok(Command::Script(steps)) => {
                    script = steps;
                    // The next one is the last; steps of the same time keep their order.
                    script.reverse();
                    script.sort_by_key(|step| std::cmp::Reverse(step.at));
                    began = Instant::now();
                    json!({ "ok": true, "steps": script.len() })
                }
                Err(error) => failed(error),
            }),
            Err(RecvTimeoutError::Timeout) => {
                let Some(step) = script.pop() else { continue };
                // Nobody has asked just now: answers are for those who did.
                if let Err(error) = apply(lab, step.change) {
                    eprintln!("tring-lab: the step at {} ms of the script: {error}", step.at.as_millis());
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn failed(error: String) -> Value {
    json!({ "error": error })
}

fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    // Whoever reads no more has ended, and then so does the input.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
