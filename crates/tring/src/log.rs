//! The log of the server: what is written, and in which form.
//!
//! What the network said is escaped and cut where it is logged ([`tring_protocol::log::Untrusted`]). Here is the second
//! line, for what that does not reach, such as the libraries' own lines and panics: no raw control and no other character
//! that nobody sees leaves in any field; no library is asked for lines in which secrets travel, whatever the filter says;
//! and what libraries say at all is bounded, since strangers can make them say it.

use crate::output::{self, Failure, Form};
use serde_json::{Map, Value};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::Mutex;
use std::time::Instant;
use tracing_subscriber::field::{RecordFields, Visit};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tring_protocol::log::{LineLimit, Untrusted, escape, is_unprintable};

/// What is logged when nobody says otherwise. The libraries below tell much that only their authors need.
pub(crate) const DEFAULT: &str = "info,sqlx=warn,str0m=warn";

/// Our own crates have targets that begin with this. What they log holds no secret.
const OURS: &str = "tring";

/// Most that a library says, whatever the filter asks for. Below this some log whole frames, heads of requests and
/// credentials (`tungstenite`, `hyper`, `axum`, `is`, `str0m`), in which UserSigs, tickets, API secrets and ICE passwords
/// travel; and a library that is new, or has a new version, shall not begin to.
const LIBRARY_MOST: LevelFilter = LevelFilter::INFO;

/// Libraries that were read for it, and log no secret at these levels: states and sizes of DTLS handshakes, SQL without its
/// values, sockets.
const LIBRARIES_READ: [(&str, LevelFilter); 4] = [
    ("dimpl", LevelFilter::TRACE),
    ("mio", LevelFilter::TRACE),
    ("quinn_udp", LevelFilter::TRACE),
    ("sqlx", LevelFilter::DEBUG),
];

/// Longest field, in bytes as it is written. Ours are far shorter. Higher: a library's long lines are whole. Lower: they
/// fill less.
const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Sets up the log of this process.
///
/// # Errors
/// The filter cannot be read: the command ends.
pub(crate) fn start(filter: &str, form: Form) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| Failure::new(format!("--log cannot be read ({e}): give for example --log info")))?;
    let no_secrets = filter_fn(|meta| *meta.level() <= most(meta.target()));
    let to = tracing_subscriber::registry().with(no_secrets).with(filter).with(LibraryFlood::default());
    let log = tracing_subscriber::fmt::layer();
    match form {
        Form::JsonLines => to.with(log.json().with_ansi(false).with_writer(JsonLines)).try_init(),
        Form::Text => {
            let ansi = io::stderr().is_terminal();
            to.with(log.fmt_fields(Fields).with_ansi(ansi).with_writer(io::stderr)).try_init()
        }
    }
    .map_err(|e| Failure::new(format!("the log cannot be set up: {e}")))?;
    std::panic::set_hook(Box::new(move |info| {
        let _ = writeln!(io::stderr(), "{}", panicked(info, form));
    }));
    Ok(())
}

fn crate_of(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

fn is_ours(target: &str) -> bool {
    crate_of(target).strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The most that may be logged of this target.
fn most(target: &str) -> LevelFilter {
    if is_ours(target) {
        return LevelFilter::TRACE;
    }
    let library = crate_of(target);
    LIBRARIES_READ.iter().find(|(read, _)| *read == library).map_or(LIBRARY_MOST, |(_, most)| *most)
}

/// What is said of a panic: one line, whatever the filter says. Its message may quote what the network said.
fn panicked(info: &PanicHookInfo<'_>, form: Form) -> String {
    let why = info.payload_as_str().unwrap_or("(no text)");
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("(no name)");
    // Taken only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    match form {
        Form::Text => {
            let why = Untrusted(why);
            let mut text =
                format!("ERROR tring: panicked: this is a bug panic={why} location={at} thread={thread}");
            if let Some(backtrace) = backtrace {
                text += &format!("\n{}", backtrace.replace(|c| c != '\n' && is_unprintable(c), "?"));
            }
            text
        }
        Form::JsonLines => {
            let mut fields = Map::new();
            fields.insert("panic".into(), why.into());
            fields.insert("location".into(), at.into());
            fields.insert("thread".into(), thread.into());
            if let Some(backtrace) = backtrace {
                fields.insert("backtrace".into(), Value::from(backtrace));
            }
            json_escaped(&output::json_line("ERROR", "panicked", fields))
        }
    }
}

/// Bounds what libraries say that is logged at the usual levels. What somebody has asked for below that is not bounded.
#[derive(Default)]
struct LibraryFlood {
    // Not one for each library: which one a stranger moves is the stranger's choice.
    lines: Mutex<LineLimit>,
}

impl<S: tracing::Subscriber> Layer<S> for LibraryFlood {
    fn event_enabled(&self, event: &tracing::Event<'_>, _: Context<'_, S>) -> bool {
        let meta = event.metadata();
        if is_ours(meta.target()) || *meta.level() > LevelFilter::INFO {
            return true;
        }
        // Media's threads come by here too, and wait for nobody: a line that meets another one is left out.
        let Ok(passed) = self.lines.try_lock().map(|mut lines| lines.pass(Instant::now())) else {
            return false;
        };
        if let Some(Some(left_out)) = passed {
            tracing::warn!(target: "tring::log", left_out, "lines of libraries were left out: there were too many");
        }
        passed.is_some()
    }
}

/// Writes `name=value`, with everything escaped that nobody sees.
struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, to: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line { to, is_first: true, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'w> {
    to: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn field(&mut self, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
        if !std::mem::take(&mut self.is_first) {
            self.to.write_char(' ')?;
        }
        let (dim, plain) = if self.to.has_ansi_escapes() { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        if name != "message" {
            write!(self.to, "{dim}{name}={plain}")?;
        }
        let mut seen = Seen { to: &mut self.to, left: MAX_FIELD_BYTES };
        seen.write_fmt(value)?;
        if seen.left == 0 { self.to.write_char('…') } else { Ok(()) }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        // Fields named `log.…` come with lines of the `log` crate, and repeat what the line says.
        if self.result.is_ok() && !field.name().starts_with("log.") {
            self.result = self.field(field.name(), format_args!("{value:?}"));
        }
    }
}

/// Escapes what nobody sees, and drops what is too much.
struct Seen<'a, W> {
    to: &'a mut W,
    left: usize,
}

impl<W: fmt::Write> fmt::Write for Seen<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.floor_char_boundary(self.left.min(text.len()));
        let fits = end == text.len();
        let mut rest = &text[..end];
        while let Some(at) = rest.find(is_unprintable) {
            self.to.write_str(&rest[..at])?;
            let Some(c) = rest[at..].chars().next() else { break };
            escape(c, self.to)?;
            rest = &rest[at + c.len_utf8()..];
        }
        self.to.write_str(rest)?;
        self.left = if fits { self.left - end } else { 0 };
        Ok(())
    }
}

/// Writes JSON in which everything is escaped that nobody sees: the library escapes only what JSON demands.
struct JsonLines;

impl<'a> MakeWriter<'a> for JsonLines {
    type Writer = JsonLine;

    fn make_writer(&'a self) -> JsonLine {
        JsonLine
    }
}

/// Takes one whole line at a time.
struct JsonLine;

impl Write for JsonLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(json_escaped(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Such characters stand only inside of texts; the line's own end stays.
fn json_escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c == '\n' || !is_unprintable(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}"); // writing to a String does not fail
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const INSIDE: &str = "TRING_TEST_PANIC_INSIDE";

    /// What a process says that panics with this hook and a filter that lets nothing pass: this test, run again.
    fn said_in_a_panic(form: Form, test: &str, backtrace: &str) -> String {
        let name = format!("log::tests::{test}");
        if std::env::var_os(INSIDE).is_some() {
            start("off", form).unwrap();
            let thread = std::thread::Builder::new().name("a worker".into());
            let _ = thread.spawn(|| panic!("two\nlines\u{1b}")).unwrap().join();
            // Nothing of the test's own on this stream.
            std::process::exit(0);
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([&*name, "--exact", "--nocapture"]).env(INSIDE, "1").env("RUST_BACKTRACE", backtrace);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    }

    #[test]
    fn a_panic_is_one_line_of_json() {
        for backtrace in ["0", "1"] {
            let said = said_in_a_panic(Form::JsonLines, "a_panic_is_one_line_of_json", backtrace);
            assert_eq!(said.lines().count(), 1, "{said}");
            let line: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(line["level"], "ERROR");
            assert_eq!(line["fields"]["message"], "panicked");
            assert_eq!(line["fields"]["panic"], "two\nlines\u{1b}");
            assert_eq!(line["fields"]["thread"], "a worker");
            let place = line["fields"]["location"].as_str().unwrap();
            assert!(place.contains("log.rs:"), "{place}");
            assert_eq!(line["fields"].get("backtrace").is_some(), backtrace == "1");
        }
    }

    #[test]
    fn a_panic_in_text_is_escaped() {
        let said = said_in_a_panic(Form::Text, "a_panic_in_text_is_escaped", "0");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(r"two\nlines\u{1b}") && said.contains("a worker"), "{said}");
    }

    #[test]
    fn a_library_that_nobody_has_read_says_no_more_than_info() {
        for library in
            ["is::agent", "str0m", "tungstenite::protocol", "hyper::proto", "tower", "new", "tringle"]
        {
            assert_eq!(most(library), LevelFilter::INFO, "{library}");
        }
        assert_eq!(most("dimpl::dtls12::server"), LevelFilter::TRACE);
        assert_eq!(most("sqlx::query"), LevelFilter::DEBUG);
        for ours in ["tring", "tring::log", "tring_server::socket"] {
            assert_eq!(most(ours), LevelFilter::TRACE, "{ours}");
        }
    }

    #[test]
    fn what_libraries_say_is_bounded_and_what_we_say_is_not() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};
        #[derive(Clone, Default)]
        struct Count(Arc<[AtomicUsize; 2]>);
        impl<S: tracing::Subscriber> Layer<S> for Count {
            fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
                let ours = event.metadata().target().starts_with("tring");
                self.0[usize::from(ours)].fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Count::default();
        let log = tracing_subscriber::registry().with(LibraryFlood::default()).with(count.clone());
        tracing::subscriber::with_default(log, || {
            for _ in 0..500 {
                tracing::warn!(target: "dimpl", "as a stranger wishes");
                tracing::warn!(target: "tring_server::strangers", "as we wish");
            }
        });
        let [library, ours] = [0, 1].map(|n| count.0[n].load(Ordering::Relaxed));
        let burst = tring_protocol::log::STRANGER_LINES_BURST as usize;
        assert!((burst..burst + 20).contains(&library), "{library} lines of a library");
        assert!(ours >= 500, "{ours} lines of our own");
    }

    #[test]
    fn a_field_is_escaped_and_cut() {
        let written = |text: &str| {
            let mut out = String::new();
            let mut seen = Seen { to: &mut out, left: 8 };
            seen.write_str(text).unwrap();
            let left = seen.left;
            (out, left)
        };
        assert_eq!(written("a \"b\"用"), ("a \"b\"用".into(), 0));
        assert_eq!(written("a\n\u{1b}"), ("a\\n\\u{1b}".into(), 5));
        assert_eq!(written("12345用用"), ("12345用".into(), 0));
    }

    #[test]
    fn json_stays_json_and_its_texts_the_same() {
        let text = "\u{7f}\u{85}\u{202e}\u{e0041}\u{200b}用 \"";
        let line = format!("{}\n", serde_json::json!({ "text": text }));
        let escaped = json_escaped(&line);
        assert!(!escaped.trim_end().chars().any(is_unprintable), "{escaped:?}");
        let read: Value = serde_json::from_str(&escaped).unwrap();
        assert_eq!(read["text"], text);
        assert_eq!(json_escaped("{\"a\":1}\n"), "{\"a\":1}\n");
    }
}
