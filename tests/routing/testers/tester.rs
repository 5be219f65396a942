//! A tester's browser: it keeps the cookies of one host, and opens a connection for each request.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use support::{Response, Router, Wire};

/// The tester's cookie, as it is called by default.
pub const COOKIE: &str = "rolling_pin_preview";

/// A browser at one address.
#[derive(Clone)]
pub struct Tester {
    address: SocketAddr,
    host: String,
    /// The cookies of that host.
    pub cookies: BTreeMap<String, String>,
    /// Further header lines, each ended by CRLF.
    pub headers: String,
}

impl Tester {
    /// At the front port.
    pub fn at(router: &Router) -> Self {
        let cookies = BTreeMap::from([("theme".to_owned(), "dark".to_owned())]);
        Self { address: router.front, host: router.host.clone(), cookies, headers: String::new() }
    }

    /// At a host of the admin port.
    pub fn on(router: &Router, host: &str) -> Self {
        Self { address: router.admin, host: host.to_owned(), ..Self::at(router) }
    }

    /// With this header on every request.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// The head of a request, less the empty line.
    pub fn head(&self, method: &str, target: &str) -> String {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{cookies}{}", self.host, self.headers)
    }

    /// Asks for a page, and keeps the cookies that come with it.
    pub fn get(&mut self, target: &str) -> Response {
        let mut wire = Wire::open(self.address);
        wire.send(self.head("GET", target) + "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n");
        let response = wire.response("GET");
        for line in response.header_all("set-cookie") {
            let (name, rest) = line.split_once('=').expect("a cookie has a name");
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                let value = rest.split(';').next().unwrap_or_default();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// The release that answers `/`.
    #[track_caller]
    pub fn release(&mut self) -> String {
        let response = self.get("/");
        assert_eq!(response.status, 200, "{}", response.text());
        response.header("x-release").unwrap_or_default().to_owned()
    }

    /// Opens a link, which must be good.
    #[track_caller]
    pub fn open(mut self, link: &str) -> Self {
        let response = self.get(link);
        assert_eq!(response.status, 303, "{}", response.text());
        assert!(self.cookies.contains_key(COOKIE));
        self
    }
}

/// Makes a preview as an operator; its answer.
#[track_caller]
pub fn preview(router: &Router, body: &Value) -> Value {
    router.api().post("previews", body).expect(201).json()
}

/// The link to the release on a track.
#[track_caller]
pub fn link(router: &Router, track: &str) -> String {
    path_of(&preview(router, &json!({ "track": track })))
}

/// The link in an answer.
pub fn path_of(preview: &Value) -> String {
    preview["path"].as_str().expect("a new preview has its path").to_owned()
}

/// Revokes a preview.
#[track_caller]
pub fn revoke(router: &Router, preview: &Value) {
    let id = preview["id"].as_str().expect("a preview has an id");
    router.api().delete(&format!("previews/{id}")).expect(200);
}
