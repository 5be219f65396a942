//! The looks at all candidates: every tenth of a second while failures come in, else every second.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    abort::Aborter,
    count::{CandidateCount, FleetCount},
    report::Reporter,
};
use crate::{
    control::shared::{
        core::Core,
        fleet::evidence::CandidateEvidence,
        verdicts::{CandidateVerdict, OnFinding},
    },
    live::{releases::ReleaseState, table::PublishedTable},
    rollout::{
        app::AppName,
        pin::PinFormat,
        settings::PinSource,
        table::AppRoutes,
        verdict::{Blind, Facts, Rules, judge},
    },
};

/// How often it is seen whether failures came in.
const TICK: Duration = Duration::from_millis(100);

/// Looks until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = Looks::new(core.clone());
    let mut reporter = Reporter::new(core.clone());
    let mut aborter = Aborter::new(core.clone());
    let mut begun = false;
    loop {
        ticks.tick().await;
        if !knows_itself(&core, &mut begun) {
            continue;
        }
        if looks.look(&core.live.load_full()) {
            core.feed.nudge_all();
        }
        reporter.report(|| looks.stored()).await;
        aborter.abort_what_is_worse();
    }
}

/// Whether this router knows what it counted before it was started: it has read the store, and its own entry came back.
fn knows_itself(core: &Core, begun: &mut bool) -> bool {
    let has_read = core.replica.status.is_followed();
    let is_member = || core.roster.own().entry.is_some() || !core.store.capabilities().atomic_commit;
    *begun |= has_read && is_member();
    *begun
}

/// All candidates that are looked at.
pub struct Looks {
    core: Core,
    counts: HashMap<AppName, CandidateCount>,
    verdicts: HashMap<AppName, Arc<CandidateVerdict>>,
    /// The state of the roster at the last look.
    roster: u64,
}

impl Looks {
    pub fn new(core: Core) -> Self {
        Self { core, counts: HashMap::new(), verdicts: HashMap::new(), roster: u64::MAX }
    }

    /// Looks at every candidate of a table; whether a verdict changed.
    pub fn look(&mut self, published: &PublishedTable) -> bool {
        let roster = *self.core.roster.changes().borrow();
        let others_changed = std::mem::replace(&mut self.roster, roster) != roster;
        let now = self.core.clock.monotonic();
        let (mut counts, mut verdicts) = (HashMap::new(), HashMap::new());
        let mut changed = false;
        for app in published.table.all_routes() {
            let Some(state) = app.candidate.map(|at| published.release(app.release(at).slot)) else {
                // It may come back in the same tenure, if it was dropped on this router alone.
                counts.extend(self.counts.remove_entry(&app.name));
                continue;
            };
            let stable = app.stable.map(|at| published.release(app.release(at).slot));
            let known = self.counts.remove(&app.name);
            let (mut count, is_new) = self.count_of(app, state, known);
            let looked = count.look(stable, now);
            let last = self.verdicts.get(&app.name).filter(|_| !is_new);
            let verdict = match last {
                Some(last) if !looked && !others_changed => Arc::clone(last),
                _ => Arc::new(self.judge(app, &count, others_changed)),
            };
            changed |= last.is_none_or(|last| last.verdict != verdict.verdict);
            verdicts.insert(app.name.clone(), verdict);
            counts.insert(app.name.clone(), count);
        }
        changed |= verdicts.len() != self.verdicts.len();
        (self.counts, self.verdicts) = (counts, verdicts);
        if changed || others_changed {
            self.core.verdicts.store(self.verdicts.clone());
        }
        changed
    }

    /// The count of an app's candidate; a new one if it is another candidate, or another factor is tolerated now.
    fn count_of(
        &self,
        app: &AppRoutes,
        state: &Arc<ReleaseState>,
        known: Option<CandidateCount>,
    ) -> (CandidateCount, bool) {
        let tolerate = app.settings.verdict.tolerate;
        match known {
            Some(known)
                if Arc::ptr_eq(&known.state, state) && known.tolerate().to_bits() == tolerate.to_bits() =>
            {
                (known, false)
            }
            Some(known) if Arc::ptr_eq(&known.state, state) => (known.tolerating(tolerate), true),
            Some(known) if known.state.key() == state.key() => {
                (CandidateCount::new(Arc::clone(state), tolerate, Some(known.to_stored())), true)
            }
            _ => {
                let stored = self.core.roster.own().evidence;
                let before = stored.and_then(|stored| stored.of(&app.name, state.key().tenure).cloned());
                (CandidateCount::new(Arc::clone(state), tolerate, before), true)
            }
        }
    }

    fn judge(&self, app: &AppRoutes, count: &CandidateCount, others_changed: bool) -> CandidateVerdict {
        let settings = &app.settings.verdict;
        let endpoints = app.candidate.map_or(0, |at| app.release(at).endpoints.len() as u64);
        let mut fleet = FleetCount::new(settings.tolerate, endpoints);
        fleet.add(&count.to_stored());
        for other in self.core.roster.evidence_of_others() {
            let Some(counted) = other.of(&app.name, count.state.key().tenure) else { continue };
            if others_changed {
                count.take_failed(counted);
            }
            fleet.add(counted);
        }
        let verdict = judge(&Facts {
            rules: Rules::of(settings),
            evidence: &fleet.evidence,
            tally: fleet.tally,
            latency: &fleet.latency,
            endpoints: &fleet.endpoints,
            outright: count.answers().fails_outright(),
            stable_jumps: count.answers().stable_jumps(),
            blind: self.blind(app),
        });
        CandidateVerdict::new(
            Arc::clone(&count.state),
            verdict,
            OnFinding { worse: settings.on_worse(app.has_plan), slower: settings.on_slower(app.has_plan) },
            fleet.first_failure_at,
            fleet.members,
        )
    }

    /// Why nothing can be compared.
    fn blind(&self, app: &AppRoutes) -> Option<Blind> {
        if !app.sticky {
            Some(Blind::NotSticky)
        } else if app.settings.pin != PinSource::Cookie {
            Some(Blind::NoPins)
        } else {
            (self.core.replica.pin_format() == PinFormat::One).then_some(Blind::OldPins)
        }
    }

    /// All that this router has counted.
    pub fn stored(&self) -> Vec<CandidateEvidence> {
        let on_trial = self.counts.iter().filter(|(app, _)| self.verdicts.contains_key(*app));
        let counted = on_trial.map(|(_, count)| count).filter(|count| count.state.cohort_if_any().is_some());
        let mut stored: Vec<CandidateEvidence> = counted.map(CandidateCount::to_stored).collect();
        stored.sort_unstable_by(|a, b| a.app.cmp(&b.app));
        stored
    }
}
