//! One connection to the server, many watches.
//!
//! A task of the backend reads every change of the store in order and puts it here through its [`Feeder`]; a watch
//! is a position in it. So a hundred watches cost the server one, a slow watch costs no memory, and all see one
//! order. A feed that breaks ends its watches with the error; the next watch starts a new one. It does not
//! reconnect by itself: whoever watches has to read epoch and revision again first.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::watch as signal, task::AbortHandle, time::Instant};

use super::timing::CONFIRM_EVERY;
use crate::{
    backends::local::{LOG_BATCHES_MAX, LOG_BYTES_MAX, batch_bytes, filter},
    contract::{Batch, Revision, StoreError, Watch, WatchItem},
    limits::PROGRESS_EVERY,
};

/// A watch says that it is current with the first proof after this time, and so within [`PROGRESS_EVERY`].
const PROGRESS_DUE: Duration =
    PROGRESS_EVERY.saturating_sub(CONFIRM_EVERY).saturating_sub(Duration::from_millis(100));

/// The changes after a revision, bounded as the logs of the local stores are.
#[derive(Debug)]
struct Feed {
    state: Mutex<State>,
    moved: signal::Sender<()>,
}

#[derive(Debug)]
struct State {
    /// Batches up to this revision are not here.
    compacted: Revision,
    /// Everything up to this revision has been read.
    head: Revision,
    batches: VecDeque<Batch>,
    bytes: usize,
    /// When the server was asked that last proved `head` to be current.
    confirmed: Instant,
    end: Option<End>,
}

/// Why nothing more comes.
#[derive(Debug)]
enum End {
    Broken(StoreError),
    Gap,
}

impl Feed {
    fn after(revision: Revision) -> Arc<Self> {
        let state = State {
            compacted: revision,
            head: revision,
            batches: VecDeque::new(),
            bytes: 0,
            confirmed: Instant::now(),
            end: None,
        };
        Arc::new(Self { state: Mutex::new(state), moved: signal::Sender::new(()) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// The writing side of a feed, for the backend's task.
#[derive(Debug)]
pub(crate) struct Feeder(Arc<Feed>);

impl Feeder {
    /// The newest revision that was read.
    pub(crate) fn head(&self) -> Revision {
        self.0.lock().head
    }

    /// Adds the next batch. Without events it only moves the head.
    pub(crate) fn push(&self, batch: Batch) {
        let mut state = self.0.lock();
        if batch.revision <= state.head {
            return;
        }
        state.head = batch.revision;
        if !batch.events.is_empty() {
            state.bytes += batch_bytes(&batch);
            state.batches.push_back(batch);
        }
        while state.batches.len() > LOG_BATCHES_MAX || state.bytes > LOG_BYTES_MAX {
            let Some(dropped) = state.batches.pop_front() else { break };
            state.compacted = dropped.revision;
            state.bytes -= batch_bytes(&dropped);
        }
        drop(state);
        self.0.moved.send_replace(());
    }

    /// Waits until everything up to a revision has been read.
    pub(crate) async fn reaches(&self, revision: Revision) {
        let mut moved = self.0.moved.subscribe();
        while self.head() < revision {
            // The sender lives in the feed that this holds.
            let _ = moved.changed().await;
        }
    }

    /// The server, asked at this moment, had nothing up to `head` that is not here.
    pub(crate) fn confirm(&self, head: Revision, asked: Instant) {
        let mut state = self.0.lock();
        state.head = state.head.max(head);
        state.confirmed = asked;
        drop(state);
        self.0.moved.send_replace(());
    }

    /// Some changes are lost: every watch has to list again.
    pub(crate) fn gap(self) {
        self.end(End::Gap);
    }

    /// The connection is lost.
    pub(crate) fn broken(self, error: StoreError) {
        self.end(End::Broken(error));
    }

    fn end(&self, end: End) {
        self.0.lock().end.get_or_insert(end);
        self.0.moved.send_replace(());
    }
}

impl Drop for Feeder {
    /// A task that ends without a word (a panic, the runtime's end) breaks its watches too.
    fn drop(&mut self) {
        self.end(End::Broken(StoreError::Unreachable("the task that read the changes has ended".into())));
    }
}

/// A feed and the task that fills it, which ends when nobody holds this any more.
#[derive(Debug)]
struct RunningFeed {
    feed: Arc<Feed>,
    task: AbortHandle,
}

impl RunningFeed {
    fn covers(&self, after: Revision) -> bool {
        let state = self.feed.lock();
        state.end.is_none() && state.compacted <= after
    }
}

impl Drop for RunningFeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The feed of a store, started with the first watch.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<Option<Arc<RunningFeed>>>);

impl Hub {
    /// A watch from a position that the server still has. Starts a feed if the present one does not reach back to
    /// it; `run` is then the task that fills it.
    pub(crate) fn watch<F: Future<Output = ()> + Send + 'static>(
        &self,
        prefixes: &[&str],
        after: Revision,
        run: impl FnOnce(Feeder) -> F,
    ) -> FeedWatch {
        let mut current = self.0.lock();
        let running = match current.take() {
            Some(running) if running.covers(after) => running,
            _ => {
                let feed = Feed::after(after);
                let task = tokio::spawn(run(Feeder(Arc::clone(&feed)))).abort_handle();
                Arc::new(RunningFeed { feed, task })
            }
        };
        *current = Some(Arc::clone(&running));
        FeedWatch::new(running, prefixes, after)
    }
}

/// A position in a feed.
#[derive(Debug)]
pub(crate) struct FeedWatch {
    running: Arc<RunningFeed>,
    moved: signal::Receiver<()>,
    prefixes: Vec<String>,
    after: Revision,
    said: Instant,
}

impl FeedWatch {
    fn new(running: Arc<RunningFeed>, prefixes: &[&str], after: Revision) -> Self {
        let moved = running.feed.moved.subscribe();
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        Self { running, moved, prefixes, after, said: Instant::now() }
    }

    /// What there is to say now, if anything. Moves the position only with what it returns.
    fn look(&mut self) -> Result<Option<WatchItem>, StoreError> {
        let state = self.running.feed.lock();
        let item = if self.after < state.compacted {
            WatchItem::Resync
        } else {
            let from = state.batches.partition_point(|batch| batch.revision <= self.after);
            let mut later = state.batches.range(from..);
            match (later.find_map(|batch| filter(batch, &self.prefixes)), &state.end) {
                (Some(batch), _) => {
                    self.after = batch.revision;
                    WatchItem::Batch(batch)
                }
                (None, Some(End::Broken(error))) => return Err(error.clone()),
                (None, Some(End::Gap)) => WatchItem::Resync,
                // A position from a listing may be ahead of what the task has read.
                (None, None) if self.after > state.head => return Ok(None),
                (None, None) => {
                    self.after = state.head;
                    if state.confirmed < self.said + PROGRESS_DUE {
                        return Ok(None);
                    }
                    WatchItem::Progress(state.head)
                }
            }
        };
        self.said = Instant::now();
        Ok(Some(item))
    }
}

#[async_trait]
impl Watch for FeedWatch {
    async fn next(&mut self) -> Result<WatchItem, StoreError> {
        loop {
            self.moved.borrow_and_update();
            if let Some(item) = self.look()? {
                return Ok(item);
            }
            // The sender lives in the feed that `running` holds.
            let _ = self.moved.changed().await;
        }
    }
}

/// A watch from a position that the server does not have (any more). It says so.
#[derive(Debug)]
pub(crate) struct ResyncWatch;

#[async_trait]
impl Watch for ResyncWatch {
    async fn next(&mut self) -> Result<WatchItem, StoreError> {
        Ok(WatchItem::Resync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract::Event, key::Key};

    fn batch(revision: Revision, name: &str) -> Batch {
        Batch { revision, events: vec![Event::Deleted { key: Key::new(name).unwrap() }] }
    }

    #[tokio::test]
    async fn a_broken_feed_ends_its_watches_after_what_was_read_and_the_next_watch_starts_anew() {
        let hub = Hub::default();
        let run = |feeder: Feeder| async move {
            feeder.push(batch(7, "k"));
            feeder.broken(StoreError::Unreachable("gone".into()));
        };
        let mut watch = hub.watch(&[""], 5, run);
        assert_eq!(watch.next().await.unwrap(), WatchItem::Batch(batch(7, "k")));
        assert!(matches!(watch.next().await, Err(StoreError::Unreachable(text)) if text == "gone"));
        let mut again = hub.watch(&[""], 7, |feeder| async move { feeder.push(batch(9, "k")) });
        assert_eq!(again.next().await.unwrap(), WatchItem::Batch(batch(9, "k")));
    }

    #[tokio::test]
    async fn watches_share_a_feed_that_reaches_back_far_enough() {
        let hub = Hub::default();
        let serve = |feeder: Feeder| async move {
            feeder.push(batch(6, "a"));
            feeder.push(batch(7, "b"));
            std::future::pending::<()>().await;
        };
        let mut first = hub.watch(&["a"], 5, serve);
        assert_eq!(first.next().await.unwrap(), WatchItem::Batch(batch(6, "a")));
        let mut second = hub.watch(&["b"], 5, |_| async { panic!("the feed is shared") });
        assert_eq!(second.next().await.unwrap(), WatchItem::Batch(batch(7, "b")));
        let mut earlier = hub.watch(&[""], 2, |feeder| async move { feeder.push(batch(3, "c")) });
        assert_eq!(earlier.next().await.unwrap(), WatchItem::Batch(batch(3, "c")));
    }

    #[tokio::test(start_paused = true)]
    async fn progress_needs_a_proof_not_only_time() {
        let hub = Hub::default();
        let (confirm, mut asked) = tokio::sync::mpsc::channel::<Revision>(1);
        let mut watch = hub.watch(&[""], 5, |feeder| async move {
            while let Some(head) = asked.recv().await {
                feeder.confirm(head, Instant::now());
            }
        });
        let silent = tokio::time::timeout(Duration::from_secs(60), watch.next()).await;
        assert!(silent.is_err(), "nothing was proved");
        confirm.send(8).await.unwrap();
        assert_eq!(watch.next().await.unwrap(), WatchItem::Progress(8));
    }
}
