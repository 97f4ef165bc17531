//! Where the server's CPU goes while calls talk, by `perf`: a table for docs/media.md, in parts that stay the same.
//!
//! A kernel without counters of the processor's own serves: the samples are those of a clock. They are as good as the
//! symbols: the release profile keeps lines, and what was inlined counts for the function that it was inlined into.

use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::process::Process;
use crate::webrtc::video_calls;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What installs `perf`, for people.
const INSTALL_COMMAND: &str = "`apt-get install linux-perf`";

/// Samples of each thread a second; odd, so that they do not march with timers of whole milliseconds.
const FREQUENCY: u32 = 1_999;

/// What in the docs the table is written between.
const BEGIN: &str = "<!-- profile: written by `tring-bench profile` -->";
const END: &str = "<!-- /profile -->";

/// A part of the server's CPU, and how its samples are known: by any kernel function of the stack, or by the innermost
/// function alone. The first part that fits has it.
struct Part {
    name: &'static str,
    kernel: &'static [&'static str],
    innermost: &'static [&'static str],
}

const PARTS: [Part; 10] = [
    Part {
        name: "sleeping and waking (`epoll_wait`)",
        kernel: &["sys_epoll_wait", "sys_epoll_pwait", "sys_futex", "sys_epoll_pwait2"],
        innermost: &["epoll_wait", "epoll_pwait"],
    },
    Part {
        name: "`sendmsg` in the kernel",
        kernel: &["sys_sendmsg", "sys_sendmmsg", "sys_sendto"],
        innermost: &["sendmsg", "sendmmsg"],
    },
    Part {
        name: "`recvmmsg`, quinn-udp",
        kernel: &["sys_recvmmsg", "sys_recvmsg", "sys_recvfrom"],
        innermost: &["recvmmsg", "quinn_udp"],
    },
    Part {
        name: "SRTP: ciphers, replay windows",
        kernel: &[],
        innermost: &["aws_lc", "aes_", "aesni", "gcm", "ghash", "sha1_block", "srtp", "aead"],
    },
    Part { name: "the WebRTC library", kernel: &[], innermost: &["str0m", "dimpl", "<is::", "is::", "sctp"] },
    Part {
        name: "RTCP, feedback, NACK, timers",
        kernel: &["sys_timerfd"],
        innermost: &["rtcp", "twcc", "feedback", "nack", "timer", "wheel", "report", "clock_gettime"],
    },
    Part { name: "egress", kernel: &[], innermost: &["egress", "train", "rewrite", "rtx"] },
    Part { name: "RTP parsing", kernel: &[], innermost: &["tring_media::rtp", "header"] },
    Part { name: "shard, demux and worker", kernel: &[], innermost: &["tring_"] },
    Part {
        name: "copies, allocator, hashes",
        kernel: &[],
        innermost: &["mem", "malloc", "free", "calloc", "realloc", "alloc", "hash", "sip"],
    },
];

/// The name of what fits no part.
const REST: &str = "the rest";

/// Where the CPU of one server went.
struct Profile {
    /// By the parts and the rest: samples.
    samples: [u64; PARTS.len() + 1],
    /// CPU of one forwarded packet.
    per_packet: Duration,
}

/// Measures one server, or two to compare, and prints the table. With `docs` it is written into that file, between the marks.
///
/// # Errors
///
/// [`BenchError::Perf`]: there is no profile. Those of the calls.
pub(crate) async fn measure(
    binary: &Path,
    before: Option<&Path>,
    plan: &Plan,
    docs: Option<&Path>,
) -> Result<(), BenchError> {
    let calls = plan.calls.first().copied().unwrap_or(1);
    let mut columns = Vec::new();
    if let Some(before) = before {
        columns.push(("before", one(before, plan, calls).await?));
    }
    columns.push(("now", one(binary, plan, calls).await?));
    let machine = crate::machine::Machine::read().describe();
    let table = table(&columns, &format!("{calls} video calls, {} media workers; {machine}", plan.workers));
    println!("{table}");
    let Some(path) = docs else { return Ok(()) };
    let wrong = |source| BenchError::Write { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(wrong)?;
    let text = between_marks(&text, &table)
        .ok_or_else(|| BenchError::Perf(format!("{} has no lines `{BEGIN}` and `{END}`", path.display())))?;
    std::fs::write(path, text).map_err(wrong)
}

async fn one(binary: &Path, plan: &Plan, calls: usize) -> Result<Profile, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::Folder)?;
    let data = dir.path().join("perf.data");
    let mut recorder = None;
    let record = |process| {
        recorder = Some(record(process, &data, plan.span)?);
        Ok(())
    };
    let measured = video_calls(binary, plan, calls, record).await?;
    let ended = recorder.map(|mut r| r.wait());
    let per_packet = Duration::from_secs_f64(1.0 / measured.traffic.rate().max(f64::EPSILON));
    let perf = |e: std::io::Error| BenchError::Perf(e.to_string());
    ended.transpose().map_err(perf)?;
    let script = Command::new("perf")
        .args(["script", "--no-inline", "-F", "ip,sym", "-i"])
        .arg(&data)
        .output()
        .map_err(perf)?;
    let samples = classify(&String::from_utf8_lossy(&script.stdout));
    if samples.iter().sum::<u64>() == 0 {
        return Err(BenchError::Perf(String::from_utf8_lossy(&script.stderr).into_owned()));
    }
    Ok(Profile { samples, per_packet })
}

/// Starts `perf` on a process, for the time that traffic is measured.
fn record(process: Process, data: &Path, span: Duration) -> Result<Child, BenchError> {
    let absent = |e| BenchError::Perf(format!("{e}; {INSTALL_COMMAND} brings it"));
    Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-g", "-F", &FREQUENCY.to_string()])
        .args(["-p", &process.0.to_string(), "-o"])
        .arg(data)
        .args(["--", "sleep", &span.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(absent)
}

/// Samples by part, of what `perf script` prints: a stack is some lines of address and symbol, the innermost first, and an
/// empty line.
fn classify(script: &str) -> [u64; PARTS.len() + 1] {
    let mut samples = [0; PARTS.len() + 1];
    for stack in script.split("\n\n") {
        let frames: Vec<(bool, &str)> = stack
            .lines()
            .filter_map(|l| l.trim().split_once(' '))
            // Addresses of the kernel have their highest bit set.
            .map(|(address, symbol)| (address.len() == 16 && address.starts_with('f'), symbol))
            .collect();
        let Some(&(_, innermost)) = frames.first() else { continue };
        let fits = |p: &Part| {
            let of = |symbol: &str, names: &[&str]| names.iter().any(|n| symbol.contains(n));
            frames.iter().any(|(kernel, symbol)| *kernel && of(symbol, p.kernel))
                || of(innermost, p.innermost)
        };
        samples[PARTS.iter().position(fits).unwrap_or(PARTS.len())] += 1;
    }
    samples
}

#[allow(clippy::cast_precision_loss)] // for people
fn table(columns: &[(&str, Profile)], conditions: &str) -> String {
    let row = |name: &str, cell: &dyn Fn(&Profile) -> String| {
        let cells: Vec<String> = columns.iter().map(|(_, profile)| cell(profile)).collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let mut text = format!(
        "{conditions}\n\n| µs of CPU for a forwarded packet | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(columns.len())
    );
    let us = |profile: &Profile| profile.per_packet.as_secs_f64() * 1e6;
    for (i, name) in PARTS.iter().map(|p| p.name).chain([REST]).enumerate() {
        text += &row(name, &|p| {
            let all: u64 = p.samples.iter().sum();
            format!("{:.1}", p.samples[i] as f64 / all.max(1) as f64 * us(p))
        });
    }
    text + &row("**all**", &|p| format!("{:.1}", us(p)))
}

/// The text with something else between the marks. `None`: it has no marks.
fn between_marks(text: &str, table: &str) -> Option<String> {
    let (head, rest) = text.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n\n{table}\n{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "
\tffffffff8134315f native_queued_spin
\tffffffff82191a10 __x64_sys_epoll_wait
\t          1234ab epoll_wait

\tffffffff81000000 udp_queue_rcv_skb
\tffffffff81fff000 __x64_sys_sendmsg

\t    55d0e6a1bc10 aws_lc_0_38_aes_gcm_enc_update

\t    55d0e6a1bc11 tring_media::shard::receive

\t    55d0e6a1bc12 tring_media::webrtc::egress::Egress::write

\t    55d0e6a1bc13 [unknown]
";

    fn found(name: &str) -> u64 {
        let index = PARTS.iter().position(|p| p.name.contains(name)).unwrap_or(PARTS.len());
        classify(SCRIPT)[index]
    }

    #[test]
    fn each_sample_belongs_to_one_part() {
        for part in ["epoll_wait", "sendmsg", "SRTP", "shard", "egress", REST] {
            assert_eq!(found(part), 1, "{part}");
        }
        assert_eq!(classify(SCRIPT).iter().sum::<u64>(), 6);
    }

    #[test]
    fn the_table_divides_the_cost_of_a_packet_and_stands_between_its_marks() {
        let profile = Profile { samples: classify(SCRIPT), per_packet: Duration::from_micros(60) };
        let table = table(&[("now", profile)], "2 calls");
        assert!(table.contains("| egress | 10.0 |\n") && table.contains("| **all** | 60.0 |"), "{table}");
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = between_marks(&text, &table).unwrap();
        assert!(new.starts_with("a\n") && new.ends_with("\nb\n") && !new.contains("old"));
        assert_eq!(between_marks(&new, &table), Some(new), "again is the same");
        assert_eq!(between_marks("no marks", &table), None);
    }
}
