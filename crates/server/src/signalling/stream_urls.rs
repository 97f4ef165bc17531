//! Where mini-programs push and play: the addresses that they are told.

use crate::config::RtmpSettings;
use crate::host;
use tring_media::{StreamTicket, StreamTickets};
use tring_protocol::{CallId, PlayStream, Success};

/// The path in RTMP addresses.
const APP: &str = "call";

/// What the addresses of one device's streams begin with.
pub(crate) struct StreamUrls {
    authority: String,
}

impl StreamUrls {
    /// `host`: the name by which the device reaches this server. `port`: RTMP's.
    pub(crate) fn new(settings: &RtmpSettings, host: &str, port: u16) -> Self {
        let host = settings.advertise.as_deref().unwrap_or(host);
        let host = if host.is_empty() { "localhost" } else { host };
        let has_port = host::split_port(host).1.is_some();
        Self { authority: if has_port { host.to_owned() } else { format!("{host}:{port}") } }
    }

    pub(crate) fn all(&self, call: &CallId, tickets: &StreamTickets) -> Success {
        let rtmp =
            |t: &StreamTicket| format!("rtmp://{}/{APP}/{call}?ticket={}", self.authority, t.as_str()).into();
        let play = tickets.play.iter().map(|(user, ticket)| PlayStream {
            user_id: user.clone(),
            url: rtmp(ticket),
            flv_path: format!("/live/{call}.flv?ticket={}", ticket.as_str()).into(),
        });
        Success::Streams { push: rtmp(&tickets.push), play: play.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(advertise: Option<&str>, host: &str) -> String {
        let settings = RtmpSettings { advertise: advertise.map(str::to_owned), ..RtmpSettings::default() };
        StreamUrls::new(&settings, host, 1935).authority
    }

    #[test]
    fn a_device_is_told_the_name_by_which_it_came() {
        assert_eq!(authority(None, "calls.example"), "calls.example:1935");
        assert_eq!(authority(None, "[2001:db8::1]"), "[2001:db8::1]:1935");
        assert_eq!(authority(None, ""), "localhost:1935");
        assert_eq!(authority(Some("media.example"), "calls.example"), "media.example:1935");
        assert_eq!(authority(Some("media.example:2935"), "calls.example"), "media.example:2935");
        assert_eq!(authority(Some("[2001:db8::1]:2935"), "x"), "[2001:db8::1]:2935");
    }
}
