//! The bare forwarder, in a process of its own: one thread a socket, GRO in, GSO out.
//!
//! It prints the port of each thread, reads one line a call (`THREAD ADDRESS ADDRESS`) and then `go`, and forwards until
//! its standard input ends. Each line after that is answered by its counts so far.

use super::crypto::{Key, TAG, rewrite};
use crate::harness::error::BenchError;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use std::collections::HashMap;
use std::io::{self, BufRead, ErrorKind, IoSliceMut, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Receive buffers of one system call, each for a GRO train. More need more memory and save system calls only under a load that
/// the bench does not make.
const BATCH: usize = 8;

/// Bytes of one receive buffer.
const BUFFER: usize = 65_536;

/// Kernel buffers of a socket.
const SOCKET_BUFFER: usize = 4 << 20;

/// Most datagrams and bytes of one train.
const MAX_TRAIN: usize = 64;
const MAX_TRAIN_BYTES: usize = 65_000;

/// The program of the child process.
pub(crate) fn forward(workers: usize) -> Result<(), BenchError> {
    let failed = |e: io::Error| BenchError::BareForwarder(e.to_string());
    let mut sockets = Vec::new();
    for _ in 0..workers {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let reference = socket2::SockRef::from(&socket);
        // Less than asked for is no error.
        let _ = reference.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = reference.set_send_buffer_size(SOCKET_BUFFER);
        println!("{}", socket.local_addr().map_err(failed)?.port());
        sockets.push((socket, HashMap::new()));
    }
    io::stdout().flush().map_err(failed)?;
    let mut number = 0;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(failed)?;
        if line == "go" {
            break;
        }
        let bad = || BenchError::BareForwarder(format!("not a call: {line}"));
        let mut words = line.split(' ');
        let worker: usize = words.next().and_then(|w| w.parse().ok()).ok_or_else(bad)?;
        let mut address = || words.next().and_then(|w| w.parse::<SocketAddr>().ok()).ok_or_else(bad);
        let (a, b) = (address()?, address()?);
        let sessions = &mut sockets.get_mut(worker).ok_or_else(bad)?.1;
        for (from, to, own, other) in [(a, b, number, number + 1), (b, a, number + 1, number)] {
            let key = |n| Key::new(n).map_err(|_| bad());
            sessions.insert(from, Session { open: key(own)?, seal: key(other)?, to, ssrc: other, seq: 0 });
        }
        number += 2;
    }
    let counts = Arc::new(Counts::default());
    for (socket, sessions) in sockets {
        let counts = Arc::clone(&counts);
        std::thread::spawn(move || {
            if let Err(e) = Worker::new(socket, sessions, counts).and_then(|mut w| w.run()) {
                eprintln!("tring-bench: the bare forwarder failed: {e}");
            }
        });
    }
    // The end of the parent is the end of this process and its threads.
    for line in io::stdin().lock().lines() {
        line.map_err(failed)?;
        println!("{}", counts.words());
        io::stdout().flush().map_err(failed)?;
    }
    Ok(())
}

/// What all threads did, counted once a system call.
#[derive(Default)]
struct Counts {
    wake_ups: AtomicU64,
    receive_calls: AtomicU64,
    datagrams_in: AtomicU64,
    datagrams_out: AtomicU64,
    send_calls: AtomicU64,
}

impl Counts {
    /// Name and value of each, as [`SocketCalls::read`] takes them.
    ///
    /// [`SocketCalls::read`]: crate::harness::socket_calls::SocketCalls::read
    fn words(&self) -> String {
        let each = [
            ("wake_ups", &self.wake_ups),
            ("receive_calls", &self.receive_calls),
            ("datagrams_in", &self.datagrams_in),
            ("datagrams_out", &self.datagrams_out),
            ("send_calls", &self.send_calls),
        ];
        each.map(|(name, n)| format!("{name}={}", n.load(Ordering::Relaxed))).join(" ")
    }
}

fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

struct Session {
    open: Key,
    seal: Key,
    to: SocketAddr,
    ssrc: u32,
    seq: u16,
}

struct Worker {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    sessions: HashMap<SocketAddr, Session>,
    buffers: Vec<u8>,
    /// What leaves: where to, and the packet. Packets are used again.
    out: Vec<(SocketAddr, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
    train: Vec<u8>,
    counts: Arc<Counts>,
}

impl Worker {
    fn new(
        socket: UdpSocket,
        sessions: HashMap<SocketAddr, Session>,
        counts: Arc<Counts>,
    ) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self {
            socket: mio::net::UdpSocket::from_std(socket),
            state,
            sessions,
            buffers: vec![0; BATCH * BUFFER],
            out: Vec::new(),
            spare: Vec::new(),
            train: Vec::new(),
            counts,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1);
        poll.registry().register(&mut self.socket, Token(0), Interest::READABLE)?;
        loop {
            poll.poll(&mut events, None)
                .or_else(|e| if e.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(e) })?;
            add(&self.counts.wake_ups, 1);
            while self.receive()? {
                self.send();
            }
        }
    }

    /// One batch: opened, rewritten, sealed. `false`: nothing was there.
    fn receive(&mut self) -> io::Result<bool> {
        let mut meta = [RecvMeta::default(); BATCH];
        let (socket, state) = (&self.socket, &self.state);
        let mut chunks = self.buffers.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        add(&self.counts.receive_calls, 1);
        let n = match socket.try_io(|| state.recv(UdpSockRef::from(socket), &mut slices, &mut meta)) {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(e) => return Err(e),
        };
        for (meta, buffer) in meta[..n].iter().zip(self.buffers.chunks_exact_mut(BUFFER)) {
            let Some(session) = self.sessions.get_mut(&meta.addr) else { continue };
            add(&self.counts.datagrams_in, meta.len.div_ceil(meta.stride.max(1)));
            for packet in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                let Ok(len) = session.open.open(packet) else { continue };
                session.seq = session.seq.wrapping_add(1);
                let packet = &mut packet[..len];
                rewrite(packet, session.ssrc, session.seq);
                let mut fresh = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(len + TAG));
                fresh.clear();
                fresh.extend_from_slice(packet);
                if session.seal.seal(&mut fresh).is_ok() {
                    self.out.push((session.to, fresh));
                }
            }
        }
        Ok(true)
    }

    /// Sends what is there as trains.
    fn send(&mut self) {
        self.out.sort_by_key(|(to, _)| *to);
        let mut rest = &self.out[..];
        while let Some((to, first)) = rest.first() {
            let size = first.len();
            let most = MAX_TRAIN.min(self.state.max_gso_segments()).min(MAX_TRAIN_BYTES / size.max(1)).max(1);
            self.train.clear();
            let mut n = 0;
            for (_, packet) in rest.iter().take(most).take_while(|(t, p)| t == to && p.len() <= size) {
                self.train.extend_from_slice(packet);
                n += 1;
                if packet.len() < size {
                    break;
                }
            }
            let transmit = Transmit {
                destination: *to,
                ecn: None,
                contents: &self.train,
                segment_size: (n > 1).then_some(size),
                src_ip: None,
            };
            let (socket, state) = (&self.socket, &self.state);
            add(&self.counts.send_calls, 1);
            add(&self.counts.datagrams_out, n);
            // A full buffer loses the train; the receivers' count shows it.
            let _ = socket.try_io(|| state.try_send(UdpSockRef::from(socket), &transmit));
            rest = &rest[n..];
        }
        self.spare.extend(self.out.drain(..).map(|(_, packet)| packet));
    }
}
