//! Real calls through the server: for each address and port that it advertises, two clients are held to that one, and the
//! packets that arrive are counted.
//!
//! One call serves for all: whatever worker its room is on, a check that reaches another worker's port is handed to it,
//! and answered through the port that was reached. So each port is tried, not only the one of that room.

use super::credentials::{Credentials, SUBJECT};
use super::verdict::{self, Around, Probe, Reached};
use super::{rtmp, web};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tring_client::{
    CallId, Client, ClientError, ErrorCode, Event, Media as Session, MediaOptions, MediaState, MediaType,
    Owner, Pattern,
};
use tring_protocol::log::Untrusted;
use tring_server::Config;
use tring_server::diagnostics::Finding;

/// Packets of sound that must arrive each way. 50 come a second. Higher: a lossy way is seen. Lower: sooner done.
const PACKETS: u64 = 20;

/// How often an offer is repeated that the server had no time for, a second apart.
const OFFERS: u32 = 10;

/// Most ports that are tried: those of the largest server at a few addresses. Each that is closed takes the wait.
const MAX_PROBES: usize = 256;

/// What is asked for.
pub(super) struct Options {
    pub(super) server: web::Server,
    /// The settings, where the server is this machine's.
    pub(super) local: Option<Config>,
    pub(super) credentials: Credentials,
    /// How long an address may be silent.
    pub(super) wait: Duration,
}

/// What the calls showed.
#[derive(Debug)]
pub(super) struct Media {
    probes: Vec<Probe>,
}

impl Media {
    pub(super) fn value(&self) -> Value {
        json!({ "probes": self.probes.iter().map(Probe::value).collect::<Vec<_>>() })
    }

    pub(super) fn table(&self) -> String {
        verdict::table(&self.probes)
    }
}

/// Makes the calls.
pub(super) async fn run(options: Options) -> (Vec<Finding>, Option<Media>) {
    let looked = web::look(&options.server).await;
    let mut found = looked.findings;
    if !looked.is_tring {
        return (found, None);
    }
    let users = options.credentials.users(options.local.as_ref(), looked.ahead).await;
    let call = match users {
        Ok((app, users)) => Call::connect(&options.server, app, users).await,
        Err(finding) => Err(finding),
    };
    let call = match call {
        Ok(call) => call,
        Err(finding) => {
            found.push(finding);
            return (found, None);
        }
    };
    found.push(Finding::info("signalling", "two clients signed in, and one called the other"));
    let around = Around { signalling: looked.addresses, at_home: options.local.is_some() };
    let probes = call.probes(looked.workers, around.at_home, options.wait).await;
    let media = match probes {
        Ok(probes) => {
            found.extend(verdict::judge(&probes, &around));
            Some(Media { probes })
        }
        Err(e) => {
            let advice = "Read the server's log, and try again";
            found.push(Finding::error(
                "media",
                format!("the server opens no media session: {}", Untrusted(&e)),
                advice,
            ));
            None
        }
    };
    found.push(call.rtmp().await);
    call.end().await;
    (found, media)
}

/// Two clients in a call.
struct Call {
    clients: [Client; 2],
    id: CallId,
}

impl Call {
    async fn connect(server: &web::Server, app: u32, users: [(String, String); 2]) -> Result<Self, Finding> {
        let [a, b] = users;
        let callee = b.0.clone();
        let clients = [sign_in(server, app, a).await?, sign_in(server, app, b).await?];
        let failed = |why: String| {
            let why = Untrusted(why).to_string();
            Finding::error("signalling", why, "Read the server's log, and try again")
        };
        let id = clients[0].call(&callee, MediaType::Audio).await.map_err(|e| failed(e.to_string()))?;
        let invited = async {
            while let Some(event) = clients[1].next_event().await {
                if matches!(event, Event::Invited { .. }) {
                    return clients[1].accept(&id).await.map_err(|e| failed(e.to_string()));
                }
            }
            Err(failed("the called client was signed out".into()))
        };
        timeout(Duration::from_secs(10), invited)
            .await
            .map_err(|_| failed("the called client was not told of the call within 10 seconds".into()))??;
        // Nobody looks at the further events; they must not fill the queue.
        for client in clients.clone() {
            tokio::spawn(async move { while client.next_event().await.is_some() {} });
        }
        Ok(Self { clients, id })
    }

    /// Tries each address and port that clients are told.
    ///
    /// # Errors
    /// The server opens no media session at all.
    async fn probes(
        &self,
        workers: Option<u16>,
        at_home: bool,
        wait: Duration,
    ) -> Result<Vec<Probe>, ClientError> {
        let first = self.session(0, MediaOptions::voice()).await?;
        let told = addresses(first.answer(), workers);
        let own_port = first.local_addr().port();
        first.close().await;
        let mut probes = Vec::new();
        for address in told.into_iter().take(MAX_PROBES) {
            // Only for clients on the server's machine.
            if address.ip().is_loopback() && !at_home {
                continue;
            }
            probes.push(self.probe(address, own_port, wait).await?);
        }
        Ok(probes)
    }

    /// A media session of one of the two. One that the server has no time for is asked for again.
    async fn session(&self, of: usize, options: MediaOptions) -> Result<Session, ClientError> {
        let mut left = OFFERS;
        loop {
            match Session::connect(&self.clients[of], &self.id, options.clone()).await {
                Err(ClientError::Refused(e)) if e.code == ErrorCode::TooMany && left > 0 => left -= 1,
                // The socket of the session before is closed in a moment.
                Err(ClientError::Socket { .. }) if options.port != 0 && left > 0 => left -= 1,
                other => return other,
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn probe(&self, address: SocketAddr, own_port: u16, wait: Duration) -> Result<Probe, ClientError> {
        let mut probe = Probe {
            address,
            reached: Reached::NoRoute,
            round_trip: None,
            there: (0, 0),
            back: (0, 0),
            local: None,
            seen_from: None,
        };
        let Some(bind) = way_to(address) else { return Ok(probe) };
        let options = MediaOptions { bind: Some(bind), only: Some(address), ..MediaOptions::voice() };
        // The same port each time: what the server sees of it tells how it is translated.
        let a = self.session(0, MediaOptions { port: own_port, ..options.clone() }).await?;
        let b = self.session(1, options).await?;
        let both = async { a.connected().await.and(b.connected().await) };
        // What became of it is read below.
        let _ = timeout(wait, both).await;
        let is_connected = |s: &Session| matches!(s.state(), MediaState::Connected { .. });
        let connected = is_connected(&a) && is_connected(&b);
        if connected {
            a.play(Pattern::voice_call(1)).await;
            b.play(Pattern::voice_call(2)).await;
            let heard = async {
                b.until(|t| t.audio.from(1).packets >= PACKETS).await;
                a.until(|t| t.audio.from(2).packets >= PACKETS).await;
            };
            let _ = timeout(wait, heard).await;
        }
        let (tally_a, tally_b, path) = (a.tally(), b.tally(), a.path());
        probe.there = (tally_b.audio.from(1).packets, tally_a.sent_audio);
        probe.back = (tally_a.audio.from(2).packets, tally_b.sent_audio);
        probe.round_trip = path.round_trip;
        probe.seen_from = path.seen_from;
        probe.local = Some(a.local_addr());
        let arrived = probe.there.0 >= PACKETS && probe.back.0 >= PACKETS;
        probe.reached = match (connected, path.answers + b.path().answers) {
            (true, _) if arrived => Reached::Yes,
            (true, _) => Reached::NotBothWays,
            (false, 0) => Reached::Silent,
            (false, _) => Reached::NoDtls,
        };
        a.close().await;
        b.close().await;
        Ok(probe)
    }

    /// Greets the server where it sends mini-programs.
    async fn rtmp(&self) -> Finding {
        match self.clients[0].streams(&self.id).await {
            Ok(streams) => rtmp::check(streams.push.expose()).await,
            Err(ClientError::Refused(e)) if e.code == ErrorCode::MediaUnavailable => {
                Finding::info("rtmp", format!("not tried: {}", Untrusted(e.message)))
            }
            Err(e) => {
                Finding::error("rtmp", Untrusted(e).to_string(), "Read the server's log, and try again")
            }
        }
    }

    async fn end(&self) {
        // Whatever comes of it, the server forgets both in a minute.
        let _ = self.clients[0].hangup(&self.id).await;
        for client in &self.clients {
            let _ = client.logout().await;
        }
    }
}

async fn sign_in(server: &web::Server, app: u32, (user, sig): (String, String)) -> Result<Client, Finding> {
    let refused = |e: ClientError| match e {
        ClientError::Refused(e) => Finding::error(
            SUBJECT,
            format!("{user}: {}", Untrusted(&e.message)),
            match e.code {
                ErrorCode::SigExpired | ErrorCode::SigNotYetValid => {
                    "Look at the clocks of the server and of the machine that signs"
                }
                _ => "Check --app, --key-file and --usersig",
            },
        ),
        ClientError::Unreachable { url, why } => Finding::error(
            "websocket",
            format!("{url}: {why}, although the server's HTTP answers"),
            "A proxy between must pass WebSockets on: in nginx `proxy_http_version 1.1`, `proxy_set_header Upgrade \
             $http_upgrade` and `proxy_set_header Connection upgrade`",
        ),
        other => {
            Finding::error(SUBJECT, Untrusted(other).to_string(), "Check --app, --key-file and --usersig")
        }
    };
    let mut options = tring_client::Options::new(&server.socket_url(), app, &user, sig).map_err(refused)?;
    options.tls = server.tls();
    Client::connect(options).await.map_err(refused)
}

/// Each address and port that an answer tells, for each worker: ports count up with the workers.
fn addresses(answer: &str, workers: Option<u16>) -> Vec<SocketAddr> {
    let told = answer.lines().filter_map(|line| {
        let mut words = line.strip_prefix("a=candidate:")?.split(' ').skip(4);
        Some(SocketAddr::new(words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    let owner = Owner::of_answer(answer);
    let mut all = Vec::new();
    for address in told {
        match (owner.map(|o| u16::from(o.worker)), workers) {
            (Some(own), Some(workers)) => {
                let first = address.port().checked_sub(own);
                let ports = (0..workers).filter_map(|worker| first?.checked_add(worker));
                all.extend(ports.map(|port| SocketAddr::new(address.ip(), port)));
            }
            _ => all.push(address),
        }
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|address| seen.insert(*address));
    all
}

/// The own address from which another is reached; none without a route.
fn way_to(address: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Sends nothing: it only asks for the way.
    socket.connect(address).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=ice-ufrag:000002abcdefghij\r\nm=audio 9 X 0\r\n\
        a=candidate:1 1 udp 1 192.0.2.5 7702 typ host\r\na=candidate:2 1 udp 1 2001:db8::5 7702 typ host\r\n\
        m=video 9 X 0\r\na=candidate:1 1 udp 1 192.0.2.5 7702 typ host\r\n";

    #[test]
    fn the_ports_of_all_workers_follow_from_one_of_them() {
        let all = addresses(ANSWER, Some(4));
        assert_eq!(all.len(), 8);
        assert_eq!(all[0], "192.0.2.5:7700".parse().unwrap());
        assert_eq!(all[7], "[2001:db8::5]:7703".parse().unwrap());
        assert_eq!(
            addresses(ANSWER, None),
            ["192.0.2.5:7702", "[2001:db8::5]:7702"].map(|a| a.parse().unwrap())
        );
        assert_eq!(addresses("v=0\r\n", Some(4)), []);
    }
}
