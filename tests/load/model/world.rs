//! A started router with its endpoints and end users, and what each step does to it. Beside it a [`Model`], to which the
//! same is done; every answer is held against what the model allows.

use super::client::Client;
use super::expected::Model;
use super::routing::Evidence;
use super::site::Site;
use super::steps::{CLIENTS, LATE, RELEASES, Step, endpoints_of};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, within};
use support::router::id;
use support::{Api, Router, router};

/// Everything.
pub struct World {
    pub(super) router: Router,
    pub(super) api: Api,
    pub(super) model: Model,
    pub(super) sites: BTreeMap<(usize, usize), Site>,
    /// Releases that answer 503.
    pub(super) sick: Vec<Arc<AtomicBool>>,
    pub(super) clients: Vec<Client>,
    pub(super) log: PathBuf,
    /// How much of the log was read.
    pub(super) log_read: usize,
    /// Why each request may have gone where it went, by its id.
    pub(super) reasons: HashMap<String, Vec<&'static str>>,
    pub(super) asked: usize,
    /// Visits that nothing could be told from, since the router doubted an endpoint that is well.
    pub inconclusive: usize,
    _dir: tempfile::TempDir,
}

/// What a difference is told as.
pub(super) type Outcomes = Result<(), String>;

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
        let before = (self.model.candidate, self.model.blend);
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
            Step::RegisterLate => self.register_late(),
            Step::Navigate(on) => self.model.navigate = on,
            Step::DrainOver(on) => self.model.drain_over = on,
            Step::ShortLived(on) => self.model.short_lived = on,
            Step::SetStableBriefly(release) => self.set_stable_briefly(release)?,
            Step::Restart => self.restart()?,
            command => self.command(command)?,
        }
        self.settle_waiting();
        self.model.note_draws(before);
        if matches!(step, Step::Navigate(_) | Step::DrainOver(_) | Step::ShortLived(_)) {
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
                let keys = ["stable/id", "candidate/id", "blendpercent", "stickyness"];
                model.raw_delete(keys[number]);
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

    fn register_late(&mut self) {
        self.model.register_late();
        self.api.kv_put(&key(LATE, 0), &self.sites[&(LATE, 0)].address.to_string()).expect(200);
    }

    /// A stable release that waited is adopted by whoever sees that it serves, a moment later.
    fn settle_waiting(&mut self) {
        if self.model.adopt_waiting() {
            within(PATIENCE, || self.compare_state().is_ok());
        }
    }

    fn apply_settings(&self, drain_max: u32) {
        let model = &self.model;
        let settings = settings(model.navigate, model.drain_over, model.short_lived, drain_max);
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
}

fn settings(navigate: bool, drain_over: bool, short_lived: bool, drain_max: u32) -> Value {
    let drain_max = if drain_max == 0 { 1_000_000 } else { drain_max };
    json!({
        "transition": if navigate { "navigate" } else { "keep" },
        "drainseconds": if drain_over { 0 } else { drain_max.min(100_000) },
        "drainmaxseconds": drain_max,
        "pinseconds": if short_lived { 3_600 } else { 86_400 },
        "health": { "interval_ms": 300, "timeout_ms": 300, "fall": 1 },
    })
}

pub(super) fn state_of(api: &Api) -> Value {
    api.state()
}

pub(super) fn name(release: usize) -> String {
    format!("v{release}")
}

pub(super) fn key(release: usize, number: usize) -> String {
    format!("{}/c{number}", id(&name(release)))
}

fn percent(hundredths: u32) -> String {
    (f64::from(hundredths) / 100.0).to_string()
}
