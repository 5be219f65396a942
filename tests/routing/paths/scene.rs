//! A router with two apps on one host, and a client that keeps cookies as browsers do.

use serde_json::{Value, json};
use support::{Endpoint, Response, Router, Wire, echo, router};

/// A router with the app `hello`, which has `shop.example` and shares it, and `other`.
pub struct Scene {
    pub router: Router,
    /// The endpoint of `other`.
    pub other: Endpoint,
}

impl Scene {
    /// With these settings of `other`.
    pub fn start(settings: &Value) -> Self {
        Self::of(router().stable("hello").start(), settings)
    }

    /// The same on a router that is there.
    pub fn of(router: Router, settings: &Value) -> Self {
        let other = echo("other");
        let body = json!({ "release": "1.0", "endpoints": [other.address.to_string()] });
        router.api().app("other").put("stable", &body).expect(200);
        let shared = json!({ "hosts": ["shop.example"], "share_host": ["other"] });
        router.api().put("settings", &shared).expect(200);
        router.api().app("other").put("settings", settings).expect(200);
        Self { router, other }
    }
}

/// A cookie as a browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    pub value: String,
    pub path: String,
}

/// A client that keeps the cookies of one host.
pub struct Client {
    front: std::net::SocketAddr,
    host: String,
    pub jar: Vec<Kept>,
    /// Further header lines, each ended by CRLF.
    pub headers: String,
    /// Whether cookies of shorter paths come first, against RFC 6265.
    pub sends_short_first: bool,
}

impl Client {
    pub fn new(router: &Router, host: &str) -> Self {
        let (front, host) = (router.front, host.to_owned());
        Self { front, host, jar: Vec::new(), headers: String::new(), sends_short_first: false }
    }

    /// Loads a page, with the cookies for it, and keeps those that come with it.
    pub fn get(&mut self, target: &str) -> Response {
        let path = target.split('?').next().unwrap_or_default();
        let below = |kept: &&Kept| {
            let rest = path.strip_prefix(kept.path.as_str());
            rest.is_some_and(|rest| kept.path == "/" || rest.is_empty() || rest.starts_with('/'))
        };
        let mut sent: Vec<&Kept> = self.jar.iter().filter(below).collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        if self.sends_short_first {
            sent.reverse();
        }
        let cookies: Vec<String> = sent.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n{cookies}{}\r\n",
            self.host, self.headers
        );
        let mut wire = Wire::open(self.front);
        wire.send(head);
        let response = wire.response("GET");
        response.header_all("set-cookie").into_iter().for_each(|line| self.keep(line));
        response
    }

    fn keep(&mut self, line: &str) {
        let (name, rest) = line.split_once('=').expect("a cookie has a name");
        let mut parts = rest.split("; ");
        let value = parts.next().unwrap_or_default();
        let attribute =
            |name: &str| rest.split("; ").find_map(|part| part.strip_prefix(name)).map(str::to_owned);
        let path = attribute("Path=").unwrap_or_else(|| "/".to_owned());
        self.jar.retain(|kept| kept.name != name || kept.path != path);
        if attribute("Max-Age=").as_deref() != Some("0") {
            self.jar.push(Kept { name: name.to_owned(), value: value.to_owned(), path });
        }
    }

    /// The value of a cookie that is kept for a path.
    pub fn kept(&self, name: &str, path: &str) -> Option<String> {
        let found = self.jar.iter().find(|kept| kept.name == name && kept.path == path);
        found.map(|kept| kept.value.clone())
    }
}
