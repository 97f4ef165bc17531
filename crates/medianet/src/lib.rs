//! Sockets and worker threads for `tring-media`.
//!
//! One worker is one thread with one UDP port (`media.udp_port` plus its index) and one [`Shard`](tring_media::Shard).
//! A room stays on one worker for as long as it has a session, so workers share nothing on the media path; `placement`
//! says which. Commands come through a bounded queue that wakes the thread; notices leave on the worker's thread through
//! the callback of [`start`].
//!
//! This crate does the IO and nothing else: it may not decide who hears whom. It uses `tring-media`, and no tokio.
//! To read it, begin with `Worker::turns` in `worker`: one turn of a worker's thread.
//!
//! Imports: config counters interfaces misrouted placement ← sender ← udp ← tcp ← worker ← net

mod config;
mod counters;
mod interfaces;
mod misrouted;
mod net;
mod placement;
mod sender;
mod tcp;
mod udp;
mod worker;

pub use config::{
    Config, DEFAULT_RTMP_CONNECTIONS, DEFAULT_UDP_PORT, DEFAULT_WORKERS, MAX_WORKERS, StartError,
};
pub use counters::IoCounters;
pub use net::{MediaNet, Stats, start};
