//! The command line: `--name value` pairs, each with a default.

use crate::sys::die;
use std::collections::HashMap;
use std::net::SocketAddrV4;

/// What a run does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Requests as fast as they are answered, or at `--rate`.
    Load,
    /// One request on each of `--conns` connections, which then stay: memory per idle connection.
    Idle,
    /// Only the endpoints, for another load generator.
    Endpoints,
}

/// All settings of one run.
pub struct Options {
    /// What is done.
    pub mode: Mode,
    /// Where the proxy listens.
    pub proxy: SocketAddrV4,
    /// The proxy's processes.
    pub pids: Vec<u32>,
    /// The ports of the endpoints.
    pub endpoints: Vec<u16>,
    /// Client connections.
    pub connections: usize,
    /// Bytes of a request's body.
    pub request_body: usize,
    /// Bytes of a response's body.
    pub response_body: usize,
    /// Whether responses are chunked.
    pub chunked: bool,
    /// Whether responses are JSON, which clients take by gzip.
    pub json: bool,
    /// Whether requests are WebSocket handshakes, which endpoints accept.
    pub websocket: bool,
    /// Length of the measured window, s.
    pub duration: f64,
    /// Time before it, s.
    pub warm: f64,
    /// Requests per second; 0 is as many as are answered.
    pub rate: f64,
    /// Whether this process never sleeps, so that nobody pays for waking it.
    pub spin: bool,
    /// The name of the pin cookie.
    pub cookie: String,
    /// The target of every request.
    pub path: String,
    /// The Host of every request.
    pub host: String,
}

impl Options {
    /// Reads the command line, or ends the program.
    pub fn parse() -> Self {
        let mut given = HashMap::new();
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            let Some(value) = words.next() else { die(&format!("{name} needs a value")) };
            given.insert(name.trim_start_matches("--").to_owned(), value);
        }
        let text = |name: &str, default: &str| given.get(name).cloned().unwrap_or_else(|| default.to_owned());
        let number = |name: &str, default: f64| match given.get(name).map(|value| value.parse::<f64>()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => die(&format!("--{name} needs a number")),
        };
        let proxy = text("proxy", "127.0.0.1:18080");
        Self {
            mode: mode(&text("mode", "load")),
            proxy: proxy.parse().unwrap_or_else(|_| die(&format!("--proxy needs ip:port, not {proxy}"))),
            pids: list(&text("pids", "")),
            endpoints: list(&text("endpoints", "19001,19002")),
            connections: number("conns", 64.0) as usize,
            request_body: number("req-body", 0.0) as usize,
            response_body: number("size", 1024.0) as usize,
            chunked: text("chunked", "0") == "1",
            json: text("json", "0") == "1",
            websocket: text("websocket", "0") == "1",
            duration: number("duration", 4.0),
            warm: number("warm", 1.0),
            rate: number("rate", 0.0),
            spin: text("spin", "1") == "1",
            cookie: text("cookie", "pin"),
            path: text("path", "/catalogue/item?id=12345&ref=home"),
            host: text("host", "shop.example.test"),
        }
    }
}

fn mode(name: &str) -> Mode {
    match name {
        "load" => Mode::Load,
        "idle" => Mode::Idle,
        "endpoints" => Mode::Endpoints,
        other => die(&format!("--mode is load, idle or endpoints, not {other}")),
    }
}

fn list<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split(',').filter_map(|part| part.parse().ok()).collect()
}
