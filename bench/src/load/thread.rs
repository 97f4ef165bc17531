//! The thread of a load: sends what is due, receives what comes.

use super::endpoint::{Endpoint, Received};
use super::{Person, Shared, Totals, schedule};
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tring_client::{Due, Player, TestPacket};

/// Sockets that are told of at once. Level-triggered: those beyond are told of the next time.
const EVENTS: usize = 64;

/// Turns of sending between two looks at the sockets. Higher: packets that came wait longer when much is due. Lower: more
/// system calls when much is due.
const SENDS_PER_TURN: usize = 4;

/// Datagrams read from one socket before the next one gets its turn.
const READS_PER_EVENT: usize = 8;

/// Longest sleep: after it, new people are taken in.
const TICK: Duration = Duration::from_millis(10);

/// Before the first packet, so that the thread is not late from the first.
const LEAD: Duration = Duration::from_millis(20);

/// Bytes of the longest datagram that is read.
const DATAGRAM: usize = 2048;

/// What is due for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Play,
    Advance,
}

struct Member {
    socket: UdpSocket,
    endpoint: Box<dyn Endpoint>,
    pattern: Option<tring_client::Pattern>,
    player: Option<Player>,
}

struct Thread {
    shared: Arc<Shared>,
    epoll: OwnedFd,
    people: Vec<Member>,
    tasks: BinaryHeap<Reverse<(Instant, usize, Task)>>,
    playing: bool,
    due: Vec<Due>,
    packet: Vec<u8>,
}

/// Starts the thread.
pub(super) fn spawn(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let (people, tasks) = (Vec::new(), BinaryHeap::new());
    let mut thread =
        Thread { shared, epoll, people, tasks, playing: false, due: Vec::new(), packet: Vec::new() };
    std::thread::Builder::new().name("load".into()).spawn(move || {
        if let Err(e) = thread.run() {
            eprintln!("tring-bench: the load failed: {e}");
        }
    })
}

impl Thread {
    fn run(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        let mut buffer = [0; DATAGRAM];
        while !self.shared.stop.load(Ordering::Acquire) {
            self.take_in()?;
            self.begin_or_end();
            let now = Instant::now();
            let next = self.tasks.peek().map_or(now + TICK, |Reverse((due, ..))| *due);
            let wait = next.saturating_duration_since(now).min(TICK);
            let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            for event in events.drain(..) {
                self.receive(usize::try_from(event.data.u64()).unwrap_or(usize::MAX), &mut buffer);
            }
            for _ in 0..SENDS_PER_TURN {
                let now = Instant::now();
                match self.tasks.peek() {
                    Some(&Reverse((due, person, task))) if due <= now => {
                        self.tasks.pop();
                        self.carry_out(person, task, due, now);
                    }
                    _ => break,
                }
            }
        }
        Ok(())
    }

    fn take_in(&mut self) -> io::Result<()> {
        let arriving = std::mem::take(&mut *self.shared.arriving());
        for Person { socket, endpoint, pattern } in arriving {
            socket.set_nonblocking(true)?;
            let index = self.people.len();
            epoll::add(&self.epoll, &socket, EventData::new_u64(index as u64), EventFlags::IN)?;
            self.tasks.push(Reverse((Instant::now(), index, Task::Advance)));
            self.people.push(Member { socket, endpoint, pattern, player: None });
        }
        Ok(())
    }

    fn begin_or_end(&mut self) {
        let play = self.shared.play.load(Ordering::Acquire);
        if self.playing == play {
            return;
        }
        self.playing = play;
        if !play {
            self.people.iter_mut().for_each(|m| m.player = None);
            return;
        }
        let begin = Instant::now() + LEAD;
        let mut number = 0;
        for (index, member) in self.people.iter_mut().enumerate() {
            let Some(pattern) = member.pattern else { continue };
            let start = schedule::start(begin, number);
            member.player = Some(Player::new(pattern, start));
            self.tasks.push(Reverse((start, index, Task::Play)));
            number += 1;
        }
    }

    fn carry_out(&mut self, person: usize, task: Task, due: Instant, now: Instant) {
        let Some(Member { socket, endpoint, player, .. }) = self.people.get_mut(person) else { return };
        let next = match (task, player) {
            (Task::Advance, _) => endpoint.advance(now, &mut |packet| send(socket, packet)),
            (Task::Play, None) => None,
            (Task::Play, Some(player)) => {
                player.play(now, &mut self.due);
                let mut sent = 0;
                for due in self.due.drain(..) {
                    if endpoint.seal(&due, &mut self.packet) {
                        send(socket, &self.packet);
                        sent += 1;
                    }
                }
                let mut totals = self.shared.totals();
                totals.sent += sent;
                totals.late.add(now - due);
                player.due()
            }
        };
        if let Some(next) = next {
            self.tasks.push(Reverse((next, person, task)));
        }
    }

    fn receive(&mut self, person: usize, buffer: &mut [u8]) {
        let Some(Member { socket, endpoint, player, .. }) = self.people.get_mut(person) else { return };
        for _ in 0..READS_PER_EVENT {
            // An error is that nothing more is there, or the echo of a send to a server that is gone.
            let Ok(length) = socket.recv(buffer) else { return };
            let now = Instant::now();
            let received = endpoint.receive(&mut buffer[..length], now, &mut |packet| send(socket, packet));
            match received {
                Received::Media(kind, payload) => {
                    let age = TestPacket::read(kind, payload).map(|p| p.age());
                    take(&mut self.shared.totals(), age);
                }
                Received::KeyframeRequested => player.iter_mut().for_each(Player::want_key),
                Received::Nothing => {}
            }
        }
    }
}

fn take(totals: &mut Totals, age: Option<Duration>) {
    totals.received += 1;
    if let Some(age) = age {
        totals.delays.add(age);
    }
}

/// What the kernel does not take is lost, as on a network.
fn send(socket: &UdpSocket, packet: &[u8]) {
    let _ = socket.send(packet);
}
