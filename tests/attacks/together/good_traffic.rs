//! Good traffic: end users who keep their connections, and ask at a pace that no slow answer holds up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::{Endpoint, Router, Visitor, serving};

/// End users, each with a connection: one whose answer is late waits with its next request, and 19 go on.
const USERS: usize = 20;

/// An endpoint that answers with a page and keeps no record, since it is asked half a million times.
pub fn page(release: &str) -> Endpoint {
    let answer = format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nContent-Length: 6\r\n\r\na page");
    serving(move |peer| while peer.request().is_some() && peer.send(&answer) {})
}

/// What the users lived through since somebody last asked.
#[derive(Debug, Default)]
pub struct Figures {
    /// From the time at which each request was due to its answer, in order once they are summed up.
    times: Vec<Duration>,
    pub failures: Vec<String>,
}

impl Figures {
    pub fn answered(&self) -> usize {
        self.times.len()
    }

    /// The time within which this share of the requests was answered.
    pub fn within(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a place in the list"
        )]
        let place = (last as f64 * share).round() as usize;
        self.times.get(place).copied().unwrap_or_default()
    }

    pub fn p99(&self) -> Duration {
        self.within(0.99)
    }
}

/// Users under way, until they are dropped.
pub struct GoodTraffic {
    over: Arc<AtomicBool>,
    figures: Arc<Mutex<Figures>>,
    users: Vec<JoinHandle<()>>,
}

impl GoodTraffic {
    /// Starts users who together ask so many times a second.
    pub fn start(router: &Router, per_second: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let figures = Arc::new(Mutex::new(Figures::default()));
        let clock = Deadline::after(Duration::ZERO);
        let start = |user| {
            let user = User {
                visitor: router.visitor(),
                first: Duration::from_secs(1) * user / per_second,
                pace: Duration::from_secs(1) * USERS as u32 / per_second,
            };
            let (over, figures) = (Arc::clone(&over), Arc::clone(&figures));
            thread::spawn(move || user.live(clock, &over, &figures))
        };
        let users = (0..USERS as u32).map(start).collect();
        Self { over, figures, users }
    }

    /// What was lived through since the last call.
    pub fn figures(&self) -> Figures {
        let mut figures = std::mem::take(&mut *self.figures.lock().unwrap_or_else(PoisonError::into_inner));
        figures.times.sort_unstable();
        figures
    }
}

impl Drop for GoodTraffic {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for user in self.users.drain(..) {
            let _ = user.join();
        }
    }
}

struct User {
    visitor: Visitor,
    /// When the first request is due, and how long after it each further one.
    first: Duration,
    pace: Duration,
}

impl User {
    fn live(mut self, clock: Deadline, over: &AtomicBool, figures: &Mutex<Figures>) {
        let mut due = self.first;
        while !over.load(Ordering::Relaxed) {
            pause(due.saturating_sub(clock.elapsed()));
            let visit = self.visitor.try_get("/");
            let took = clock.elapsed().saturating_sub(due);
            let mut figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
            match visit {
                Ok(visit) if visit.response.status == 200 => figures.times.push(took),
                Ok(visit) => figures.failures.push(format!("{}", visit.response.status)),
                Err(why) => figures.failures.push(why),
            }
            due += self.pace;
        }
    }
}
