//! What end users do, and whether each answer, and each line of the log, is one that the model allows.

use super::client::{Read, is_at, told};
use super::routing::{Cookie, Evidence, Outcome, Pin};
use super::steps::{Kind, Tamper};
use super::world::{Outcomes, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::sync::atomic::Ordering;
use support::clock::{PATIENCE, within};
use support::visitor::{PIN, pin_of};
use support::{Response, Wire};

impl World {
    pub(super) fn tamper(&mut self, client: usize, tamper: Tamper) {
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

    pub(super) fn visit(&mut self, client: usize, kind: Kind, sick: bool) -> Outcomes {
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
    pub(super) fn fits(
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
        // Any answer but that to an asset renews a pin of an earlier hour.
        let renewed = outcome.reason == "pin" && kind != Kind::Asset && pin.hour != client.hour;
        let tenure = self.model.routed().find(|stay| stay.0 == release).map(|stay| stay.1);
        let kept = |old: Pin| outcome.cookie == Cookie::First || old.bucket == pin.bucket;
        let draw = match (client.pin(), outcome.cookie) {
            (Some(old), Cookie::No | Cookie::Changed) => self.model.renewed(old.draw),
            _ => self.model.drawn(outcome.by_bucket == Some(true)),
        };
        (outcome.cookie != Cookie::No || renewed)
            && Some(pin.tenure) == tenure
            && pin.left_candidate == outcome.left_candidate
            && pin.draw == draw
            && client.pin().is_none_or(kept)
    }

    /// Gives the client its cookie, and tells the model what its bucket led to; `false` when that cannot be.
    pub(super) fn take(&mut self, client: usize, matching: &[Outcome], answer: &Response) -> bool {
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
        let (client, short_lived) = (&mut self.clients[client], self.model.short_lived);
        let Read { bucket, tenure, hour, left_candidate, draw } = read;
        let pin = Pin { bucket, tenure, endpoint, left_candidate, draw, short_lived };
        client.evidence = Evidence::Valid(pin);
        (client.cookie, client.hour) = (Some(cookie), hour);
        learnt
    }

    pub(super) fn number_of(&self, release: usize, address: &str) -> Option<usize> {
        let mut sites = self.sites.iter();
        sites
            .find(|((of, _), site)| *of == release && site.address.to_string() == address)
            .map(|((_, number), _)| *number)
    }

    /// Asks as a client, with its cookie and on its connection.
    pub(super) fn ask(&mut self, client: usize, kind: Kind, request: &str) -> Result<Response, String> {
        let client = &mut self.clients[client];
        let target = if kind == Kind::Asset { "/assets/app.4f2a9c1e7b.js" } else { "/" };
        let method = match kind {
            Kind::CrossSitePost => "POST",
            Kind::Preflight(_) => "OPTIONS",
            _ => "GET",
        };
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {request}\r\n",
            self.router.host
        );
        head += &match kind {
            Kind::Navigation => "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n".to_owned(),
            Kind::Fetch => "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n".to_owned(),
            Kind::Asset => "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n".to_owned(),
            Kind::Image => "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n".to_owned(),
            Kind::Bare => String::new(),
            Kind::CrossSitePost => "Origin: http://elsewhere.test\r\nContent-Length: 0\r\n".to_owned(),
            Kind::Preflight(release) => format!(
                "Origin: http://elsewhere.test\r\nAccess-Control-Request-Method: GET\r\n\
                 Access-Control-Request-Headers: x-v{release}\r\n"
            ),
        };
        if let Some(cookie) = client.cookie.as_ref().filter(|_| method != "OPTIONS") {
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
