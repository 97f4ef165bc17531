//! A TCP connection that costs its place if the other side does not take what it is sent.
//!
//! It stands below TLS and below whatever is spoken, so that one rule holds for all: pages, FLV streams, WebSockets.
//! Nothing is measured and no timer runs while nothing waits to be sent: an idle connection is never cut here.

use crate::limits::shared_connection_limit::ConnectionPermit;
use crate::limits::stranger_log::stranger_event;
use socket2::SockRef;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Bytes that the system keeps of what was written and not sent yet, beyond the one segment of at most 64 KiB that it has
/// begun (`TCP_NOTSENT_LOWAT`). Higher: fewer wake-ups while something large is sent. Lower: who reads nothing costs less
/// memory.
const UNSENT: u32 = 16 * 1024;

/// Memory for what was written and not acknowledged yet, in bytes; Linux takes twice as much, for its own bookkeeping
/// (`SO_SNDBUF`). Higher: faster on long links, where that much goes out each round trip: about 1 MB/s at 200 ms. Lower: who
/// keeps a wide window open and acknowledges nothing costs less; without it, up to 4 MiB each.
const SEND_BUFFER: usize = 128 * 1024;

/// How long a peer may take for each [`TAKEN_WITHIN`] while something waits to be sent. Higher: links that fail for a moment
/// lose no download. Lower: who does not read is gone sooner. Since the system asks for more only when about 80 KiB of it
/// have left, this is a rate of some 4 kB/s at worst.
pub(crate) const STALLED_FOR: Duration = Duration::from_secs(20);

/// Bytes that make progress. Higher: slower links are cut off. Lower: a reader that takes a few bytes now and then stays.
const TAKEN_WITHIN: usize = 10 * 1024;

/// How long something may wait until its connection counts as one that does not take what it is sent: when others need a
/// place, that one goes first. Higher: slow readers are spared for longer. Lower: those that do not read go sooner.
const HELD_UP: Duration = Duration::from_secs(1);

/// How long a connection that has ended keeps its place, while its peer has not taken the end of what it was sent. Then
/// the system may go on for [`STALLED_FOR`].
const LINGER: Duration = Duration::from_secs(5);

/// How the taking goes on, while something waits to be sent. Pure.
#[derive(Debug, Default)]
struct Progress {
    /// Something waits since then.
    blocked: Option<Instant>,
    /// When it last did not wait any more.
    unblocked: Option<Instant>,
    /// How long it has waited before that, for the bytes that follow.
    waited: Duration,
    /// Bytes taken since they were last enough.
    taken: usize,
}

impl Progress {
    /// Something waits. Returns until when it may.
    fn waits(&mut self, now: Instant, within: Duration) -> Instant {
        let blocked = *self.blocked.get_or_insert_with(|| {
            // What was long ago is forgiven.
            if self.unblocked.is_some_and(|at| now.duration_since(at) >= within) {
                (self.waited, self.taken) = (Duration::ZERO, 0);
            }
            now
        });
        blocked + within.saturating_sub(self.waited)
    }

    /// So many bytes were taken.
    fn takes(&mut self, bytes: usize, now: Instant) {
        if let Some(blocked) = self.blocked.take() {
            self.unblocked = Some(now);
            self.waited += now.duration_since(blocked);
        }
        self.taken += bytes;
        if self.taken >= TAKEN_WITHIN {
            (self.waited, self.taken) = (Duration::ZERO, 0);
        }
    }
}

/// What a connection has that had to wait. Apart, for most never have to.
#[derive(Debug, Default)]
struct Waiting {
    progress: Progress,
    /// While something waits, and while the end of the other side is waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

/// A TCP connection of which each write makes progress, or it ends.
pub(crate) struct GuardedStream {
    stream: TcpStream,
    /// The place of this connection among all, until it has become a WebSocket.
    permit: Weak<ConnectionPermit>,
    within: Duration,
    waiting: Option<Box<Waiting>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    /// The other side was told that nothing more comes.
    Shut,
    /// The other side did not take what it was sent.
    Stalled,
}

impl GuardedStream {
    /// Bounds what the system keeps of what is sent. `within`: [`STALLED_FOR`], but for tests.
    pub(crate) fn new(stream: TcpStream, permit: Weak<ConnectionPermit>, within: Duration) -> Self {
        let socket = SockRef::from(&stream);
        let bounded = socket.set_send_buffer_size(SEND_BUFFER);
        #[cfg(target_os = "linux")]
        let bounded = bounded.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT));
        if let Err(error) = bounded {
            stranger_event!(DEBUG, %error, "the memory of a connection cannot be bounded");
        }
        Self { stream, permit, within, waiting: None, state: State::Open }
    }

    fn set_stalled(&self, stalled: bool) {
        if let Some(permit) = self.permit.upgrade() {
            permit.set_stalled(stalled);
        }
    }

    /// Runs a write. One that has waited for too long fails.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Pending => {
                let now = Instant::now();
                let waiting = self.waiting.get_or_insert_default();
                let until = waiting.progress.waits(now, self.within);
                let first = until.min(now + HELD_UP);
                let timer = waiting.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(first)));
                ready!(timer.as_mut().poll(cx));
                if timer.deadline() < until {
                    timer.as_mut().reset(until);
                    let ends = timer.as_mut().poll(cx);
                    self.set_stalled(true);
                    ready!(ends);
                }
                Poll::Ready(Err(self.stalls()))
            }
            Poll::Ready(Ok(bytes)) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.progress.takes(bytes, Instant::now());
                    if waiting.timer.take().is_some() {
                        self.set_stalled(false);
                    }
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    fn stalls(&mut self) -> io::Error {
        if self.state != State::Stalled {
            metrics::counter!("tring_connections_stalled_total").increment(1);
            self.state = State::Stalled;
        }
        io::Error::new(ErrorKind::TimedOut, "the peer does not take what it is sent")
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever waits to write may be woken to read.
        let within = self.within;
        if let Some(waiting) = &mut self.waiting
            && waiting.timer.is_some()
        {
            let now = Instant::now();
            if now >= waiting.progress.waits(now, within) {
                return Poll::Ready(Err(self.stalls()));
            }
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more comes, and waits a little until the other side has taken everything and ends too.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state == State::Open {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.state = State::Shut;
            self.set_stalled(true);
            let timer = Box::pin(tokio::time::sleep(LINGER.min(self.within)));
            self.waiting.get_or_insert_default().timer = Some(timer);
        }
        let mut rest = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut rest);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        if let Some(timer) = self.waiting.as_mut().and_then(|waiting| waiting.timer.as_mut()) {
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for GuardedStream {
    fn drop(&mut self) {
        let socket = SockRef::from(&self.stream);
        let evicted = self.permit.upgrade().is_some_and(|permit| permit.is_evicted());
        // What the system keeps for who does not take it is thrown away; else it goes on sending, for no longer than here.
        if self.state == State::Stalled || evicted {
            let _ = socket.set_linger(Some(Duration::ZERO));
        } else {
            #[cfg(target_os = "linux")]
            let _ = socket.set_tcp_user_timeout(Some(self.within));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_reader_that_takes_nothing_has_its_time_and_no_more() {
        let (mut progress, start) = (Progress::default(), Instant::now());
        assert_eq!(progress.waits(start, WITHIN), start + WITHIN);
        assert_eq!(
            progress.waits(start + SECOND * 9, WITHIN),
            start + WITHIN,
            "asking again changes nothing"
        );
    }

    #[test]
    fn a_few_bytes_now_and_then_are_no_progress() {
        let (mut progress, start) = (Progress::default(), Instant::now());
        let mut now = start;
        let mut ended = false;
        for _ in 0..100 {
            let until = progress.waits(now, WITHIN);
            now += SECOND * 3;
            if now >= until {
                ended = true;
                break;
            }
            progress.takes(1000, now);
        }
        assert!(ended && now < start + SECOND * 15, "{:?}", now - start);
    }

    #[test]
    fn a_slow_reader_stays_for_ever() {
        let (mut progress, mut now) = (Progress::default(), Instant::now());
        for _ in 0..1000 {
            let until = progress.waits(now, WITHIN);
            now += SECOND * 9;
            assert!(now < until);
            progress.takes(TAKEN_WITHIN / 2, now);
            progress.takes(TAKEN_WITHIN / 2, now);
        }
    }

    #[test]
    fn who_once_was_slow_is_forgiven_after_a_while() {
        let (mut progress, mut now) = (Progress::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(progress.waits(now, WITHIN), now + WITHIN);
            now += SECOND * 9;
            progress.takes(10, now);
            now += WITHIN;
        }
    }
}
