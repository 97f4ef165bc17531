//! The media plane without sockets, with real peers. One binary, so that it is linked once; each file is a subject.

mod abuse;
mod answer;
mod bridge;
mod call;
mod codecs;
mod common;
mod first_picture;
mod hostile;
mod offers;
mod old_and_new;
mod paths;
mod profiles;
mod red;
mod rtp_lies;
