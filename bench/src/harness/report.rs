//! The table: on the terminal, and in `bench/README.md`.

use crate::harness::error::BenchError;
use crate::harness::machine::Machine;
use crate::harness::plan::Plan;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// One figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// At which size.
    pub(crate) size: String,
    /// What came out.
    pub(crate) figure: String,
    /// What it must reach, and whether it did.
    pub(crate) bar: Option<(String, Verdict)>,
    /// Under which conditions, besides those of the whole run.
    pub(crate) conditions: String,
}

/// Whether a figure meets the bar that it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// The bar holds for other conditions than those of the run, so the figure says nothing about it. With the reason.
    Apart(&'static str),
}

impl Verdict {
    pub(crate) fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Met => f.write_str("met"),
            Self::Missed => f.write_str("**missed**"),
            Self::Apart(why) => write!(f, "**not measured against it**: {why}"),
        }
    }
}

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Machine,
    workers: usize,
    span: Duration,
    rows: Vec<Row>,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(machine: Machine, plan: &Plan) -> Self {
        Self { machine, workers: plan.workers, span: plan.span, rows: Vec::new() }
    }

    /// Adds a figure, and shows it at once.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{} · {}: {}", row.what, row.size, row.figure);
        self.rows.push(row);
    }

    /// Adds a row that says why a part, or the rest of a part, could not be measured.
    pub(crate) fn failed(&mut self, figure: crate::Figure, why: &BenchError) {
        self.add(Row {
            what: format!("{figure:?}, the rest of it"),
            size: "–".into(),
            figure: "**not measured**".into(),
            bar: None,
            // One line of the table.
            conditions: why.to_string().replace(['\n', '|'], " "),
        });
    }

    /// The table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("| what | size | figure | bar | conditions |\n|---|---|---|---|---|\n");
        for Row { what, size, figure, bar, conditions } in &self.rows {
            let bar = match bar {
                Some((bar, verdict)) => format!("{bar}: {verdict}"),
                None => "–".to_owned(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {what} | {size} | {figure} | {bar} | {conditions} |");
        }
        text
    }

    /// Writes the whole file.
    ///
    /// # Errors
    ///
    /// [`BenchError::Write`]: the table is lost but for what the terminal shows.
    pub(crate) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let (machine, table) = (self.machine.describe(), self.markdown());
        let (workers, seconds) = (self.workers, self.span.as_secs());
        let text = format!(
            "# Figures

`make bench` measures these in about a quarter of an hour and writes this file anew; `ARGS=\"--only video\"` measures a part,
`ARGS=--quick` shows that it works, `--help` lists the rest. They are figures to beat, not assertions: compare ratios of
one run, not numbers of two machines.

{machine}

{table}
## Conditions of every row

- The server is one process, `tring serve` with {workers} media workers, on loopback; `tring-bench` makes the load from a
  second process **on the same cores**, which costs the delays more than the CPU figures.
- CPU is user and system time of the server's process from `/proc/PID/stat` (exact to 10 ms). On loopback the receiver's
  half of a datagram's way through the kernel runs in the sender's system call and is in it. Traffic is measured for
  {seconds} s after 2 s of warm-up.
- A video call is two people; each sends 50 Opus-like packets of 80 bytes and 600 kbit/s of H.264-like picture a second
  (25 frames of three equal fragments, sent one after another; 125 packets a second in all), over ICE, DTLS 1.2 and SRTP
  with AES-256-GCM. A voice call is the sound alone. The receivers count forwarded packets.
- One thread of the load has all people, a connected socket each, without GRO and GSO. The WebRTC library connects them;
  after the handshake the load seals and opens by itself and says what a browser says: transport-wide feedback each
  100 ms, reports each second, ICE checks each 2.5 s. It asks for no retransmission. People begin at moments that are spread
  evenly over 40 ms, no two at once. Beside each figure: how packets came and left, as the server counts its own system
  calls, and how far behind their schedule they were sent; a load that is late sends in larger runs, which costs less.
- **Congestion control is off**: the server sends transport-wide feedback to the publishers, but makes no estimate of the
  way to a receiver and does not pace.
- The bare forwarder receives, opens with AES-256-GCM, rewrites the header, seals for the other side and sends, with as
  many threads as the server has workers in use, GRO in and GSO out. The same load sends it the same packets at the same
  moments from as many sockets, by the same code. It has no RTCP, no retransmission, no timers and no rooms: nothing that forwards
  can be cheaper.
- From `accept` to the first packet: server and clients are in network namespaces of their own, and the laboratory
  (`e2e/lab`) delays all that passes between them by half a round trip each way, signalling as well as media. The clients
  are Rust programs without devices.
- Janus is loaded by the same thread with the same packets at the same moments right after Tring and the bare forwarder: its video room,
  one room a call, {workers} event loops, ICE-lite, H.264 and Opus, errors logged only. A person has two connections, one
  that sends and one that receives, as its video room wants it, so a join is two handshakes, the rooms' signalling through
  a WebSocket of each person in it. Its media has an address of the machine that is not loopback, since it makes no
  candidate of one; packets take the same way through the kernel. × is Tring's figure divided by that of Janus.
- A call of two phones is four TCP connections: each phone pushes 15 pictures a second at 600 kbit/s (a key frame of 25 kB
  each 3 s) and 47 frames of AAC at 48 kbit/s in chunks of 4,096 bytes, and plays the other's. Streams begin at different
  moments; traffic is measured after 5 s. nginx-rtmp is loaded by the same program with the same streams right after
  Tring: one worker without a master (several would not know each other's streams), no logs, no interleaving, no
  pings. It leaves Nagle's algorithm on, which costs its delays and saves it segments.
- Memory is the growth of the server's resident set, divided by what was added; the kernel's socket buffers are not in it.
"
        );
        std::fs::write(path, text).map_err(|source| BenchError::Write { path: path.to_owned(), source })
    }
}

/// A number for people, with three digits or so: `12 k`, `1.25 M`.
#[allow(clippy::cast_precision_loss)] // for people
pub(crate) fn count(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n if n >= 1e3 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Milliseconds with a sensible number of digits.
pub(crate) fn millis(d: Duration) -> String {
    format!("{:.2} ms", d.as_secs_f64() * 1e3)
}

/// Bytes in KiB.
#[allow(clippy::cast_precision_loss)] // for people
pub(crate) fn kib(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_other_conditions_is_neither_met_nor_missed() {
        let plan = Plan {
            calls: vec![1],
            voice_calls: vec![1],
            span: Duration::from_secs(1),
            idle: [1, 2],
            pairs: [1, 2],
            workers: 1,
            quick: true,
        };
        let mut report = Report::new(Machine::read(), &plan);
        let row = |verdict| Row {
            what: "packets".into(),
            size: "1 call".into(),
            figure: "5".into(),
            bar: Some(("≥ 4".into(), verdict)),
            conditions: String::new(),
        };
        report.add(row(Verdict::Apart("congestion control is off")));
        let table = report.markdown();
        assert!(
            !table.contains("met")
                && !table.contains("missed")
                && table.contains("congestion control is off")
        );
        report.add(row(Verdict::of(true)));
        assert!(report.markdown().contains("≥ 4: met"));
    }

    #[test]
    fn the_file_names_day_machine_and_conditions() {
        let plan = Plan {
            calls: vec![1],
            voice_calls: vec![1],
            span: Duration::from_secs(7),
            idle: [1, 2],
            pairs: [1, 2],
            workers: 3,
            quick: true,
        };
        let path = tempfile::tempdir().unwrap().keep().join("README.md");
        Report::new(Machine::read(), &plan).write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        for wanted in ["(UTC)", "cores", "Linux", "3 media workers", "7 s after", "Congestion control is off"]
        {
            assert!(text.contains(wanted), "{wanted}");
        }
    }
}
