//! A started router with its endpoints and end users, and what each step does to it. Beside it a [`Model`], to which the
//! same is done; every answer is held against what the model allows.

use super::expected::Model;
use super::routing::{Cookie, Evidence, Outcome, Pin};
use super::site::Site;
use super::steps::{CLIENTS, Kind, LATE, RELEASES, Step, Tamper, endpoints_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, within};
use support::router::id;
use support::visitor::{PIN, pin_of};
use support::{Api, Response, Router, Wire, router};

/// Everything.
pub struct World {
    router: Router,
    api: Api,
    model: Model,
    sites: BTreeMap<(usize, usize), Site>,
    /// Releases that answer 503.
    sick: Vec<Arc<AtomicBool>>,
    clients: Vec<Client>,
    log: PathBuf,
    /// How much of the log was read.
    log_read: usize,
    /// Why each request may have gone where it went, by its id.
    reasons: HashMap<String, Vec<&'static str>>,
    asked: usize,
    /// Visits that nothing could be told from, since the router doubted an endpoint that is well.
    pub inconclusive: usize,
    _dir: tempfile::TempDir,
}

/// An end user.
struct Client {
    wire: Option<Wire>,
    cookie: Option<String>,
    evidence: Evidence,
    /// The hour that its pin names.
    hour: u16,
}

/// What a difference is told as.
type Outcomes = Result<(), String>;

impl World {
    /// `v0` stable, `v1` the candidate.
    pub fn start(blend: u32, workers: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let log = dir.path().join("access.log");
        let sick: Vec<_> = (0..=RELEASES).map(|_| Arc::new(AtomicBool::new(false))).collect();
        let mut sites = BTreeMap::new();
        let mut builder = router().durable().workers(workers).access_log(&log);
        for (release, sick) in sick.iter().enumerate() {
            let endpoints = if release == LATE { 1 } else { endpoints_of(release) };
            for number in 0..endpoints {
                let site = Site::start(release, number, sick);
                if release != LATE {
                    builder = builder.key(&key(release, number), &site.address.to_string());
                }
                sites.insert((release, number), site);
            }
        }
        let settings = settings(false, false, false, 0).to_string();
        let router = builder
            .key("rolling/hello/stable/id", &id("v0"))
            .key("rolling/hello/candidate/id", &id("v1"))
            .key("rolling/hello/blendpercent", &percent(blend))
            .key("rolling/hello/settings", &settings)
            .start();
        let client = || Client { wire: None, cookie: None, evidence: Evidence::Nothing, hour: 0 };
        Self {
            api: router.api(),
            router,
            model: Model::new(blend),
            sites,
            sick,
            clients: (0..CLIENTS).map(|_| client()).collect(),
            log,
            log_read: 0,
            reasons: HashMap::new(),
            asked: 0,
            inconclusive: 0,
            _dir: dir,
        }
    }

    /// Does a step to both, and compares.
    pub fn step(&mut self, step: Step) -> Outcomes {
        match step {
            Step::Visit(client, kind) => return self.visit(client, kind, false),
            Step::VisitSick(client, kind) => return self.visit(client, kind, true),
            Step::Tamper(client, tamper) => {
                self.tamper(client, tamper);
                return Ok(());
            }
            Step::Stop(release, number) => self.stop((release, number), true),
            Step::Revive(release, number) => self.stop((release, number), false),
            Step::Register(release, number, there) => self.register((release, number), there),
            Step::RegisterLate => self.register_late()?,
            Step::Navigate(on) => self.model.navigate = on,
            Step::DrainOver(on) => self.model.drain_over = on,
            Step::RefreshAlways(on) => self.model.refresh_always = on,
            Step::SetStableBriefly(release) => self.set_stable_briefly(release)?,
            Step::Restart => self.restart()?,
            command => self.command(command)?,
        }
        if matches!(step, Step::Navigate(_) | Step::DrainOver(_) | Step::RefreshAlways(_)) {
            self.apply_settings(0);
        }
        self.compare_state()?;
        self.settle_health()?;
        self.settle_drains()
    }

    fn command(&mut self, step: Step) -> Outcomes {
        let (api, model) = (&self.api, &mut self.model);
        let named = |field: &str, release: Option<usize>| match release {
            Some(release) => json!({ field: name(release) }),
            None => json!({}),
        };
        let old = |key: &str| format!("rolling/hello/{key}");
        let null =
            |release: Option<usize>| release.map_or("rolling/null".to_owned(), |release| id(&name(release)));
        let mut raw = |key: &str, value: &str, change: &mut dyn FnMut(&mut Model)| {
            change(model);
            (api.kv_put(&old(key), value), 200)
        };
        let (answer, wanted) = match step {
            Step::RawStable(release) => {
                raw("stable/id", &null(release), &mut |model| model.raw_stable(release))
            }
            Step::RawCandidate(release) => {
                raw("candidate/id", &null(release), &mut |model| model.raw_candidate(release))
            }
            Step::RawBlend(blend) => raw("blendpercent", &percent(blend), &mut |model| model.blend = blend),
            Step::RawSticky(sticky) => {
                raw("stickyness", if sticky { "1" } else { "0" }, &mut |model| model.sticky = sticky)
            }
            Step::RawDelete(number) => {
                if number == 0 {
                    model.pending = None;
                }
                let keys = ["stable/id", "candidate/id", "blendpercent", "stickyness"];
                (api.kv_delete(&old(keys[number])), 200)
            }
            Step::SetCandidate(release, blend) => {
                let mut body = json!({ "id": id(&name(release)) });
                if let Some(blend) = blend {
                    body["blend"] = json!(f64::from(blend) / 100.0);
                }
                (api.put("candidate", &body), model.set_candidate(release, blend))
            }
            Step::SetBlend(blend) => {
                (api.put("blend", &json!({ "percent": f64::from(blend) / 100.0 })), model.set_blend(blend))
            }
            Step::SetSticky(sticky) => {
                (api.put("sticky", &json!({ "sticky": sticky })), model.set_sticky(sticky))
            }
            Step::SetStable(release) => {
                (api.put("stable", &json!({ "id": id(&name(release)) })), model.set_stable(release))
            }
            Step::Promote(release) => {
                (api.post("promote", &named("release", release)), model.promote(release))
            }
            Step::Abort(release) => (api.post("abort", &named("release", release)), model.abort(release)),
            Step::Rollback(release) => (api.post("rollback", &named("to", release)), model.rollback(release)),
            Step::FinishDrains => (api.delete("draining"), model.finish_drains()),
            other => return Err(format!("{other:?} is no command")),
        };
        if answer.status() == wanted {
            return Ok(());
        }
        Err(format!("answered {}, not {wanted}: {}", answer.status(), answer.response.text()))
    }

    fn stop(&mut self, endpoint: (usize, usize), stop: bool) {
        if !self.model.stop(endpoint, stop) {
            return;
        }
        let sick = Arc::clone(&self.sick[endpoint.0]);
        let site = self.sites.get_mut(&endpoint).expect("every endpoint has a site");
        match site.running.take() {
            Some(running) => running.stop(),
            None => site.running = Some(site.again(endpoint.0, &sick)),
        }
    }

    fn register(&mut self, endpoint: (usize, usize), there: bool) {
        if !self.model.register(endpoint, there) {
            return;
        }
        let (key, address) = (key(endpoint.0, endpoint.1), self.sites[&endpoint].address.to_string());
        let answer = if there { self.api.kv_put(&key, &address) } else { self.api.kv_delete(&key) };
        answer.expect(200);
    }

    /// A stable release that waited for its first endpoint is adopted by whoever sees that, a moment later.
    fn register_late(&mut self) -> Outcomes {
        self.model.register_late();
        self.api.kv_put(&key(LATE, 0), &self.sites[&(LATE, 0)].address.to_string()).expect(200);
        within(PATIENCE, || self.compare_state().is_ok());
        self.compare_state()
    }

    fn apply_settings(&self, drain_max: u32) {
        let model = &self.model;
        let settings = settings(model.navigate, model.drain_over, model.refresh_always, drain_max);
        self.api.put("settings", &settings).expect(200);
    }

    fn set_stable_briefly(&mut self, release: usize) -> Outcomes {
        let before = self.model.stable;
        self.apply_settings(1);
        let since = Deadline::after(Duration::from_secs(1));
        self.command(Step::SetStable(release))?;
        let compared = self.compare_state();
        // The drain may have ended before it was looked at.
        if !since.passed() {
            compared?;
        }
        if let Some((leaving, _)) = before.filter(|stay| self.model.draining.contains(stay)) {
            let drains = || {
                state_of(&self.api)["draining"].to_string().contains(&format!("\"{}\"", id(&name(leaving))))
            };
            if !within(PATIENCE, || !drains()) {
                return Err("a drain did not end by time".to_owned());
            }
            if !since.passed() {
                return Err(format!("a drain of a second ended after {:?}", since.elapsed()));
            }
            self.model.retire(leaving);
        }
        self.apply_settings(0);
        Ok(())
    }

    fn restart(&mut self) -> Outcomes {
        self.check_log()?;
        self.clients.iter_mut().for_each(|client| client.wire = None);
        self.router.start_again();
        Ok(())
    }

    /// The app's state says what the model says.
    fn compare_state(&self) -> Outcomes {
        let (state, model) = (state_of(&self.api), &self.model);
        let track = |track: &str| {
            let stay = &state[track];
            (!stay.is_null())
                .then(|| (stay["id"].as_str().unwrap_or_default().to_owned(), stay["tenure"].as_u64()))
        };
        let stay = |stay: (usize, u32)| (id(&name(stay.0)), Some(u64::from(stay.1)));
        let draining: Vec<_> = state["draining"].as_array().into_iter().flatten().collect();
        let draining: Vec<_> = draining
            .iter()
            .map(|stay| (stay["id"].as_str().unwrap_or_default().to_owned(), stay["tenure"].as_u64()))
            .collect();
        let blend = state["blend"].as_f64().unwrap_or(-1.0);
        let same = track("stable") == model.stable.map(stay)
            && track("candidate") == model.candidate.map(stay)
            && draining == model.draining.iter().copied().map(stay).collect::<Vec<_>>()
            && (blend - f64::from(model.blend) / 100.0).abs() < 0.001
            && state["sticky"].as_bool() == Some(model.sticky)
            && state["previous"]["id"].as_str().map(str::to_owned)
                == model.previous.map(|release| id(&name(release)));
        if same {
            return Ok(());
        }
        let parts = ["stable", "candidate", "draining", "blend", "sticky", "previous"]
            .map(|part| brief(&state[part]));
        Err(format!("the state is {parts:?}, not {}", model.told()))
    }

    /// Waits until the router knows which endpoints answer.
    fn settle_health(&mut self) -> Outcomes {
        let doubtful = self.model.routed().any(|stay| self.model.down(stay.0).next().is_some());
        if !doubtful && self.doubted().is_empty() {
            return Ok(());
        }
        if within(PATIENCE, || self.doubted().is_empty()) {
            return Ok(());
        }
        Err(format!("these are not told apart from what they are: {:?}", self.doubted()))
    }

    /// Endpoints that the router believes to serve and do not, or the other way round.
    fn doubted(&self) -> Vec<(usize, usize)> {
        let metrics = self.api.metrics();
        let healthy = |release: usize, number: usize| {
            let address = self.sites[&(release, number)].address.to_string();
            metrics.sum("rolling_endpoint_healthy", &[("release", &name(release)), ("address", &address)])
                > 0.5
        };
        let routed: Vec<usize> = self.model.routed().map(|stay| stay.0).collect();
        let wrong = routed.into_iter().flat_map(|release| {
            let up = self.model.serving(release).filter(move |number| !healthy(release, *number));
            let down = self.model.down(release).filter(move |number| healthy(release, *number));
            up.chain(down).map(move |number| (release, number)).collect::<Vec<_>>()
        });
        wrong.collect()
    }

    /// Waits until the router has looked at its deadlines: a client of each draining release asks, without taking the cookie
    /// that it may get, until it goes where the model says.
    fn settle_drains(&mut self) -> Outcomes {
        for (_, tenure) in self.model.draining.clone() {
            let pinned =
                |client: &Client| matches!(client.evidence, Evidence::Valid(pin) if pin.tenure == tenure);
            let Some(at) = self.clients.iter().position(pinned).filter(|_| self.model.sticky) else {
                continue;
            };
            let evidence = self.clients[at].evidence;
            let allowed = self.model.route(evidence, Kind::Navigation);
            let reached = within(PATIENCE, || {
                let answer = self.ask(at, Kind::Navigation, "probe");
                answer.is_ok_and(|answer| allowed.iter().any(|outcome| is_at(*outcome, &answer)))
            });
            if !reached {
                return Err(format!("a client of tenure {tenure} does not come to {allowed:?}"));
            }
        }
        Ok(())
    }

    fn tamper(&mut self, client: usize, tamper: Tamper) {
        let client = &mut self.clients[client];
        let pin = client.cookie.take();
        let forge = |pin: String, at: usize| {
            let mut bytes = URL_SAFE_NO_PAD.decode(pin).expect("a pin is base64url");
            bytes[at] ^= 0x41;
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let valid = matches!(client.evidence, Evidence::Valid(_));
        (client.cookie, client.evidence) = match (tamper, pin.filter(|_| valid)) {
            (Tamper::Forge, Some(pin)) => (Some(forge(pin, 3)), Evidence::Forged),
            (Tamper::ForeignKey, Some(pin)) => (Some(forge(pin, 1)), Evidence::ForeignKey),
            _ => (None, Evidence::Nothing),
        };
    }

    fn visit(&mut self, client: usize, kind: Kind, sick: bool) -> Outcomes {
        let evidence = self.clients[client].evidence;
        let sick = self.model.candidate.map(|stay| stay.0).filter(|_| sick);
        let mut allowed = self.model.route(evidence, kind);
        if sick.is_some() {
            let model = &self.model;
            allowed.iter_mut().for_each(|outcome| *outcome = model.shielded(*outcome, evidence, kind));
        }
        self.asked += 1;
        let request = format!("r{}", self.asked);
        if let Some(release) = sick {
            self.sick[release].store(true, Ordering::SeqCst);
        }
        let answer = self.ask(client, kind, &request);
        if let Some(release) = sick {
            self.sick[release].store(false, Ordering::SeqCst);
        }
        let answer = answer?;
        let matching: Vec<Outcome> = allowed
            .iter()
            .filter(|outcome| self.fits(**outcome, &answer, client, kind, sick))
            .copied()
            .collect();
        let learnt = self.take(client, &matching, &answer);
        if matching.is_empty() || !learnt {
            if !self.doubted().is_empty() {
                self.inconclusive += 1;
                self.tamper(client, Tamper::Forget);
                return self.settle_health();
            }
            return Err(format!(
                "{evidence:?} got {}; allowed: {allowed:?}; {}",
                told(&answer, &self.sites),
                self.model.told()
            ));
        }
        if matching.iter().all(|outcome| !outcome.reason.is_empty()) {
            self.reasons.insert(request, matching.iter().map(|outcome| outcome.reason).collect());
        }
        Ok(())
    }

    /// Whether an answer is that outcome.
    fn fits(
        &self,
        outcome: Outcome,
        answer: &Response,
        client: usize,
        kind: Kind,
        sick: Option<usize>,
    ) -> bool {
        let pin = pin_of(answer).and_then(|text| Read::of(&text));
        let client = &self.clients[client];
        let Some(release) = outcome.release else {
            return is_at(outcome, answer) && answer.header("set-cookie").is_none();
        };
        let failing = sick == Some(release);
        let endpoint = answer.header("x-endpoint").and_then(|text| self.number_of(release, text));
        let there =
            endpoint.is_some() && (failing || outcome.endpoint.is_none_or(|wanted| Some(wanted) == endpoint));
        if !is_at(outcome, answer) || answer.status != if failing { 503 } else { 200 } || !there {
            return false;
        }
        let Some(pin) = pin else { return outcome.cookie == Cookie::No };
        // A navigation renews a pin of an earlier hour.
        let renewed = outcome.reason == "pin" && kind == Kind::Navigation && pin.hour != client.hour;
        let tenure = self.model.routed().find(|stay| stay.0 == release).map(|stay| stay.1);
        let kept = |old: Pin| outcome.cookie == Cookie::First || old.bucket == pin.bucket;
        (outcome.cookie != Cookie::No || renewed)
            && Some(pin.tenure) == tenure
            && pin.left_candidate == outcome.left_candidate
            && client.pin().is_none_or(kept)
    }

    /// Gives the client its cookie, and tells the model what its bucket led to; `false` when that cannot be.
    fn take(&mut self, client: usize, matching: &[Outcome], answer: &Response) -> bool {
        let old = self.clients[client].pin();
        let cookie = pin_of(answer);
        let read = cookie.as_deref().and_then(Read::of);
        let bucket =
            old.filter(|_| self.model.sticky).map(|pin| pin.bucket).or(read.as_ref().map(|read| read.bucket));
        let learnt = match (matching, bucket) {
            ([only], Some(bucket)) if only.by_bucket.is_some() => {
                self.model.learn(bucket, only.by_bucket == Some(true))
            }
            _ => true,
        };
        let Some((cookie, read)) = cookie.zip(read) else { return learnt };
        let kept = matching.iter().all(|outcome| outcome.reason == "pin");
        let answered = matching
            .iter()
            .find_map(|outcome| self.number_of(outcome.release?, answer.header("x-endpoint")?));
        let endpoint = old.filter(|_| kept).map(|pin| pin.endpoint).or(answered).unwrap_or(usize::MAX);
        let client = &mut self.clients[client];
        let Read { bucket, tenure, hour, left_candidate } = read;
        client.evidence = Evidence::Valid(Pin { bucket, tenure, endpoint, left_candidate });
        (client.cookie, client.hour) = (Some(cookie), hour);
        learnt
    }

    fn number_of(&self, release: usize, address: &str) -> Option<usize> {
        let mut sites = self.sites.iter();
        sites
            .find(|((of, _), site)| *of == release && site.address.to_string() == address)
            .map(|((_, number), _)| *number)
    }

    /// Asks as a client, with its cookie and on its connection.
    fn ask(&mut self, client: usize, kind: Kind, request: &str) -> Result<Response, String> {
        let client = &mut self.clients[client];
        let target = if kind == Kind::Asset { "/assets/app.4f2a9c1e7b.js" } else { "/" };
        let mut head =
            format!("GET {target} HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {request}\r\n", self.router.host);
        head += match kind {
            Kind::Navigation => "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
            Kind::Fetch => "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n",
            Kind::Asset => "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
            Kind::Bare => "",
        };
        if let Some(cookie) = &client.cookie {
            head += &format!("Cookie: {PIN}={cookie}\r\n");
        }
        let front = self.router.front;
        let wire = client.wire.get_or_insert_with(|| Wire::open(front));
        wire.send(head + "\r\n");
        let answer = wire.try_response("GET").map_err(|why| format!("no answer: {why:?}"))?;
        if answer.says_close() {
            client.wire = None;
        }
        Ok(answer)
    }

    /// Waits for the line of every request, and compares the reasons.
    pub fn check_log(&mut self) -> Outcomes {
        let mut difference = None;
        let complete = within(PATIENCE, || {
            let bytes = std::fs::read(&self.log).unwrap_or_default();
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            for line in bytes[self.log_read.min(whole)..whole].split(|byte| *byte == b'\n') {
                let line: Value = serde_json::from_slice(line).unwrap_or_default();
                let id = line["request_id"].as_str().unwrap_or_default();
                let Some(allowed) = self.reasons.remove(id) else { continue };
                if !allowed.iter().any(|reason| line["reason"] == *reason) {
                    difference.get_or_insert(format!("{line}: the reason is to be {allowed:?}"));
                }
            }
            self.log_read = whole;
            difference.is_some() || self.reasons.is_empty()
        });
        match difference {
            Some(difference) => Err(difference),
            None if complete => Ok(()),
            None => Err(format!("{} requests have no line in the access log", self.reasons.len())),
        }
    }
}

impl Client {
    fn pin(&self) -> Option<Pin> {
        match self.evidence {
            Evidence::Valid(pin) => Some(pin),
            _ => None,
        }
    }
}

/// What can be read of a pin without its key (docs/design.md section 8).
struct Read {
    bucket: u32,
    tenure: u32,
    hour: u16,
    left_candidate: bool,
}

impl Read {
    fn of(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)?;
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
        };
        Some(Self {
            bucket: number(2..4),
            tenure: number(12..16),
            hour: u16::from_be_bytes([bytes[20], bytes[21]]),
            left_candidate: bytes[23] & 0x80 != 0,
        })
    }
}

/// Whether an answer comes from where an outcome says; the router itself answers for nobody.
fn is_at(outcome: Outcome, answer: &Response) -> bool {
    match outcome.release {
        Some(release) => answer.header("x-release") == Some(&name(release)),
        None => {
            answer.status == 503
                && answer.header("retry-after").is_some()
                && answer.header("x-release").is_none()
        }
    }
}

fn settings(navigate: bool, drain_over: bool, refresh_always: bool, drain_max: u32) -> Value {
    let drain_max = if drain_max == 0 { 1_000_000 } else { drain_max };
    json!({
        "transition": if navigate { "navigate" } else { "keep" },
        "drainseconds": if drain_over { 0 } else { drain_max.min(100_000) },
        "drainmaxseconds": drain_max,
        "pinseconds": if refresh_always { 3_600 } else { 86_400 },
        "health": { "interval_ms": 100, "timeout_ms": 100, "fall": 1 },
    })
}

fn told(answer: &Response, sites: &BTreeMap<(usize, usize), Site>) -> String {
    let (release, endpoint) = (answer.header("x-release"), answer.header("x-endpoint").unwrap_or_default());
    let number =
        sites.iter().find(|(_, site)| site.address.to_string() == endpoint).map(|((_, number), _)| number);
    let pin = pin_of(answer).and_then(|text| Read::of(&text));
    let pin = pin.map(|pin| (pin.bucket, pin.tenure, pin.hour, pin.left_candidate));
    format!("{} {release:?} {number:?}, pin (bucket, tenure, hour, left) {pin:?}", answer.status)
}

/// A part of the state, without what is counted.
fn brief(part: &Value) -> String {
    match part {
        Value::Array(parts) => format!("{:?}", parts.iter().map(brief).collect::<Vec<_>>()),
        Value::Object(stay) => format!("{} {}", stay["release"], stay.get("tenure").unwrap_or(&Value::Null)),
        other => other.to_string(),
    }
}

fn state_of(api: &Api) -> Value {
    api.state()
}

fn name(release: usize) -> String {
    format!("v{release}")
}

fn key(release: usize, number: usize) -> String {
    format!("{}/c{number}", id(&name(release)))
}

fn percent(hundredths: u32) -> String {
    (f64::from(hundredths) / 100.0).to_string()
}
