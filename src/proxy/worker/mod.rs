//! One worker: what the connections of one thread share, and no other thread touches.

pub mod buffers;
pub mod bunches;
pub mod client;
pub mod client_certificate;
pub mod coarse;
pub mod deadlines;
pub mod encoders;
pub mod local;
pub mod misses;
pub mod paused;
pub mod phase;
pub mod pinless;
pub mod queue;
pub mod seat;
pub mod shared;
pub mod slots;
pub mod slow_paths;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
    sync::Arc,
};

use super::codec::head::HeaderLine;
use crate::{
    authority::Authority,
    limits::{IDLE_MS_LEAST, Limits},
    memory::{HighWater, give_back},
    proxy::worker::shared::FrontState,
    rollout::host_paths::AmbiguousPath,
    telemetry::{
        access_log::{FlushCounts, Line, WorkerLog},
        counters::WorkerCounters,
        traces::{Span, WorkerTraces},
    },
    upstream::{http2::Http2Links, login::Logins, pool::Pool, retry::RetryBudget},
};
use buffers::Buffers;
use deadlines::Deadlines;
use encoders::Encoders;
use local::{LocalEndpoint, LocalMatch, LocalTable};
use misses::Misses;

/// One thread's share of the data plane.
pub struct Worker {
    /// Its number among the workers.
    pub index: usize,
    /// What it shares with the other workers.
    pub shared: Arc<FrontState>,
    /// Memory for transfers.
    pub buffers: Rc<Buffers>,
    /// Encoders for responses that are compressed.
    pub encoders: Rc<Encoders>,
    /// Open connections to endpoints that wait for a request.
    pub pool: Pool,
    /// Connections to endpoints that speak HTTP/2.
    pub http2: Http2Links,
    /// How many connections carry a login.
    pub logins: Logins,
    /// How many repeats are allowed now.
    pub retries: RetryBudget,
    /// Deadlines.
    pub deadlines: Rc<Deadlines>,
    /// Its part of the access log.
    pub log: Option<RefCell<WorkerLog>>,
    /// Its part of the spans.
    pub traces: Option<RefCell<WorkerTraces>>,
    /// Space for the positions of header lines, used again by every message.
    pub lines: RefCell<Vec<HeaderLine>>,
    /// Space for the header lines of a response, used again by every message.
    pub fields: RefCell<Vec<u8>>,
    /// Assets that no sibling had a moment ago.
    pub misses: RefCell<Misses>,
    /// Requests that wait for room at an endpoint, by its slot.
    pub queues: queue::Queues,
    /// Requests that wait for paused apps.
    pub paused: Rc<paused::PausedRequests>,
    table: RefCell<Rc<LocalTable>>,
    open: Cell<usize>,
    busy: Cell<usize>,
    idle_ms: Cell<u64>,
    /// Buffers were scarce a second ago.
    scarce: Cell<bool>,
    addresses: RefCell<HashMap<IpAddr, u32>>,
    water: HighWater,
    random: Cell<u64>,
    /// The second for which a date was last written, and that date.
    date: RefCell<(u64, String)>,
}

impl Worker {
    /// A worker without connections. `seed` is random.
    pub fn new(
        index: usize,
        shared: Arc<FrontState>,
        log: Option<WorkerLog>,
        traces: Option<WorkerTraces>,
        seed: u64,
    ) -> Rc<Self> {
        coarse::refresh(&shared.clock);
        let table = LocalTable::new(shared.table.load_full());
        Rc::new(Self {
            index,
            buffers: Buffers::new(&shared.limits),
            encoders: Encoders::new(shared.limits.encoder_bytes_max),
            pool: Pool::default(),
            http2: Http2Links::default(),
            logins: Logins::default(),
            retries: RetryBudget::new(shared.limits.retry_percent_max),
            deadlines: Rc::default(),
            log: log.map(RefCell::new),
            traces: traces.map(RefCell::new),
            lines: RefCell::default(),
            fields: RefCell::default(),
            misses: RefCell::new(Misses::new(seed)),
            queues: queue::Queues::default(),
            paused: Rc::default(),
            table: RefCell::new(Rc::new(table)),
            open: Cell::new(0),
            busy: Cell::new(0),
            idle_ms: Cell::new(shared.limits.idle_ms),
            scarce: Cell::new(false),
            addresses: RefCell::default(),
            water: HighWater::default(),
            random: Cell::new(seed | 1),
            date: RefCell::default(),
            shared,
        })
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Its counters.
    pub fn counters(&self) -> &WorkerCounters {
        self.shared.counters.worker(self.index)
    }

    /// The published table as it is now. A request asks for it once.
    pub fn table(&self) -> Rc<LocalTable> {
        let live = self.shared.table.load();
        let mut table = self.table.borrow_mut();
        if table.published.generation != live.generation {
            let next = table.followed_by(Arc::clone(&live));
            *table = Rc::new(next);
        }
        Rc::clone(&table)
    }

    /// Counts a connection whose client is not known yet.
    pub fn unknown_opened(&self) {
        self.open.set(self.open.get() + 1);
        self.counters().connections_open.add(1);
    }

    /// Counts such a connection no more: its client is known, or it has ended.
    pub fn unknown_closed(&self) {
        self.open.set(self.open.get() - 1);
        self.counters().connections_open.subtract(1);
    }

    /// Counts a new connection; `false` if its address has too many already.
    pub fn connection_opened(&self, address: IpAddr) -> bool {
        let most = self.limits().connections_per_address_max;
        if most > 0 {
            let mut addresses = self.addresses.borrow_mut();
            let count = addresses.entry(address).or_insert(0);
            if *count >= most {
                self.counters().limit_connections_per_address.add(1);
                return false;
            }
            *count += 1;
        }
        self.open.set(self.open.get() + 1);
        self.counters().connections_open.add(1);
        true
    }

    /// Counts a connection that [`Worker::connection_opened`] counted, at its end.
    pub fn connection_closed(&self, address: IpAddr) {
        self.open.set(self.open.get() - 1);
        self.counters().connections_open.subtract(1);
        if self.limits().connections_per_address_max > 0 {
            let mut addresses = self.addresses.borrow_mut();
            if let Some(count) = addresses.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&address);
                }
            }
        }
    }

    /// Whether this worker uses as many descriptors as it may.
    pub fn is_full(&self) -> bool {
        self.used() >= self.shared.connections_max
    }

    /// Counts a connection to an endpoint that comes into use, or one whose use ends.
    pub fn count_busy(&self, begins: bool) {
        self.busy.set(if begins { self.busy.get() + 1 } else { self.busy.get() - 1 });
    }

    /// Looks after what can wait: old connections to endpoints, unused memory, gauges.
    pub fn sweep_slowly(&self) {
        self.table.borrow().forget_stale();
        self.pool.sweep(coarse::now_ms(), self.limits().upstream_idle_ms);
        self.http2.sweep(coarse::now_ms(), self.limits().upstream_idle_ms);
        let (gauge, idle) = (&self.counters().upstream_idle, self.pool.idle() as u64);
        gauge.add(idle.wrapping_sub(gauge.get()));
        let (gauge, logins) = (&self.counters().login_connections, self.logins.open() as u64);
        gauge.add(logins.wrapping_sub(gauge.get()));
        self.buffers.trim();
        self.encoders.trim();
        if self.water.has_fallen_to(self.open() + self.busy.get()) {
            give_back();
        }
        self.retries.refill();
        if !self.scarce.replace(self.buffers.are_scarce()) && self.scarce.get() {
            // Who holds a buffer may hold it for a shorter time now.
            self.deadlines.wake_all();
        }
        self.shed_idle();
    }

    /// How long a client's connection may be idle at present, in ms.
    pub fn idle_ms(&self) -> u64 {
        self.idle_ms.get()
    }

    /// Halves the idle time every second while nearly all descriptors are used, so that idle connections make room for new
    /// ones. Afterwards the idle time doubles again, up to its limit.
    fn shed_idle(&self) {
        let (used, most) = (self.used(), self.shared.connections_max);
        let (now, usual) = (self.idle_ms.get(), self.limits().idle_ms);
        if used.saturating_mul(10) >= most.saturating_mul(9) {
            self.idle_ms.set((now / 2).max(IDLE_MS_LEAST.min(usual)));
            self.deadlines.wake_all();
        } else {
            self.idle_ms.set(now.saturating_mul(2).min(usual));
        }
    }

    fn used(&self) -> usize {
        self.open.get() + self.pool.idle() + self.http2.open() + self.logins.open() + self.busy.get()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// The app of an authority and a target.
    ///
    /// # Errors
    /// The path can be read in several ways, which lead to different places.
    pub fn app(
        &self,
        table: &LocalTable,
        authority: Authority<'_>,
        target: &[u8],
    ) -> Result<Option<LocalMatch>, AmbiguousPath> {
        table.app(authority, target, self.shared.table.buckets(), || self.random())
    }

    /// Appends a Date line (RFC 9110 section 6.6.1), for a response that has none.
    pub fn write_date(&self, out: &mut Vec<u8>) {
        let second = coarse::wall_ms() / 1_000;
        let mut date = self.date.borrow_mut();
        if date.0 != second {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second);
            *date = (second, httpdate::fmt_http_date(time));
        }
        out.extend_from_slice(b"date: ");
        out.extend_from_slice(date.1.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// Whether a request could go to this endpoint without waiting for room.
    pub fn has_room_at_once(&self, endpoint: &LocalEndpoint) -> bool {
        let most = self.limits().endpoint_in_flight_max;
        most == 0 || endpoint.state.in_flight() < most && self.queues.len(endpoint.route.slot) == 0
    }

    /// Writes a line to the access log, if there is one.
    pub fn write_log<'a>(&self, line: impl FnOnce() -> Line<'a>) {
        let Some(log) = &self.log else { return };
        self.count_lines(log.borrow_mut().push(&line()));
    }

    /// Hands over what the log holds: a few times a second, so that a quiet log is fresh too.
    pub fn flush_log(&self) {
        let Some(log) = &self.log else { return };
        self.count_lines(log.borrow_mut().flush());
    }

    /// Whether a request is traced of which nobody has decided that who is believed.
    pub fn chooses_trace(&self) -> bool {
        self.traces.as_ref().is_some_and(|traces| traces.borrow().chooses(self.random()))
    }

    /// Keeps a span until it is sent.
    pub fn keep_span(&self, span: &Span<'_>) {
        let Some(traces) = &self.traces else { return };
        let counts = traces.borrow_mut().push(span);
        self.counters().spans.add(counts.made);
        self.counters().spans_lost.add(counts.lost);
    }

    /// Hands over the spans that wait.
    pub fn flush_spans(&self) {
        let Some(traces) = &self.traces else { return };
        let lost = traces.borrow_mut().flush();
        self.counters().spans_lost.add(lost);
    }

    fn count_lines(&self, flushed: FlushCounts) {
        self.counters().log_lines.add(flushed.written);
        self.counters().log_lines_dropped.add(flushed.dropped);
    }

    /// A random number (xorshift64*) for choices and client numbers. Not for secrets.
    pub fn random(&self) -> u64 {
        let mut state = self.random.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.random.set(state);
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
