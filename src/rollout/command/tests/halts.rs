//! Pause, stop and resume.

use super::*;
use crate::rollout::halt::HaltKind;

fn pause(seconds: u32) -> Command {
    Command::Pause { seconds }
}

fn stop(message: &str) -> Command {
    Command::Stop { message: message.into() }
}

#[test]
fn a_pause_has_a_length_and_a_stop_a_message() {
    let mut rollout = Rollout::new();
    rollout.done(Operator, set_stable("a"));
    let halt = rollout.done(Ci, pause(30)).halt.unwrap();
    assert_eq!((halt.kind, halt.seconds, halt.length_ms()), (HaltKind::Pause, 30, 30_000));
    rollout.unchanged(Ci, pause(30));
    assert!(
        rollout.done(Ci, pause(300)).halt.is_some_and(|halt| halt.seconds == 300),
        "its time begins anew"
    );
    for seconds in [0, 301] {
        assert_eq!(rollout.refused(Ci, pause(seconds)), "value");
    }
    let halt = rollout.done(Operator, stop("back at 10")).halt.unwrap();
    assert_eq!((halt.kind, halt.message.as_str()), (HaltKind::Stop, "back at 10"));
    rollout.unchanged(Operator, stop("back at 10"));
    assert_eq!(rollout.refused(Ci, pause(1)), "stopped");
    assert_eq!(rollout.refused(Operator, stop(&"x".repeat(1_001))), "value");
    let promoted = rollout.done(Operator, set_stable("b"));
    assert!(promoted.halt.is_some(), "releasing goes on");
    assert_eq!(rollout.done(Operator, Command::Resume).halt, None);
    rollout.unchanged(Operator, Command::Resume);
}

#[test]
fn ci_pauses_and_resumes_but_neither_stops_nor_ends_a_stop() {
    let mut rollout = Rollout::new();
    rollout.done(Operator, set_stable("a"));
    assert_eq!(rollout.refused(Ci, stop("x")), "forbidden");
    rollout.done(Operator, stop("x"));
    assert_eq!(rollout.refused(Ci, Command::Resume), "forbidden");
    rollout.done(Operator, Command::Resume);
    rollout.done(Ci, pause(30));
    rollout.done(Operator, lock(None));
    assert_eq!(rollout.refused(Ci, pause(30)), "locked");
    rollout.done(Ci, Command::Resume);
    rollout.done(Operator, pause(30));
    assert_eq!(rollout.refused(Ci, Command::Resume), "locked", "it is not its own");
}
