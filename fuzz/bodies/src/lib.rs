//! What each fuzz target does with its bytes: a function that panics where a promise of the code is broken. The targets
//! themselves (`fuzz/fuzz_targets`) only hand their bytes on, and `tests/replay.rs` gives each function its seeds and
//! some thousand mutations of them in an ordinary test run.
//!
//! Private readers have their functions beside them, in `tring_media::fuzzing`; public ones have them here. To read it, begin
//! with `messages`. It may depend on every crate whose parsers read the network.

mod messages;
mod signatures;
mod webrtc;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, that of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/seeds`.
    pub name: &'static str,
    /// What it does with its bytes.
    pub body: fn(&[u8]),
    /// Mutations of an ordinary test run: what takes about a second in a debug build.
    pub replays: usize,
}

const fn target(name: &'static str, body: fn(&[u8]), replays: usize) -> Target {
    Target { name, body, replays }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target("rtmp_chunk", tring_media::fuzzing::rtmp_chunk, 3_000),
    target("rtmp_amf0", tring_media::fuzzing::rtmp_amf0, 5_000),
    target("rtmp_session", tring_media::fuzzing::rtmp_session, 1_500),
    target("flv", tring_media::fuzzing::flv, 5_000),
    target("streams", tring_media::fuzzing::streams, 1_500),
    target("stream_ticket", tring_media::fuzzing::stream_ticket, 1_500),
    target("bridge_h264", tring_media::fuzzing::bridge_h264, 5_000),
    target("bridge_phone", tring_media::fuzzing::bridge_phone, 300),
    target("bridge_browser", tring_media::fuzzing::bridge_browser, 300),
    target("demux", tring_media::fuzzing::demux, 5_000),
    target("rtp_rewrite", tring_media::fuzzing::rtp_rewrite, 5_000),
    target("red", tring_media::fuzzing::red, 5_000),
    target("srtp", tring_media::fuzzing::srtp, 5_000),
    target("rtp_session", tring_media::fuzzing::rtp_session, 2_000),
    target("rtp_header", tring_media::fuzzing::rtp_header, 5_000),
    target("rtcp", tring_media::fuzzing::rtcp, 5_000),
    target("offer", tring_media::fuzzing::offer, 2_000),
    target("answer", webrtc::answer, 200),
    target("webrtc", webrtc::network, 40),
    target("request", messages::request, 3_000),
    target("reply", messages::reply, 3_000),
    target("usersig", signatures::usersig, 1_500),
    target("map_key", signatures::map_key, 5_000),
];

/// Runs a target by its name.
///
/// # Panics
///
/// If there is no such target, and where the target's body does.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|t| t.name == name).expect("a target of this name");
    (target.body)(bytes);
}
