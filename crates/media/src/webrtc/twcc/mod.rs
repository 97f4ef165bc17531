//! Transport-wide sequence numbers and their feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): one number for
//! each packet of a transport, whichever stream it is of, and the receiver confirms each.
//!
//! | file | subject |
//! |---|---|
//! | `arrivals` | which of a sender's packets came, and when: what we confirm |
//! | `sent` | what we sent to a receiver that confirms it |
//!
//! Both are rings found by the number's low bits, small at first and with a bound: whatever numbers a peer makes up, they
//! cost no more memory or work than honest ones.

pub(super) mod arrivals;
pub(super) mod sent;

pub(super) use arrivals::Arrivals;
pub(super) use sent::{Confirmed, SentPackets};
