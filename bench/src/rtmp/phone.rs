//! What a phone pushes: H.264 and AAC of a phone's rates, synthetic but for the decoders' headers. Each frame says when
//! it was sent.

use super::chunks::{AUDIO, About, DATA, VIDEO};
use super::client::{Connection, metadata};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pictures a second, and from one key frame to the next: what WeChat's pusher does in a video call.
pub(crate) const PICTURES_PER_SECOND: u32 = 15;
pub(crate) const GOP_SECONDS: u32 = 3;
const GOP: u32 = PICTURES_PER_SECOND * GOP_SECONDS;

/// Time of one picture.
pub(crate) const PICTURE: Duration = Duration::from_nanos(1_000_000_000 / PICTURES_PER_SECOND as u64);

/// An AAC frame is 1,024 samples.
pub(crate) const SOUND: Duration = Duration::from_nanos(1_024 * 1_000_000_000 / 48_000);

/// Bytes of a frame: together 600 kbit/s of picture and 48 kbit/s of sound.
const KEYFRAME_BYTES: usize = 25_000;
const PICTURE_BYTES: usize = (600_000 / 8 * GOP_SECONDS as usize - KEYFRAME_BYTES) / (GOP as usize - 1);
const SOUND_BYTES: usize = 128;

/// AVC sequence header of x264: baseline, level 2.2, 360×640.
const AVC_HEADER: [u8; 45] = [
    0x17, 0, 0, 0, 0, 0x01, 0x42, 0xc0, 0x16, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x42, 0xc0, 0x16, 0xda, 0x05,
    0xc1, 0x47, 0x97, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0x7a, 0x3c, 0x58,
    0xba, 0x80, 0x01, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80,
];

/// AAC sequence header: LC, 48 kHz, one channel.
const AAC_HEADER: [u8; 4] = [0xae, 0, 0x11, 0x88];

const AUDIO_CHUNKS: u8 = 4;
const DATA_CHUNKS: u8 = 5;
const VIDEO_CHUNKS: u8 = 6;

/// Offset in a frame at which stands when it was sent: behind the tag's header, and in a picture behind the header of its one
/// NAL unit too.
const SOUND_STAMP: usize = 2;
const PICTURE_STAMP: usize = 5 + 4 + 1;
const STAMP_BYTES: usize = 8;

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Sound,
    Picture,
}

/// One phone's stream as it is pushed.
#[derive(Debug)]
pub(crate) struct Phone {
    connection: Connection,
    sounds: u32,
    pictures: u32,
    /// The frames that are pushed over and over, made once.
    sound: Vec<u8>,
    picture: Vec<u8>,
    keyframe: Vec<u8>,
    bytes: Vec<u8>,
    /// Frames of true sound to push over and over, in the place of `sound`.
    speech: Option<Speech>,
    /// When each frame of true sound was sent, since the load's epoch.
    spoken: Vec<Duration>,
}

/// Frames of AAC that decode.
pub(crate) type Speech = Arc<[Vec<u8>]>;

impl Phone {
    /// Says what is to come, and the decoders' headers.
    pub(crate) fn begin(connection: Connection, speech: Option<Speech>) -> std::io::Result<Self> {
        let mut sound = vec![0x21; SOUND_BYTES];
        sound[..2].copy_from_slice(&[0xae, 1]);
        let mut phone = Self {
            connection,
            sounds: 0,
            pictures: 0,
            sound,
            picture: picture(0x27, 0x41, PICTURE_BYTES),
            keyframe: picture(0x17, 0x65, KEYFRAME_BYTES),
            bytes: Vec::new(),
            speech,
            spoken: Vec::new(),
        };
        let about =
            metadata(&[("width", 360.0), ("height", 640.0), ("videocodecid", 7.0), ("audiocodecid", 10.0)]);
        phone.add(DATA_CHUNKS, DATA, 0, &about);
        phone.add(VIDEO_CHUNKS, VIDEO, 0, &AVC_HEADER);
        phone.add(AUDIO_CHUNKS, AUDIO, 0, &AAC_HEADER);
        phone.send()?;
        Ok(phone)
    }

    /// Sends the next frame, which says how long after the load's `epoch` it was sent.
    pub(crate) fn push(&mut self, kind: Kind, epoch: Instant) -> std::io::Result<()> {
        let Self { connection, bytes, speech, spoken, .. } = self;
        let (chunks, number, time, frame, at) = match kind {
            Kind::Sound => {
                let time = millis(SOUND, self.sounds);
                self.sounds += 1;
                (AUDIO_CHUNKS, AUDIO, time, &mut self.sound, SOUND_STAMP)
            }
            Kind::Picture => {
                let (n, time) = (self.pictures, millis(PICTURE, self.pictures));
                self.pictures += 1;
                let frame = if n.is_multiple_of(GOP) { &mut self.keyframe } else { &mut self.picture };
                (VIDEO_CHUNKS, VIDEO, time, frame, PICTURE_STAMP)
            }
        };
        let said = speech.as_ref().filter(|_| kind == Kind::Sound);
        let frame = match said {
            Some(speech) => {
                let n = spoken.len();
                spoken.push(epoch.elapsed());
                &speech[n % speech.len()]
            }
            None => {
                stamp(&mut frame[at..], epoch);
                &*frame
            }
        };
        connection.writer.write(
            chunks,
            About { kind: number, stream: connection.stream },
            time,
            frame,
            bytes,
        );
        self.send()
    }

    /// When each frame of true sound was sent, since the load's epoch.
    pub(crate) fn spoken(self) -> Vec<Duration> {
        self.spoken
    }

    fn add(&mut self, chunks: u8, kind: u8, time: u32, payload: &[u8]) {
        let Self { connection, bytes, .. } = self;
        connection.writer.write(chunks, About { kind, stream: connection.stream }, time, payload, bytes);
    }

    fn send(&mut self) -> std::io::Result<()> {
        use std::io::Write;
        let sent = self.connection.socket.write_all(&self.bytes);
        self.bytes.clear();
        sent
    }
}

/// One NAL unit behind a tag's header.
fn picture(first: u8, nal: u8, size: usize) -> Vec<u8> {
    let mut frame = vec![first, 1, 0, 0, 0];
    // Frames of the load are far below 2^32.
    frame.extend(u32::try_from(size - 9).unwrap_or_default().to_be_bytes());
    frame.push(nal);
    frame.resize(size, 0x5a);
    frame
}

fn millis(each: Duration, count: u32) -> u32 {
    u32::try_from((each * count).as_millis()).unwrap_or(u32::MAX)
}

pub(crate) fn stamp(place: &mut [u8], epoch: Instant) {
    let since = u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
    place[..STAMP_BYTES].copy_from_slice(&since.to_be_bytes());
}

/// How long what begins with a stamp was under way.
pub(crate) fn since(place: &[u8], epoch: Instant) -> Option<Duration> {
    let sent = Duration::from_nanos(u64::from_be_bytes(*place.first_chunk()?));
    Some(epoch.elapsed().saturating_sub(sent))
}

/// The kind of a frame that came, and how long it was under way. `None`: a header, or no frame of the load.
pub(crate) fn age(kind: u8, payload: &[u8], epoch: Instant) -> Option<(Kind, Duration)> {
    let (kind, at) = match (kind, payload) {
        (AUDIO, [_, 1, ..]) => (Kind::Sound, SOUND_STAMP),
        (VIDEO, [_, 1, ..]) => (Kind::Picture, PICTURE_STAMP),
        _ => return None,
    };
    Some((kind, since(payload.get(at..)?, epoch)?))
}

/// A frame of sound.
pub(crate) fn is_sound(kind: u8, payload: &[u8]) -> bool {
    kind == AUDIO && payload.get(1) == Some(&1)
}

/// The decoder's header of the picture.
pub(crate) fn is_header(kind: u8, payload: &[u8]) -> bool {
    kind == VIDEO && payload == AVC_HEADER
}

/// A picture that can be decoded by itself.
pub(crate) fn is_keyframe(kind: u8, payload: &[u8]) -> bool {
    kind == VIDEO && payload.starts_with(&[0x17, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_to_the_rates_of_a_phone() {
        let gop = KEYFRAME_BYTES + PICTURE_BYTES * (GOP as usize - 1);
        assert!((599_000..=600_000).contains(&(gop * 8 / GOP_SECONDS as usize)), "{gop}");
        assert!((21..=22).contains(&SOUND.as_millis()));
    }

    #[test]
    fn a_frame_tells_its_age() {
        let epoch = Instant::now();
        let mut frame = picture(0x17, 0x65, 100);
        stamp(&mut frame[PICTURE_STAMP..], epoch);
        let (kind, age) = age(VIDEO, &frame, epoch).unwrap();
        assert!(kind == Kind::Picture && age < Duration::from_secs(1));
        assert!(is_keyframe(VIDEO, &frame) && !is_header(VIDEO, &frame));
        assert!(is_header(VIDEO, &AVC_HEADER) && super::age(VIDEO, &AVC_HEADER, epoch).is_none());
    }
}
