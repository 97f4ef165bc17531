//! Calls of a phone and a browser: the server's share of the delay in both directions, the first picture after the answer,
//! CPU of a call and of the codecs alone.
//!
//! To read it, begin with this file.

mod browser;

use crate::harness::calls::{STEP, wait_for};
use crate::harness::durations::Durations;
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::report::{Report, Row, Verdict, kib};
use crate::harness::server::Server;
use crate::rtmp::client::{Address, Connection, Way, stream_addresses};
use crate::rtmp::load::{Arrived, Players, Pushers, Stream, spread};
use crate::rtmp::phone;
use browser::{Browser, Seen};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tring_client::{CallId, Client, Event, MediaType};
use tring_media::measure;

/// 99th percentiles that are met: of the server's share of the delay, and of the first picture after the answer.
const PICTURE_BAR: Duration = Duration::from_millis(60);
const SOUND_BAR: Duration = Duration::from_millis(60);
const FIRST_PICTURE_BAR: Duration = Duration::from_millis(500);

/// Traffic before it is measured.
const WARM_UP: Duration = Duration::from_secs(3);

/// Sound that is encoded once and sent over and over.
const SPEECH_SECONDS: u32 = 10;

/// Calls whose first pictures are measured.
const ANSWERS: usize = 20;

/// Samples of a frame of AAC and of a packet of Opus, and by how much the AAC that the server makes lags behind what it
/// was made of (its encoder's own delay).
const AAC_FRAME: usize = 1_024;
const OPUS_PACKET: usize = 960;
const AAC_DELAY: usize = 2_048;

/// What one size came to.
struct Measured {
    calls: usize,
    cpu: Duration,
    seconds: f64,
    call_bytes: f64,
    /// From the browser to the phone, and back.
    pictures: [Durations; 2],
    sounds: [Durations; 2],
}

/// Measures at all sizes.
pub(crate) async fn measure(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    let samples = measure::speech(SPEECH_SECONDS);
    let failed = |e: String| BenchError::Load(std::io::Error::other(e));
    let opus: Arc<[Arc<[u8]>]> = measure::opus_packets(&samples).map_err(failed)?.into();
    let (_, frames) = measure::aac_frames(&samples).map_err(failed)?;
    let tagged = |frame: Vec<u8>| [&[0xae, 1], &frame[..]].concat();
    let aac: phone::Speech = frames.into_iter().map(tagged).collect();
    let codecs = measure::both_ways(SPEECH_SECONDS).map_err(failed)?;
    for &calls in &plan.calls {
        let measured = talk(binary, plan, calls, (&opus, &aac)).await?;
        measured.report(codecs, report);
    }
    let server = Server::start(binary, plan.workers).await?;
    let rounds = if plan.quick { 3 } else { ANSWERS };
    let (mut to_phone, mut to_browser) = (Durations::default(), Durations::default());
    for n in 0..rounds {
        let (phone, browser) = answer(&server, n, (&opus, &aac)).await?;
        to_phone.add(phone);
        to_browser.add(browser);
    }
    for (way, ages) in [("at the phone", to_phone), ("at the browser", to_browser)] {
        let worst = ages.p99();
        report.add(Row {
            what: format!("first picture after the answer p50 / p99, {way}"),
            size: format!("{rounds} calls, one after another"),
            figure: ages.quantiles(),
            bar: Some(("p99 ≤ 500 ms".into(), Verdict::of(worst <= FIRST_PICTURE_BAR))),
            conditions: "from before `accept` is sent to a whole key frame; the browser is connected while it rings, the \
                         phone's two RTMP connections are made after the answer; cameras are open"
                .into(),
        });
    }
    Ok(())
}

/// A phone, a browser, and their call that the phone has answered.
async fn call(server: &Server, n: usize) -> Result<(Client, Client, CallId), BenchError> {
    let (phone, browser) = (server.client(&format!("p{n}")).await?, server.client(&format!("b{n}")).await?);
    let call = browser.call(phone.user().as_str(), MediaType::Video).await?;
    wait_for(&phone, |e| matches!(e, Event::Invited { .. })).await?;
    phone.delivered(&call).await?;
    Ok((phone, browser, call))
}

async fn talk(
    binary: &Path,
    plan: &Plan,
    calls: usize,
    (opus, aac): (&Arc<[Arc<[u8]>]>, &phone::Speech),
) -> Result<Measured, BenchError> {
    let server = Server::start(binary, plan.workers).await?;
    let process = server.process();
    let (mut clients, mut streams, mut browsers) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..calls {
        let (phone, browser, id) = call(&server, n).await?;
        phone.accept(&id).await?;
        wait_for(&browser, |e| matches!(e, Event::Accepted { .. })).await?;
        let (push, play) = stream_addresses(&phone, &id).await?;
        streams.push(Stream { push, play });
        clients.push((phone, browser, id));
    }
    let bytes = process.resident()?;
    for (_, browser, id) in &clients {
        browsers.push(Browser::connect(browser, id).await?);
    }
    let epoch = Instant::now();
    let players = Players::start(&streams, epoch).map_err(BenchError::Load)?;
    let pushers = Pushers::start(&streams, Some(aac), epoch).map_err(BenchError::Load)?;
    let talking: Vec<_> = browsers
        .into_iter()
        .enumerate()
        .map(|(n, browser)| browser.talk(opus.clone(), spread(n).mul_f64(2.0), epoch))
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let (cpu, start, from) = (process.cpu()?, Instant::now(), epoch.elapsed());
    players.measure(true);
    tokio::time::sleep(plan.span).await;
    players.measure(false);
    let (cpu, seconds) = (process.cpu()?.saturating_sub(cpu), start.elapsed().as_secs_f64());
    let grown = process.resident()?.saturating_sub(bytes);
    let mut seen = Vec::new();
    for t in talking {
        seen.push(t.finish().await);
    }
    let finish = move || Ok::<_, std::io::Error>((players.finish()?, pushers.finish()?));
    let finished = tokio::task::spawn_blocking(finish).await.map_err(|e| BenchError::Load(e.into()))?;
    let (arrived, phones) = finished.map_err(BenchError::Load)?;
    let spoken: Vec<Vec<Duration>> = phones.into_iter().map(phone::Phone::spoken).collect();
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let call_bytes = grown as f64 / calls.max(1) as f64;
    drop(clients);
    Ok(Measured {
        calls,
        cpu,
        seconds,
        call_bytes,
        sounds: [to_phones(&arrived, &seen, from), to_browsers(&spoken, &seen, from)],
        pictures: [arrived.picture, all_pictures(seen)],
    })
}

/// From the packet that brought a frame's first sample to the frame, without the encoder's own delay.
fn to_phones(arrived: &Arrived, seen: &[Seen], from: Duration) -> Durations {
    let mut ages = Durations::default();
    for (heard, Seen { spoken, .. }) in arrived.heard.iter().zip(seen) {
        for (n, &at) in heard.iter().enumerate() {
            let packet = (n * AAC_FRAME).checked_sub(AAC_DELAY).map(|sample| sample / OPUS_PACKET);
            if let Some(&sent) = packet.and_then(|packet| spoken.get(packet))
                && at > from
            {
                // What came later by the encoder's delay was in the same frame.
                ages.add(at.saturating_sub(sent).saturating_sub(own_delay()));
            }
        }
    }
    ages
}

/// From the frame that brought a packet's first sample to the packet.
fn to_browsers(spoken: &[Vec<Duration>], seen: &[Seen], from: Duration) -> Durations {
    let mut ages = Durations::default();
    for (spoken, Seen { heard, .. }) in spoken.iter().zip(seen) {
        for &(packet, at) in heard.iter().filter(|(_, at)| *at > from) {
            if let Some(&sent) = spoken.get(packet as usize * OPUS_PACKET / AAC_FRAME) {
                ages.add(at.saturating_sub(sent));
            }
        }
    }
    ages
}

fn own_delay() -> Duration {
    Duration::from_secs(1).mul_f64(AAC_DELAY as f64 / 48_000.0)
}

fn all_pictures(seen: Vec<Seen>) -> Durations {
    let mut ages = Durations::default();
    seen.into_iter().for_each(|s| ages.merge(s.pictures));
    ages
}

/// One call that the phone answers: when each side has its first picture after that.
async fn answer(
    server: &Server,
    n: usize,
    (opus, aac): (&Arc<[Arc<[u8]>]>, &phone::Speech),
) -> Result<(Duration, Duration), BenchError> {
    let (phone, caller, id) = call(server, n).await?;
    // A browser's transport connects while it rings.
    let browser = Browser::connect(&caller, &id).await?;
    let epoch = Instant::now();
    let talking = browser.talk(opus.clone(), Duration::ZERO, epoch);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answered = epoch.elapsed();
    phone.accept(&id).await?;
    let (push, play) = stream_addresses(&phone, &id).await?;
    let (aac, stream) = (aac.clone(), Stream { push, play: play.clone() });
    let seen = tokio::task::spawn_blocking(move || {
        let pushers = Pushers::start(std::slice::from_ref(&stream), Some(&aac), epoch)?;
        let at = first_picture(&play, epoch)?;
        std::thread::sleep(Duration::from_millis(500));
        pushers.finish()?;
        Ok::<_, std::io::Error>(at)
    });
    let at_phone = seen.await.map_err(|e| BenchError::Load(e.into()))?.map_err(BenchError::Load)?;
    let at_browser = talking.finish().await.first_picture.ok_or(BenchError::Late("a first picture"))?;
    caller.hangup(&id).await?;
    phone.logout().await?;
    caller.logout().await?;
    Ok((at_phone.saturating_sub(answered), at_browser.saturating_sub(answered)))
}

/// When a player that joins now has a whole key frame.
fn first_picture(play: &Address, epoch: Instant) -> std::io::Result<Duration> {
    let mut connection = Connection::open(play, Way::Play)?;
    let mut shown = false;
    for (kind, payload) in std::mem::take(&mut connection.early) {
        shown |= phone::is_keyframe(kind, &payload);
    }
    let mut buffer = vec![0; 64 * 1024];
    while !shown {
        if connection.opened.elapsed() > STEP {
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no picture"));
        }
        connection.wait(&mut buffer, |kind, payload| shown |= phone::is_keyframe(kind, payload))?;
    }
    Ok(epoch.elapsed())
}

impl Measured {
    #[allow(clippy::cast_precision_loss)] // a number of calls
    fn report(&self, [to_aac, to_opus]: [Duration; 2], report: &mut Report) {
        let size = format!("{} calls", self.calls);
        let share = self.cpu.as_secs_f64() / self.seconds / self.calls.max(1) as f64 * 100.0;
        let of_codecs = |d: Duration| d.as_secs_f64() / f64::from(SPEECH_SECONDS) * 100.0;
        let (aac, opus) = (of_codecs(to_aac), of_codecs(to_opus));
        report.add(Row {
            what: "server CPU per video call of a phone and a browser".into(),
            size: size.clone(),
            figure: format!("{share:.2} % of a core, of which the codecs of sound {:.2} %", aac + opus),
            bar: None,
            conditions: format!(
                "both directions; the codecs alone, in this process, on one thread: Opus to AAC {aac:.2} %, AAC to Opus \
                 {opus:.2} %"
            ),
        });
        for (n, way) in ["browser to phone", "phone to browser"].into_iter().enumerate() {
            for (what, ages, bar, text, conditions) in [
                (
                    "picture",
                    &self.pictures[n],
                    PICTURE_BAR,
                    "p99 ≤ 60 ms",
                    "from before a picture is sent until it was received whole; clients, sockets and scheduler on the \
                     same cores included",
                ),
                (
                    "sound",
                    &self.sounds[n],
                    SOUND_BAR,
                    "p99 ≤ 60 ms besides the codec's own delay",
                    "from sending what brought a frame's first sample until the frame came; the wait for the rest of \
                     the frame included, the AAC encoder's own 42.7 ms taken off",
                ),
            ] {
                let met = ages.quantile(0.99).is_some_and(|d| d <= bar);
                report.add(Row {
                    what: format!("delay p50 / p99, {way}, {what}"),
                    size: size.clone(),
                    figure: ages.quantiles(),
                    bar: Some((text.into(), Verdict::of(met))),
                    conditions: format!("{conditions}; {} frames", ages.count()),
                });
            }
        }
        report.add(Row {
            what: "memory per call of a phone and a browser".into(),
            size,
            figure: kib(self.call_bytes),
            bar: None,
            conditions: "growth from answered calls without media to the end of the traffic: a WebRTC session, two RTMP \
                         connections, four codecs"
                .into(),
        });
    }
}
