use super::*;
use std::net::IpAddr;
use std::sync::Mutex;
use tring_limits::TicketLimit;
use tring_media::{Certificate, Owner, Peer, PeerConfig, RoomKey, Source, SourceSet, UserId};
use tring_protocol::{RoomId, SdkAppId};

/// Writes down what it is told; panics when it is told that a session is answered, if asked to.
#[derive(Default)]
struct Diary {
    told: Mutex<Vec<String>>,
    panics_at: Option<SessionId>,
}

impl Diary {
    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn write(&self, line: String) {
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
    }
}

impl Listener for Diary {
    fn notice(&self, notice: Notice) {
        self.write(match &notice {
            Notice::Answered { session, .. } => format!("{session} answered"),
            Notice::Refused { session, error } => format!("{session} refused: {error}"),
            Notice::Lost { session } => format!("{session} lost"),
            other => format!("{other:?}"),
        });
        if let Notice::Answered { session, .. } = notice {
            assert_ne!(Some(session), self.panics_at, "a bug of the listener, for the test");
        }
    }

    fn ended(&self, session: SessionId) {
        self.write(format!("{session} ended"));
    }

    fn counted(&self, _: usize, _: &tring_media::Counters, _: &IoCounters, _: Load) {}
}

fn worker(diary: Diary) -> (Worker<Diary>, Inbox, Arc<Diary>) {
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let socket = Socket::bind(loopback, 0).unwrap();
    let config = ShardConfig {
        owner: Owner { node: 0, worker: 0 },
        certificate: Certificate::generate().unwrap(),
        local: vec![SocketAddr::new(loopback, socket.port())],
        advertise: Vec::new(),
        max_sessions: 99,
        max_connections: 100,
    };
    let diary = Arc::new(diary);
    let (worker, inbox) =
        Worker::new(0, 2, socket, (None, &TicketLimit::new(9, 9)), config, Arc::clone(&diary)).unwrap();
    (worker, inbox, diary)
}

fn open(session: u64) -> Job {
    let config = PeerConfig::voice("127.0.0.1:9".parse().unwrap(), Certificate::generate().unwrap());
    Job::Command(Command::Open {
        session: SessionId(session),
        room: RoomKey { app: SdkAppId::new(1).unwrap(), room: RoomId::new(1).unwrap() },
        user: UserId::new(&format!("user{session}")).unwrap(),
        label: String::new(),
        offer: Peer::new(config, Instant::now()).unwrap().1,
        gate_open: true,
        on: SourceSet::of(&[Source::Microphone, Source::Camera]),
    })
}

/// Three offers are answered in one turn; the listener panics at the second.
#[test]
fn after_a_panic_every_offer_has_its_answer_every_session_its_end_and_the_worker_goes_on() {
    let (worker, inbox, diary) = worker(Diary { panics_at: Some(SessionId(2)), ..Diary::default() });
    for session in 1..=3 {
        assert!(inbox.send(open(session)));
    }
    let thread = std::thread::spawn(move || worker.run(Vec::new()));
    let sent = [1, 2, 3].iter().all(|s| wait_for(&diary, &format!("s{s} lost")));
    assert!(sent, "{:?}", diary.told());
    inbox.send(open(4));
    assert!(wait_for(&diary, "s4 answered"), "{:?}", diary.told());
    inbox.send(Job::Stop);
    thread.join().unwrap();
    let told = diary.told();
    for s in 1..=3 {
        let of: Vec<&String> = told.iter().filter(|t| t.starts_with(&format!("s{s} "))).collect();
        assert_eq!(of, [&format!("s{s} answered"), &format!("s{s} ended"), &format!("s{s} lost")]);
    }
}

/// The panic came while an offer was carried out; another still waits in the queue.
#[test]
fn an_offer_that_a_panic_interrupted_is_refused_and_one_that_waits_is_carried_out() {
    let (mut worker, inbox, diary) = worker(Diary::default());
    worker.taken.insert(SessionId(7), false);
    worker.out.notices.push(Notice::Network { session: SessionId(8), level: 2 });
    worker.failed = true;
    inbox.send(open(9));
    let thread = std::thread::spawn(move || worker.run(Vec::new()));
    assert!(wait_for(&diary, "s9 answered"), "{:?}", diary.told());
    inbox.send(Job::Stop);
    thread.join().unwrap();
    let told = diary.told();
    assert!(told[0].contains("level: 2"), "what was to be told is told: {told:?}");
    assert_eq!(told[1..3], ["s7 ended", "s7 refused: the media worker failed: offer again"]);
    assert!(!told.contains(&"s9 lost".to_owned()));
}

#[test]
fn a_flood_of_strays_leaves_the_commands_their_queue_and_their_turn() {
    let (mut worker, inbox, diary) = worker(Diary::default());
    let handover = || Handover::Datagram {
        source: "192.0.2.1:9".parse().unwrap(),
        local: IpAddr::from([127, 0, 0, 1]),
        contents: vec![0; 100],
        at: 1,
    };
    let kept = (0..10_000).filter(|_| inbox.offer(handover())).count();
    assert_eq!(kept, MISROUTED_QUEUE);
    // As many as the queue of commands holds: none of them waits for a handover.
    for _ in 0..COMMAND_QUEUE {
        assert!(inbox.queue.try_send(Job::Command(Command::Close { session: SessionId(1) })).is_ok());
    }
    for _ in 0..COMMAND_QUEUE / COMMANDS_PER_TURN {
        assert_eq!(worker.take_jobs(), Some(true));
        worker.take_misrouted();
    }
    inbox.queue.try_send(open(1)).ok().unwrap();
    worker.take_jobs();
    worker.flush();
    assert_eq!(diary.told(), ["s1 answered"]);
}

#[test]
fn a_flood_of_tickets_that_name_this_worker_leaves_the_commands_their_queue_and_their_turn() {
    let (mut worker, inbox, diary) = worker(Diary::default());
    let arrival = || {
        let (near, _) = UnixStream::pair().unwrap();
        let query = format!("ticket={}", "0".repeat(32));
        let (app, name) = (String::new(), String::new());
        Arrival::Play(near, StreamRequest { direction: tring_media::Direction::Play, app, name, query })
    };
    let kept = (0..2 * ARRIVAL_QUEUE).filter(|_| inbox.hand(arrival())).count();
    assert_eq!(kept, ARRIVAL_QUEUE);
    assert!(worker.take_arrivals(), "a turn takes a part of them");
    assert!(inbox.queue.try_send(open(1)).is_ok());
    worker.take_jobs();
    worker.flush();
    assert_eq!(diary.told(), ["s1 answered"]);
    // Those whose ticket is none are gone, and the others' turn comes.
    while worker.take_arrivals() {
        worker.flush();
    }
    worker.flush();
    assert_eq!(worker.shard.connections(), 0);
}

#[test]
fn a_turn_takes_a_bounded_number_of_strays() {
    let (mut worker, inbox, _) = worker(Diary::default());
    for n in 0..MISROUTED_PER_TURN + 1 {
        let source = SocketAddr::from(([192, 0, 2, 1], 1 + n as u16));
        inbox.offer(Handover::Accepted { source, owner: 1 });
    }
    assert!(worker.take_misrouted(), "one is left");
    assert!(!worker.take_misrouted());
}

/// Waits for a line; only a failure waits long.
fn wait_for(diary: &Diary, line: &str) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if diary.told().iter().any(|t| t == line) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
