//! Shielding in the core: what becomes of an assignment to the candidate that stable has to answer.
//!
//! It is a move and not a detour: a client that came back to a failing candidate with every request would meet each
//! failure anew. The bit in its pin keeps `transition: navigate` from sending it there again.

use super::{
    Assignment, PinChange, PinEvidence, Reason,
    decide::{Decision, Place},
};
use crate::rollout::pin::Pin;

impl Decision<'_> {
    /// The assignment to stable instead of a failed one to the candidate.
    pub(super) fn shielded(mut self, failed: &Assignment) -> Option<Assignment> {
        let from_candidate = self.app.candidate == Some(failed.release);
        let stable = self.app.stable.filter(|_| from_candidate && failed.reason != Reason::Override)?;
        let endpoint = self.choose_if_it_serves(stable)?;
        let place = Place { release: stable, endpoint, reason: Reason::Shielded };
        let (tenure, tag) = (self.release(stable).tenure, self.release(stable).endpoints[endpoint].tag);
        let here = |pin: Pin| Pin { tenure, endpoint: tag, left_candidate: true, ..pin };
        Some(match (self.asked.pin, failed.pin) {
            // Only a router that lags, or an app without pins, leaves a client unpinned to where it goes.
            (_, PinChange::Keep) if !self.pinned_to(failed.release) => place.with(PinChange::Keep),
            // It was on its way from stable: it stays, and nobody has moved.
            (PinEvidence::Valid(pin), _) if pin.tenure == tenure => place.with(PinChange::Replace(here(pin))),
            (PinEvidence::Valid(pin), _) => self.moved(pin, place),
            (_, PinChange::First(pin)) => place.with(PinChange::First(here(pin))),
            (_, PinChange::Replace(pin) | PinChange::Refresh(pin)) => {
                place.with(PinChange::Replace(here(pin)))
            }
            (_, PinChange::Keep) => place.with(PinChange::Keep),
        })
    }

    fn pinned_to(&self, release: usize) -> bool {
        let tenure = self.release(release).tenure;
        self.app.sticky && matches!(self.asked.pin, PinEvidence::Valid(pin) if pin.tenure == tenure)
    }
}
