//! The object under test: an app's record and settings, as far as compare-and-set can tell.

use super::checker::{Model, Operation, linearizable};
use std::time::Duration;

/// The model: a seq, a blend and a setting; who knows the seq may change either of them, which makes the next seq.
pub struct Record;

/// What is changed: the blend in the record, or a setting beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The blend, in hundredths.
    Blend,
    /// `drainseconds`, or 0 where nobody has set it.
    Drain,
}

/// What is asked of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Set a field, if the seq is this one.
    Set {
        /// The seq in If-Match.
        seq: u64,
        /// Which field.
        field: Field,
        /// Its new value.
        value: u64,
    },
    /// Read seq and field from the store.
    Read(Field),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is set.
    Set,
    /// The seq is another one.
    Stale,
    /// Seq and value.
    Is(u64, u64),
}

impl Model for Record {
    /// Seq, blend, setting.
    type State = (u64, u64, u64);
    type Call = Call;
    type Outcome = Outcome;

    fn step(state: &Self::State, call: &Call, outcome: Option<&Outcome>) -> Option<Self::State> {
        let (now, blend, drain) = *state;
        match (call, outcome) {
            (Call::Set { seq, field, value }, Some(Outcome::Set) | None) => {
                let next = match field {
                    Field::Blend => (now + 1, *value, drain),
                    Field::Drain => (now + 1, blend, *value),
                };
                (now == *seq).then_some(next)
            }
            (Call::Set { seq, .. }, Some(Outcome::Stale)) => (now != *seq).then_some(*state),
            (Call::Read(field), Some(Outcome::Is(seq, value))) => {
                let stored = if *field == Field::Blend { blend } else { drain };
                ((now, stored) == (*seq, *value)).then_some(*state)
            }
            _ => None,
        }
    }
}

fn operation(call: Call, outcome: Option<Outcome>, began: u64, ended: u64) -> Operation<Call, Outcome> {
    let at = Duration::from_millis;
    Operation { call, outcome, began: at(began), ended: at(ended) }
}

fn set(seq: u64, blend: u64, outcome: Option<Outcome>, began: u64, ended: u64) -> Operation<Call, Outcome> {
    operation(Call::Set { seq, field: Field::Blend, value: blend }, outcome, began, ended)
}

fn set_drain(
    seq: u64,
    value: u64,
    outcome: Option<Outcome>,
    began: u64,
    ended: u64,
) -> Operation<Call, Outcome> {
    operation(Call::Set { seq, field: Field::Drain, value }, outcome, began, ended)
}

fn read(seq: u64, blend: u64, began: u64, ended: u64) -> Operation<Call, Outcome> {
    operation(Call::Read(Field::Blend), Some(Outcome::Is(seq, blend)), began, ended)
}

fn read_drain(seq: u64, value: u64, began: u64, ended: u64) -> Operation<Call, Outcome> {
    operation(Call::Read(Field::Drain), Some(Outcome::Is(seq, value)), began, ended)
}

fn holds(history: &[Operation<Call, Outcome>]) -> bool {
    linearizable::<Record>((1, 0, 0), history)
}

#[test]
fn what_one_object_could_have_done_is_found() {
    let done = || Some(Outcome::Set);
    assert!(holds(&[]));
    assert!(holds(&[set(1, 5, done(), 0, 10), read(2, 5, 20, 30)]));
    // The read overlaps the change, so it may see either.
    assert!(holds(&[set(1, 5, done(), 0, 30), read(1, 0, 10, 20)]));
    assert!(holds(&[set(1, 5, done(), 0, 30), read(2, 5, 10, 20)]));
    // Of two at once one wins, whichever is listed first.
    assert!(holds(&[set(1, 5, Some(Outcome::Stale), 0, 30), set(1, 6, done(), 0, 30), read(2, 6, 40, 50)]));
    // No answer: it may have happened late, or never.
    assert!(holds(&[set(1, 5, None, 0, 0), read(1, 0, 10, 20), read(2, 5, 30, 40)]));
    assert!(holds(&[
        set(1, 5, None, 0, 0),
        read(1, 0, 10, 20),
        set(1, 6, done(), 30, 40),
        read(2, 6, 50, 60)
    ]));
    assert!(holds(&[set_drain(1, 9, done(), 0, 10), read(2, 0, 20, 30), read_drain(2, 9, 20, 30)]));
}

#[test]
fn what_no_object_could_have_done_is_refused() {
    let done = || Some(Outcome::Set);
    assert!(!holds(&[set(1, 5, done(), 0, 10), read(1, 0, 20, 30)]), "a stale read");
    assert!(!holds(&[set(1, 5, done(), 0, 10), set(1, 6, done(), 0, 10)]), "both won");
    assert!(!holds(&[set(1, 5, done(), 0, 10), read(2, 6, 20, 30)]), "a value that nobody wrote");
    assert!(!holds(&[set(1, 5, Some(Outcome::Stale), 0, 10)]), "refused without a reason");
    assert!(!holds(&[read(2, 5, 0, 10), set(1, 5, None, 20, 20)]), "seen before it was asked for");
    let undone = [set(1, 5, None, 0, 0), read(2, 5, 10, 20), read(1, 0, 30, 40)];
    assert!(!holds(&undone), "a change without an answer was seen and came undone");
    let lost = [set(1, 5, done(), 0, 10), set(2, 6, done(), 20, 30), read(2, 5, 40, 50)];
    assert!(!holds(&lost), "an acknowledged change was lost");
    let both = [set_drain(1, 9, done(), 0, 10), set(1, 6, done(), 20, 30)];
    assert!(!holds(&both), "a setting and a blend were changed from one seq");
    let unseen = [set_drain(1, 9, done(), 0, 10), read(1, 0, 20, 30)];
    assert!(!holds(&unseen), "a setting was changed and the seq stayed");
}

/// Long histories are decided in time: many at once, of which few fit each place.
#[test]
fn a_long_history_is_decided() {
    let mut history = Vec::new();
    for round in 0..300 {
        let (seq, began) = (round + 1, round * 10);
        history.push(set(seq, round, Some(Outcome::Set), began, began + 9));
        for other in 0..4 {
            history.push(set(seq, 1_000 + other, Some(Outcome::Stale), began, began + 9));
        }
        history.push(set(seq, 5_000, None, began, began));
    }
    assert!(holds(&history));
    history.push(read(300, 298, 4_000, 4_001));
    assert!(!holds(&history));
}
