//! The attackers of the table "Limits on the admin side", each from addresses of its own, over and over until they are told
//! to end. They run at the lowest priority: in earnest they have machines of their own.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Scope;
use std::time::Duration;
use support::Router;
use support::clock::{Deadline, pause};
use support::router::token;

use crate::operator::{deaf, deaf_crowd, get};

/// Where the connections come from that never read: the operator is at the same address.
pub const CROWDED: [u8; 4] = [127, 0, 0, 10];
/// How long connections that never read are kept before the next ones come.
const KEPT: Duration = Duration::from_secs(3);
const VALUE_BYTES: usize = 64 << 10;

/// What ends all attackers, also when the test fails.
#[derive(Default)]
pub struct End(AtomicBool);

impl End {
    pub fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Calls the end when it is dropped.
pub struct Until<'a>(pub &'a End);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// One kind of attack: how many clients of it there are, and how often one of them did what it does.
struct Kind<'a> {
    name: &'static str,
    clients: usize,
    attack: fn(&Attack<'a>, usize),
    done: AtomicUsize,
}

/// All of them on one router.
pub struct Attack<'a> {
    router: &'a Router,
    end: &'a End,
    /// How many raw keys are written.
    keys: usize,
    fields: String,
    kinds: Vec<Kind<'a>>,
}

impl<'a> Attack<'a> {
    pub fn on(router: &'a Router, end: &'a End, keys: usize) -> Self {
        let fields: Vec<String> = (0..131_000).map(|number| format!("\"{number}\":1")).collect();
        let kind = |name, clients, attack| Kind { name, clients, attack, done: AtomicUsize::new(0) };
        let kinds = vec![
            kind("300 connections that never read", 1, Self::never_read),
            kind("500 connections that never ask", 1, Self::never_ask),
            kind("JSON of 131,000 fields", 4, Self::send_wide_json),
            kind("raw keys of 64 KiB", 1, Self::write_keys),
            kind("8 listings that nobody reads", 1, Self::list_unread),
            kind("150 streams that nobody reads", 1, Self::follow_unread),
            kind("wrong tokens", 64, Self::guess),
            kind("50 scrapes that nobody reads", 1, Self::scrape_unread),
            kind("scrapes", 1, Self::scrape),
            kind("reads of all apps", 4, Self::read_apps),
        ];
        Self { router, end, keys, fields: format!("{{{}}}", fields.join(",")), kinds }
    }

    /// Starts all of them.
    pub fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        for kind in &self.kinds {
            for client in 0..kind.clients {
                scope.spawn(move || {
                    let _ = rustix::process::nice(19);
                    for number in (client..).step_by(kind.clients) {
                        if self.end.has_come() {
                            return;
                        }
                        (kind.attack)(self, number);
                        kind.done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
    }

    /// How often each was done, by its name.
    pub fn done(&self) -> Vec<(&'static str, usize)> {
        self.kinds.iter().map(|kind| (kind.name, kind.done.load(Ordering::Relaxed))).collect()
    }

    fn never_read(&self, _: usize) {
        let metrics = get(self.router, "/metrics", None).repeat(40);
        let description = get(self.router, "/api/openapi.json", Some(token("viewer"))).repeat(10);
        let mut crowd = deaf_crowd(self.router.admin, CROWDED, 150, metrics.as_bytes());
        crowd.extend(deaf_crowd(self.router.admin, [127, 0, 0, 11], 150, description.as_bytes()));
        self.keep(crowd);
    }

    fn never_ask(&self, _: usize) {
        let mut crowd = deaf_crowd(self.router.admin, CROWDED, 300, b"");
        let slow = b"GET /healthz HTTP/1.1\r\nX-Slow: ";
        crowd.extend(deaf_crowd(self.router.admin, [127, 0, 0, 12], 200, slow));
        self.keep(crowd);
    }

    fn send_wide_json(&self, number: usize) {
        let path = ["explain", "who-moves"][number % 2];
        let head = format!(
            "POST /api/v1/apps/hello/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.router.admin,
            token("viewer"),
            self.fields.len()
        );
        self.ask([127, 0, 0, 13], &[head.as_bytes(), self.fields.as_bytes()]);
    }

    fn write_keys(&self, number: usize) {
        let head = format!(
            "PUT /api/kv/bulk/{:05} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: text/plain\r\nContent-Length: {VALUE_BYTES}\r\n\r\n",
            number % self.keys,
            self.router.admin,
            token("ci"),
        );
        self.ask([127, 0, 0, 14], &[head.as_bytes(), "v".repeat(VALUE_BYTES).as_bytes()]);
    }

    fn list_unread(&self, _: usize) {
        let listing = get(self.router, "/api/kv/?recurse", Some(token("viewer")));
        self.keep(deaf_crowd(self.router.admin, [127, 0, 0, 15], 8, listing.as_bytes()));
    }

    fn follow_unread(&self, _: usize) {
        let stream = get(self.router, "/api/v1/stream", Some(token("viewer")));
        let mut crowd = deaf_crowd(self.router.admin, [127, 0, 0, 16], 75, stream.as_bytes());
        crowd.extend(deaf_crowd(self.router.admin, [127, 0, 0, 17], 75, stream.as_bytes()));
        self.keep(crowd);
    }

    fn guess(&self, number: usize) {
        let token = format!("guess-{number:020}");
        self.ask([127, 0, 0, 18], &[closing(get(self.router, "/api/v1/whoami", Some(&token))).as_bytes()]);
    }

    fn scrape_unread(&self, _: usize) {
        let metrics = get(self.router, "/metrics", None);
        self.keep(deaf_crowd(self.router.admin, [127, 0, 0, 19], 50, metrics.as_bytes()));
    }

    fn scrape(&self, _: usize) {
        self.ask([127, 0, 0, 20], &[closing(get(self.router, "/metrics", None)).as_bytes()]);
    }

    fn read_apps(&self, _: usize) {
        let request = closing(get(self.router, "/api/v1/apps", Some(token("viewer"))));
        self.ask([127, 0, 0, 21], &[request.as_bytes()]);
    }

    /// One call whose answer is read to its end, or until the router or this attack ends it.
    fn ask(&self, from: [u8; 4], parts: &[&[u8]]) {
        let Some(mut stream) = deaf(self.router.admin, from) else { return };
        let sent = parts.iter().all(|part| stream.write_all(part).is_ok());
        let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let mut buffer = [0; 16 * 1024];
        let patience = Deadline::after(Duration::from_secs(30));
        while sent && !patience.passed() && !self.end.has_come() {
            match stream.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Keeps connections a while without reading them.
    fn keep(&self, crowd: Vec<TcpStream>) {
        let kept = Deadline::after(KEPT);
        while !kept.passed() && !self.end.has_come() {
            pause(Duration::from_millis(50));
        }
        for stream in crowd {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// The same request on a connection that ends with its answer.
fn closing(request: String) -> String {
    request.replacen("\r\n", "\r\nConnection: close\r\n", 1)
}
