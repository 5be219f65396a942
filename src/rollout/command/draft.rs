//! A draft: the next record of an app while a command is decided, and the one place where tenures begin and end.
//!
//! Commands and adoption differ in which releases they put on the tracks, and in what happens to those that leave. Both rely
//! on one rule, which is here: a release that is routed all the time keeps its tenure. Who may give a command is not decided
//! here.

use serde_json::json;

use super::{
    asker::{Asker, Background},
    decision::Decision,
    role::Role,
};
use crate::{
    limits::{DRAINING_MAX, SEQ_MAX, TENURES_LEFT_MAX},
    rollout::{
        approval_standing::tenure_of,
        blend::Blend,
        command_name::CommandName,
        end_mark::EndMark,
        facts::Facts,
        history,
        plan::PlanPause,
        record::{
            DrainCause, DrainingRelease, EndedTenure, HistoryEvent, LastMove, LeaveReason, Record, Stay,
            Tenure,
        },
        release::ReleaseId,
    },
};

/// How a release leaves its track.
#[derive(Debug, Clone, Copy)]
pub(in crate::rollout) enum Departure {
    /// It drains: it serves those pinned to it for a while.
    Drain(DrainCause),
    /// It is not routed any more, at once.
    Leave(LeaveReason),
}

/// The next record of an app, and the one before it.
pub(in crate::rollout) struct Draft<'a> {
    before: Record,
    pub(in crate::rollout) next: Record,
    asker: &'a Asker,
    background: &'a Background,
    /// What was known of a release, and what is said of it now.
    said: Option<[Facts; 2]>,
}

impl<'a> Draft<'a> {
    /// Starts from a record, without a lock whose end has passed.
    pub(in crate::rollout) fn of(
        record: Option<&Record>,
        asker: &'a Asker,
        background: &'a Background,
    ) -> Self {
        let first = || background.ended.map_or_else(Record::empty, EndMark::next_life);
        let before = record.cloned().unwrap_or_else(first);
        let mut next = before.clone();
        next.lock = before.lock_at(asker.at).cloned();
        Self { before, next, asker, background, said: None }
    }

    /// Whether an app has used up its seqs or tenures, so that nothing can change any more.
    pub(in crate::rollout) fn is_exhausted(record: &Record) -> bool {
        record.seq >= SEQ_MAX || record.tenures.last > Tenure::MAX - 2
    }

    /// Puts releases on the tracks. A release that was routed before (on a track, or draining) keeps its tenure. A release
    /// that is on no track any more departs as `departure` says.
    pub(in crate::rollout) fn set_tracks(
        &mut self,
        stable: Option<ReleaseId>,
        candidate: Option<ReleaseId>,
        departure: Departure,
    ) {
        debug_assert!(stable.is_none() || stable != candidate, "a release is on one track");
        let were = [self.next.stable.take(), self.next.candidate.take()];
        let [was_stable, was_candidate] = &were;
        self.next.stable = stable.map(|release| self.enter(release, was_stable, was_candidate));
        self.next.candidate = candidate.map(|release| self.enter(release, was_candidate, was_stable));
        for stay in were.into_iter().flatten() {
            if self.next.by_tenure(stay.tenure).is_none() {
                self.end(stay, departure);
            }
        }
    }

    /// The stay of a release on a track. `here` was on this track before, `there` on the other one.
    fn enter(&mut self, release: ReleaseId, here: &Option<Stay>, there: &Option<Stay>) -> Stay {
        if let Some(stay) = here.as_ref().filter(|stay| stay.release == release) {
            return stay.clone();
        }
        let other = there.as_ref().filter(|stay| stay.release == release);
        let moved = other.map(|stay| (stay.tenure, stay.served));
        let facts = other.map(|stay| stay.facts.clone()).unwrap_or_default();
        let (tenure, served) =
            moved.or_else(|| self.return_from_drain(&release)).unwrap_or_else(|| (self.new_tenure(), false));
        let (set_by, set_by_token) = (self.asker.actor.clone(), self.asker.token.clone());
        Stay { release, tenure, set_by, set_by_token, since: self.asker.at, served, facts }
    }

    /// Takes a release off the draining ones: its tenure, and whether it has served in it.
    fn return_from_drain(&mut self, release: &ReleaseId) -> Option<(Tenure, bool)> {
        let index = self.next.draining.iter().position(|draining| draining.release == *release)?;
        let draining = self.next.draining.remove(index);
        Some((draining.tenure, draining.served))
    }

    /// Puts down what is said of a release on a track. Nothing said: what is known stays. Whether it is news.
    pub(in crate::rollout) fn put_facts(&mut self, release: &ReleaseId, facts: &Facts) -> bool {
        let mut on_track = [&mut self.next.candidate, &mut self.next.stable].into_iter().flatten();
        let Some(stay) = on_track.find(|stay| stay.release == *release) else { return false };
        if facts.is_empty() || stay.facts == *facts {
            return false;
        }
        let known = std::mem::replace(&mut stay.facts, facts.clone());
        self.said = Some([known, facts.clone()]);
        true
    }

    fn new_tenure(&mut self) -> Tenure {
        self.next.tenures.last += 1;
        self.next.tenures.last
    }

    fn end(&mut self, stay: Stay, departure: Departure) {
        match departure {
            Departure::Leave(reason) => self.leave(stay.tenure, reason),
            Departure::Drain(cause) => {
                let since = self.asker.at;
                let until = since.saturating_add(self.background.drain_max_ms);
                let Stay { release, tenure, served, .. } = stay;
                self.next.draining.push(DrainingRelease { release, tenure, cause, since, until, served });
                while self.next.draining.len() > DRAINING_MAX {
                    let oldest = self.next.draining.remove(0);
                    self.leave(oldest.tenure, LeaveReason::Drained);
                }
            }
        }
    }

    fn leave(&mut self, tenure: Tenure, reason: LeaveReason) {
        let left = &mut self.next.tenures.left;
        left.push(EndedTenure { tenure, reason });
        left.drain(..left.len().saturating_sub(TENURES_LEFT_MAX));
    }

    /// Retires draining releases: one by its tenure, or all.
    pub(in crate::rollout) fn retire(&mut self, tenure: Option<Tenure>) {
        let retires = |draining: &DrainingRelease| tenure.is_none_or(|tenure| draining.tenure == tenure);
        for draining in std::mem::take(&mut self.next.draining) {
            if retires(&draining) {
                self.leave(draining.tenure, LeaveReason::Drained);
            } else {
                self.next.draining.push(draining);
            }
        }
    }

    /// Sets `previous` to the stable release that was replaced. If there was none, `previous` stays, unless it is the new
    /// stable release itself: then it becomes the release before that one in the history.
    pub(in crate::rollout) fn set_previous(&mut self) {
        if self.next.stable_release() == self.before.stable_release() {
            return;
        }
        let replaced = self.before.stable_release().or(self.before.previous.as_ref()).cloned();
        self.next.previous = match (&self.next.stable, replaced) {
            (Some(stable), Some(replaced)) if stable.release == replaced => {
                history::before(&self.background.stables, &stable.release, None)
            }
            (_, replaced) => replaced,
        };
    }

    /// Notes which releases get clients without a pin from now on.
    fn note_served(&mut self) {
        let blend = self.next.blend;
        self.next.stable.iter_mut().for_each(|stay| stay.served = true);
        self.next.candidate.iter_mut().for_each(|stay| stay.served |= blend > Blend::ZERO);
    }

    /// Begins a draw epoch with a candidate that is new on its track, and with a raise of its blend: clients drawn from now on
    /// are others than those drawn before.
    fn note_draws(&mut self) {
        let tenure = |record: &Record| record.candidate.as_ref().map(|stay| stay.tenure);
        let Some(candidate) = tenure(&self.next) else { return };
        let is_new = tenure(&self.before) != Some(candidate);
        if is_new || self.next.blend > self.before.blend {
            self.next.draw_epochs.begin(is_new);
        }
    }

    /// Ends the approvals of tenures that are over, and of what is stable now.
    fn end_approvals(&mut self) {
        let mut approvals = std::mem::take(&mut self.next.approvals);
        approvals.retain(|approvals| {
            let is_stable = self.next.stable_release() == Some(&approvals.release);
            !is_stable && tenure_of(&self.next, &approvals.release) == approvals.tenure
        });
        self.next.approvals = approvals;
    }

    /// Ends a plan whose candidate is gone, and pauses one where somebody changed what it changes. Its hold begins anew after a
    /// lock.
    fn follow_plan(&mut self, command: &CommandName) {
        let tenure = self.next.candidate.as_ref().map(|stay| stay.tenure);
        self.next.plan.take_if(|plan| tenure != Some(plan.tenure));
        let Some(plan) = &mut self.next.plan else { return };
        if self.before.lock != self.next.lock {
            plan.since = self.asker.at;
        }
        let is_untouched = self.before.plan.as_ref() == Some(&*plan) && plan.paused.is_none();
        if is_untouched && is_against_plan(command, self.asker) {
            let (by, at) = (self.asker.actor.clone(), self.asker.at);
            plan.paused = Some(PlanPause { by, command: command.to_string(), at });
        }
    }

    /// The finished change, signed.
    pub(in crate::rollout) fn finish(mut self, command: CommandName) -> Decision {
        self.note_served();
        self.note_draws();
        self.end_approvals();
        self.follow_plan(&command);
        let mut drains = std::mem::take(&mut self.next.endpoint_drains);
        drains.retain(|drain| self.next.names(&drain.release));
        self.next.endpoint_drains = drains;
        let mut recycles = std::mem::take(&mut self.next.recycles);
        recycles.retain(|recycle| self.next.names(&recycle.release));
        self.next.recycles = recycles;
        let mut unregistered = std::mem::take(&mut self.next.unregistered);
        unregistered.retain(|known| self.next.routed().any(|(routed, _)| *routed == known.release));
        self.next.unregistered = unregistered;
        let Self { before, mut next, asker, said, .. } = self;
        let tracks =
            |record: &Record| (record.stable_release().cloned(), record.candidate_release().cloned());
        if tracks(&before) != tracks(&next) {
            let dropped = before.candidate.iter().find(|stay| next.by_tenure(stay.tenure).is_none());
            let dropped = dropped.map(|stay| stay.release.clone());
            next.last_move = Some(LastMove { command: command.clone(), dropped });
        }
        next.seq += 1;
        next.command = command;
        next.actor = asker.actor.clone();
        next.reason = asker.reason.clone();
        next.at = asker.at;
        let mut changed = history::changed(&before, &next);
        changed.extend(said.map(|said| ("facts".to_owned(), json!(said))));
        Decision::Change(Box::new(HistoryEvent { record: next, changed, receipt: None }))
    }
}

/// Whether a command changes what a plan changes, or judges by. A pipeline may register endpoints all the time, as replicas do.
fn is_against_plan(command: &CommandName, asker: &Asker) -> bool {
    let is_own = asker.is_engine() || asker.is_plan();
    !is_own
        && match command {
            CommandName::ChangeEndpoints => asker.role >= Role::Operator,
            CommandName::SetCandidate
            | CommandName::SetBlend
            | CommandName::SetSticky
            | CommandName::DrainEndpoint
            | CommandName::BeginRecycle
            | CommandName::Raw => true,
            _ => false,
        }
}
