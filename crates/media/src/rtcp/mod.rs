//! RTCP: compound packets read in place, and packets written. Pure, and nothing is allocated but what the caller's buffer
//! grows by.
//!
//! | file | subject |
//! |---|---|
//! | `frame` | what each packet begins with, and where it ends |
//! | `entries` | lists of entries of one length |
//! | `ntp` | times of reports, and the round trip out of them |
//! | `reports` | sender and receiver reports, SDES, BYE |
//! | `feedback` | NACK, PLI, FIR, REMB |
//! | `transport_feedback` | when each packet of a transport arrived |
//! | `extended` | XR: the round trip of who only receives |
//! | `compound` | all packets of a datagram |
//! | `fuzzing` | any bytes as a compound (feature `fuzzing`) |
//!
//! To read it, begin with `compound`, then `reports`. Imports: entries ntp ← frame ← reports feedback transport_feedback
//! extended ← compound ← fuzzing

pub(crate) mod compound;
pub(crate) mod entries;
pub(crate) mod extended;
pub(crate) mod feedback;
pub(crate) mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod ntp;
pub(crate) mod reports;
pub(crate) mod transport_feedback;
