//! A browser's end of a call with a phone: true sound, pictures that say when they were sent, over WebRTC.

use crate::harness::durations::Durations;
use crate::rtmp::phone;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tring_client::{CallId, Client, ClientError, Media, MediaKind, MediaOptions, Rtp};

/// A packet of sound, and RTP time of it.
const SOUND: Duration = Duration::from_millis(20);
const SOUND_TICKS: u32 = 960;

/// Pictures a second, and from one key frame to the next, if none is asked for.
const PICTURE: Duration = Duration::from_millis(40);
const GOP: u32 = 75;
const PICTURE_TICKS: u32 = 3_600;

/// Bytes of a picture: 600 kbit/s together.
const KEYFRAME_BYTES: usize = 12_500;
const PICTURE_BYTES: usize = 2_900;

/// Longest payload, as browsers cut.
const MAX_PAYLOAD: usize = 1_100;

/// Packets that may wait for the reader.
const WAITING: usize = 4_096;

/// Parameter sets of Chromium's encoder: constrained baseline, level 3.1, 640×480.
const SPS: [u8; 16] =
    [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0xd0, 0x0f, 0x08, 0x84, 0x6a, 0x00, 0x00];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

/// What came to a browser while it counted, and what it sent.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How long each of the phone's pictures was under way.
    pub(super) pictures: Durations,
    /// Place among all packets of the phone's sound, and when it came.
    pub(super) heard: Vec<(u32, Duration)>,
    /// When each packet of sound was sent.
    pub(super) spoken: Vec<Duration>,
    /// When the first whole picture came.
    pub(super) first_picture: Option<Duration>,
}

/// A browser that talks.
pub(super) struct Browser {
    media: Arc<Media>,
    packets: mpsc::Receiver<Rtp>,
}

/// A browser that talks, and is counted.
pub(super) struct Talking {
    media: Arc<Media>,
    sender: JoinHandle<Vec<Duration>>,
    receiver: JoinHandle<Seen>,
}

impl Browser {
    /// Connects, and waits until media may flow.
    pub(super) async fn connect(client: &Client, call: &CallId) -> Result<Self, ClientError> {
        let (sender, packets) = mpsc::channel(WAITING);
        let options = MediaOptions { packets: Some(sender), ..MediaOptions::video() };
        let media = Media::connect(client, call, options).await?;
        media.connected().await?;
        Ok(Self { media: Arc::new(media), packets })
    }

    /// Sends and receives until [`Talking::finish`]. `delay`: it begins so much later.
    pub(super) fn talk(self, speech: Arc<[Arc<[u8]>]>, delay: Duration, epoch: Instant) -> Talking {
        let Self { media, packets } = self;
        let sender = tokio::spawn(send(media.clone(), speech, delay, epoch));
        let receiver = tokio::spawn(receive(packets, epoch));
        Talking { media, sender, receiver }
    }
}

impl Talking {
    /// Ends it.
    pub(super) async fn finish(self) -> Seen {
        // The sender sees that its media is closed, and gives what it has sent.
        self.media.close().await;
        let spoken = self.sender.await.unwrap_or_default();
        let seen = self.receiver.await.unwrap_or_default();
        Seen { spoken, ..seen }
    }
}

async fn send(media: Arc<Media>, speech: Arc<[Arc<[u8]>]>, delay: Duration, epoch: Instant) -> Vec<Duration> {
    tokio::time::sleep(delay).await;
    let begin = Instant::now();
    let (mut sounds, mut pictures) = (0u32, 0u32);
    let mut spoken = Vec::new();
    let mut wanted = 0;
    let (mut keyframe, mut picture) = (unit(0x65, KEYFRAME_BYTES), unit(0x41, PICTURE_BYTES));
    loop {
        let (next_sound, next_picture) = (begin + SOUND * sounds, begin + PICTURE * pictures);
        tokio::time::sleep_until(next_sound.min(next_picture).into()).await;
        if !matches!(media.state(), tring_client::MediaState::Connected { .. }) {
            return spoken;
        }
        if next_sound <= next_picture {
            spoken.push(epoch.elapsed());
            let payload = speech[sounds as usize % speech.len()].to_vec();
            media.send(MediaKind::Audio, sounds.wrapping_mul(SOUND_TICKS), false, payload).await;
            sounds += 1;
            continue;
        }
        let time = pictures.wrapping_mul(PICTURE_TICKS);
        let asked = std::mem::replace(&mut wanted, media.tally().keyframes_wanted) != wanted;
        let key = asked || pictures.is_multiple_of(GOP);
        if key {
            for set in [&SPS[..], &PPS] {
                media.send(MediaKind::Video, time, false, set.to_vec()).await;
            }
        }
        let unit = if key { &mut keyframe } else { &mut picture };
        phone::stamp(&mut unit[1..], epoch);
        let parts: Vec<Vec<u8>> = fragments(unit).collect();
        let last = parts.len() - 1;
        for (n, part) in parts.into_iter().enumerate() {
            media.send(MediaKind::Video, time, n == last, part).await;
        }
        pictures += 1;
    }
}

/// A unit with room for a stamp.
fn unit(kind: u8, size: usize) -> Vec<u8> {
    let mut unit = vec![0x5a; size];
    unit[0] = kind;
    unit
}

/// FU-A (RFC 6184 §5.8).
fn fragments(unit: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let count = (unit.len() - 1).div_ceil(MAX_PAYLOAD);
    unit[1..].chunks(MAX_PAYLOAD).enumerate().map(move |(n, part)| {
        let edge = if n == 0 { 0x80 } else { 0 } | if n + 1 == count { 0x40 } else { 0 };
        [&[unit[0] & 0xe0 | 28, edge | unit[0] & 0x1f], part].concat()
    })
}

async fn receive(mut packets: mpsc::Receiver<Rtp>, epoch: Instant) -> Seen {
    let mut seen = Seen::default();
    let (mut first, mut age, mut key) = (None, None, false);
    while let Some(rtp) = packets.recv().await {
        if rtp.kind == MediaKind::Audio {
            let zero = *first.get_or_insert(rtp.timestamp);
            seen.heard.push((rtp.timestamp.wrapping_sub(zero) / SOUND_TICKS, epoch.elapsed()));
            continue;
        }
        // The stamp is in the first part of a picture, behind the unit's first byte or the two of a fragment.
        match &*rtp.payload {
            [indicator, header, rest @ ..] if indicator & 0x1f == 28 && header & 0x80 != 0 => {
                (age, key) = (phone::since(rest, epoch), header & 0x1f == 5);
            }
            [first, rest @ ..] if matches!(first & 0x1f, 1 | 5) => {
                (age, key) = (phone::since(rest, epoch), first & 0x1f == 5);
            }
            _ => {}
        }
        if rtp.marker
            && let Some(age) = age.take()
        {
            seen.pictures.add(age);
            if key {
                seen.first_picture.get_or_insert_with(|| epoch.elapsed());
            }
        }
    }
    seen
}
