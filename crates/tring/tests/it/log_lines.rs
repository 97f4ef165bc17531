//! What the network says, in the log of a real server: it forges no line, moves no cursor, fills no disk, and no secret
//! is logged whatever the filter asks for.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use crate::common::Place;
use crate::common::serve::{Running, serve};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tring_client::{CallId, Client, Event, Media, MediaType, Options, certificate};
use tring_media::{Peer, PeerConfig};
use tring_protocol::log::{STRANGER_LINES_BURST, STRANGER_LINES_PER_SECOND, is_unprintable};

/// Everything, and by name what libraries log frames, credentials and statements with.
const EVERYTHING: &str =
    "trace,is=trace,str0m=trace,tungstenite=trace,hyper=trace,axum=trace,sqlx=trace,rustls=trace,tower=trace";

/// A line of the server's log, as its reader would take it, with what a terminal acts on.
const FORGED: &str = "x\n1999-01-01T00:00:00.000000Z  INFO tring_server::switchboard::sign_in: signed in device=d1 \
    user=1/admin\r\u{1b}[31m\u{7}\u{85}\u{202e}\u{200b}FORGED";

/// Longest wait for something that must come.
const SOON: Duration = Duration::from_secs(20);

/// A server with its log.
struct Server {
    running: Running,
    http: String,
    https: String,
    rtmp: String,
    place: Place,
}

impl Server {
    fn start(log: &str, more: &[&str]) -> Self {
        let place = Place::new();
        let mut command = serve(&place.data(), log);
        command.args(["--demo", "--media-workers", "1", "--advertise", "127.0.0.1"]).args(more);
        // Its last words: what to open; of JSON there is one line.
        let running = Running::start_until(&mut command, |said| {
            said.contains("call from one phone to the other") || said.contains("\"signalling\"")
        });
        let said = &running.said;
        let port = |before: &str| {
            let rest = said.split(before).nth(1).unwrap_or_else(|| panic!("{before} in {said}"));
            let from = ["127.0.0.1:", "localhost:"].iter().filter_map(|host| rest.find(host)).min();
            let port = from.and_then(|at| rest[at..].split_once(':')).map_or("", |(_, port)| port);
            let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
            format!("127.0.0.1:{digits}")
        };
        let is_json = said.starts_with('{');
        let names = if is_json {
            ["\"signalling\"", "\"https\"", "\"rtmp\""]
        } else {
            ["signalling", "HTTPS", "(RTMP)"]
        };
        let [http, https, rtmp] = names.map(port);
        Self { running, http, https, rtmp, place }
    }

    /// Stops it, and gives all that it has logged.
    fn stop(self) -> String {
        self.running.stop().log
    }

    /// Sends bytes and reads what comes, to the end.
    fn says(&self, address: &str, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let _ = stream.write_all(bytes);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// A request; gives the reply with its head.
    fn request(&self, line: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        let text = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.http
        );
        self.says(&self.http, text.as_bytes())
    }

    fn sign(&self, user: &str) -> Value {
        let reply = self.request("POST /demo/usersig", "", &json!({ "userID": user }).to_string());
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn options(&self, user: &str) -> Options {
        let signed = self.sign(user);
        let app = u32::try_from(signed["sdkAppID"].as_u64().unwrap()).unwrap();
        let sig = signed["userSig"].as_str().unwrap().to_owned();
        Options::new(&format!("ws://{}/v1/socket", self.http), app, user, sig).unwrap()
    }

    /// Asks over a socket of its own, one after the other; gives the answers. A socket that is closed has no more.
    async fn ask(&self, messages: Vec<Message>) -> Vec<String> {
        let url = format!("ws://{}/v1/socket", self.http);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut answers = Vec::new();
        for message in messages {
            let _ = socket.send(message).await;
            let answer = tokio::time::timeout(SOON, socket.next()).await.expect("an answer or an end");
            answers
                .extend(answer.and_then(Result::ok).map(|m| m.into_text().unwrap_or_default().to_string()));
        }
        answers
    }
}

/// One RTMP message in chunks of 128 bytes (RTMP 1.0 §5.3): a command of AMF0 texts behind its name and number.
fn command(name: &str, number: f64, values: &[Amf<'_>]) -> Vec<u8> {
    let mut payload = Vec::new();
    for value in [Amf::Text(name), Amf::Number(number)].iter().chain(values) {
        value.write(&mut payload);
    }
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![3, 0, 0, 0, length[1], length[2], length[3], 20, 0, 0, 0, 0];
    for (n, chunk) in payload.chunks(128).enumerate() {
        bytes.extend((n > 0).then_some(0xc3));
        bytes.extend(chunk);
    }
    bytes
}

enum Amf<'a> {
    Text(&'a str),
    Number(f64),
    Null,
    /// An object with the one property `app`.
    App(&'a str),
}

impl Amf<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        let text = |text: &str, to: &mut Vec<u8>| {
            to.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            to.extend(text.as_bytes());
        };
        match self {
            Self::Text(value) => {
                to.push(2);
                text(value, to);
            }
            Self::Number(n) => {
                to.push(0);
                to.extend(n.to_be_bytes());
            }
            Self::Null => to.push(5),
            Self::App(app) => {
                to.push(3);
                text("app", to);
                Self::Text(app).write(to);
                to.extend([0, 0, 9]);
            }
        }
    }
}

/// A phone that publishes or plays a name with a query.
fn rtmp(what: &str, app: &str, name: &str) -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.extend([1; 2 * 1536]);
    bytes.extend(command("connect", 1.0, &[Amf::App(app)]));
    bytes.extend(command("createStream", 2.0, &[Amf::Null]));
    bytes.extend(command(what, 3.0, &[Amf::Null, Amf::Text(name)]));
    bytes
}

/// A ticket of the right form that was never given.
fn no_ticket() -> String {
    "0".repeat(32)
}

fn percent(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect()
}

/// A TLS hello (RFC 8446 §4.1.2) that asks for a server of this name.
fn hello(name: &str) -> Vec<u8> {
    let sized = |n: usize, bytes: &[u8]| [&bytes.len().to_be_bytes()[8 - n..], bytes].concat();
    let host = [&[0][..], &sized(2, name.as_bytes())].concat();
    let extension = [&[0, 0][..], &sized(2, &sized(2, &host))].concat();
    let mut body = [&[3, 3][..], &[7; 32], &[0]].concat();
    body.extend(sized(2, &[0x13, 0x02, 0xc0, 0x2b]));
    body.extend([1, 0]);
    body.extend(sized(2, &extension));
    let handshake = [&[1][..], &sized(3, &body)].concat();
    [&[22, 3, 1][..], &sized(2, &handshake)].concat()
}

/// Says what is forged through every door, and an ordinary name through two of them.
fn provoke(server: &Server) {
    for (what, name) in [
        ("publish", format!("{FORGED}?ticket={}", no_ticket())),
        ("play", format!("{FORGED}?ticket={}", no_ticket())),
        ("publish", format!("{FORGED}?{FORGED}")),
        (FORGED, FORGED.to_owned()),
        ("publish", format!("ordinary-stream?ticket={}", no_ticket())),
    ] {
        let mut bytes = rtmp(what, FORGED, &name);
        // The last one asks for nothing: a second handshake is an error, and ends it.
        bytes.extend([0; 64]);
        server.says(&server.rtmp, &bytes);
    }
    server.says(&server.rtmp, FORGED.as_bytes());

    let evil = percent(FORGED);
    for path in [
        format!("/live/{evil}.flv?ticket={}", no_ticket()),
        format!("/live/{evil}.flv?ticket={evil}"),
        format!("/{evil}?{evil}"),
        format!("/sdk/{evil}"),
        format!("/install/{evil}"),
    ] {
        server.request(
            &format!("GET {path}"),
            &format!("User-Agent: {}\r\n", FORGED.replace(['\n', '\r'], " ")),
            "",
        );
    }
    let raw = FORGED.replace(['\n', '\r'], " ");
    for head in [
        format!("GET / HTTP/1.1\r\nHost: {raw}\r\n\r\n"),
        format!("GET /{raw} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("{raw}\r\n\r\n"),
    ] {
        server.says(&server.http, head.as_bytes());
        server.says(&server.https, head.as_bytes());
    }
    server.says(&server.https, &hello(FORGED));
    server.says(&server.https, &hello("127.0.0.1"));

    let bearer = format!("Authorization: Bearer {}\r\n", FORGED.replace(|c: char| c.is_control(), " "));
    for body in [FORGED.to_owned(), json!({ FORGED: FORGED }).to_string()] {
        server.request("POST /v1/usersig", &bearer, &body);
        server.request("POST /demo/usersig", "", &body);
    }
    for id in [json!(FORGED), json!("a\" user=\"1/admin"), json!("ordinary-bob")] {
        server.request("POST /v1/usersig", &bearer, &json!({ "sdkAppID": 7, "userID": id }).to_string());
        server.request("POST /demo/usersig", "", &json!({ "userID": id }).to_string());
    }
    tokio::runtime::Runtime::new().unwrap().block_on(by_socket(server));
}

async fn by_socket(server: &Server) {
    let text = |value: Value| Message::text(value.to_string());
    let login = |user: &str, sig: &str, app: &Value| {
        text(json!({
            "id": 1, "type": "login", "protocol": 1, "sdkAppID": app, "userID": user, "userSig": sig,
            "device": { "kind": "web" },
        }))
    };
    let odd = "a\" b device=d1";
    let signed = server.sign(odd);
    let (app, sig) = (&signed["sdkAppID"], signed["userSig"].as_str().unwrap());
    server.ask(vec![login(FORGED, FORGED, app)]).await;
    server.ask(vec![login(odd, FORGED, app)]).await;
    server.ask(vec![Message::text(FORGED)]).await;
    server.ask(vec![text(json!({ "id": 1, "type": FORGED, FORGED: FORGED }))]).await;
    server
        .ask(vec![text(json!({ "id": 1, "type": "resume", "protocol": 1, "ticket": FORGED, "lastSeq": 0 }))])
        .await;
    server.ask(vec![Message::binary(FORGED.as_bytes().to_vec())]).await;
    let close = CloseFrame { code: 4000.into(), reason: FORGED[..100].to_owned().into() };
    server.ask(vec![Message::Close(Some(close))]).await;

    // Signed in, by a name that is allowed and would pass for more than one field.
    let call = json!({ "id": 2, "type": "call", "to": ["ordinary-bob"], "media": "audio", "data": FORGED });
    let answers = server.ask(vec![login(odd, sig, app), text(call)]).await;
    let call: Value = serde_json::from_str(&answers[1]).unwrap();
    assert!(call["ok"]["callID"].is_string(), "{answers:?}");
    let url = format!("ws://{}/v1/socket", server.http);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut messages = vec![json!({ "type": "call", "to": ["ordinary-bob"], "media": "audio" })];
    for (n, offer) in offers().into_iter().enumerate() {
        let id = if n == 0 { json!(FORGED) } else { json!("CALL") };
        messages.push(json!({ "type": "transport", "callID": id, "offer": offer }));
    }
    for kind in ["accept", "delivered", "hangup", "streams"] {
        messages.push(json!({ "type": kind, "callID": FORGED }));
        messages.push(json!({ "type": kind, "callID": "an-invented-call" }));
    }
    socket
        .send(login("ordinary-alice", server.sign("ordinary-alice")["userSig"].as_str().unwrap(), app))
        .await
        .unwrap();
    let mut call = String::new();
    for (id, mut message) in (1..).zip(std::iter::once(json!(null)).chain(messages)) {
        if message.is_object() {
            message["id"] = json!(id);
            socket.send(Message::text(message.to_string().replace("CALL", &call))).await.unwrap();
        }
        loop {
            let answer = tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
            let answer: Value = serde_json::from_str(answer.to_text().unwrap()).unwrap();
            if let Some(id) = answer["ok"]["callID"].as_str() {
                call = id.to_owned();
            }
            if answer.get("re").is_some() {
                break;
            }
        }
    }
    let _ = socket.close(None).await;
}

/// Offers with what is forged in each of their fields.
fn offers() -> Vec<String> {
    let raw = FORGED.replace(['\n', '\r'], " ");
    let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9);
    let (_, good) = Peer::new(PeerConfig::voice(local, certificate().unwrap()), Instant::now()).unwrap();
    let mut offers = vec![good.clone(), FORGED.to_owned(), format!("v=0\r\n{raw}\r\n{good}")];
    for field in [
        "o=",
        "s=",
        "m=audio ",
        "a=mid:",
        "a=ice-ufrag:",
        "a=ice-pwd:",
        "a=fingerprint:",
        "a=rtpmap:",
        "a=fmtp:",
        "a=ssrc:",
    ] {
        let lines =
            good.lines().map(|l| if l.starts_with(field) { format!("{field}{raw}") } else { l.to_owned() });
        offers.push(lines.map(|l| l + "\r\n").collect());
    }
    offers.truncate(10); // limits.offers_burst
    offers
}

#[test]
fn nothing_that_the_network_says_forges_a_line_or_moves_the_cursor() {
    let server = Server::start(EVERYTHING, &[]);
    provoke(&server);
    let log = server.stop();
    for line in log.lines() {
        let odd: Vec<char> = line.chars().filter(|c| is_unprintable(*c)).collect();
        assert!(odd.is_empty(), "{odd:?} in {line:?}");
        assert!(!line.starts_with("1999"), "a forged line: {line}");
        let mut head = line.split_whitespace();
        let (time, level) = (head.next().unwrap_or_default(), head.next().unwrap_or_default());
        assert!(time.ends_with('Z') && time.contains('T'), "no line of the log's: {line:?}");
        assert!(
            ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level),
            "no line of the log's: {line:?}"
        );
        let (_, fields) = line.split_once("signed in ").unwrap_or_default();
        assert!(!fields.contains(" device=d1 user=1/admin"), "{line}");
    }
    // What is said is logged, as what it is.
    assert!(log.contains(r#"stream="x\n1999-01-01T00"#) && log.contains("FORGED"), "{log}");
    assert!(log.contains("stream=ordinary-stream "), "{log}");
    assert!(log.contains("/ordinary-alice") && log.contains(r#"/a\" b device=d1""#), "{log}");
    // Nothing is said to have happened that was only asked for.
    let answers = |l: &&str| l.contains("answers");
    assert_eq!(log.lines().filter(answers).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn as_json_too_each_line_is_one_object() {
    let server = Server::start(EVERYTHING, &["--log-json"]);
    provoke(&server);
    let log = server.stop();
    let mut streams = Vec::new();
    for line in log.lines() {
        assert!(!line.chars().any(is_unprintable), "{line:?}");
        let read: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(!read["timestamp"].as_str().unwrap().starts_with("1999"), "a forged line: {line}");
        streams.extend(read["fields"]["stream"].as_str().map(str::to_owned));
    }
    assert!(streams.iter().any(|s| s.starts_with(r#""x\n1999-01-01T00"#)), "{streams:?}");
    assert!(streams.iter().any(|s| s == "ordinary-stream"), "{streams:?}");
}

#[test]
fn a_flood_of_strangers_writes_a_bounded_number_of_lines_and_says_how_many_it_did_not() {
    let server = Server::start("info", &[]);
    let start = Instant::now();
    let publish = rtmp("publish", "call", &format!("x?ticket={}", no_ticket()));
    for _ in 0..300 {
        assert!(server.says(&server.rtmp, &publish).contains("not valid"), "each is told why");
    }
    // Until one is written again.
    let each = Duration::from_secs(1) / STRANGER_LINES_PER_SECOND;
    std::thread::sleep(each);
    server.says(&server.rtmp, &publish);
    let most = u64::from(STRANGER_LINES_BURST)
        + start.elapsed().as_secs() * u64::from(STRANGER_LINES_PER_SECOND)
        + 1;
    let log = server.stop();
    let lines: Vec<&str> = log.lines().filter(|l| l.contains("an RTMP connection is refused")).collect();
    let left_out =
        |line: &&str| Some(line.split_once("left_out=")?.1.split(' ').next()?.parse::<u64>().unwrap());
    let told: u64 = lines.iter().filter_map(left_out).sum();
    let written = lines.len() as u64;
    assert!((u64::from(STRANGER_LINES_BURST)..=most).contains(&written), "{written} lines: {log}");
    assert_eq!(written + told, 301, "{log}");
}

#[tokio::test]
async fn a_whole_call_at_trace_logs_no_secret() {
    let server = Server::start(EVERYTHING, &[]);
    let shop = server.place.create("shop");
    let api_secret = shop["apiSecret"].as_str().unwrap().to_owned();
    let key = server.place.run(&["app", "show", "shop", "--reveal-key", "--json"]).json()["secretKey"]
        .as_str()
        .unwrap()
        .to_owned();
    server.request(
        "POST /v1/usersig",
        &format!("Authorization: Bearer {api_secret}\r\n"),
        r#"{"sdkAppID":1,"userID":"a"}"#,
    );
    let mut secrets = vec![("API secret", api_secret), ("key", key)];

    let (alice, bob) = (server.options("alice"), server.options("bob"));
    for options in [&alice, &bob] {
        secrets.push(("UserSig", options.user_sig.expose().to_owned()));
    }
    let (alice, bob) = (Client::connect(alice).await.unwrap(), Client::connect(bob).await.unwrap());
    let call = alice.call("bob", MediaType::Video).await.unwrap();
    let invented = CallId::new("an-invented-call").unwrap();
    assert!(bob.accept(&invented).await.is_err());
    loop {
        if let Event::Invited { .. } = tokio::time::timeout(SOON, bob.next_event()).await.unwrap().unwrap() {
            break;
        }
    }
    bob.delivered(&call).await.unwrap();
    let mut media = Vec::new();
    for client in [&alice, &bob] {
        let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let local = socket.local_addr().unwrap();
        let config = PeerConfig::video(local, certificate().unwrap());
        let (mut peer, offer) = Peer::new(config, Instant::now()).unwrap();
        let answer = client.transport(&call, offer.clone()).await.unwrap();
        peer.accept_answer(&answer, Instant::now()).unwrap();
        for (whose, sdp) in [("ICE password of the offer", &offer), ("ICE password of the answer", &answer)] {
            let password = sdp.lines().find_map(|l| l.strip_prefix("a=ice-pwd:")).expect("an ICE password");
            secrets.push((whose, password.to_owned()));
        }
        media.push(Media::drive(peer, answer, socket, local, None));
    }
    bob.accept(&call).await.unwrap();
    for media in &media {
        tokio::time::timeout(SOON, media.connected()).await.expect("media").unwrap();
        media.play(tring_client::Pattern::video_call(1)).await;
    }
    for media in &media {
        let heard = media.until(|t| t.audio.packets > 20);
        assert!(tokio::time::timeout(SOON, heard).await.expect("sound of the other"));
    }
    // The addresses of a phone's streams hold tickets; they come back in RTMP and in HTTP.
    let carol = Client::connect(server.options("carol")).await.unwrap();
    let dave = Client::connect(server.options("dave")).await.unwrap();
    let second = carol.call("dave", MediaType::Audio).await.unwrap();
    while !matches!(dave.next_event().await.unwrap(), Event::Invited { .. }) {}
    dave.accept(&second).await.unwrap();
    let streams = carol.streams(&second).await.unwrap();
    for url in [streams.push.expose(), streams.play[0].url.expose()] {
        let (name, query) = url.rsplit_once('/').unwrap().1.split_once('?').unwrap();
        secrets.push(("stream ticket", query.strip_prefix("ticket=").unwrap().to_owned()));
        let mut phone = TcpStream::connect(&server.rtmp).unwrap();
        phone.write_all(&rtmp("publish", "call", &format!("{name}?{query}"))).unwrap();
        phone.read_exact(&mut [0; 3073]).unwrap();
    }
    let path = streams.play[0].flv_path.expose().to_owned();
    let mut flv = TcpStream::connect(&server.http).unwrap();
    write!(flv, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.http).unwrap();
    flv.read_exact(&mut [0; 12]).unwrap();
    drop(flv);
    alice.hangup(&call).await.unwrap();
    carol.hangup(&second).await.unwrap();
    alice.logout().await.unwrap();

    let log = tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    // It is at trace, of a library too, and tells of this call.
    assert!(log.contains(" TRACE dimpl::"), "the handshakes of DTLS are in it");
    assert!(log.contains("transport connected") && log.contains(call.as_str()), "the call is in it");
    assert_eq!(log.matches("answers call=").count(), 2, "both answers, and no invented one");
    for (what, secret) in secrets {
        assert!(secret.len() > 15, "{what}: {secret:?}");
        assert!(
            !log.contains(&secret),
            "the {what} is in the log: {:?}",
            log.lines().find(|l| l.contains(&secret))
        );
    }
}
