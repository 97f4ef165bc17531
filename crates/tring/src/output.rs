//! What a command answers: text for people or JSON for programs on stdout, one line on stderr when it failed.

use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::process::ExitCode;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// How a command went.
pub(crate) type Outcome = Result<Answer, Failure>;

/// What goes to stdout.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    /// What was looked at is as it should be.
    good: bool,
}

impl Answer {
    /// For programs if they asked, else for people; without the last line break.
    pub(crate) fn either(json: bool, value: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Self {
        Self { text: if json { format!("{:#}", value()) } else { text() }, good: true }
    }

    /// This answer, with exit code 1 if what the command looked at is not as it should be.
    pub(crate) fn and_is_good(self, good: bool) -> Self {
        Self { good, ..self }
    }

    /// Nothing to say.
    pub(crate) const fn silent() -> Self {
        Self { text: String::new(), good: true }
    }
}

/// Why a command failed, as one line that says what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Failure {
    /// With a sentence of its own.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The line.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// The form of lines that are no answer: failures, and what a running server says beside its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON object a line, shaped as those of the log.
    JsonLines,
}

/// A line as the JSON log has them: time, level, target, and the message among its fields.
pub(crate) fn json_line(level: &str, message: &str, mut fields: Map<String, Value>) -> String {
    let mut time = String::new();
    // A clock that cannot be written is no reason to say nothing.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    fields.insert("message".into(), message.into());
    json!({ "timestamp": time, "level": level, "fields": fields, "target": "tring" }).to_string()
}

/// Says on stderr why something failed.
pub(crate) fn complain(form: Form, text: &str) {
    let line = match form {
        Form::Text => format!("tring: {text}"),
        Form::JsonLines => json_line("ERROR", text, Map::new()),
    };
    // If stderr is gone there is nobody to tell; the exit code still does.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints, and gives the exit code.
pub(crate) fn finish(outcome: Outcome, form: Form) -> ExitCode {
    let (written, good) = match outcome {
        Ok(Answer { text, .. }) if text.is_empty() => return ExitCode::SUCCESS,
        Ok(Answer { text, good }) => (writeln!(io::stdout(), "{text}"), good),
        Err(Failure(text)) => {
            complain(form, &text);
            return ExitCode::FAILURE;
        }
    };
    match written {
        _ if !good => ExitCode::FAILURE,
        // The reader has seen enough (`tring app list | head -n 1`): no failure.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            complain(form, &format!("cannot write the answer: {e}"));
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}
