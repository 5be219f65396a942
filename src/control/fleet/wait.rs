//! Waiting until every member has applied a change. The watch brings the members' reports, so nothing is polled.

use std::{sync::Arc, time::Duration};

use keyvalues::Revision;
use tokio::time::timeout;

use crate::{
    control::{
        limits::WAITED_FOR_MAX,
        shared::{
            core::Core,
            entries::own_key,
            fleet::{member::Report, roster::Member},
        },
    },
    rollout::{app::AppName, keys, record::HistoryEvent, release::ReleaseId, release_names::ReleaseNames},
    schema::apply_status as schema,
};

/// What every member has to serve before the wait ends.
#[derive(Debug, Clone)]
pub enum Target {
    /// An app's routes come from this seq and this revision of its keys, or later ones.
    App(AppName, u64, Revision),
    /// The same for several apps, which all depend on one key of this revision.
    Apps(Vec<AppName>, Revision),
    /// The app has no routes, or only routes that are newer than this revision, at which the app ended.
    Ended(AppName, Revision),
    /// Everything in the store up to this revision. Signs of life tell that, so it takes seconds.
    Store(Revision),
    /// The pin keys of this revision, or later ones.
    PinKeys(Revision),
}

/// How far the fleet has applied a change.
#[derive(Debug, Clone, Default)]
pub struct ApplyStatus {
    pub members: usize,
    pub applied: usize,
    pub missing: Vec<MissingMember>,
    /// Members that are presumed gone. They are not among [`Self::members`].
    pub left_out: Vec<MissingMember>,
}

/// A member that has not reported the change, or is not heard from.
#[derive(Debug, Clone)]
pub struct MissingMember {
    pub node: String,
    pub name: String,
    /// `None`: it is heard from. Else for how long it has been silent, if that is known.
    pub silent: Option<Option<Duration>>,
    /// The earlier seq that it serves, if it is known to serve one.
    pub seq: Option<u64>,
    /// Releases that it may still send new clients to.
    pub may_serve: Vec<String>,
}

/// Waits at most this long until every member has applied a change. Nobody waits for members that were silent for long.
pub async fn wait_until_applied(core: &Core, target: &Target, wait: Duration) -> ApplyStatus {
    let (mut changes, mut serving) = (core.roster.changes(), core.roster.serving());
    let settled = async {
        loop {
            let applied = ApplyStatus::read(core, target);
            if applied.is_settled() {
                return;
            }
            tokio::select! {
                // Both senders live as long as `core`.
                _ = changes.changed() => {}
                _ = serving.changed() => {}
            }
        }
    };
    // Whether it settled or not, the answer says what is known now.
    let _ = timeout(wait, settled).await;
    let mut applied = ApplyStatus::read(core, target);
    if let Some(app) = target.app() {
        applied.find_releases(core, app).await;
    }
    applied
}

/// Waits until this router serves a store revision, then until every member serves the target, which is read only then.
pub async fn wait_until_served(
    core: &Core,
    revision: Revision,
    wait: Duration,
    target: impl FnOnce() -> Target,
) -> ApplyStatus {
    let begun = core.clock.monotonic();
    core.replica.wait_for(revision, wait).await;
    let left = wait.saturating_sub(core.clock.monotonic().saturating_sub(begun));
    wait_until_applied(core, &target(), left).await
}

impl Target {
    /// What of this revision of a release's endpoints can be waited for: the routes of the apps that list it. What no route of
    /// this router depends on counts as applied by whoever has read it.
    pub fn of_release(core: &Core, release: &ReleaseId, revision: Revision) -> Self {
        let published = core.live.load();
        let apps = published.table.apps.values();
        let listing = apps.filter(|app| app.listed().any(|listed| listed.id == *release));
        match listing.map(|app| app.name.clone()).collect::<Vec<_>>() {
            apps if apps.is_empty() => Self::Store(revision),
            apps => Self::Apps(apps, revision),
        }
    }

    /// Whether a member serves the target that reports this and has read the store up to this revision.
    fn is_served(&self, report: &Report, read: Revision) -> bool {
        match self {
            Self::App(app, seq, revision) => report.has(app, *seq, *revision),
            Self::Apps(apps, revision) => apps.iter().all(|app| report.has(app, 0, *revision)),
            Self::Ended(app, revision) => report.apps.get(app).is_none_or(|(_, newest)| newest > revision),
            Self::Store(revision) => read >= *revision,
            Self::PinKeys(revision) => report.pin_keys >= *revision,
        }
    }

    /// Whether a member that is presumed gone has to serve the target too: a key that it does not know must not sign, since it
    /// may come back and meet such a pin.
    const fn counts_who_is_gone(&self) -> bool {
        matches!(self, Self::PinKeys(_))
    }

    /// The app whose earlier change a member may still serve.
    fn app(&self) -> Option<&AppName> {
        match self {
            Self::App(app, ..) | Self::Ended(app, _) => Some(app),
            Self::Apps(..) | Self::Store(_) | Self::PinKeys(_) => None,
        }
    }

    /// The seq that a member serves instead of the target's.
    fn earlier_seq(&self, report: &Report) -> Option<u64> {
        let seq = report.apps.get(self.app()?).map(|(seq, _)| *seq);
        seq.filter(|seq| !matches!(self, Self::App(_, wanted, _) if seq >= wanted))
    }
}

impl ApplyStatus {
    /// What is known now.
    pub fn read(core: &Core, target: &Target) -> Self {
        let own = Arc::clone(&core.roster.serving().borrow());
        let mut members = core.roster.members();
        members.remove(&core.node);
        let mut applied = Self { members: members.len() + 1, ..Self::default() };
        if target.is_served(&own, core.replica.reached()) {
            applied.applied += 1;
        } else {
            let missing = MissingMember::new(&core.node, core.name(), None, target.earlier_seq(&own));
            applied.missing.push(missing);
        }
        for (node, member) in members {
            match missing_member(core, &node, &member, target, &own.epoch) {
                None => applied.applied += 1,
                Some(missing) if !target.counts_who_is_gone() && core.is_presumed_gone(&member) => {
                    applied.members -= 1;
                    applied.left_out.push(missing);
                }
                Some(missing) => applied.missing.push(missing),
            }
        }
        applied
    }

    pub fn is_everywhere(&self) -> bool {
        self.missing.is_empty()
    }

    fn is_settled(&self) -> bool {
        let is_given_up =
            |missing: &MissingMember| matches!(missing.silent, Some(Some(silent)) if silent > WAITED_FOR_MAX);
        self.missing.iter().all(is_given_up)
    }

    /// Names the releases that missing members may still send clients to, as far as the store can tell.
    async fn find_releases(&mut self, core: &Core, app: &AppName) {
        for missing in self.missing.iter_mut().chain(&mut self.left_out) {
            let Some(seq) = missing.seq else { continue };
            let Ok(Some(entry)) = core.store.get(&own_key(&keys::event(app, seq))).await else { continue };
            let Ok(event) = serde_json::from_slice::<HistoryEvent>(&entry.value) else { continue };
            let record = event.record;
            let candidate = record.candidate.filter(|_| record.blend.percent() > 0.0);
            let served: Vec<_> =
                record.stable.into_iter().chain(candidate).map(|stay| stay.release).collect();
            let names = ReleaseNames::of(app, &served);
            missing.may_serve = served.iter().map(|release| names.name_of(release).to_owned()).collect();
        }
    }

    /// `applied 2 of 3, r3 not heard from for 12 s, may still serve 1.0`
    pub fn text(&self) -> String {
        let mut text = format!("applied {} of {}", self.applied, self.members);
        for missing in &self.missing {
            text.push_str(", ");
            text.push_str(&missing.text());
        }
        for gone in &self.left_out {
            text.push_str(", left out ");
            text.push_str(&gone.text());
        }
        text
    }

    /// As the API shows it.
    pub fn to_answer(&self) -> schema::ApplyStatus {
        let shown = |members: &[MissingMember]| members.iter().map(MissingMember::to_answer).collect();
        schema::ApplyStatus {
            members: self.members,
            applied: self.applied,
            text: self.text(),
            missing: shown(&self.missing),
            left_out: shown(&self.left_out),
        }
    }
}

/// A member as one that has not applied the target; `None` if it has. A member that is not heard from may have restarted
/// with an older table, so its last report proves nothing.
fn missing_member(
    core: &Core,
    node: &str,
    member: &Member,
    target: &Target,
    epoch: &str,
) -> Option<MissingMember> {
    let report = member.report.as_deref().filter(|report| report.epoch == epoch);
    let silent = member.alive.is_none().then(|| member.silent(&core.clock));
    let read = member.alive.as_ref().map_or(0, |sign| sign.revision);
    if silent.is_none() && report.is_some_and(|report| target.is_served(report, read)) {
        return None;
    }
    let seq = report.and_then(|report| target.earlier_seq(report));
    Some(MissingMember::new(node, member.name(node), silent, seq))
}

impl MissingMember {
    fn new(node: &str, name: &str, silent: Option<Option<Duration>>, seq: Option<u64>) -> Self {
        Self { node: node.to_owned(), name: name.to_owned(), silent, seq, may_serve: Vec::new() }
    }

    fn to_answer(&self) -> schema::MissingMember {
        schema::MissingMember {
            node: self.node.clone(),
            name: self.name.clone(),
            heard: self.silent.is_none(),
            silent_seconds: self.silent.flatten().map(|silent| silent.as_secs()),
            seq: self.seq,
            may_serve: self.may_serve.clone(),
        }
    }

    fn text(&self) -> String {
        let name = &self.name;
        let mut text = match self.silent {
            None => format!("{name} has not applied it yet"),
            Some(None) => format!("{name} not heard from"),
            Some(Some(silent)) => format!("{name} not heard from for {} s", silent.as_secs()),
        };
        if !self.may_serve.is_empty() {
            text.push_str(&format!(", may still serve {}", self.may_serve.join(" and ")));
        } else if let Some(seq) = self.seq {
            text.push_str(&format!(", may still serve change {seq}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(silent: Option<Option<u64>>, seq: Option<u64>, may_serve: &[&str]) -> MissingMember {
        let silent = silent.map(|seconds| seconds.map(Duration::from_secs));
        let may_serve = may_serve.iter().map(|name| (*name).to_owned()).collect();
        MissingMember { may_serve, ..MissingMember::new("n3", "r3", silent, seq) }
    }

    #[test]
    fn what_is_missing_is_said_in_one_line() {
        let text = |missing: MissingMember| {
            ApplyStatus { members: 3, applied: 2, missing: vec![missing], ..ApplyStatus::default() }.text()
        };
        assert_eq!(
            text(missing(Some(Some(12)), Some(6), &["A"])),
            "applied 2 of 3, r3 not heard from for 12 s, may still serve A"
        );
        assert_eq!(
            text(missing(None, Some(6), &["A", "B"])),
            "applied 2 of 3, r3 has not applied it yet, may still serve A and B"
        );
        assert_eq!(text(missing(Some(None), None, &[])), "applied 2 of 3, r3 not heard from");
        assert_eq!(
            text(missing(None, Some(6), &[])),
            "applied 2 of 3, r3 has not applied it yet, may still serve change 6"
        );
        let everywhere = ApplyStatus { members: 3, applied: 3, ..ApplyStatus::default() };
        assert_eq!(everywhere.text(), "applied 3 of 3");
        let gone = missing(Some(Some(960)), Some(6), &["A"]);
        assert_eq!(
            ApplyStatus { left_out: vec![gone], ..everywhere }.text(),
            "applied 3 of 3, left out r3 not heard from for 960 s, may still serve A"
        );
    }

    #[test]
    fn only_who_was_silent_for_long_is_not_waited_for() {
        let settled =
            |missing| ApplyStatus { members: 3, applied: 2, missing, ..ApplyStatus::default() }.is_settled();
        assert!(settled(Vec::new()));
        assert!(!settled(vec![missing(None, None, &[])]));
        assert!(!settled(vec![missing(Some(Some(12)), None, &[])]));
        assert!(settled(vec![missing(Some(Some(31)), None, &[])]));
    }
}
