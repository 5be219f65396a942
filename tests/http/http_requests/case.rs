//! One case and all the ways in which it is sent.

use support::{Endpoint, ReceivedMessage, Router, Wire, echo, router};

/// The host of every request that does not say otherwise.
pub const HOST: &str = "shop.example.test";

/// A valid request that is sent behind a case; whether it may be answered depends on the case.
const FOLLOWER: &[u8] = b"GET /follower HTTP/1.1\r\nHost: shop.example.test\r\n\r\n";

/// Positions at which long messages are split; short ones are split everywhere.
const SPLITS_MAX: usize = 400;

/// What must become of a request.
pub enum Wants {
    /// One of these answers, then the connection ends; nothing of it reaches an endpoint.
    Refused(&'static [u16]),
    /// The same for a body found wrong after its head was forwarded: the endpoint never sees it complete.
    BodyRefused(&'static [u16]),
    /// It arrives once, complete and unambiguous, and this holds for what arrived.
    Forwarded(Box<dyn Fn(&ReceivedMessage)>),
    /// Either of the two: the design leaves it open.
    RefusedOr(&'static [u16], Box<dyn Fn(&ReceivedMessage)>),
}

/// A named request.
pub struct Case {
    name: String,
    bytes: Vec<u8>,
    wants: Wants,
    /// Whether the request itself ends the connection.
    closes: bool,
    /// Whether it is too large to be tried split at every byte.
    large: bool,
}

/// A request that must be refused.
pub fn refused(name: impl Into<String>, statuses: &'static [u16], bytes: impl AsRef<[u8]>) -> Case {
    Case::new(name, bytes, Wants::Refused(statuses))
}

/// A request whose body must be refused.
pub fn body_refused(name: impl Into<String>, statuses: &'static [u16], bytes: impl AsRef<[u8]>) -> Case {
    Case::new(name, bytes, Wants::BodyRefused(statuses))
}

/// A request that must arrive, and what must be true of it there.
pub fn forwarded(
    name: impl Into<String>,
    bytes: impl AsRef<[u8]>,
    check: impl Fn(&ReceivedMessage) + 'static,
) -> Case {
    Case::new(name, bytes, Wants::Forwarded(Box::new(check)))
}

impl Case {
    /// A case.
    pub fn new(name: impl Into<String>, bytes: impl AsRef<[u8]>, wants: Wants) -> Self {
        Self { name: name.into(), bytes: bytes.as_ref().to_vec(), wants, closes: false, large: false }
    }

    /// The request itself asks for the connection's end.
    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Not split at every byte.
    pub fn large(mut self) -> Self {
        self.large = true;
        self
    }

    fn method(&self) -> String {
        let word = self.bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        String::from_utf8_lossy(word).into_owned()
    }
}

/// A head with the usual Host, these further header lines (each ended by CRLF), and a body.
pub fn post(headers: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    message("POST / HTTP/1.1", &format!("Host: {HOST}\r\n"), headers.as_ref(), body.as_ref())
}

/// A head with the usual Host, these further header lines (each ended by CRLF), and no body.
pub fn get(headers: impl AsRef<[u8]>) -> Vec<u8> {
    message("GET / HTTP/1.1", &format!("Host: {HOST}\r\n"), headers.as_ref(), b"")
}

/// A request with this line and the usual Host.
pub fn line(line: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = line.as_ref().to_vec();
    bytes.extend(format!("\r\nHost: {HOST}\r\n\r\n").into_bytes());
    bytes
}

fn message(line: &str, host: &str, headers: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line}\r\n{host}").into_bytes();
    bytes.extend(headers);
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// Runs every case in every way of sending; all failures are reported together. Those that are refused in the body have a
/// router of their own: their endpoint may hear of such a request when the next case runs already.
pub fn run(cases: Vec<Case>) {
    let count = cases.len();
    let in_body = |case: &Case| matches!(case.wants, Wants::BodyRefused(_));
    let (in_body, others): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(in_body);
    let failed = [run_on_one_router(&in_body), run_on_one_router(&others)].concat();
    assert!(failed.is_empty(), "{} of {count} cases failed:\n{}", failed.len(), failed.join("\n"));
}

/// What failed.
fn run_on_one_router(cases: &[Case]) -> Vec<String> {
    if cases.is_empty() {
        return Vec::new();
    }
    let bench = Bench::new();
    let fails = |case: &Case, way: Way| {
        bench.check(case, way).err().map(|why| format!("{} [{way:?}]: {why}", case.name))
    };
    cases.iter().filter_map(|case| ways(case).into_iter().find_map(|way| fails(case, way))).collect()
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Whole,
    AfterAnother,
    Followed,
    Split(usize),
    Bytewise,
}

fn ways(case: &Case) -> Vec<Way> {
    let mut ways = vec![Way::Whole, Way::AfterAnother, Way::Followed];
    if !case.large {
        ways.extend((1..case.bytes.len().min(SPLITS_MAX)).map(Way::Split));
        ways.push(Way::Bytewise);
    }
    ways
}

struct Bench {
    router: Router,
}

type Outcome = Result<(), String>;

impl Bench {
    fn new() -> Self {
        // What is wrong is to be the bytes, and not how long a busy machine takes to send them one by one.
        let patient = router().limit("header_ms", 60_000).limit("body_grace_ms", 60_000);
        Self { router: patient.stable_on("v1", vec![echo("v1")]).start() }
    }

    fn endpoint(&self) -> &Endpoint {
        self.router.endpoint("v1")
    }

    fn check(&self, case: &Case, way: Way) -> Outcome {
        self.endpoint().take();
        let mut wire = self.router.connect();
        if matches!(way, Way::AfterAnother) {
            wire.send(FOLLOWER);
            self.answer(&mut wire, "GET", &[200])?;
            self.endpoint().take();
        }
        match way {
            Way::Whole | Way::AfterAnother => wire.send(&case.bytes),
            Way::Followed => wire.send([&case.bytes, FOLLOWER].concat()),
            Way::Split(at) => wire.send_split(&case.bytes, at),
            Way::Bytewise => wire.send_bytewise(&case.bytes),
        };
        match &case.wants {
            Wants::Refused(statuses) => self.refused(case, &mut wire, statuses, false),
            Wants::BodyRefused(statuses) => self.refused(case, &mut wire, statuses, true),
            Wants::Forwarded(check) => {
                self.answer(&mut wire, &case.method(), &[200])?;
                self.forwarded(case, way, &mut wire, check)
            }
            Wants::RefusedOr(statuses, check) => {
                let either: Vec<u16> = statuses.iter().copied().chain([200]).collect();
                if self.answer(&mut wire, &case.method(), &either)? == 200 {
                    self.forwarded(case, way, &mut wire, check)
                } else {
                    self.nothing_more(case, &mut wire, false)
                }
            }
        }
    }

    fn answer(&self, wire: &mut Wire, method: &str, statuses: &[u16]) -> Result<u16, String> {
        let response = wire.try_response(method).map_err(|broken| format!("no valid answer: {broken:?}"))?;
        if !statuses.contains(&response.status) {
            return Err(format!("answered {}, not {statuses:?}: {}", response.status, response.text()));
        }
        if response.status >= 400 && !response.says_close() {
            return Err(format!("refused with {} and no `Connection: close`", response.status));
        }
        Ok(response.status)
    }

    fn refused(&self, case: &Case, wire: &mut Wire, statuses: &[u16], in_body: bool) -> Outcome {
        self.answer(wire, &case.method(), statuses)?;
        self.nothing_more(case, wire, in_body)
    }

    /// Invariant 8: after a refusal nothing later on the connection is answered, and nothing of it arrives.
    fn nothing_more(&self, case: &Case, wire: &mut Wire, in_body: bool) -> Outcome {
        match wire.rest() {
            None => return Err("refused, and the connection stayed open".into()),
            Some(rest) if !rest.is_empty() => {
                return Err(format!("after the refusal came {:?}", lossy(&rest)));
            }
            Some(_) => {}
        }
        let arrived = self.endpoint().take();
        match arrived.iter().find(|received| received.complete || !in_body) {
            Some(received) => Err(format!("it arrived at the endpoint: {:?}", lossy(&received.head))),
            None if case.bytes.is_empty() => Err("an empty case tests nothing".into()),
            None => Ok(()),
        }
    }

    fn forwarded(&self, case: &Case, way: Way, wire: &mut Wire, check: &dyn Fn(&ReceivedMessage)) -> Outcome {
        let followed = matches!(way, Way::Followed);
        if case.closes {
            if wire.rest().as_deref() != Some(b"") {
                return Err("the connection was to end with its answer".into());
            }
        } else {
            if !followed {
                wire.send(FOLLOWER);
            }
            self.answer(wire, "GET", &[200]).map_err(|why| format!("the request behind it: {why}"))?;
        }
        let arrived: Vec<ReceivedMessage> =
            self.endpoint().take().into_iter().filter(|r| r.complete).collect();
        let expected = if case.closes { 1 } else { 2 };
        if arrived.len() != expected {
            let heads: Vec<String> = arrived.iter().map(|received| lossy(&received.head)).collect();
            return Err(format!("{} requests arrived, not {expected}: {heads:?}", arrived.len()));
        }
        if let Some(received) = arrived.iter().find(|received| !received.faults.is_empty()) {
            return Err(format!("arrived ambiguous, {:?}: {:?}", received.faults, lossy(&received.head)));
        }
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&arrived[0])));
        checked.map_err(|panic| format!("{}; arrived: {:?}", message_of(&panic), lossy(&arrived[0].head)))
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned()
}
