//! What the shard does for calls between phones and browsers where it was built without the bridge: nothing. The server
//! refuses such a call.

use super::Shard;
use crate::key::Key;
use crate::output::Output;
use crate::rtmp::Tag;
use crate::rtp::packet::Packet;
use std::time::Instant;
use tring_protocol::Source;

#[derive(Default)]
pub(super) struct Bridge {
    pub(super) next_fill: Option<Instant>,
}

impl Bridge {
    pub(super) fn forget(&mut self, _: Key) {}
}

impl Shard {
    pub(super) fn bridge_packet(&mut self, _: Key, _: Source, _: &Packet<'_>, _: Instant, _: &mut Output) {}

    pub(super) fn bridge_tag(&mut self, _: Key, _: Source, _: &Tag, _: Instant, _: &mut Output) {}

    pub(super) fn catch_up(&mut self, _: Key, _: Key, _: Instant, _: &mut Output) {}

    pub(super) fn bridge_silent_browsers(&mut self, _: Instant) {}

    pub(super) fn advance_bridge(&mut self, _: Instant, _: &mut Output) {}
}
