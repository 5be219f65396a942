//! The feed of the live stream: what every page is sent, and what it was sent last.
//!
//! One task (`api::stream`) fills it; whoever changes something nudges that task.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use tokio::sync::{Notify, broadcast};

use super::{reading::StoreReading, stream_places::StreamPlaces};
use crate::{
    control::limits::STREAM_QUEUE,
    limits::Limits,
    live::table::PublishedTable,
    rollout::app::AppName,
    schema::{fleet::Fleet, router::Router, stream::ActivityEvent},
};

/// What pages subscribe to.
#[derive(Debug)]
pub struct Feed {
    pub messages: broadcast::Sender<Arc<Message>>,
    pub changed: Notify,
    /// Every app may have changed, not only those that were published.
    pub all: AtomicBool,
    /// Numbers events; begins at the wall time of the start, so that no two processes give the same id.
    last: AtomicU64,
    pub places: Arc<StreamPlaces>,
    /// What every page has been told; `None` while nobody follows. A page takes its whole states from a moment under this
    /// lock, so that nothing which was told before that moment is told after it.
    sent: Mutex<Option<PageState>>,
}

/// One event, ready to be sent; without an app it is about the router, and for everyone.
#[derive(Debug)]
pub struct Message {
    pub app: Option<AppName>,
    pub text: Bytes,
}

impl Feed {
    pub fn new(wall_ms: u64, limits: &Limits) -> Self {
        Self {
            messages: broadcast::Sender::new(STREAM_QUEUE),
            changed: Notify::new(),
            all: AtomicBool::new(false),
            last: AtomicU64::new(wall_ms),
            places: StreamPlaces::new(limits),
            sent: Mutex::default(),
        }
    }

    pub fn sent(&self) -> MutexGuard<'_, Option<PageState>> {
        self.sent.lock()
    }

    /// Something was published.
    pub fn nudge(&self) {
        self.changed.notify_one();
    }

    /// Anything may have changed.
    pub fn nudge_all(&self) {
        self.all.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// How many pages follow.
    pub fn followers(&self) -> usize {
        self.messages.receiver_count()
    }

    pub fn text(&self, kind: &str, seq: u64, data: &impl Serialize) -> Bytes {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        // Answers have a JSON form, and it holds no line break, so it is one `data:` line.
        let data = serde_json::to_string(data).unwrap_or_default();
        format!("event: {kind}\nid: {seq}-{number}\ndata: {data}\n\n").into()
    }

    pub fn send(&self, app: Option<&AppName>, text: Bytes) {
        // That nobody listens is no failure.
        let _ = self.messages.send(Arc::new(Message { app: app.cloned(), text }));
    }
}

/// What every page was sent last, so that only changes are sent.
pub struct PageState {
    /// What the states below were made from.
    pub reading: Arc<StoreReading>,
    pub published: Arc<PublishedTable>,
    /// States and activity by app.
    pub states: HashMap<AppName, String>,
    pub activity: HashMap<AppName, ActivityEvent>,
    pub router: Router,
    pub fleet: Fleet,
    /// The version of the hooks.
    pub hooks: u64,
}

impl fmt::Debug for PageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageState").field("states", &self.states).finish_non_exhaustive()
    }
}
