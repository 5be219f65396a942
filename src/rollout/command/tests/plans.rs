//! A plan: who may start, hold and end it, and what becomes of it when other commands come.

use super::*;
use crate::rollout::plan::RunningPlan;

/// `gradual: 5% hold=10m; 25% sessions=100 approval; 50%; promote`, as the fixture has it.
fn start() -> Command {
    Command::StartPlan { name: "gradual".into() }
}

fn skip(from: usize) -> Command {
    Command::AdvancePlan { from, automatic: false }
}

fn started() -> Rollout {
    let mut rollout = Rollout::stable("a").candidate("b", 0);
    rollout.done(Operator, start());
    rollout
}

fn plan(rollout: &Rollout) -> RunningPlan {
    rollout.record().plan.expect("a plan runs")
}

fn paused_by(rollout: &Rollout) -> Option<String> {
    plan(rollout).paused.map(|pause| pause.command)
}

#[test]
fn a_plan_begins_at_the_first_step_that_is_not_below_the_blend() {
    for (blend, step, then) in [(0, 0, 5), (5, 0, 5), (6, 1, 25), (40, 2, 50), (80, 2, 50)] {
        let mut rollout = Rollout::stable("a").candidate("b", blend);
        let record = rollout.done(Operator, start());
        assert_eq!((record.plan.unwrap().step, record.blend), (step, percent(then)), "{blend}");
        rollout.unchanged(Operator, start());
    }
    let mut rollout = Rollout::stable("a");
    assert_eq!(rollout.refused(Operator, start()), "no_candidate");
    assert_eq!(rollout.refused(Operator, skip(0)), "no_plan");
    let unknown = Command::StartPlan { name: "canarry".into() };
    assert_eq!(Rollout::stable("a").candidate("b", 0).refused(Operator, unknown), "value");
}

#[test]
fn a_candidate_comes_with_its_plan_and_with_no_blend_beside_it() {
    let with_plan = |blend: Option<u16>| Command::SetCandidate {
        release: release("b"),
        blend: blend.map(percent),
        replace: None,
        plan: Some("gradual".into()),
        facts: Facts::new(),
    };
    let mut rollout = Rollout::stable("a");
    assert_eq!(rollout.refused(Operator, with_plan(Some(10))), "value");
    let record = rollout.done(Operator, with_plan(None));
    assert_eq!((record.blend, plan(&rollout).paused), (percent(5), None));
    rollout.unchanged(Operator, with_plan(None));
}

#[test]
fn it_goes_on_step_by_step_and_never_promotes_past_the_gate() {
    let mut rollout = started();
    assert_eq!(rollout.refused(Operator, skip(1)), "other_step");
    assert_eq!(rollout.done(Operator, skip(0)).blend, percent(25));
    rollout.unchanged(Operator, skip(0));
    let advanced = rollout.done(Operator, Command::AdvancePlan { from: 1, automatic: true });
    assert_eq!((advanced.blend, advanced.command.as_str()), (percent(50), "advance-plan"));
    assert_eq!(rollout.refused(Operator, skip(2)), "last_step");
    assert_eq!(rollout.done(Operator, promote(None)).plan, None, "the plan is over with its candidate");
}

#[test]
fn only_operators_skip_and_approve() {
    let mut rollout = started();
    for command in [skip(0), Command::ApprovePlanStep] {
        assert_eq!(rollout.refused(Ci, command), "forbidden");
    }
    assert_eq!(rollout.refused(Operator, Command::ApprovePlanStep), "no_approval_needed");
    rollout.done(Operator, skip(0));
    assert!(plan(&rollout).lacks_approval());
    rollout.done(Operator, Command::ApprovePlanStep);
    assert!(!plan(&rollout).lacks_approval());
    rollout.unchanged(Operator, Command::ApprovePlanStep);
}

#[test]
fn it_pauses_when_somebody_changes_what_it_changes() {
    for command in [set_blend(10), set_candidate("b", Some(7)), Command::SetSticky { sticky: false }] {
        let mut rollout = started();
        let name = command.name().to_string();
        rollout.done(Operator, command);
        assert_eq!(paused_by(&rollout), Some(name));
    }
    let mut rollout = started();
    rollout.write_past(OldKey::Blend, Some("30"));
    rollout.adopt();
    assert_eq!(paused_by(&rollout).as_deref(), Some("raw"));
    for command in [lock(None), Command::Pause { seconds: 30 }, Command::Stop { message: String::new() }] {
        let mut rollout = started();
        rollout.done(Operator, command);
        assert_eq!(paused_by(&rollout), None, "it is held as long as that stands");
    }
}

#[test]
fn it_resumes_where_the_blend_is() {
    let mut rollout = started();
    rollout.done(Ci, Command::PausePlan);
    rollout.unchanged(Ci, Command::PausePlan);
    assert_eq!(rollout.done(Ci, Command::ResumePlan).blend, percent(5));
    rollout.unchanged(Ci, Command::ResumePlan);
    rollout.done(Operator, set_blend(30));
    let record = rollout.done(Operator, Command::ResumePlan);
    assert_eq!((record.blend, record.plan.unwrap().step), (percent(50), 2));
}

#[test]
fn its_hold_begins_anew_after_a_lock_and_it_ends_with_its_candidate() {
    let mut rollout = started();
    let since = plan(&rollout).since;
    rollout.now += 1;
    rollout.done(Operator, lock(None));
    rollout.done(Operator, Command::Unlock);
    assert!(plan(&rollout).since > since);
    for command in [abort(None), set_candidate("c", None), Command::StopPlan] {
        let mut rollout = started();
        assert_eq!(rollout.done(Operator, command).plan, None);
    }
    let mut rollout = started();
    assert_eq!(rollout.done(Operator, Command::StopPlan).blend, percent(5));
    rollout.unchanged(Operator, Command::StopPlan);
}

#[test]
fn a_pipelines_plan_stays_within_its_caps() {
    let mut rollout = Rollout::stable("a").candidate("b", 0);
    rollout.ci_blend_max = Some(percent(25));
    assert_eq!(rollout.refused(Ci, start()), "value", "a step is above the cap");
    rollout.ci_blend_max = Some(percent(50));
    assert_eq!(rollout.refused(Ci, start()), "forbidden", "it would end in a promote");
    rollout.ci_blend_max = None;
    assert_eq!(rollout.done(Ci, start()).plan.unwrap().role, Ci);
}
