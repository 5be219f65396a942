//! What happens at a release, counted in one cell per worker.

use std::sync::OnceLock;

use crate::{
    cell::{Counter, Histogram, HistogramTotal},
    rollout::{assign::Reason, table::Standing},
};

/// What one worker has counted at one stay of a release. Only that worker writes to it. It has cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ReleaseCell {
    /// Answered requests, by the standing that the release had for them ([`standing_index`]), and by status class: index 0 is
    /// 1xx (the 101 of an upgrade), 4 is 5xx.
    pub statuses: [[Counter; 5]; STANDINGS],
    /// How long requests took, by the release's standing then. Made with the first request.
    durations: [OnceLock<Box<Durations>>; STANDINGS],
    /// Requests by the reason of their assignment, by [`Reason`]'s number.
    pub reasons: [Counter; Reason::ALL.len()],
    /// Clients that moved to this release, by the standing of the release they came from ([`standing_index`]) and the reason.
    pub moves: [[Counter; Reason::ALL.len()]; STANDINGS],
    /// Third moves within one pin's move day.
    pub bounces: Counter,
    /// Third moves within a day of clients that never bring a pin back.
    pub bounces_without_pin: Counter,
    /// New clients that were drawn to this release.
    pub draws: Counter,
    /// Pins sent to clients that had none.
    pub pins_issued: Counter,
    /// Requests open now, WebSockets not among them.
    pub open_requests: Counter,
    /// WebSockets open now.
    pub open_sockets: Counter,
    /// Bytes of request bodies.
    pub bytes_received: Counter,
    /// Bytes of response bodies.
    pub bytes_sent: Counter,
}

/// How long requests took.
#[derive(Debug, Default)]
pub struct Durations {
    /// From when the release was asked to the last byte of the response.
    pub whole: Histogram,
    /// From when the release was asked to the head of the response.
    pub first_byte: Histogram,
}

impl ReleaseCell {
    /// The durations for one of the standings ([`standing_index`]).
    pub fn durations(&self, standing: usize) -> &Durations {
        self.durations[standing].get_or_init(Box::default)
    }

    /// Those that there are, with their standings.
    pub fn all_durations(&self) -> impl Iterator<Item = (usize, &Durations)> {
        self.durations.iter().enumerate().filter_map(|(place, cell)| Some((place, &**cell.get()?)))
    }
}

/// Where a client can come from: stable, candidate, draining, or a release that is gone.
pub const STANDINGS: usize = 4;

/// The place of a standing in [`ReleaseCell::moves`] and [`ReleaseCell::statuses`]; `None` is a release that is not routed any more.
pub const fn standing_index(standing: Option<Standing>) -> usize {
    match standing {
        Some(Standing::Stable) => 0,
        Some(Standing::Candidate) => 1,
        Some(Standing::Draining { .. }) => 2,
        Some(Standing::Previous) | None => 3,
    }
}

/// The word for each of these places.
pub const STANDING_WORDS: [&str; STANDINGS] = ["stable", "candidate", "draining", "gone"];

/// The sum over all workers' cells.
#[derive(Debug, Clone, Default)]
pub struct ReleaseTotal {
    /// Answered requests by standing and status class.
    pub statuses: [[u64; 5]; STANDINGS],
    /// Their durations.
    pub latency: HistogramTotal,
    /// How long it took to the heads of the responses.
    pub first_byte: HistogramTotal,
    /// Requests by reason.
    pub reasons: [u64; Reason::ALL.len()],
    /// Moves to here by standing and reason.
    pub moves: [[u64; Reason::ALL.len()]; STANDINGS],
    /// Third moves within a day.
    pub bounces: u64,
    /// Third moves within a day of clients that never bring a pin back.
    pub bounces_without_pin: u64,
    /// New clients.
    pub draws: u64,
    /// First pins.
    pub pins_issued: u64,
    /// Open requests.
    pub open_requests: u64,
    /// Open WebSockets.
    pub open_sockets: u64,
    /// Bytes of request bodies.
    pub bytes_received: u64,
    /// Bytes of response bodies.
    pub bytes_sent: u64,
}

impl ReleaseTotal {
    /// Adds one worker's cell.
    pub fn add(&mut self, cell: &ReleaseCell) {
        for (sums, counters) in self.statuses.iter_mut().zip(&cell.statuses) {
            add_all(sums, counters);
        }
        for (_, durations) in cell.all_durations() {
            durations.whole.add_to(&mut self.latency);
            durations.first_byte.add_to(&mut self.first_byte);
        }
        add_all(&mut self.reasons, &cell.reasons);
        for (sums, counters) in self.moves.iter_mut().zip(&cell.moves) {
            add_all(sums, counters);
        }
        self.bounces += cell.bounces.get();
        self.bounces_without_pin += cell.bounces_without_pin.get();
        self.draws += cell.draws.get();
        self.pins_issued += cell.pins_issued.get();
        self.open_requests += cell.open_requests.get();
        self.open_sockets += cell.open_sockets.get();
        self.bytes_received += cell.bytes_received.get();
        self.bytes_sent += cell.bytes_sent.get();
    }

    /// All answered requests.
    pub fn requests(&self) -> u64 {
        self.statuses.as_flattened().iter().sum()
    }

    /// Those answered with a 5xx.
    pub fn errors(&self) -> u64 {
        self.statuses.iter().map(|classes| classes[4]).sum()
    }
}

fn add_all(sums: &mut [u64], counters: &[Counter]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum += counter.get();
    }
}
