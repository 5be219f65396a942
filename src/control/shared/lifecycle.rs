//! Where this router stands between start and end: serving a first table, accepting, stopping.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::watch;

/// One router's way from start to end. Every task reads it.
#[derive(Debug)]
pub struct Lifecycle {
    /// When the process started (monotonic).
    pub started: Duration,
    /// The store, or what the last process left of it, was read once.
    read: watch::Sender<bool>,
    published: watch::Sender<bool>,
    close_ports: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    accepting: AtomicBool,
    front_fault: Mutex<Option<String>>,
}

impl Lifecycle {
    /// Starts at this moment (monotonic).
    pub fn new(started: Duration) -> Self {
        Self {
            started,
            read: watch::Sender::new(false),
            published: watch::Sender::new(false),
            close_ports: watch::Sender::new(false),
            stop: watch::Sender::new(false),
            accepting: AtomicBool::new(false),
            front_fault: Mutex::default(),
        }
    }

    /// Says that something is known of apps now: of one that is not, it can be said that it is not there.
    pub fn set_read(&self) {
        self.read.send_if_modified(|read| !std::mem::replace(read, true));
    }

    /// Waits until something is known of apps.
    pub async fn first_reading(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.read.subscribe().wait_for(|read| *read).await;
    }

    /// Says that a first table is live.
    pub fn set_published(&self) {
        self.published.send_if_modified(|published| !std::mem::replace(published, true));
    }

    /// Waits for the first table.
    pub async fn first_table(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.published.subscribe().wait_for(|published| *published).await;
    }

    /// Says whether the front listeners accept.
    pub fn set_accepting(&self, accepting: bool) {
        self.accepting.store(accepting, Ordering::Relaxed);
    }

    /// Says what keeps the front from serving all that it should; `None`: nothing any more.
    pub fn set_front_fault(&self, fault: Option<String>) {
        *self.front_fault.lock() = fault;
    }

    /// What keeps the front from serving all that it should.
    pub fn front_fault(&self) -> Option<String> {
        self.front_fault.lock().clone()
    }

    /// Whether a table is published and listeners accept.
    pub fn is_ready(&self) -> bool {
        *self.published.borrow() && self.accepting.load(Ordering::Relaxed)
    }

    /// Ends what serves calls, while all that they wait for goes on.
    pub fn close_ports(&self) {
        self.set_accepting(false);
        self.close_ports.send_replace(true);
    }

    /// Becomes true when no more calls are served.
    pub fn ports_signal(&self) -> watch::Receiver<bool> {
        self.close_ports.subscribe()
    }

    /// Waits until no more calls are served.
    pub async fn closing_ports(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.close_ports.subscribe().wait_for(|close| *close).await;
    }

    /// Ends all tasks.
    pub fn stop(&self) {
        self.close_ports();
        self.stop.send_replace(true);
    }

    /// Becomes true when the router stops.
    pub fn stop_signal(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Waits until the router stops.
    pub async fn stopping(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Runs a task until it ends or the router stops.
    pub async fn until_stopped(&self, task: impl Future<Output = ()>) {
        tokio::select! {
            () = task => {}
            () = self.stopping() => {}
        }
    }
}
