use super::super::chunk;
use super::*;
use proptest::prelude::*;

/// The peer's side, as small as tests need it.
struct Peer {
    session: Session,
    writer: Writer,
    reader: Reader,
    events: Vec<Event>,
    /// Commands that came back.
    heard: Vec<Vec<Value>>,
    messages: Vec<Message>,
}

impl Peer {
    fn connected() -> Self {
        let mut peer = Self {
            session: Session::new([7; 8]),
            writer: Writer::default(),
            reader: Reader::default(),
            events: Vec::new(),
            heard: Vec::new(),
            messages: Vec::new(),
        };
        let mut out = Vec::new();
        let mut hello = vec![3];
        hello.extend([1; 2 * 1536]);
        peer.session.receive(&hello, &mut out, &mut peer.events).unwrap();
        assert_eq!(out.len(), 1 + 2 * 1536);
        let about = Value::object(&[("app", Value::text("call")), ("tcUrl", Value::text("rtmp://h/call"))]);
        peer.command(&[Value::text("connect"), Value::Number(1.0), about]).unwrap();
        peer.command(&[Value::text("createStream"), Value::Number(2.0), Value::Null]).unwrap();
        peer
    }

    fn asking(direction: &str, name: &str) -> Self {
        let mut peer = Self::connected();
        let values = [Value::text(direction), Value::Number(3.0), Value::Null, Value::text(name)];
        peer.command(&values).unwrap();
        peer
    }

    fn command(&mut self, values: &[Value]) -> Result<(), RtmpError> {
        let mut payload = Vec::new();
        amf0::write(values, &mut payload);
        self.send(message::COMMAND, 0, &payload)
    }

    fn send(&mut self, kind: u8, timestamp: u32, payload: &[u8]) -> Result<(), RtmpError> {
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        self.writer.write(3, (kind, 1, timestamp), payload, &mut bytes);
        let result = self.session.receive(&bytes, &mut out, &mut self.events);
        self.take(&out);
        result
    }

    fn take(&mut self, mut bytes: &[u8]) {
        loop {
            let (message, rest) = self.reader.read(bytes).unwrap();
            let Some(m) = message else { break };
            bytes = rest;
            match m.kind {
                message::SET_CHUNK_SIZE => self.reader.set_chunk_size(m.number().unwrap()).unwrap(),
                message::COMMAND => self.heard.push(amf0::read(&m.payload).unwrap()),
                _ => {}
            }
            self.messages.push(m);
        }
    }

    fn accept(&mut self) {
        let mut out = Vec::new();
        self.session.accept(&mut out);
        self.take(&out);
    }

    fn codes(&self) -> Vec<&str> {
        self.heard.iter().filter_map(|v| v.get(3)?.get("code")?.as_str()).collect()
    }
}

fn wanted(direction: Direction, name: &str, query: &str) -> Event {
    Event::Requests(StreamRequest { direction, app: "call".into(), name: name.into(), query: query.into() })
}

#[test]
fn a_publisher_is_asked_for_accepted_and_heard() {
    let mut peer = Peer::asking("publish", "c1?ticket=abc");
    assert_eq!(peer.events, [wanted(Direction::Publish, "c1", "ticket=abc")]);
    assert_eq!(peer.codes(), ["NetConnection.Connect.Success"]);
    peer.accept();
    assert_eq!(peer.codes()[1..], ["NetStream.Publish.Start"]);
    peer.events.clear();
    peer.send(message::AUDIO, 0x0200_0000, &[0xaf, 1, 5]).unwrap();
    let payload = [0xaf, 1, 5].as_slice().into();
    assert_eq!(peer.events, [Event::Tag(Tag::new(TagKind::Audio, 0x0200_0000, payload))]);
}

#[test]
fn a_player_is_given_tags() {
    let mut peer = Peer::asking("play", "c1?ticket=abc");
    peer.accept();
    assert_eq!(peer.codes()[1..], ["NetStream.Play.Reset", "NetStream.Play.Start"]);
    let mut out = Vec::new();
    let payload: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    let tag = Tag::new(TagKind::Video, 1, payload.clone().into());
    peer.session.write_tag(&tag, 77, &mut out);
    peer.take(&out);
    let last = peer.messages.last().unwrap();
    assert_eq!((last.kind, last.timestamp, &last.payload), (message::VIDEO, 77, &payload));
}

#[test]
fn a_query_may_stand_in_the_app() {
    let mut peer = Peer::connected();
    let about = Value::object(&[("app", Value::text("call?ticket=x"))]);
    peer.command(&[Value::text("connect"), Value::Number(1.0), about]).unwrap();
    peer.command(&[Value::text("play"), Value::Number(0.0), Value::Null, Value::text("c1")]).unwrap();
    assert_eq!(peer.events, [wanted(Direction::Play, "c1", "ticket=x")]);
}

#[test]
fn a_ticket_is_not_printed() {
    let peer = Peer::asking("publish", "c1?ticket=secret");
    assert!(!format!("{:?}", peer.events).contains("secret"));
}

#[test]
fn a_refusal_has_its_reason() {
    let mut peer = Peer::asking("play", "c1?ticket=old");
    let mut out = Vec::new();
    peer.session.refuse("this ticket is not valid", &mut out);
    peer.take(&out);
    let last = peer.heard.last().unwrap();
    assert_eq!(last[3].get("code"), Some(&Value::text("NetStream.Play.Failed")));
    assert_eq!(last[3].get("description"), Some(&Value::text("this ticket is not valid")));
}

#[test]
fn metadata_loses_its_wrapper() {
    let mut peer = Peer::asking("publish", "c1");
    peer.accept();
    peer.events.clear();
    let about = Value::object(&[("width", Value::Number(360.0))]);
    let mut payload = Vec::new();
    amf0::write(&[Value::text("@setDataFrame"), Value::text("onMetaData"), about.clone()], &mut payload);
    peer.send(message::DATA, 0, &payload).unwrap();
    let Some(Event::Tag(tag)) = peer.events.first() else { panic!("{:?}", peer.events) };
    assert_eq!(amf0::read(tag.payload()), Ok(vec![Value::text("onMetaData"), about]));
}

#[test]
fn pings_and_unknown_commands_are_answered() {
    let mut peer = Peer::connected();
    peer.send(message::USER_CONTROL, 0, &[0, 6, 1, 2, 3, 4]).unwrap();
    assert_eq!(peer.messages.last().unwrap().payload, [0, 7, 1, 2, 3, 4]);
    peer.command(&[Value::text("_checkbw"), Value::Number(9.0), Value::Null]).unwrap();
    assert_eq!(peer.heard.last().unwrap()[..2], [Value::text("_result"), Value::Number(9.0)]);
}

#[test]
fn what_was_received_is_acknowledged_by_the_peers_window() {
    let mut peer = Peer::asking("publish", "c1");
    peer.accept();
    peer.send(message::WINDOW_SIZE, 0, &4000_u32.to_be_bytes()).unwrap();
    for n in 0..10 {
        peer.send(message::AUDIO, n, &[0xaf; 1000]).unwrap();
    }
    let acks = peer.messages.iter().filter(|m| m.kind == message::ACKNOWLEDGEMENT).count();
    assert_eq!(acks, 2);
}

#[test]
fn what_ends_a_connection() {
    let mut peer = Peer::connected();
    assert_eq!(peer.send(message::VIDEO, 0, &[0x17, 1]), Err(RtmpError::MediaBeforePublish));

    let mut peer = Peer::asking("publish", "c1");
    let again = [Value::text("publish"), Value::Number(0.0), Value::Null, Value::text("c2")];
    assert_eq!(peer.command(&again), Err(RtmpError::OutOfTurn("publish")), "one stream a connection");

    let mut peer = Peer::connected();
    let chatter = [Value::text("x"), Value::Number(0.0)];
    let end = (0..1000).find_map(|_| peer.command(&chatter).err());
    assert_eq!(end, Some(RtmpError::Chatter), "commands are counted");

    let mut peer = Peer::asking("play", "c1");
    let end = (0..1000).find_map(|_| peer.send(message::DATA, 0, &[5; 1000]).err());
    assert_eq!(end, Some(RtmpError::Chatter), "and so are bytes");
}

#[test]
fn media_that_was_under_way_when_it_stopped_is_no_error() {
    let mut peer = Peer::asking("publish", "c1");
    peer.send(message::AUDIO, 0, &[0xaf, 1]).unwrap();
    peer.accept();
    peer.command(&[Value::text("FCUnpublish"), Value::Number(5.0), Value::Null, Value::text("c1")]).unwrap();
    assert_eq!(peer.events.last(), Some(&Event::Stopped));
    peer.send(message::AUDIO, 0, &[0xaf, 1]).unwrap();
    peer.command(&[Value::text("deleteStream"), Value::Number(6.0), Value::Null, Value::Number(1.0)])
        .unwrap();
    assert_eq!(peer.events.iter().filter(|e| **e == Event::Stopped).count(), 1);
}

proptest! {
    /// Whatever follows a good beginning: no panic, and memory within the bounds.
    #[test]
    fn any_bytes_cost_at_most_the_connection(
        publish in any::<bool>(),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..30),
    ) {
        let mut peer = Peer::asking(if publish { "publish" } else { "play" }, "c1");
        peer.accept();
        let mut out = Vec::new();
        for piece in pieces {
            if peer.session.receive(&piece, &mut out, &mut peer.events).is_err() {
                break;
            }
        }
        prop_assert!(out.len() < 1 << 20);
        let _ = chunk::MAX_UNFINISHED;
    }
}
