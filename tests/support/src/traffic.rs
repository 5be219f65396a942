//! Clients that keep asking, and what each of them saw when.

use crate::clock::Deadline;
use crate::{Router, Visitor};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// One answered request: when it was sent, when its answer was there, and which release gave it.
#[derive(Clone, Debug)]
pub struct TimedAnswer {
    /// When it was sent.
    pub sent: Duration,
    /// When it was answered.
    pub answered: Duration,
    /// The release.
    pub release: String,
}

/// What one client lived through.
pub struct Life {
    /// Its answers, in order; unchanged releases in a row are joined to their first and last.
    pub seen: Vec<TimedAnswer>,
    /// Requests that got no answer, or one other than 200.
    pub failures: Vec<String>,
    /// How many connections it opened.
    pub connects: usize,
}

/// Clients under way.
pub struct Traffic {
    clock: Deadline,
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Life>>,
}

impl Traffic {
    /// Starts so many clients, each with a kept connection and a pin.
    pub fn start(router: &Router, clients: usize) -> Self {
        Self::of(router, clients, true)
    }

    /// Starts so many clients, each with a pin, and each of whose requests comes by a connection of its own.
    pub fn newcomers(router: &Router, clients: usize) -> Self {
        Self::of(router, clients, false)
    }

    fn of(router: &Router, clients: usize, keeps: bool) -> Self {
        Self::to(router.front, &router.host, clients, keeps)
    }

    /// Starts so many clients of somebody's front, which keep their connections or come anew for each request.
    pub fn to(front: SocketAddr, host: &str, clients: usize, keeps: bool) -> Self {
        let clock = Deadline::after(Duration::from_secs(3600));
        let over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let clients = (0..clients)
            .map(|_| {
                let visitor = Visitor::new(front, host);
                let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
                thread::spawn(move || live(visitor, keeps, clock, &over, &answered))
            })
            .collect();
        Self { clock, over, answered, clients }
    }

    /// The time on the clients' clock.
    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Requests answered so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// Ends it; what everybody lived through.
    pub fn stop(self) -> Vec<Life> {
        self.over.store(true, Ordering::SeqCst);
        self.clients.into_iter().map(|client| client.join().expect("a client ends")).collect()
    }
}

fn live(
    mut visitor: Visitor,
    keeps: bool,
    clock: Deadline,
    over: &AtomicBool,
    answered: &AtomicUsize,
) -> Life {
    // Pages, not navigations: whatever a navigation would be allowed to change is not what this suite is about.
    visitor.navigates = false;
    let mut life = Life { seen: Vec::new(), failures: Vec::new(), connects: 0 };
    while !over.load(Ordering::SeqCst) {
        if !keeps {
            visitor.hang_up();
        }
        let sent = clock.elapsed();
        match visitor.try_get("/") {
            Ok(visit) if visit.response.status == 200 => {
                answered.fetch_add(1, Ordering::SeqCst);
                life.saw(TimedAnswer { sent, answered: clock.elapsed(), release: visit.release });
            }
            Ok(visit) => life.failures.push(format!("{} {}", visit.response.status, visit.response.text())),
            Err(why) => life.failures.push(why),
        }
        if life.failures.len() > 3 {
            break;
        }
    }
    life.connects = visitor.connects;
    life
}

impl Life {
    /// Keeps the first and the last of a run of answers from one release.
    fn saw(&mut self, seen: TimedAnswer) {
        let count = self.seen.len();
        if count >= 2
            && self.seen[count - 1].release == seen.release
            && self.seen[count - 2].release == seen.release
        {
            self.seen[count - 1] = seen;
        } else {
            self.seen.push(seen);
        }
    }
}
