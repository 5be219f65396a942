//! A rollout to test with: one app's record, its history, and the old keys as a store would hold them.
//!
//! Commands and raw writes go through the functions that the control plane calls, and land in a map of keyvalues
//! through the commit plan, so that what a test sees is what a store would hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::rollout::{
    adopt::{self, Adoption, OldKey, OldKeys, WriteRevisions},
    app::AppName,
    blend::Blend,
    command::{Asker, Background, Command, Decision, Holds, Refusal, Role, decide},
    commit::{self, Write},
    endpoint::Endpoint,
    facts::Facts,
    history, keys,
    record::{HistoryEvent, LeaveReason, Record, Tenure},
    release::ReleaseId,
};

/// `apps/shop-<name>-80/containers`.
pub(in crate::rollout) fn release(name: &str) -> ReleaseId {
    ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap()
}

/// A blend of whole percents.
pub(in crate::rollout) fn percent(percent: u16) -> Blend {
    Blend::from_hundredths(percent * 100).unwrap()
}

/// The name of a test's app.
pub(in crate::rollout) fn app() -> AppName {
    "shop".parse().unwrap()
}

/// `drainmaxseconds` of tests, in ms.
pub(in crate::rollout) const DRAIN_MAX_MS: u64 = 3_600_000;

/// One app in a store.
#[derive(Clone)]
pub(in crate::rollout) struct Rollout {
    /// Every key with its value and the revision it was written at.
    pub(in crate::rollout) store: BTreeMap<String, (Vec<u8>, u64)>,
    pub(in crate::rollout) revision: u64,
    pub(in crate::rollout) now: u64,
    pub(in crate::rollout) without_endpoints: BTreeSet<ReleaseId>,
    pub(in crate::rollout) ci_blend_max: Option<Blend>,
    pub(in crate::rollout) if_match: Option<u64>,
    /// The mark of the token that asks.
    pub(in crate::rollout) token: String,
    pub(in crate::rollout) approvals: u8,
    /// The endpoints of every release.
    pub(in crate::rollout) endpoints: Vec<&'static str>,
    /// A release that does not pass the gate.
    pub(in crate::rollout) unfit: Option<ReleaseId>,
}

impl Rollout {
    pub(in crate::rollout) fn new() -> Self {
        let (store, without_endpoints, unfit) = Default::default();
        Self {
            store,
            revision: 0,
            now: 1_000,
            without_endpoints,
            ci_blend_max: None,
            if_match: None,
            token: "one".to_owned(),
            approvals: 0,
            endpoints: vec!["10.0.0.1:80"],
            unfit,
        }
    }

    /// An app whose stable release is `name`.
    pub(in crate::rollout) fn stable(name: &str) -> Self {
        let mut rollout = Self::new();
        rollout.done(Role::Operator, Command::SetStable { release: release(name), facts: Facts::new() });
        rollout
    }

    /// With a candidate at a blend of whole percents.
    pub(in crate::rollout) fn candidate(mut self, name: &str, blend: u16) -> Self {
        self.done(Role::Operator, set_candidate(name, Some(blend)));
        self
    }

    /// The stored record, parsed as a router would.
    pub(in crate::rollout) fn stored(&self) -> Option<Record> {
        let (json, _) = self.store.get(&keys::record(&app()))?;
        Some(serde_json::from_slice(json).unwrap())
    }

    pub(in crate::rollout) fn record(&self) -> Record {
        self.stored().expect("the test has set a release")
    }

    /// The stored events, newest first.
    pub(in crate::rollout) fn events(&self) -> Vec<HistoryEvent> {
        let prefix = "rolling/shop/events/";
        let events = self.store.iter().filter(|(key, _)| key.starts_with(prefix));
        events.rev().map(|(_, (json, _))| serde_json::from_slice(json).unwrap()).collect()
    }

    pub(in crate::rollout) fn newest_event(&self) -> Option<HistoryEvent> {
        let (json, _) = self.store.get(&keys::event(&app(), self.stored()?.seq))?;
        Some(serde_json::from_slice(json).unwrap())
    }

    pub(in crate::rollout) fn old_keys(&self) -> OldKeys {
        let get = |key: OldKey| self.store.get(&key.key(&app()));
        let text = |key| get(key).map(|(value, _)| String::from_utf8(value.clone()).unwrap());
        let revision = |key| get(key).map_or(0, |(_, revision)| *revision);
        OldKeys {
            stable: text(OldKey::Stable),
            candidate: text(OldKey::Candidate),
            blend: text(OldKey::Blend),
            sticky: text(OldKey::Sticky),
            written: WriteRevisions {
                candidate: revision(OldKey::Candidate),
                blend: revision(OldKey::Blend),
            },
        }
    }

    pub(in crate::rollout) fn asker(&self, role: Role) -> Asker {
        let (actor, reason) = (role.to_string(), "because".to_owned());
        Asker { actor, token: self.token.clone(), role, reason, at: self.now, if_match: self.if_match }
    }

    /// What decisions read besides the record.
    pub(in crate::rollout) fn background(&self, with_history: bool) -> Background {
        let events = if with_history { self.events() } else { Vec::new() };
        Background {
            stables: history::stables(events.iter().map(|event| &event.record)),
            drain_max_ms: DRAIN_MAX_MS,
            ci_blend_max: self.ci_blend_max,
            ci_may_promote: false,
            ended: None,
            holds: Holds::default(),
            approvals: self.approvals,
            plans: vec!["gradual: 5% hold=10m; 25% sessions=100 approval; 50%; promote".parse().unwrap()],
            endpoints: self.endpoints_of_all(),
            unfit: self.unfit.clone(),
        }
    }

    fn endpoints_of_all(&self) -> BTreeMap<ReleaseId, BTreeSet<Endpoint>> {
        let endpoints: BTreeSet<Endpoint> =
            self.endpoints.iter().map(|address| address.parse().unwrap()).collect();
        ["a", "b", "c", "d"].map(|name| (release(name), endpoints.clone())).into()
    }

    /// Gives a command and commits what it decides.
    pub(in crate::rollout) fn give(&mut self, role: Role, command: &Command) -> Result<Decision, Refusal> {
        self.now += 1_000;
        let record = self.stored();
        let background = self.background(matches!(command, Command::Rollback { .. }));
        let decision = decide(record.as_ref(), command, &self.asker(role), &background)?;
        if let Decision::Change(event) = &decision {
            self.commit(commit::of_command(&app(), event));
        }
        Ok(decision)
    }

    /// Gives a command that must change something.
    pub(in crate::rollout) fn done(&mut self, role: Role, command: Command) -> Record {
        match self.give(role, &command) {
            Ok(Decision::Change(event)) => event.record,
            other => panic!("{command:?} by {role}: {other:?}"),
        }
    }

    /// Gives a command that must be answered with "unchanged".
    pub(in crate::rollout) fn unchanged(&mut self, role: Role, command: Command) {
        assert_eq!(self.give(role, &command), Ok(Decision::Unchanged), "{command:?} by {role}");
    }

    /// Gives a command that must be refused, and returns the code.
    pub(in crate::rollout) fn refused(&mut self, role: Role, command: Command) -> &'static str {
        match self.give(role, &command) {
            Err(refusal) => refusal.code(),
            other => panic!("{command:?} by {role}: {other:?}"),
        }
    }

    /// Gives a command as somebody who saw a seq.
    pub(in crate::rollout) fn give_at(
        &mut self,
        seq: u64,
        role: Role,
        command: &Command,
    ) -> Result<Decision, Refusal> {
        self.if_match = Some(seq);
        let decision = self.give(role, command);
        self.if_match = None;
        decision
    }

    /// Whether there is no stable release: where adoption asks the history for the way back.
    fn is_off(&self) -> bool {
        self.stored().is_some_and(|record| record.stable.is_none())
    }

    /// Writes an old key through the API.
    pub(in crate::rollout) fn raw(
        &mut self,
        role: Role,
        key: OldKey,
        value: &str,
    ) -> Result<Adoption, Refusal> {
        self.now += 1_000;
        let record = self.stored();
        let endpoints = |release: &ReleaseId| usize::from(!self.without_endpoints.contains(release));
        let (asker, background) = (self.asker(role), self.background(self.is_off()));
        let write = (key, Some(value));
        let adopted =
            adopt::write(record.as_ref(), &self.old_keys(), write, &asker, &background, &endpoints)?;
        let value = Some(value.as_bytes().to_vec());
        self.commit(commit::of_raw_write(&app(), key, value, record.as_ref(), &adopted));
        Ok(adopted)
    }

    /// Writes an old key past the router; nothing adopts it yet.
    pub(in crate::rollout) fn write_past(&mut self, key: OldKey, value: Option<&str>) {
        self.commit(vec![(key.key(&app()), value.map(|value| value.as_bytes().to_vec()))]);
    }

    /// Adopts what was written past the router, as the router that sees it does.
    pub(in crate::rollout) fn adopt(&mut self) -> Adoption {
        self.now += 1_000;
        let record = self.stored();
        let endpoints = |release: &ReleaseId| usize::from(!self.without_endpoints.contains(release));
        let (asker, background) = (self.asker(Role::Operator), self.background(self.is_off()));
        let adopted = adopt::adopt(record.as_ref(), &self.old_keys(), &asker, &background, &endpoints);
        self.commit(commit::of_adoption(&app(), record.as_ref(), &adopted));
        adopted
    }

    fn commit(&mut self, writes: Vec<Write>) {
        let distinct: BTreeSet<_> = writes.iter().map(|(key, _)| key).collect();
        assert_eq!(distinct.len(), writes.len(), "a commit names no key twice");
        self.revision += 1;
        for (key, value) in writes {
            match value {
                Some(value) => self.store.insert(key, (value, self.revision)),
                None => self.store.remove(&key),
            };
        }
    }

    /// The tenure of a routed release.
    pub(in crate::rollout) fn tenure(&self, name: &str) -> Option<Tenure> {
        let wanted = release(name);
        self.record().routed().find(|(routed, _)| **routed == wanted).map(|(_, tenure)| tenure)
    }

    /// Who is on the tracks and who drains, by name: `stable candidate | draining`.
    pub(in crate::rollout) fn tracks(&self) -> String {
        let record = self.record();
        let name = |release: Option<&ReleaseId>| release.map_or("-", |id| id.name()).to_owned();
        let draining: Vec<_> = record.draining.iter().map(|draining| draining.release.name()).collect();
        let (stable, candidate) = (name(record.stable_release()), name(record.candidate_release()));
        format!("{stable} {candidate} | {}", draining.join(" ")).trim_end().to_owned()
    }

    /// Why a tenure left.
    pub(in crate::rollout) fn left(&self, tenure: Tenure) -> Option<LeaveReason> {
        self.record().tenures.left.iter().find(|left| left.tenure == tenure).map(|left| left.reason)
    }

    /// The release a rollback goes to by default, by name.
    pub(in crate::rollout) fn previous(&self) -> Option<String> {
        self.record().previous.map(|release| release.name().to_owned())
    }
}

pub(in crate::rollout) fn set_candidate(name: &str, blend: Option<u16>) -> Command {
    saying(name, blend, Facts::new())
}

/// The same, with what is said of the release.
pub(in crate::rollout) fn saying(name: &str, blend: Option<u16>, facts: Facts) -> Command {
    let (release, blend) = (release(name), blend.map(percent));
    Command::SetCandidate { release, blend, replace: None, plan: None, facts }
}

pub(in crate::rollout) fn set_blend(blend: u16) -> Command {
    Command::SetBlend { blend: percent(blend), release: None }
}

pub(in crate::rollout) fn promote(name: Option<&str>) -> Command {
    Command::Promote { release: name.map(release) }
}

pub(in crate::rollout) fn abort(name: Option<&str>) -> Command {
    Command::Abort { release: name.map(release) }
}

pub(in crate::rollout) fn rollback(to: Option<&str>) -> Command {
    Command::Rollback { to: to.map(release) }
}
