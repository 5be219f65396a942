//! Where draw epochs begin, and which of them are the present candidate's.

use super::*;
use crate::rollout::record::DrawEpochs;

#[test]
fn an_epoch_begins_with_each_candidate_and_each_raise_of_its_blend() {
    let mut rollout = Rollout::stable("a");
    let epochs = |rollout: &Rollout| {
        let DrawEpochs { last, first } = rollout.record().draw_epochs;
        (last, first)
    };
    assert_eq!(epochs(&rollout), (0, 0));
    rollout.done(Operator, set_candidate("b", Some(10)));
    assert_eq!(epochs(&rollout), (1, 1), "one, though the blend rose as well");
    rollout.done(Operator, set_blend(20));
    assert_eq!(epochs(&rollout), (2, 1));
    rollout.done(Operator, set_blend(5));
    rollout.done(Operator, Command::SetSticky { sticky: false });
    assert_eq!(epochs(&rollout), (2, 1), "nobody else is drawn to the candidate");
    rollout.raw(Operator, OldKey::Blend, "30").unwrap();
    assert_eq!(epochs(&rollout), (3, 1));
    rollout.done(Operator, set_candidate("c", None));
    assert_eq!(epochs(&rollout), (4, 4), "another candidate, at blend 0");
    rollout.done(Operator, abort(None));
    rollout.done(Operator, set_candidate("c", None));
    assert_eq!(epochs(&rollout), (5, 5), "the same release in another tenure");
    rollout.done(Operator, set_blend(50));
    rollout.done(Operator, promote(None));
    assert_eq!(epochs(&rollout), (6, 5), "without a candidate nobody is drawn for one");
}

#[test]
fn pins_name_epochs_of_the_present_candidate_until_their_number_comes_round() {
    let has = |first, last| {
        let epochs = DrawEpochs { last, first };
        (0..=255).filter(move |drawn_for| epochs.has(*drawn_for)).collect::<Vec<u8>>()
    };
    assert_eq!(has(0, 0), Vec::<u8>::new());
    assert_eq!(has(1, 3), [2, 3, 4]);
    assert_eq!(has(253, 256), [1, 2, 254, 255]);
    assert_eq!(has(3, 1_000).len(), 255, "and never 0");
    for (epoch, drawn_for) in [(1, 2), (254, 255), (255, 1), (256, 2)] {
        assert_eq!(DrawEpochs::in_pins(epoch), drawn_for);
    }
}

#[test]
fn a_record_of_an_earlier_version_has_none() {
    let rollout = Rollout::stable("a");
    let json = serde_json::to_value(rollout.record()).unwrap();
    assert_eq!(json.get("draw_epochs"), None);
}
