//! What a shard counts. The shell turns it into metrics about once a second.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts of one shard since they were last taken.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Adds another's counts.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Name and value of each.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Sessions opened.
    opened,
    /// Sessions whose ICE and DTLS finished.
    connected,
    /// Sessions that broke or fell silent.
    lost,
    /// Sessions that panicked: each is a bug.
    panics,
    /// Offers refused.
    offers_refused,
    /// Datagrams received.
    datagrams_in,
    /// Datagrams longer than any that belongs here.
    dropped_oversized,
    /// Datagrams that no session knows.
    dropped_unknown,
    /// ICE checks for another worker or node.
    dropped_misplaced,
    /// Datagrams for a session that could not use them.
    dropped_invalid,
    /// Datagrams of a session beyond what one may bring.
    dropped_flood,
    /// ICE checks that were sent again from elsewhere, or from too many addresses.
    checks_refused,
    /// RTP packets received.
    packets_in,
    /// RTP packets sent on: one for each receiver.
    packets_out,
    /// RTP packets that nobody may have, or that a receiver cannot decode.
    packets_dropped,
    /// Tags (frames of RTMP) received.
    tags_in,
    /// Tags sent on: one for each player.
    tags_out,
    /// Queues of players that were too slow, cut to the newest key frame.
    queues_cut,
    /// TCP connections that were closed because their peers took nothing.
    connections_stuck,
    /// Tags that nobody may have.
    tags_dropped,
    /// RTP packets of a session beyond what one may publish, or too long to be sent on.
    packets_excess,
    /// Times that retransmission was asked for beyond the budget.
    rtx_refused,
    /// Key frames asked for.
    keyframe_requests,
    /// Key frames that waited at the gate and were sent as somebody's first picture.
    first_pictures,
}
