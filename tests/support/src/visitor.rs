//! An end user: a keep-alive connection and a cookie jar.

use super::http2::Http2Client;
use super::message::Response;
use super::wire::Wire;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::net::SocketAddr;

/// A browser-like client that keeps its connection and its cookies.
pub struct Visitor {
    front: SocketAddr,
    host: String,
    /// The address of this machine that it comes from; none: the usual one.
    from: Option<[u8; 4]>,
    wire: Option<Wire>,
    /// The connection, where it speaks HTTP/2.
    http2: Option<Http2Client>,
    /// It speaks HTTP/2.
    pub speaks_http2: bool,
    /// The pin cookie's value, once one was set.
    pub pin: Option<String>,
    /// Whether requests carry the `Sec-Fetch-*` headers of a navigation.
    pub navigates: bool,
    /// Further header lines of each request, each ended by CRLF.
    pub headers: String,
    /// How often a connection had to be opened.
    pub connects: usize,
}

/// One answered request.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The release that answered; empty when the router did.
    pub release: String,
    /// The endpoint that answered.
    pub endpoint: String,
    /// Whether a new pin came with it.
    pub pinned: bool,
    /// The response.
    pub response: Response,
}

/// The pin cookie's default name.
pub const PIN: &str = "rolling_pin";

impl Visitor {
    /// A client that has never been here.
    pub fn new(front: SocketAddr, host: &str) -> Self {
        Self {
            front,
            host: host.to_owned(),
            from: None,
            wire: None,
            http2: None,
            speaks_http2: http2_asked_for(),
            pin: None,
            navigates: true,
            headers: String::new(),
            connects: 0,
        }
    }

    /// A client that has never been here and comes from one of this machine's addresses, such as 127.0.5.1.
    pub fn from(front: SocketAddr, host: &str, from: [u8; 4]) -> Self {
        Self { from: Some(from), ..Self::new(front, host) }
    }

    /// Asks for a page and fails unless it is answered 200 by a release.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Visit {
        let visit = self.try_get(target).unwrap_or_else(|why| panic!("GET {target}: {why}"));
        assert_eq!(visit.response.status, 200, "GET {target}: {}", visit.response.text());
        visit
    }

    /// The pin that a page comes with, whatever its status.
    pub fn pin_of(&mut self, target: &str) -> Option<String> {
        self.try_get(target).ok()?;
        self.pin.clone()
    }

    /// The release that answers `/` now.
    #[track_caller]
    pub fn release(&mut self) -> String {
        self.get("/").release
    }

    /// Asks for a page; any answer counts, a closed connection does not.
    pub fn try_get(&mut self, target: &str) -> Result<Visit, String> {
        let mut head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if self.navigates {
            head += "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n";
        }
        head += &self.headers;
        head += "Cookie: theme=dark";
        if let Some(pin) = &self.pin {
            head += &format!("; {PIN}={pin}");
        }
        head += "; session=abc\r\n\r\n";
        if self.speaks_http2 && self.from.is_none() {
            return self.try_over_http2(&head);
        }
        if self.wire.is_none() {
            self.connects += 1;
        }
        let (front, from) = (self.front, self.from);
        let open = || from.map_or_else(|| Wire::open(front), |from| Wire::open_from(front, from));
        let wire = self.wire.get_or_insert_with(open);
        wire.send(head);
        match wire.try_response("GET") {
            Ok(response) => Ok(self.learn(response)),
            Err(broken) => {
                self.wire = None;
                Err(format!("{broken:?}"))
            }
        }
    }

    fn try_over_http2(&mut self, head: &str) -> Result<Visit, String> {
        // A connection that was told goodbye takes no more requests, and nobody has failed.
        if self.http2.as_ref().is_some_and(|client| client.ended().is_some()) {
            self.http2 = None;
        }
        if self.http2.is_none() {
            self.connects += 1;
        }
        let front = self.front;
        let answer = self.http2.get_or_insert_with(|| Http2Client::open(front)).try_exchange(head);
        answer.map(|response| self.learn(response)).map_err(|broken| {
            self.http2 = None;
            broken.to_string()
        })
    }

    fn learn(&mut self, response: Response) -> Visit {
        if response.says_close() {
            self.wire = None;
        }
        let pin = pin_of(&response);
        let pinned = pin.is_some();
        self.pin = pin.or(self.pin.take());
        let text = |name| response.header(name).unwrap_or_default().to_owned();
        Visit { release: text("x-release"), endpoint: text("x-endpoint"), pinned, response }
    }

    /// Where its client stands in the router's sketch: the first ten bits of the number in its pin (docs/design.md section 8).
    fn place(&self) -> u16 {
        let pin = self.pin.as_ref().expect("a pin came with the first page");
        let bytes = URL_SAFE_NO_PAD.decode(pin).expect("a pin is base64url");
        u16::from_be_bytes([bytes[4], bytes[5]]) >> 6
    }

    /// Closes the connection, keeping the cookies.
    pub fn hang_up(&mut self) {
        (self.wire, self.http2) = (None, None);
    }
}

/// Whether visitors speak HTTP/2 in this run of the suites (`ROLLING_ROUTER_HTTP2=1`).
fn http2_asked_for() -> bool {
    std::env::var_os("ROLLING_ROUTER_HTTP2").is_some_and(|value| value == "1")
}

/// So many visitors who have asked once, no two of whom a router takes for one when it counts clients.
pub fn distinct(count: usize, arrive: impl Fn(usize) -> Visitor) -> Vec<Visitor> {
    let mut visitors: Vec<Visitor> = Vec::new();
    while visitors.len() < count {
        let mut visitor = arrive(visitors.len());
        visitor.get("/");
        if visitors.iter().all(|other| other.place() != visitor.place()) {
            visitors.push(visitor);
        }
    }
    visitors
}

/// The pin that a response sets.
pub fn pin_of(response: &Response) -> Option<String> {
    let cookies = response.header_all("set-cookie");
    let pin = cookies.iter().find_map(|cookie| cookie.strip_prefix(PIN)?.strip_prefix('='))?;
    Some(pin.split(';').next().unwrap_or_default().to_owned())
}
