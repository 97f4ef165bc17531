//! Janus' video room, to compare with: the same calls, by the same load.
//!
//! | module | subject |
//! |---|---|
//! | `server` | Janus as a child process, with a configuration of its own |
//! | `person` | one person of a call: its WebSocket and its two connections |

mod person;
mod server;

pub(crate) use server::{HOW, version};

use crate::Plan;
use crate::harness::error::BenchError;
use crate::webrtc::{Sum, Talked, pattern, warm};
use person::Person;
use server::Janus;
use std::time::{Duration, Instant};
use tring_client::{Media, SrtpProfile};

/// Before what is at rest is measured.
const REST: Duration = Duration::from_secs(1);

/// Traffic before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// A connection may take so long.
const STEP: Duration = Duration::from_secs(20);

/// The calls of [`crate::webrtc`] in video rooms: one room a call, two people who send, each of whom receives the other.
/// Gives the SRTP profile too.
pub(crate) async fn talk(plan: &Plan, calls: usize, video: bool) -> Result<(Talked, String), BenchError> {
    let janus = Janus::start(plan.workers)?;
    let process = janus.process();
    let mut first = enter(&janus, 1, video).await?;
    let (first_senders, first_receivers, _) = connect(&mut first).await?;
    warm(&first_senders, video).await;
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
    for (i, media) in (0..).zip(&senders) {
        media.play(pattern(i, video)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let all = || senders.iter().chain(&receivers);
    let before = Sum::of(all());
    let (cpu, start) = (process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let after = Sum::of(all());
    let (cpu, seconds) = (process.cpu()?.saturating_sub(cpu), start.elapsed().as_secs_f64());
    let grown = process.resident()?.saturating_sub(bytes);
    let profile = match profile {
        Some(SrtpProfile::Aes256Gcm) => "AES-256-GCM",
        Some(SrtpProfile::Aes128Gcm) => "AES-128-GCM",
        Some(SrtpProfile::Aes128CmSha1) => "AES-128-CM with SHA-1",
        None => "unknown",
    };
    drop((first_senders, first_receivers));
    let talked = Talked::new(calls, join, grown, (cpu, seconds), (&before, &after));
    Ok((talked, format!("SRTP profile {profile}")))
}

/// Two people in one room.
async fn enter(janus: &Janus, room: u64, video: bool) -> Result<(Person, Person), BenchError> {
    Ok((
        Person::enter(janus, (room, 1), true, video).await?,
        Person::enter(janus, (room, 2), false, video).await?,
    ))
}

/// What sends, what receives, and the SRTP profile.
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
