//! Clients and endpoints on one epoll instance.
//!
//! Per proxied request the engine makes two reads, two writes and a share of one wait: about what a TCP relay makes, so
//! that on a second core it can saturate any proxy on the first. Heads that are byte for byte those of the last
//! exchange are compared and not parsed.

use crate::client::Client;
use crate::endpoint::Served;
use crate::histogram::Histogram;
use crate::message;
use crate::options::{Mode, Options};
use crate::sys::{self, Fd, IN, Moved, OUT, Poll, die};
use std::collections::VecDeque;
use std::time::Instant;

enum Slot {
    Free,
    Listener(usize),
    Served(Served),
    Client(Box<Client>),
}

/// What has happened so far.
pub struct Tally {
    /// Bytes of their bodies, as they were on the wire.
    pub body_bytes: u64,
    /// Requests answered within the measured window.
    pub measured: u64,
    /// Requests answered in all.
    pub total: u64,
    /// Requests or connections that failed.
    pub failed: u64,
    /// Answers that came from another endpoint than the pinned one.
    pub mispinned: u64,
    /// Connections that the proxy opened to the endpoints.
    pub upstream_connections: u64,
    /// Latencies within the window.
    pub latencies: Histogram,
    /// Why the first failure happened.
    pub why: String,
}

/// All connections of a run, indexed by descriptor.
pub struct Engine {
    /// The settings.
    pub options: Options,
    /// The counts.
    pub tally: Tally,
    /// Whether the window is open.
    pub measuring: bool,
    poll: Poll,
    slots: Vec<Slot>,
    responses: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    started: Instant,
    idle: VecDeque<Fd>,
    asked: u64,
}

impl Engine {
    /// An engine whose endpoints listen.
    pub fn new(options: Options) -> Self {
        let tally = Tally {
            body_bytes: 0,
                measured: 0,
            total: 0,
            failed: 0,
            mispinned: 0,
            upstream_connections: 0,
            latencies: Histogram::new(),
            why: String::new(),
        };
        let mut engine = Self {
            responses: (0..options.endpoints.len()).map(|at| message::response(&options, at)).collect(),
            tally,
            measuring: false,
            poll: Poll::new().unwrap_or_else(|why| die(&format!("epoll: {why}"))),
            slots: Vec::new(),
            buffer: vec![0; 256 * 1024],
            started: Instant::now(),
            idle: VecDeque::new(),
            asked: 0,
            options,
        };
        for (endpoint, port) in engine.options.endpoints.clone().into_iter().enumerate() {
            let fd = sys::listen(port).unwrap_or_else(|why| die(&format!("cannot listen on {port}: {why}")));
            engine.watch(fd, Slot::Listener(endpoint));
        }
        engine
    }

    /// Nanoseconds since the engine started.
    pub fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn watch(&mut self, fd: Fd, slot: Slot) {
        let at = fd as usize;
        while self.slots.len() <= at {
            self.slots.push(Slot::Free);
        }
        self.slots[at] = slot;
        self.poll.add(fd);
    }

    /// Opens client `number` and sends its first request.
    pub fn open(&mut self, number: usize) {
        let from = if self.options.connections > 20_000 { (number / 20_000 + 1) as u8 } else { 1 };
        let proxy = self.options.proxy;
        let fd =
            sys::connect(proxy, from).unwrap_or_else(|why| die(&format!("cannot connect to {proxy}: {why}")));
        let client = Client::new(message::request(&self.options, None));
        self.watch(fd, Slot::Client(Box::new(client)));
        let now = self.now();
        self.ask(fd, now);
    }

    /// Sends the requests that an open loop owes by now.
    pub fn keep_rate(&mut self, since: u64) {
        let rate = self.options.rate;
        let due = ((self.now() - since) as f64 * rate / 1e9) as u64;
        while self.asked < due {
            let Some(fd) = self.idle.pop_front() else { return };
            if matches!(self.slots[fd as usize], Slot::Client(_)) {
                let planned = since + (self.asked as f64 * 1e9 / rate) as u64;
                self.asked += 1;
                self.ask(fd, planned);
            }
        }
    }

    /// Waits for events and serves them.
    pub fn turn(&mut self, milliseconds: i32) {
        for at in 0..self.poll.wait(milliseconds) {
            let (fd, ready) = self.poll.event(at);
            if ready & OUT != 0 {
                self.writable(fd);
            }
            if ready & !OUT != 0 || ready & IN != 0 {
                self.readable(fd);
            }
        }
    }

    fn writable(&mut self, fd: Fd) {
        match self.slots[fd as usize] {
            Slot::Client(_) => self.push_request(fd),
            Slot::Served(_) => self.push_responses(fd),
            Slot::Free | Slot::Listener(_) => {}
        }
    }

    fn readable(&mut self, fd: Fd) {
        match self.slots[fd as usize] {
            Slot::Listener(endpoint) => self.accept(fd, endpoint),
            Slot::Served(_) => self.read_request(fd),
            Slot::Client(_) => self.read_response(fd),
            Slot::Free => {}
        }
    }

    fn accept(&mut self, listener: Fd, endpoint: usize) {
        while let Some(fd) = sys::accept(listener) {
            self.tally.upstream_connections += 1;
            self.watch(fd, Slot::Served(Served::new(endpoint)));
        }
    }

    fn close(&mut self, fd: Fd) {
        sys::close(fd);
        self.slots[fd as usize] = Slot::Free;
    }

    fn fail(&mut self, fd: Fd, why: &str) {
        self.tally.failed += 1;
        if self.tally.why.is_empty() {
            let harmless = |c: char| if c.is_control() || c == '"' || c == '\\' { ' ' } else { c };
            self.tally.why = why.chars().map(harmless).collect();
        }
        self.close(fd);
    }

    fn ask(&mut self, fd: Fd, planned: u64) {
        if let Slot::Client(client) = &mut self.slots[fd as usize] {
            client.begin(planned);
        }
        self.push_request(fd);
    }

    fn push_request(&mut self, fd: Fd) {
        let Slot::Client(client) = &mut self.slots[fd as usize] else { return };
        match client.push(|bytes| sys::send(fd, bytes)) {
            Err(()) => self.fail(fd, "the proxy closed while a request was sent"),
            Ok(true) => {
                let writing = client.writing;
                self.poll.change(fd, writing);
            }
            Ok(false) => {}
        }
    }

    fn push_responses(&mut self, fd: Fd) {
        let Slot::Served(served) = &mut self.slots[fd as usize] else { return };
        let response = &self.responses[served.endpoint];
        match served.push(response, |bytes| sys::send(fd, bytes)) {
            Err(()) => self.close(fd),
            Ok(true) => {
                let writing = served.writing;
                self.poll.change(fd, writing);
            }
            Ok(false) => {}
        }
    }

    fn read_request(&mut self, fd: Fd) {
        let Slot::Served(served) = &mut self.slots[fd as usize] else { return };
        match sys::receive(fd, &mut self.buffer) {
            Moved::Later => {}
            Moved::Gone => self.close(fd),
            Moved::Bytes(count) => {
                served.take(&self.buffer[..count]);
                if !served.writing {
                    self.push_responses(fd);
                }
            }
        }
    }

    fn read_response(&mut self, fd: Fd) {
        let Slot::Client(client) = &mut self.slots[fd as usize] else { return };
        let count = match sys::receive(fd, &mut self.buffer) {
            Moved::Later => return,
            Moved::Gone => return self.fail(fd, "the proxy closed the connection"),
            Moved::Bytes(count) => count,
        };
        match client.take(&self.buffer[..count], &self.options) {
            Err(why) => self.fail(fd, &why),
            Ok(false) => {}
            Ok(true) => self.answered(fd),
        }
    }

    fn answered(&mut self, fd: Fd) {
        let now = self.now();
        let Slot::Client(client) = &mut self.slots[fd as usize] else { return };
        self.tally.total += 1;
        self.tally.mispinned += u64::from(std::mem::take(&mut client.mispinned));
        if self.measuring {
            self.tally.measured += 1;
            self.tally.body_bytes += client.body_bytes() as u64;
            self.tally.latencies.add(now.saturating_sub(client.planned));
        }
        match self.options.mode {
            Mode::Load if self.options.rate > 0.0 => self.idle.push_back(fd),
            Mode::Load => self.ask(fd, now),
            Mode::Idle | Mode::Endpoints => {}
        }
    }
}
