//! What a packet allocates on its way through a shard: nothing. A binary of its own, since its allocator counts.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)] // of which this test uses a part
#[path = "it/common/mod.rs"]
mod common;

use common::World;
use std::time::Duration;
use tring_media::MediaKind;

const SECOND: Duration = Duration::from_secs(1);

fn count(work: &mut dyn FnMut()) -> u64 {
    allocation_counter::measure(work).count_total
}

/// What the shard allocates while two people talk for so long, and the packets that it forwards meanwhile.
fn talk(w: &mut World, seconds: u32) -> (u64, u64) {
    w.shard.take_counters();
    w.count_allocations = Some(count);
    w.allocated = 0;
    w.talk(&[0, 1], SECOND * seconds);
    w.count_allocations = None;
    (w.allocated, w.shard.take_counters().packets_out)
}

#[test]
fn a_call_that_goes_on_allocates_nothing_for_a_packet() {
    let mut w = World::call();
    // Rings and registers grow to what the call needs.
    let (warming, _) = talk(&mut w, 5);
    assert!(warming > 0, "the counter counts");
    let (allocated, forwarded) = talk(&mut w, 20);
    assert!(forwarded >= 2 * 20 * 75 - 10, "{forwarded}");
    // ICE checks go through the library, some each few seconds.
    assert!(allocated < forwarded / 10, "{allocated} allocations for {forwarded} packets");
    println!("{allocated} allocations for {forwarded} packets forwarded");
}

/// Loss: what is missing is asked for and sent again, out of memory that is there.
#[test]
fn repairs_allocate_nothing_either() {
    let mut w = World::call();
    w.lose_one_in = 20;
    talk(&mut w, 10);
    let (allocated, forwarded) = talk(&mut w, 20);
    assert!(forwarded >= 2 * 20 * 60, "{forwarded}");
    assert!(allocated < forwarded / 5, "{allocated} allocations for {forwarded} packets");
    for me in [0, 1] {
        assert!(!w.clients[me].take(MediaKind::Video).is_empty());
    }
}
