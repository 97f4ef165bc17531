//! What the fuzzers of `fuzz/` and their replay run of this crate's private readers (feature `fuzzing`; no part of the
//! crate's face). Each function takes any bytes and panics where a promise of the code is broken. The bodies stand
//! beside what they test, since it is private: `rtp/red.rs`, `rtp/header.rs`, `rtp/fuzzing.rs`, `rtcp/fuzzing.rs`,
//! `rtmp/fuzzing.rs`, `streams/fuzzing.rs`, `bridge/fuzzing.rs`, `webrtc/srtp/fuzzing.rs`,
//! `webrtc/rtp_session/fuzzing.rs`, and `way.rs` and `sdp.rs` here.
//!
//! To read it, begin with the functions of this file.

pub mod input;
mod sdp;
mod way;

/// Chunks: the messages do not depend on how the bytes were cut, memory is bounded, what is read is written back.
pub fn rtmp_chunk(bytes: &[u8]) {
    crate::rtmp::fuzzing::chunk(bytes);
}

/// AMF0: what is read is written and read again the same.
pub fn rtmp_amf0(bytes: &[u8]) {
    crate::rtmp::fuzzing::amf0(bytes);
}

/// A whole RTMP connection: what it answers is bounded and can be read.
pub fn rtmp_session(bytes: &[u8]) {
    crate::rtmp::fuzzing::session(bytes);
}

/// Tags as FLV: what is written is read.
pub fn flv(bytes: &[u8]) {
    crate::rtmp::fuzzing::flv(bytes);
}

/// From a pusher to a player: what the player gets can be read, begins with a key frame, and its time never goes back.
pub fn streams(bytes: &[u8]) {
    crate::streams::fuzzing::streams(bytes);
}

/// The query of a URL: only a ticket that was given opens anything.
pub fn stream_ticket(bytes: &[u8]) {
    crate::streams::fuzzing::ticket(bytes);
}

/// Sequence numbers, clocks and sender reports of a publisher.
pub fn rtp_rewrite(bytes: &[u8]) {
    crate::rtp::fuzzing::rewrite(bytes);
}

/// Sound that repeats what was sent before.
pub fn red(bytes: &[u8]) {
    crate::rtp::red::fuzz(bytes);
}

/// Headers of RTP: what is read is inside, and what is written is read.
pub fn rtp_header(bytes: &[u8]) {
    crate::rtp::header::fuzz(bytes);
}

/// Compounds of RTCP: reading them is bounded, and what is written is read.
pub fn rtcp(bytes: &[u8]) {
    crate::rtcp::fuzzing::hold(bytes);
}

/// From a datagram to its session.
pub fn demux(bytes: &[u8]) {
    way::demux(bytes);
}

/// SRTP and SRTCP: only what was sealed opens, and only once.
pub fn srtp(bytes: &[u8]) {
    crate::webrtc::srtp::fuzzing::srtp(bytes);
}

/// A session's RTP and RTCP, from a peer that has the keys: what it causes is bounded, and it never gets stuck.
pub fn rtp_session(bytes: &[u8]) {
    crate::webrtc::rtp_session::fuzzing::rtp_session(bytes);
}

/// An offer before it is worth a session.
pub fn offer(bytes: &[u8]) {
    sdp::offer(bytes);
}

/// Packets of H.264, put together and cut again.
pub fn bridge_h264(bytes: &[u8]) {
    crate::bridge::fuzzing::h264(bytes);
}

/// A phone's tags on their way to browsers.
pub fn bridge_phone(bytes: &[u8]) {
    crate::bridge::fuzzing::phone(bytes);
}

/// A browser's packets on their way to players.
pub fn bridge_browser(bytes: &[u8]) {
    crate::bridge::fuzzing::browser(bytes);
}
