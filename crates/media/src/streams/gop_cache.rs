//! The GOP cache of a stream: headers, and the newest key frame with all after it, for players that join.

use crate::rtmp::{AudioTag, Body, PacketType, Tag, TagKind};

/// Pictures kept from the newest key frame on. A phone sends 15 a second and a key frame every three: 45. Beyond it the
/// stream is not fit for joining until its next key frame. Higher: streams with rare key frames are seen at once by those
/// who join; more memory, and a longer catching-up.
const MAX_PICTURES: usize = 300;

/// Bytes of them. 600 kb/s for three seconds are 225 KiB.
const MAX_BYTES: usize = 2 << 20;

/// The audio object type of AAC-LC (ISO/IEC 14496-3 table 1.17).
const LC: u8 = 2;

/// Raw data blocks of AAC-LC that decode to nothing: one channel element, or a pair of them, without a spectral line.
const SILENT_MONO: [u8; 4] = [0x01, 0x18, 0x20, 0x07];
const SILENT_STEREO: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];

/// What is kept of one stream that is pushed.
#[derive(Debug, Default)]
pub(crate) struct GopCache {
    metadata: Option<Tag>,
    audio_header: Option<Tag>,
    video_header: Option<Tag>,
    /// The newest key frame and all after it; empty if there is none, or too much came since.
    pictures: Vec<Tag>,
    bytes: usize,
    /// Pictures that came before the first key frame.
    unseen: usize,
    /// Which connection it is that pushes; raised for each.
    run: u32,
    /// Raised for each header that differs from the one before.
    version: u32,
}

/// Which connection's headers a player has, and which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderVersion {
    pub(crate) run: u32,
    version: u32,
}

impl GopCache {
    /// Another connection pushes from now on: nothing of the earlier one fits.
    pub(crate) fn restart(&mut self) {
        *self = Self { run: self.run.wrapping_add(1), ..Self::default() };
    }

    /// What a player must have before a frame of now.
    pub(crate) fn header_version(&self) -> HeaderVersion {
        HeaderVersion { run: self.run, version: self.version }
    }

    /// Keeps what those who join will need. `flows`: it is also forwarded; else (a camera that is off, a leg that has
    /// not accepted) only headers are kept, which a pusher sends once and which hold no sound and no picture.
    pub(crate) fn keep(&mut self, tag: &Tag, flows: bool) {
        match tag.kind() {
            TagKind::Metadata => self.metadata = Some(tag.clone()),
            TagKind::Audio if tag.is_header() => {
                replace(&mut self.audio_header, &mut self.version, tag);
            }
            TagKind::Video if tag.is_header() => {
                // Some encoders repeat it at each key frame: only another one makes the pictures before useless.
                if replace(&mut self.video_header, &mut self.version, tag) {
                    self.forget_pictures();
                }
            }
            TagKind::Video if flows => self.keep_video(tag),
            TagKind::Audio | TagKind::Video => {}
        }
    }

    /// The camera went off, or came back: what was kept must not be shown.
    pub(crate) fn forget_pictures(&mut self) {
        self.pictures.clear();
        self.bytes = 0;
    }

    /// True for one picture: so many have come, and never a key frame.
    pub(crate) fn seems_without_keyframes(&self) -> bool {
        self.unseen == MAX_PICTURES
    }

    /// Metadata and decoders' headers, in the order in which players take them.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &Tag> {
        self.metadata.iter().chain(&self.audio_header).chain(&self.video_header)
    }

    /// The newest key frame and all after it.
    pub(crate) fn pictures(&self) -> &[Tag] {
        &self.pictures
    }

    /// A frame of silence that fits the stream's sound (AAC-LC, one or two channels), in place of one that nobody may
    /// hear. None: its header has not come, or is of another kind.
    pub(crate) fn silence(&self, timestamp: u32) -> Option<Tag> {
        let header = self.audio_header.as_ref()?;
        let Body::Audio(AudioTag { format, .. }) = header.body() else { return None };
        // AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): 5 bits of type, 4 of rate, 4 of channels.
        let [high, low] = *header.data().first_chunk()?;
        let frame: &[u8] = match (high >> 3, (low >> 3) & 0x0f) {
            (LC, 1) => &SILENT_MONO,
            (LC, 2) => &SILENT_STEREO,
            _ => return None,
        };
        Some(Tag::aac_of_format(timestamp, format, PacketType::Frame, frame))
    }

    fn keep_video(&mut self, tag: &Tag) {
        if tag.is_keyframe() {
            self.forget_pictures();
            self.unseen = usize::MAX;
        } else if self.pictures.is_empty() {
            self.unseen = self.unseen.saturating_add(1);
            return;
        }
        self.bytes += tag.payload().len();
        self.pictures.push(tag.clone());
        if self.pictures.len() > MAX_PICTURES || self.bytes > MAX_BYTES {
            self.forget_pictures();
        }
    }
}

/// Keeps a decoder's header; raises the version and gives `true` if it differs from the one before.
fn replace(kept: &mut Option<Tag>, version: &mut u32, header: &Tag) -> bool {
    let differs = kept.as_ref().is_none_or(|h| h.payload() != header.payload());
    if differs {
        *kept = Some(header.clone());
        *version = version.wrapping_add(1);
    }
    differs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(first: u8, second: u8, size: usize) -> Tag {
        let mut payload = vec![first, second];
        payload.resize(size.max(2), 0);
        Tag::new(TagKind::Video, 0, payload.into())
    }

    #[test]
    fn the_newest_key_frame_and_what_follows_is_kept() {
        let mut cache = GopCache::default();
        cache.keep(&video(0x27, 1, 9), true);
        assert!(cache.pictures().is_empty(), "nothing decodes before a key frame");
        for first in [0x17, 0x27, 0x27, 0x17, 0x27] {
            cache.keep(&video(first, 1, 9), true);
        }
        assert_eq!(cache.pictures().len(), 2);
        assert!(cache.pictures()[0].is_keyframe());
    }

    #[test]
    fn a_stream_without_key_frames_is_noticed_once() {
        let mut cache = GopCache::default();
        let frame = video(0x27, 1, 9);
        let noticed = |cache: &mut GopCache| {
            cache.keep(&frame, true);
            cache.seems_without_keyframes()
        };
        assert_eq!((0..3 * MAX_PICTURES).filter(|_| noticed(&mut cache)).count(), 1);
        cache.restart();
        cache.keep(&video(0x17, 1, MAX_BYTES + 1), true);
        assert_eq!((0..3 * MAX_PICTURES).filter(|_| noticed(&mut cache)).count(), 0, "one is on its way");
    }

    #[test]
    fn what_does_not_flow_is_not_kept_but_headers_are() {
        let mut cache = GopCache::default();
        cache.keep(&video(0x17, 0, 20), false);
        cache.keep(&video(0x17, 1, 20), false);
        assert_eq!((cache.headers().count(), cache.pictures().len()), (1, 0));
    }

    #[test]
    fn a_repeated_header_is_no_new_one() {
        let mut cache = GopCache::default();
        cache.keep(&video(0x17, 0, 20), true);
        cache.keep(&video(0x17, 1, 20), true);
        let before = cache.header_version();
        cache.keep(&video(0x17, 0, 20), true);
        assert_eq!((cache.header_version(), cache.pictures().len()), (before, 1));
        cache.keep(&video(0x17, 0, 21), true);
        assert_ne!(cache.header_version(), before);
        assert!(cache.pictures().is_empty());
    }

    #[test]
    fn too_many_or_too_large_pictures_are_not_kept() {
        let mut cache = GopCache::default();
        cache.keep(&video(0x17, 1, 9), true);
        for _ in 0..MAX_PICTURES {
            cache.keep(&video(0x27, 1, 9), true);
        }
        assert!(cache.pictures().is_empty());
        cache.keep(&video(0x17, 1, MAX_BYTES + 1), true);
        assert_eq!((cache.pictures().len(), cache.bytes), (0, 0));
    }

    #[test]
    fn silence_fits_the_streams_sound() {
        let header = |config: [u8; 2]| Tag::aac(0, PacketType::SequenceHeader, &config);
        let mut cache = GopCache::default();
        assert_eq!(cache.silence(5), None);
        cache.keep(&header([0x11, 0x88]), true); // LC, 48 kHz, one channel
        let silence = cache.silence(5).unwrap();
        assert_eq!((silence.timestamp, &silence.payload()[..3]), (5, [0xaf, 1, 0x01].as_slice()));
        cache.keep(&header([0x11, 0x90]), true);
        assert_eq!(cache.silence(5).unwrap().payload().len(), 2 + SILENT_STEREO.len());
        cache.keep(&header([0x2b, 0x88]), true);
        assert_eq!(cache.silence(5), None, "another kind of AAC");
    }

    #[test]
    fn a_new_connection_begins_anew() {
        let mut cache = GopCache::default();
        cache.keep(&video(0x17, 0, 20), true);
        cache.keep(&video(0x17, 1, 20), true);
        cache.restart();
        assert_eq!((cache.header_version().run, cache.headers().count(), cache.pictures().len()), (1, 0, 0));
    }
}
