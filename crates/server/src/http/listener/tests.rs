use super::*;
use axum::routing::get;
use futures_util::stream;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;

/// Longest wait for something that must come.
const SOON: Duration = Duration::from_secs(10);

/// How often a test tries again.
const AGAIN: Duration = Duration::from_millis(10);

/// How long an answer may make no progress in these tests.
const STALLED: Duration = Duration::from_millis(300);

/// One piece of an answer without end.
const PIECE: usize = 16 * 1024;

/// A listener behind which answers do not end, as those of a stream.
struct Rig {
    address: SocketAddr,
    /// Bytes of answers that were taken from their source.
    taken: Arc<AtomicUsize>,
    /// Tells of each answer that is over.
    over: mpsc::UnboundedReceiver<()>,
    limit: SharedConnectionLimit,
}

/// Says so when it is gone.
struct Tells(mpsc::UnboundedSender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Rig {
    async fn open(places: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let (ended, over) = mpsc::unbounded_channel();
        let counted = taken.clone();
        let endless = move || {
            let state = (counted.clone(), Tells(ended.clone()));
            let pieces = stream::unfold(state, |(counted, tells)| async move {
                counted.fetch_add(PIECE, Ordering::Relaxed);
                Some((Ok::<_, Infallible>(Bytes::from(vec![b'x'; PIECE])), (counted, tells)))
            });
            std::future::ready(Body::from_stream(pieces))
        };
        let routes = Router::new().route("/endless", get(endless)).route("/short", get("short"));
        let limit = SharedConnectionLimit::new("test", places, places);
        let bounds = Bounds { head_within: SOON * 6, stalled_for: STALLED, ..Bounds::default() };
        tokio::spawn(accept(listener, routes, limit.clone(), bounds, None));
        Self { address, taken, over, limit }
    }

    /// A connection that has asked for something, and has little room for what comes.
    async fn asks(&self, path: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2304).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        ask(&mut stream, path).await;
        stream
    }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let (mut all, mut some) = (Vec::new(), [0; 1024]);
    while !all.ends_with(end) {
        let read = tokio::time::timeout(SOON, stream.read(&mut some)).await.expect("more").unwrap();
        assert!(read > 0, "the end of {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&some[..read]);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_costs_its_connection_and_one_that_is_taken_goes_on() {
    let mut rig = Rig::open(10).await;
    let mut reads = rig.asks("/endless").await;
    let mut stuck = rig.asks("/endless").await;
    let mut sum = 0;
    let mut some = vec![0; PIECE];
    tokio::time::timeout(SOON, async {
        // The first answer that is over is the one that is not read, however much of the other is.
        loop {
            tokio::select! {
                biased;
                over = rig.over.recv() => break over.unwrap(),
                read = reads.read(&mut some) => sum += read.unwrap(),
            }
        }
    })
    .await
    .expect("an end");
    assert!(sum > 0);
    for _ in 0..20 {
        assert!(reads.read(&mut some).await.unwrap() > 0, "the one that is read goes on");
    }
    // What the system kept for it was thrown away.
    let rest = tokio::time::timeout(SOON, async {
        let mut rest = Vec::new();
        stuck.read_to_end(&mut rest).await
    });
    assert_eq!(rest.await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_the_system_keeps_of_an_answer_that_nobody_takes_is_bounded() {
    let mut rig = Rig::open(10).await;
    let _stuck = rig.asks("/endless").await;
    tokio::time::timeout(SOON, rig.over.recv()).await.expect("its end").unwrap();
    let taken = rig.taken.load(Ordering::Relaxed);
    assert!((1..=256 * 1024).contains(&taken), "{taken}");
}

#[tokio::test]
async fn a_connection_with_nothing_to_send_is_not_cut() {
    let rig = Rig::open(10).await;
    let mut stream = rig.asks("/short").await;
    read_until(&mut stream, b"short").await;
    // The time is what is tested: it passes without anything that could be waited for.
    tokio::time::sleep(STALLED * 3).await;
    ask(&mut stream, "/short").await;
    read_until(&mut stream, b"short").await;
}

#[tokio::test]
async fn whoever_is_idle_makes_way_and_whoever_is_served_does_not() {
    let mut rig = Rig::open(2).await;
    let mut served = rig.asks("/endless").await;
    let mut some = vec![0; PIECE];
    assert!(served.read(&mut some).await.unwrap() > 0);
    let mut idle = rig.asks("/short").await;
    read_until(&mut idle, b"short").await;
    // What comes from this machine may be a proxy's: it makes way when it has been idle for a while.
    let (mut entered, mut nothing) = (None, [0]);
    // Not begun anew by each piece that is read.
    let mut again = tokio::time::interval(AGAIN);
    let end = tokio::time::timeout(SOON, async {
        loop {
            tokio::select! {
                end = idle.read(&mut nothing) => return end,
                read = served.read(&mut some) => assert!(read.unwrap() > 0),
                _ = again.tick(), if entered.is_none() => {
                    entered = rig.limit.enter([192, 0, 2, 1].into()).ok();
                }
                _ = rig.over.recv() => panic!("the one that is served was cut"),
            }
        }
    });
    assert!(end.await.unwrap().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn the_end_of_an_answer_is_delivered_although_more_was_asked_for() {
    let rig = Rig::open(1).await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(b"GET /short HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nand more").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(SOON, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.ends_with("short"), "{answer}");
}
