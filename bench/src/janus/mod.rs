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
use crate::harness::socket_calls::SocketCalls;
use crate::load::Load;
use crate::load::light::Connecting;
use crate::load::measured::{Measured, Traffic, WARM_UP, pattern, warm_up};
use person::Person;
use server::Janus;
use std::time::{Duration, Instant};

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
    let first_load = Load::start()?;
    let mut number = 0;
    connect(&mut first, &first_load, &mut number, video).await?;
    warm_up(&first_load).await;
    let mut people = Vec::new();
    for room in (2..).take(calls) {
        people.push(enter(&janus, room, video).await?);
    }
    tokio::time::sleep(REST).await;
    let (bytes, cpu) = (process.resident()?, process.cpu()?);
    let load = Load::start()?;
    let (mut number, mut profile) = (0, "unknown");
    for both in &mut people {
        profile = connect(both, &load, &mut number, video).await?;
    }
    let join = process.cpu()?.saturating_sub(cpu) / number.max(1);
    load.play();
    tokio::time::sleep(WARM_UP).await;
    let (before, cpu, start) = (load.totals(), process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let (after, cpu, took) = (load.totals(), process.cpu()?.saturating_sub(cpu), start.elapsed());
    let grown = process.resident()?.saturating_sub(bytes);
    drop(first_load);
    let traffic = Traffic::between(&before, &after, cpu, took, SocketCalls::default());
    Ok((Measured::new(calls, join, grown, traffic, plan.workers), format!("SRTP profile {profile}")))
}

/// Two people in one room.
async fn enter(janus: &Janus, room: u64, video: bool) -> Result<(Person, Person), BenchError> {
    Ok((
        Person::enter(janus, (room, 1), true, video).await?,
        Person::enter(janus, (room, 2), false, video).await?,
    ))
}

/// Connects both: a connection of each that sends, the `number`th and the next of the load, and one that receives.
/// Gives the SRTP profile of these.
async fn connect(
    (a, b): &mut (Person, Person),
    load: &Load,
    number: &mut u32,
    video: bool,
) -> Result<&'static str, BenchError> {
    for connected in in_time(a.publish(), b.publish()).await? {
        load.add(connected.person(Some(pattern(*number, video))));
        *number += 1;
    }
    tokio::try_join!(a.up(), b.up())?;
    let (id_a, id_b) = (a.id(), b.id());
    let mut profile = "unknown";
    for connected in in_time(a.subscribe(id_b), b.subscribe(id_a)).await? {
        profile = connected.profile();
        load.add(connected.person(None));
    }
    Ok(profile)
}

/// Both connections.
async fn in_time(
    a: impl Future<Output = Result<Connecting, BenchError>>,
    b: impl Future<Output = Result<Connecting, BenchError>>,
) -> Result<[Connecting; 2], BenchError> {
    let both = async { tokio::try_join!(a, b) };
    let late = |_| BenchError::Late("a connection to Janus");
    let (a, b) = tokio::time::timeout(STEP, both).await.map_err(late)??;
    Ok([a, b])
}
