//! What holds for any sequence of commands, raw writes and writes past the router (docs/design.md sections 4 and 5).
//!
//! Clients are modelled by the tenure that their pin carries: one is moved exactly when its tenure is not routed any
//! more, and then only for what the table of section 5 says.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::fixture::{Rollout, percent, release};
use crate::{
    limits::{DRAINING_MAX, TENURES_LEFT_MAX},
    rollout::{
        adopt::{Adoption, OldKey, mirror},
        command::{Command, Decision, Role},
        command_name::CommandName,
        facts::Facts,
        record::{LeaveReason, Record, Tenure},
        release::{NULL, ReleaseId},
    },
};

/// One thing that happens to an app.
#[derive(Debug, Clone)]
enum Step {
    Give { role: Role, command: Command, if_match: Sighting },
    Raw { role: Role, key: OldKey, value: String },
    Past { key: OldKey, value: Option<String> },
    Adopt,
    Endpoints { release: ReleaseId, any: bool },
    Later { ms: u64 },
}

/// What an asker says they saw.
#[derive(Debug, Clone, Copy)]
enum Sighting {
    Nothing,
    Present,
    Earlier,
}

fn releases() -> impl Strategy<Value = ReleaseId> {
    (0..11).prop_map(|number| release(&format!("r{number}")))
}

fn commands() -> impl Strategy<Value = Command> {
    let blend = || select(vec![0, 10, 50, 100]).prop_map(percent);
    let named = || option::of(releases());
    let until = option::of(select(vec![5_000_u64, 500_000]));
    prop_oneof![
        4 => (releases(), option::of(blend()), named())
            .prop_map(|(release, blend, replace)| Command::SetCandidate { release, blend, replace, plan: None, facts: Facts::new() }),
        4 => releases().prop_map(|release| Command::SetStable { release, facts: Facts::new() }),
        1 => any::<bool>().prop_map(|force| Command::ClearStable { force }),
        3 => (blend(), named()).prop_map(|(blend, release)| Command::SetBlend { blend, release }),
        1 => any::<bool>().prop_map(|sticky| Command::SetSticky { sticky }),
        4 => named().prop_map(|release| Command::Promote { release }),
        2 => named().prop_map(|release| Command::Abort { release }),
        3 => named().prop_map(|to| Command::Rollback { to }),
        1 => until.prop_map(|until| Command::Lock { reason: "freeze".into(), until }),
        1 => Just(Command::Unlock),
        1 => (0..400_u32).prop_map(|seconds| Command::Pause { seconds }),
        1 => Just(Command::Stop { message: "back soon".into() }),
        1 => Just(Command::Resume),
        2 => Just(Command::StartPlan { name: "gradual".into() }),
        1 => Just(Command::ResumePlan),
        2 => (0..3_usize, any::<bool>()).prop_map(|(from, automatic)| Command::AdvancePlan { from, automatic }),
        2 => (option::of(1..20_u32), any::<bool>())
            .prop_map(|(tenure, automatic)| Command::FinishDrain { tenure, automatic }),
    ]
}

fn old_writes() -> impl Strategy<Value = (OldKey, String)> {
    let id = || prop_oneof![4 => releases().prop_map(|id| id.to_string()), 1 => Just(NULL.to_owned())];
    let numbers = ["0", "10", "50", "100", "1", "-1", "much"].map(str::to_owned).to_vec();
    prop_oneof![
        3 => id().prop_map(|value| (OldKey::Stable, value)),
        3 => id().prop_map(|value| (OldKey::Candidate, value)),
        2 => select(numbers.clone()).prop_map(|value| (OldKey::Blend, value)),
        1 => select(numbers).prop_map(|value| (OldKey::Sticky, value)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let role = || select(vec![Role::Viewer, Role::Ci, Role::Operator, Role::Operator, Role::Admin]);
    let seen = || select(vec![Sighting::Nothing, Sighting::Nothing, Sighting::Present, Sighting::Earlier]);
    let step = prop_oneof![
        12 => (role(), commands(), seen())
            .prop_map(|(role, command, if_match)| Step::Give { role, command, if_match }),
        4 => (role(), old_writes()).prop_map(|(role, (key, value))| Step::Raw { role, key, value }),
        3 => (old_writes(), any::<bool>())
            .prop_map(|((key, value), kept)| Step::Past { key, value: kept.then_some(value) }),
        2 => Just(Step::Adopt),
        1 => (releases(), any::<bool>()).prop_map(|(release, any)| Step::Endpoints { release, any }),
        1 => select(vec![1_000, 100_000]).prop_map(|ms| Step::Later { ms }),
    ];
    vec(step, 1..40)
}

/// What came of a step.
enum Outcome {
    Commanded(Decision),
    Adoption(Adoption),
    /// Refused, or nothing that decides.
    Nothing,
}

fn take(rollout: &mut Rollout, step: &Step) -> Outcome {
    match step {
        Step::Give { role, command, if_match } => {
            let seq = rollout.stored().map_or(0, |record| record.seq);
            let answer = match if_match {
                Sighting::Nothing => rollout.give(*role, command),
                Sighting::Present => rollout.give_at(seq, *role, command),
                Sighting::Earlier => rollout.give_at(seq.saturating_sub(1), *role, command),
            };
            answer.map_or(Outcome::Nothing, Outcome::Commanded)
        }
        Step::Raw { role, key, value } => {
            rollout.raw(*role, *key, value).map_or(Outcome::Nothing, Outcome::Adoption)
        }
        Step::Adopt => Outcome::Adoption(rollout.adopt()),
        Step::Past { key, value } => {
            rollout.write_past(*key, value.as_deref());
            Outcome::Nothing
        }
        Step::Endpoints { release, any } => {
            let without = &mut rollout.without_endpoints;
            if *any {
                without.remove(release)
            } else {
                without.insert(release.clone())
            };
            Outcome::Nothing
        }
        Step::Later { ms } => {
            rollout.now += ms;
            Outcome::Nothing
        }
    }
}

/// Why section 5's table moves a client of this tenure when this step changed this record, `None` where it stays.
fn moved_by_table(before: &Record, after: &Record, step: &Step, tenure: Tenure) -> Option<LeaveReason> {
    let candidate = before.candidate.as_ref().is_some_and(|stay| stay.tenure == tenure);
    let stable = before.stable.as_ref().is_some_and(|stay| stay.tenure == tenure);
    let draining = before.draining.iter().position(|draining| draining.tenure == tenure);
    let Step::Give { command, .. } = step else { return crowded_out(before, after, draining) };
    match command {
        Command::Abort { .. } => candidate.then_some(LeaveReason::Abort),
        Command::SetCandidate { release, .. } => {
            let replaced = candidate && before.candidate_release() != Some(release);
            replaced.then_some(LeaveReason::Replaced)
        }
        Command::Rollback { .. } => {
            // Whoever is on the target already, stays.
            let target = before.by_tenure(tenure) == after.stable_release();
            ((stable || candidate) && !target).then_some(LeaveReason::Rollback)
        }
        Command::FinishDrain { tenure: meant, .. } => {
            let ends = draining.is_some() && meant.is_none_or(|meant| meant == tenure);
            ends.then_some(LeaveReason::Drained)
        }
        _ => crowded_out(before, after, draining),
    }
}

/// The oldest draining releases retire when too many drain.
fn crowded_out(before: &Record, after: &Record, draining: Option<usize>) -> Option<LeaveReason> {
    let position = draining?;
    let returned =
        |tenure| [&after.stable, &after.candidate].into_iter().flatten().any(|stay| stay.tenure == tenure);
    let older: Vec<_> = before.draining[..=position].iter().filter(|older| !returned(older.tenure)).collect();
    let off_track = [&before.stable, &before.candidate].into_iter().flatten();
    let new = off_track.filter(|stay| !returned(stay.tenure)).count();
    let stay = before.draining.iter().filter(|draining| !returned(draining.tenure)).count();
    let too_many = (stay + new).saturating_sub(DRAINING_MAX);
    let gone = !returned(before.draining[position].tenure) && older.len() <= too_many;
    gone.then_some(LeaveReason::Drained)
}

/// What the types of a record cannot say, and what its history must.
fn check_record(before: &Record, after: &Record) {
    assert_eq!(after.fault(), None);
    assert_eq!(after.seq, before.seq + 1);
    assert!(after.tenures.last >= before.tenures.last);
    assert!(after.previous.is_none() || after.previous.as_ref() != after.stable_release());
    let (known, left) = (&before.tenures.left, &after.tenures.left);
    let kept = left.iter().filter(|left| known.contains(left)).count();
    assert_eq!(left[..kept], known[known.len() - kept..], "the oldest ends are forgotten first");
    let ended = (1..=after.tenures.last).filter(|tenure| after.by_tenure(*tenure).is_none()).count();
    assert_eq!(after.tenures.left.len(), ended.min(TENURES_LEFT_MAX));
    if after.candidate.is_none() && before.candidate.is_some() {
        assert_eq!(after.blend, percent(0));
    }
    check_draws(before, after);
    let json = serde_json::to_vec(after).unwrap();
    assert_eq!(&serde_json::from_slice::<Record>(&json).unwrap(), after);
}

/// A draw epoch begins with each candidate and each raise of its blend, and with nothing else.
fn check_draws(before: &Record, after: &Record) {
    let tenure = |record: &Record| record.candidate.as_ref().map(|stay| stay.tenure);
    let is_new = tenure(after).is_some() && tenure(after) != tenure(before);
    let raised = tenure(after).is_some() && after.blend > before.blend;
    let (was, is) = (before.draw_epochs, after.draw_epochs);
    assert_eq!(is.last, was.last + u64::from(is_new || raised));
    assert_eq!(is.first, if is_new { is.last } else { was.first });
}

/// Every client stays with its release, or is moved as the table says.
fn check_clients(before: &Record, after: &Record, step: &Step) {
    for (release, tenure) in before.routed() {
        let reason = after.tenures.left.iter().find(|left| left.tenure == tenure).map(|left| left.reason);
        assert_eq!(reason, moved_by_table(before, after, step, tenure), "{release} {tenure}: {step:?}");
        let expected = if reason.is_none() { Some(release) } else { None };
        assert_eq!(after.by_tenure(tenure), expected, "a tenure stands for one release");
    }
    for (release, tenure) in after.routed() {
        let new = tenure > before.tenures.last;
        assert!(new || before.by_tenure(tenure) == Some(release), "{release} came back as {tenure}");
    }
}

/// What was said or done holds for whoever looks next.
fn check_settled(rollout: &Rollout) {
    let mut later = rollout.clone();
    let adopted = later.adopt();
    assert_eq!(adopted.decision, Decision::Unchanged);
    assert_eq!(adopted.mirror, []);
    assert_eq!(later.store, rollout.store);
    if adopted.pending.is_none() && adopted.held.is_none() && adopted.faults.is_empty() {
        let (stored, record) = (rollout.old_keys(), mirror(&rollout.record()));
        assert_eq!((stored.stable, stored.candidate), (record.stable, record.candidate));
    }
}

/// A command that is repeated as it was, because its answer was lost, does nothing twice.
fn check_repeat(rollout: &Rollout, role: Role, command: &Command) {
    // Without a name it says "whoever is there now", which `ci` may not, and a promote has left nobody there.
    let unnamed =
        matches!(command, Command::Abort { release: None } | Command::SetBlend { release: None, .. });
    if matches!(command, Command::Promote { release: None }) || (unnamed && role == Role::Ci) {
        return;
    }
    let mut again = rollout.clone();
    // At the same time, since a lock's end may have passed a second later.
    again.now -= 1_000;
    assert_eq!(again.give(role, command), Ok(Decision::Unchanged), "{command:?} by {role}");
}

fn check_step(was: &Rollout, is: &Rollout, step: &Step, outcome: &Outcome, past: bool) {
    let before = was.stored().unwrap_or_else(Record::empty);
    let changed = match outcome {
        Outcome::Commanded(Decision::Change(event)) => Some(&event.record),
        Outcome::Adoption(Adoption { decision: Decision::Change(event), .. }) => Some(&event.record),
        _ => None,
    };
    let Some(after) = changed else {
        assert_eq!(was.stored(), is.stored(), "{step:?}");
        return;
    };
    assert_eq!(is.stored().as_ref(), Some(after));
    assert_eq!(is.newest_event().as_ref().map(|event| &event.record), Some(after));
    check_record(&before, after);
    check_clients(&before, after, step);
    check_stable(was, &before, after, step);
    check_lock(was, &before, after, step);
    if let (Step::Give { role, command, .. }, false) = (step, past) {
        check_repeat(is, *role, command);
    }
}

/// A raw write never makes a release stable that has no endpoints, and never takes one away that has some; a rollback goes where the app has been.
fn check_stable(was: &Rollout, before: &Record, after: &Record, step: &Step) {
    let (from, to) = (before.stable_release(), after.stable_release());
    let served = |release: &&ReleaseId| !was.without_endpoints.contains(*release);
    if to.is_none() && from.filter(served).is_some() {
        let meant = matches!(step, Step::Give { command: Command::ClearStable { force: true }, .. });
        assert!(meant, "{step:?} takes the app off line");
    }
    let Some(to) = to.filter(|to| from != Some(*to)) else { return };
    match step {
        Step::Give { command: Command::Rollback { .. }, .. } => {
            let mut history = was.events().into_iter();
            assert!(history.any(|event| event.record.stable_release() == Some(to)));
            assert!(after.previous.is_none() || after.previous.as_ref() != from);
            assert!(after.lock.is_some());
        }
        Step::Give { .. } => assert!(from.is_none() || after.previous.as_ref() == from),
        _ => assert!(!was.without_endpoints.contains(to)),
    }
}

/// `ci` changes nothing under a lock but to stop, and only an operator's command ends one.
fn check_lock(was: &Rollout, before: &Record, after: &Record, step: &Step) {
    let Some(lock) = before.lock_at(was.now + 1_000) else { return };
    let (role, command) = match step {
        Step::Give { role, command, .. } => (*role, Some(command)),
        Step::Raw { role, .. } => (*role, None),
        _ => (Role::Operator, None),
    };
    let automatic = matches!(command, Some(Command::FinishDrain { automatic: true, .. }));
    if role < Role::Operator && !automatic {
        assert!(matches!(command, Some(Command::Abort { .. })), "{step:?}");
    }
    if after.lock.is_none() {
        let ends = matches!(command, Some(Command::Unlock)) || lock.automatic;
        assert!(role >= Role::Operator && command.is_some() && !automatic && ends, "{step:?}");
    }
}

/// An app that had some stable releases already, so that often as many drain as may.
fn after(releases: u32) -> Rollout {
    let mut rollout = Rollout::new();
    for number in 0..releases {
        rollout.done(
            Role::Operator,
            Command::SetStable { release: release(&format!("r{number}")), facts: Facts::new() },
        );
    }
    rollout
}

proptest! {
    #[test]
    fn no_client_moves_except_as_the_table_says(earlier in 0_u32..12, steps in steps()) {
        let mut rollout = after(earlier);
        // Whether something was written past the router that nobody has adopted yet.
        let mut past = false;
        for step in &steps {
            let was = rollout.clone();
            let outcome = take(&mut rollout, step);
            past = match (step, &outcome) {
                (Step::Past { .. } | Step::Endpoints { .. }, _) => true,
                (_, Outcome::Adoption(_)) => false,
                (_, Outcome::Commanded(Decision::Change(event))) => past && event.record.command == CommandName::Retire,
                _ => past,
            };
            check_step(&was, &rollout, step, &outcome, past);
            if !past && rollout.stored().is_some() {
                check_settled(&rollout);
            }
        }
    }
}
