//! What an operator does while somebody attacks: stops a rollout, and asks whether the router lives. And the clients that
//! never read, which most attacks are made of.

use serde_json::json;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use support::clock::Deadline;
use support::{Router, Wire};

/// How soon whatever stops a rollout is answered: the promise where the suite runs alone, and more beside other suites on two cores.
pub fn at_once() -> Duration {
    Duration::from_secs(if support::long() { 1 } else { 5 })
}

/// How long the reserved calls took, the slowest of each round.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// One round: every reserved call, by each of its doors, from an address.
    pub fn round(&mut self, router: &Router, from: [u8; 4]) {
        let api = router.api();
        let lock = json!({ "reason": "an incident" });
        let mut slowest = Duration::ZERO;
        let calls = [
            ("GET", "/healthz".to_owned(), None),
            ("GET", "/readyz".to_owned(), None),
            ("POST", "/api/v1/apps/hello/abort".to_owned(), None),
            ("DELETE", "/api/v1/apps/hello/candidate".to_owned(), None),
            ("PUT", "/api/v1/apps/hello/lock".to_owned(), Some(&lock)),
            ("DELETE", "/api/v1/apps/hello/lock".to_owned(), None),
            ("POST", "/api/v1/apps/hello/rollback".to_owned(), None),
        ];
        for (method, path, body) in calls {
            let body = body.map(ToString::to_string).unwrap_or_default();
            let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
                api.admin,
                support::router::token("operator"),
                body.len(),
            );
            let started = Deadline::after(at_once());
            let mut wire = Wire::open_from(api.admin, from);
            let response = wire.send(request).response(method);
            // Nothing to roll back to is an answer too.
            assert!(matches!(response.status, 200 | 202 | 409), "{method} {path}: {}", response.text());
            slowest = slowest.max(started.elapsed());
        }
        self.0.push(slowest);
    }

    /// Says the slowest, and fails unless they were answered at once. On a machine that others use, one round in ten may be late.
    #[allow(clippy::print_stdout, reason = "the figure of an attack is for the page on security")]
    pub fn assert_at_once(&self, what: &str) {
        let late = self.0.iter().filter(|time| **time > at_once()).count();
        println!("{what}: the slowest reserved call of {} rounds took {:?}", self.0.len(), self.slowest());
        assert!(late <= self.0.len() / 10, "{what}: {late} rounds were late: {:?}", self.0);
    }

    /// Says the slowest, and fails unless every one was answered within `limit`.
    #[allow(clippy::print_stdout, reason = "the figure of an attack is for the page on security")]
    pub fn assert_all_within(&self, what: &str, limit: Duration) {
        println!("{what}: the slowest reserved call of {} rounds took {:?}", self.0.len(), self.slowest());
        assert!(self.slowest() <= limit, "{what}: {:?}", self.0);
    }

    /// The slowest of all.
    pub fn slowest(&self) -> Duration {
        self.0.iter().copied().max().unwrap_or_default()
    }
}

/// A connection from an address of this machine, with little room for what comes back.
pub fn deaf(router: SocketAddr, from: [u8; 4]) -> Option<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).ok()?;
    socket.set_recv_buffer_size(4 * 1024).ok()?;
    socket.bind(&SocketAddr::from((from, 0)).into()).ok()?;
    socket.connect(&router.into()).ok()?;
    socket.set_write_timeout(Some(at_once())).ok()?;
    Some(socket.into())
}

/// Many connections that send this and never read. Those that the router closes are nobody's failure.
pub fn deaf_crowd(router: SocketAddr, from: [u8; 4], count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = deaf(router, from)?;
        let _ = stream.write_all(bytes);
        Some(stream)
    };
    (0..count).filter_map(connect).collect()
}

/// A GET on the admin port, with a token or without.
pub fn get(router: &Router, path: &str, token: Option<&str>) -> String {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{token}\r\n", router.admin)
}
