//! `tring doctor`: what is wrong with a server, or with the way to it, and what to do.
//!
//! | module | subject |
//! |---|---|
//! | `local` | this machine: settings, data folder, ports |
//! | `holder` | which program has a port |
//! | `web` | the server's HTTP: is it there, what does its clock say |
//! | `media` | real calls through the server, one for each address and port that it advertises |
//! | `credentials` | how the two users of those calls sign in |
//! | `verdict` | what the outcome of those calls means (pure) |
//! | `rtmp` | whether mini-programs get through |
//!
//! To read it, begin with `local`, then `media`.

mod credentials;
mod holder;
mod local;
mod media;
mod rtmp;
mod verdict;
mod web;

use crate::output::{Answer, Failure, Outcome};
use crate::settings::Settings;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use tring_server::Config;
use tring_server::diagnostics::{Finding, Severity};

/// Above the options that the commands here share with `tring serve`, and do not act upon.
const SERVERS_OWN: &str = "Settings of the server that is looked at, as `tring serve` was given them";

/// Say what is wrong with this server, or with the way to it, and what to do.
///
/// Give it the options and the --config of the server. Without --server it looks at this machine: settings, addresses, ports, clock, certificates, data folder; a running
/// server is not disturbed. With --media it also makes a call through the running server for each address and UDP port
/// that clients are told. Run it with --server on a machine outside to see whether clients there get through.
///
/// Each line begins with ok, note (a fact with advice), warn (it may be wrong, or is for some clients) or WRONG (calls
/// fail until it is put right). Exit code: 0 nothing is WRONG, 1 something is.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// File with a certificate authority (PEM) to trust beside the system's, as the server's own.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Make calls through the running server and see whether sound arrives.
    #[arg(long)]
    media: bool,

    /// The server to look at from here, as http://host:port [default: the one on this machine].
    #[arg(long, value_name = "URL", env = "TRING_SERVER")]
    server: Option<String>,

    /// App of the test calls: sdkAppID, or on the server's own machine its name [default there: the first].
    #[arg(long, value_name = "APP")]
    app: Option<String>,

    /// File with the app's secret key, to sign the two test users in from another machine.
    #[arg(long, value_name = "FILE", requires = "app")]
    key_file: Option<PathBuf>,

    /// A test user and its UserSig, in place of a key; give it twice, for the two ends of the call.
    #[arg(long, value_name = "USERID=USERSIG", requires = "app", conflicts_with = "key_file")]
    usersig: Vec<String>,

    /// Seconds after which an address that has not answered counts as unreachable.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    wait: u64,

    /// Answer as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten, next_help_heading = SERVERS_OWN)]
    settings: Settings,
}

/// Ask the running server whether it can carry calls: for health checks.
///
/// It prints `ok`, or one line on stderr that says what is wrong. Without --server it asks the server that has the same
/// settings on this machine, so give it the options and the --config of `tring serve`; those that say nothing of where
/// the server listens are taken and do nothing. Exit code: 0 it can carry calls, 1 it cannot.
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The server [default: the one on this machine, by its settings].
    #[arg(long, value_name = "URL", env = "TRING_SERVER")]
    server: Option<String>,

    #[command(flatten, next_help_heading = SERVERS_OWN)]
    settings: Settings,
}

/// What was found, all of it.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
    media: Option<media::Media>,
}

pub(crate) async fn run(args: Doctor) -> Outcome {
    let mut report = Report::default();
    let (server, media, json) = (args.server.clone(), args.media, args.json);
    let credentials = credentials::Credentials::from_args(args.app, args.key_file, args.usersig)?;
    let options = |server: web::Server, local: Option<Config>| media::Options {
        server,
        local,
        credentials,
        wait: std::time::Duration::from_secs(args.wait),
    };
    match server {
        Some(url) => {
            let server = web::Server::parse(&url, args.ca.as_deref())?;
            if media {
                report.take(media::run(options(server, None)).await);
            } else {
                report.findings.extend(web::look(&server).await.findings);
            }
        }
        None => {
            let config = match args.settings.config() {
                Ok(config) => config,
                Err(failure) => {
                    let finding = Finding::error("settings", failure.text(), "Put it right and ask again");
                    report.findings.push(finding);
                    return Ok(report.answer(json));
                }
            };
            report.findings.extend(local::check(&config).await);
            if media {
                let server = web::Server::local(&config);
                report.take(media::run(options(server, Some(config))).await);
            }
        }
    }
    Ok(report.answer(json))
}

pub(crate) async fn health(args: Health) -> Outcome {
    let server = match &args.server {
        Some(url) => web::Server::parse(url, None)?,
        None => web::Server::local(&args.settings.config()?),
    };
    let looked = web::look(&server).await;
    let mut findings = looked.findings.iter();
    if let Some(finding) = findings.find(|f| f.severity == Severity::Error && f.subject != "clock") {
        return Err(Failure::new(finding.to_string()));
    }
    // No reason to stop the server: calls go on, and what is to be written waits.
    let text = match looked.findings.iter().find(|f| f.subject == web::DATABASE) {
        Some(warning) => format!("ok, but {warning}"),
        None => "ok".into(),
    };
    Ok(Answer::either(false, || json!(null), || text))
}

impl Report {
    fn take(&mut self, (findings, media): (Vec<Finding>, Option<media::Media>)) {
        self.findings.extend(findings);
        self.media = media;
    }

    fn answer(self, json: bool) -> Answer {
        let good = self.findings.iter().all(|f| f.severity != Severity::Error);
        Answer::either(
            json,
            || json!({ "ok": good, "findings": self.findings, "media": self.media.as_ref().map(media::Media::value) }),
            || self.text(good),
        )
        .and_is_good(good)
    }

    fn text(&self, good: bool) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let mark = match finding.severity {
                Severity::Info if finding.advice.is_none() => "ok   ",
                Severity::Info => "note ",
                Severity::Warning => "warn ",
                Severity::Error => "WRONG",
            };
            text += &format!("{mark}  {finding}\n");
        }
        if let Some(media) = &self.media {
            text += &format!("\n{}\n", media.table());
        }
        let warnings = self.findings.iter().filter(|f| f.severity == Severity::Warning).count();
        text + "\n"
            + &match (good, warnings) {
                (true, 0) => "Nothing is wrong.".to_owned(),
                (true, 1) => "One thing may be wrong: see the line marked warn.".to_owned(),
                (true, n) => format!("{n} things may be wrong: see the lines marked warn."),
                (false, _) => "Something is wrong: see the lines marked WRONG.".to_owned(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last line for people.
    fn ends(findings: &[Finding]) -> String {
        let report = Report { findings: findings.to_vec(), media: None };
        let good = findings.iter().all(|f| f.severity != Severity::Error);
        report.text(good).lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn under_a_warning_it_does_not_say_that_nothing_is_wrong() {
        let (info, warning) = (Finding::info("a", "is"), Finding::warning("b", "may be", "Look"));
        let error = Finding::error("c", "is not", "Do");
        assert_eq!(ends(std::slice::from_ref(&info)), "Nothing is wrong.");
        assert_eq!(
            ends(&[info.clone(), warning.clone()]),
            "One thing may be wrong: see the line marked warn."
        );
        assert_eq!(
            ends(&[warning.clone(), info, warning.clone()]),
            "2 things may be wrong: see the lines marked warn."
        );
        assert_eq!(ends(&[warning, error]), "Something is wrong: see the lines marked WRONG.");
    }
}
