//! Janus' video room on the calls of `webrtc`, by the same load.
//!
//! | module | subject |
//! |---|---|
//! | `server` | Janus as a child process, with a configuration of its own |
//! | `person` | one person of a call: its WebSocket and its two connections |
//!
//! To read it, begin with `person`.

mod person;
mod server;

pub(crate) use server::{INSTALL_COMMAND, version};

use crate::Plan;
use crate::harness::error::BenchError;
use crate::harness::traffic::{Measured, Totals, WARM_UP, start_talking, warm_up};
use person::Person;
use server::Janus;
use std::time::{Duration, Instant};
use tring_client::{Media, SrtpProfile};

/// Pause before memory and CPU of a server at rest are read.
const REST: Duration = Duration::from_secs(1);

/// Longest wait for a connection.
const STEP: Duration = Duration::from_secs(20);

/// Measures calls in video rooms: one room a call, two people who send, each of whom receives the other. Gives the SRTP profile
/// too, for it decides much of the CPU.
///
/// # Errors
///
/// [`BenchError::Janus`] and those of the clients: the table has no figures of Janus.
pub(crate) async fn measure(
    plan: &Plan,
    calls: usize,
    video: bool,
) -> Result<(Measured, String), BenchError> {
    let janus = Janus::start(plan.workers)?;
    let process = janus.process();
    let mut first = enter(&janus, 1, video).await?;
    let (first_senders, first_receivers, _) = connect(&mut first).await?;
    warm_up(&first_senders, video).await;
    let mut people = Vec::new();
    for room in (2..).take(calls) {
        people.push(enter(&janus, room, video).await?);
    }
    tokio::time::sleep(REST).await;
    let (bytes, cpu) = (process.resident()?, process.cpu()?);
    let mut profile = None;
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for both in &mut people {
        let (sending, receiving, used) = connect(both).await?;
        profile = used;
        senders.extend(sending);
        receivers.extend(receiving);
    }
    let joins = u32::try_from(senders.len()).unwrap_or(u32::MAX).max(1);
    let join = process.cpu()?.saturating_sub(cpu) / joins;
    start_talking(&senders, video).await;
    tokio::time::sleep(WARM_UP).await;
    let all = || senders.iter().chain(&receivers);
    let before = Totals::of(all());
    let (cpu, start) = (process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let after = Totals::of(all());
    let (cpu, seconds) = (process.cpu()?.saturating_sub(cpu), start.elapsed().as_secs_f64());
    let grown = process.resident()?.saturating_sub(bytes);
    let profile = match profile {
        Some(SrtpProfile::Aes256Gcm) => "AES-256-GCM",
        Some(SrtpProfile::Aes128Gcm) => "AES-128-GCM",
        Some(SrtpProfile::Aes128CmSha1) => "AES-128-CM with SHA-1",
        None => "unknown",
    };
    drop((first_senders, first_receivers));
    let talked = Measured::new(calls, join, grown, (cpu, seconds), (&before, &after));
    Ok((talked, format!("SRTP profile {profile}")))
}

/// Two people in one room.
async fn enter(janus: &Janus, room: u64, video: bool) -> Result<(Person, Person), BenchError> {
    Ok((
        Person::enter(janus, (room, 1), true, video).await?,
        Person::enter(janus, (room, 2), false, video).await?,
    ))
}

/// The connections that send, those that receive, and their SRTP profile.
type Connected = ([Media; 2], [Media; 2], Option<SrtpProfile>);

async fn connect((a, b): &mut (Person, Person)) -> Result<Connected, BenchError> {
    let (from_a, from_b) = tokio::try_join!(a.publish(), b.publish())?;
    connected(&from_a, &from_b).await?;
    tokio::try_join!(a.up(), b.up())?;
    let (id_a, id_b) = (a.id(), b.id());
    let (to_a, to_b) = tokio::try_join!(a.subscribe(id_b), b.subscribe(id_a))?;
    let profile = connected(&to_a, &to_b).await?;
    Ok(([from_a, from_b], [to_a, to_b], profile))
}

async fn connected(a: &Media, b: &Media) -> Result<Option<SrtpProfile>, BenchError> {
    let both = async { tokio::try_join!(a.connected(), b.connected()) };
    let late = |_| BenchError::Late("a connection to Janus");
    let (profile, _) = tokio::time::timeout(STEP, both).await.map_err(late)??;
    Ok(profile)
}
