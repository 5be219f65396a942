//! A router in front of one endpoint that misbehaves on `/poison` and is good everywhere else.

use std::fmt::Write as _;
use support::message::Fault;
use support::{Reply, Response, Router, Wire, router, scripted};

/// What a second client must never see: a whole response, smuggled behind another.
pub const SMUGGLED: &str = "HTTP/1.1 200 OK\r\nX-Poison: yes\r\nContent-Length: 6\r\n\r\npoison";

/// The router and its endpoint.
pub struct Stage {
    /// The router.
    pub router: Router,
}

impl Stage {
    /// A stage whose endpoint is still good.
    pub fn new() -> Self {
        Self { router: router().stable_on("v1", vec![scripted(|_| Reply::ok("fine"))]).start() }
    }

    /// From now on the endpoint does this on `/poison`.
    pub fn poison(&self, reply: Reply) {
        self.router.endpoint("v1").script(move |received| {
            if received.target() == "/poison" {
                reply.clone()
            } else {
                Reply::response("200 OK", &[("X-Fine", "yes")], "fine")
            }
        });
    }

    /// A connection that has asked for the poison.
    pub fn ask(&self, method: &str) -> Wire {
        let mut wire = self.router.connect();
        let body = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
        wire.send(format!("{method} /poison HTTP/1.1\r\nHost: {}\r\n{body}\r\n", self.router.host));
        wire
    }

    /// Fails unless a fresh client gets the good answer and nothing else, over a connection upstream that never carried
    /// the poison.
    pub fn assert_clean(&self) -> Result<(), String> {
        let arrived = self.router.endpoint("v1").take().into_iter();
        let poisoned: Vec<usize> = arrived
            .filter(|received| received.target() == "/poison")
            .map(|received| received.connection)
            .collect();
        for _ in 0..3 {
            let mut wire = self.router.connect();
            wire.send(format!("GET /good HTTP/1.1\r\nHost: {}\r\n\r\n", self.router.host));
            let response =
                wire.try_response("GET").map_err(|fault| format!("the next client got {fault:?}"))?;
            is_fine(&response)?;
        }
        let reused = self.router.endpoint("v1").take().into_iter().find(|r| poisoned.contains(&r.connection));
        reused.map_or(Ok(()), |received| {
            Err(format!("upstream connection {} was used again", received.connection))
        })
    }
}

/// Whether this is the good answer.
pub fn is_fine(response: &Response) -> Result<(), String> {
    let fine = response.status == 200 && response.header("x-fine") == Some("yes") && response.body == b"fine";
    if fine { Ok(()) } else { Err(format!("another client got {}: {:?}", response.status, response.text())) }
}

/// Runs every `(name, reply)` through `check`; all failures are reported together.
pub fn each<T>(
    cases: impl IntoIterator<Item = (String, T)>,
    check: impl Fn(&Stage, T) -> Result<(), String>,
) {
    let stage = Stage::new();
    let (mut tried, mut failed, mut report) = (0, 0, String::new());
    for (name, case) in cases {
        tried += 1;
        let outcome = check(&stage, case).and_then(|()| stage.assert_clean());
        if let Err(why) = outcome {
            failed += 1;
            let _ = writeln!(report, "{name}: {why}");
        }
    }
    assert!(failed == 0, "{failed} of {tried} cases failed:\n{report}");
}

/// A short name for raw bytes.
pub fn name(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(160)]))
}

/// The client's view of an answer that must not look whole: cut, or replaced by an error.
pub fn assert_broken(outcome: Result<Response, Fault>) -> Result<(), String> {
    match outcome {
        Err(Fault::Cut(_) | Fault::Ended) => Ok(()),
        Err(other) => Err(format!("not an abort: {other:?}")),
        Ok(response) if response.status == 502 => Ok(()),
        Ok(response) => Err(format!("looks whole: {} {:?}", response.status, response.text())),
    }
}
