//! The way from the media plane's threads to the switchboard. They never wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tring_media::Notice;

/// Reports of better or worse networks that may wait. Further ones are dropped: the next change is told again. All else
/// that is told comes a few times a session (answered or refused, connected, lost, a codec), and sessions are bounded by
/// the workers. Higher: a longer stall of the switchboard loses none. Lower: it is over its backlog sooner.
const NETWORKS_WAITING: usize = 16_384;

/// The receiving end.
pub(crate) struct Notices {
    queue: mpsc::UnboundedReceiver<Notice>,
    networks: Arc<AtomicUsize>,
}

/// A sender, and what it sends to.
pub(crate) fn channel() -> (impl Fn(Notice) + Send + Sync + 'static, Notices) {
    let (sender, queue) = mpsc::unbounded_channel();
    let networks = Arc::new(AtomicUsize::new(0));
    let waiting = networks.clone();
    let send = move |notice| {
        if matches!(notice, Notice::Network { .. })
            && waiting
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                    (n < NETWORKS_WAITING).then_some(n + 1)
                })
                .is_err()
        {
            return;
        }
        // Nobody listens any more when the server stops.
        let _ = sender.send(notice);
    };
    (send, Notices { queue, networks })
}

impl Notices {
    /// The next one. None when the media plane is gone.
    pub(crate) async fn recv(&mut self) -> Option<Notice> {
        let notice = self.queue.recv().await?;
        if matches!(notice, Notice::Network { .. }) {
            self.networks.fetch_sub(1, Ordering::Relaxed);
        }
        Some(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_media::SessionId;

    #[tokio::test]
    async fn networks_are_dropped_when_too_many_wait_and_nothing_else_is() {
        let (send, mut notices) = channel();
        let session = SessionId(1);
        for _ in 0..NETWORKS_WAITING + 5 {
            send(Notice::Network { session, level: 1 });
        }
        send(Notice::Lost { session });
        let mut networks = 0;
        while let Some(Notice::Network { .. }) = notices.recv().await {
            networks += 1;
        }
        assert_eq!(networks, NETWORKS_WAITING, "then came the loss");
        send(Notice::Network { session, level: 2 });
        assert_eq!(notices.recv().await, Some(Notice::Network { session, level: 2 }), "there is room again");
    }
}
