//! The gate of a release that a raw `stable/id` names. It is asked as for a command; one that does not pass waits
//! (docs/design.md section 4, "One gate for everything that makes a release stable").

use std::{sync::Arc, time::Duration};

use keyvalues::Revision;

use super::{
    gate::{GateQuestion, replaces_stable},
    stored::{EndpointsOfReleases, StoredApp},
};
use crate::{
    control::shared::{core::Core, waiting::WaitingRelease},
    rollout::{
        adopt::{Adoption, OldKeys},
        endpoint::Endpoint,
        record::Record,
        release::ReleaseId,
    },
};

/// What the endpoints of a release answered.
#[derive(Debug, Clone)]
pub struct GateVerdict {
    question: GateQuestion,
    /// Why it does not pass.
    failure: Option<String>,
}

impl GateVerdict {
    /// Asks.
    pub async fn of(core: &Core, question: GateQuestion) -> Self {
        let (_, failure) = question.judge(core).await;
        Self { question, failure }
    }
}

/// The release that a raw `stable/id` would make stable, and how it stands.
#[derive(Debug)]
pub struct RawStable {
    release: ReleaseId,
    written: Revision,
    since: Duration,
    gate: RawGate,
    /// Why its endpoints did not pass, when they were asked last.
    failure: Option<String>,
    is_given_up: bool,
}

#[derive(Debug)]
enum RawGate {
    Open,
    Unasked(GateQuestion),
    Closed,
}

impl RawStable {
    /// None: `stable/id` names no release that would take the place of a stable one. `written` is the revision of the key.
    pub fn find(
        core: &Core,
        stored: &StoredApp,
        (old, written): (&OldKeys, Revision),
        endpoints: &EndpointsOfReleases,
        verdict: Option<&GateVerdict>,
    ) -> Option<Self> {
        let record = stored.record.as_ref().filter(|_| replaces_stable(stored))?;
        let release = ReleaseId::parse_nullable(old.stable.as_deref()?).ok().flatten()?;
        if record.stable_release() == Some(&release) {
            return None;
        }
        let now = core.clock.monotonic();
        let known = core.replica.waiting.find(&stored.name, &release, written);
        let since = known.as_ref().map_or(now, |known| known.since);
        let limit = Duration::from_secs(stored.settings.pending_seconds.into());
        let is_given_up = now.saturating_sub(since) > limit;
        let failure = known.and_then(|known| known.failure);
        let mut found = Self { release, written, since, gate: RawGate::Open, failure, is_given_up };
        let all = endpoints.get(&found.release).filter(|all| !all.is_empty());
        if let Some(all) = all {
            let drains = |endpoint: &Endpoint| {
                let of =
                    |address| record.endpoint_drains.iter().any(|drain| drain.is_of(&found.release, address));
                endpoint.address().is_some_and(of)
            };
            let asked = all.iter().filter(|endpoint| !drains(endpoint)).cloned().collect();
            let settings = Arc::new(stored.settings.clone());
            found.judge(GateQuestion::new(&found.release, asked, settings), verdict);
        }
        Some(found)
    }

    fn judge(&mut self, question: GateQuestion, verdict: Option<&GateVerdict>) {
        self.gate = match verdict.filter(|verdict| verdict.question.covers(&question)) {
            _ if self.is_given_up => RawGate::Closed,
            None => RawGate::Unasked(question),
            Some(verdict) => {
                self.failure.clone_from(&verdict.failure);
                if verdict.failure.is_some() { RawGate::Closed } else { RawGate::Open }
            }
        };
    }

    /// What has to be asked before the key is adopted.
    pub fn question(&self) -> Option<&GateQuestion> {
        match &self.gate {
            RawGate::Unasked(question) => Some(question),
            _ => None,
        }
    }

    /// The release, if it does not pass as far as is known.
    pub fn unfit(&self) -> Option<ReleaseId> {
        (!matches!(self.gate, RawGate::Open)).then(|| self.release.clone())
    }

    /// Keeps that it waits, by what its adoption came to, or that it does not.
    pub fn note(raw: Option<&Self>, core: &Core, stored: &StoredApp, adoption: &Adoption) {
        let waiting = raw.filter(|raw| adoption.pending.as_ref() == Some(&raw.release));
        match waiting {
            None => core.replica.waiting.forget(&stored.name),
            Some(raw) => core.replica.waiting.note(&stored.name, raw.waiting(stored, adoption)),
        }
    }

    /// Whether this router knows already that it waits.
    pub fn is_noted(&self, core: &Core, stored: &StoredApp) -> bool {
        core.replica.waiting.find(&stored.name, &self.release, self.written).is_some()
    }

    fn waiting(&self, stored: &StoredApp, adoption: &Adoption) -> WaitingRelease {
        let seconds = stored.settings.pending_seconds;
        let stable = stored.record.as_ref().and_then(Record::stable_release);
        let stays = stable.map(|stable| format!("`{stable}` stays stable. ")).unwrap_or_default();
        let name = self.release.name_in(&stored.name);
        let is_asked_on = match self.is_given_up {
            true => format!("It was asked for {seconds} s, and is asked again once the key is written again"),
            false => format!("It is asked again for {seconds} s from when the key was written"),
        };
        let why = match (&self.gate, &adoption.lacking) {
            (_, Some(lacking)) => Some(format!("{lacking}. {stays}{is_asked_on}")),
            (RawGate::Closed, None) => {
                let failure = self.failure.as_deref().unwrap_or("it was not asked in time");
                let forced = format!("`stable set {name} --force` makes it stable all the same");
                Some(format!("{failure}. {stays}{is_asked_on}; {forced}"))
            }
            _ => None,
        };
        let Self { release, written, since, failure, is_given_up, .. } = self;
        let (release, failure) = (release.clone(), failure.clone());
        WaitingRelease { release, written: *written, since: *since, failure, why, is_given_up: *is_given_up }
    }
}
