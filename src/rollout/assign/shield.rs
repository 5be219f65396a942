//! Shielding: the assignment to stable that replaces one to a candidate that failed.
//!
//! The client moves to stable for good. If it came back to the failing candidate with every request, it would meet
//! every failure. A bit in its pin keeps `transition: navigate` from sending it there again.

use super::{
    assignment::{Assignment, PinChange},
    decide::{Assigner, Place},
    draw::Draw,
    evidence::{PinEvidence, RequestFacts},
    health::Health,
    reason::Reason,
};
use crate::rollout::{
    pin::Pin,
    table::AppRoutes,
    target::{ReleaseIndex, Target},
};

/// Gives a request that the candidate failed to stable (docs/design.md section 6). This is a move: the pin goes along, and
/// says that the client left the candidate.
///
/// `None` where that cannot be: the failed assignment is not the candidate's, a tester chose the release, or no
/// endpoint of stable serves. Whether the request may be sent a second time is for the caller to know.
pub fn assign_shield(
    app: &AppRoutes,
    request: &RequestFacts,
    failed: &Assignment,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<Assignment> {
    Assigner { app, request, health, draw }.shield(failed)
}

impl Assigner<'_> {
    /// The assignment to stable instead of a failed one to the candidate.
    fn shield(mut self, failed: &Assignment) -> Option<Assignment> {
        let from_candidate = self.app.candidate == Some(failed.target.release);
        let stable = self.app.stable.filter(|_| from_candidate && failed.reason != Reason::Override)?;
        let endpoint = self.choose_if_it_serves(stable)?;
        let place = Place { target: Target { release: stable, endpoint }, reason: Reason::Shielded };
        let (tenure, tag) = (self.release(stable).tenure, self.release(stable).endpoint(endpoint).tag);
        let here = |pin: Pin| Pin { tenure, endpoint: tag, left_candidate: true, ..pin };
        Some(match (self.request.pin, failed.pin) {
            // A client that is not pinned to the release it was sent to: this router lags, or the app has no pins.
            (_, PinChange::Keep) if !self.pinned_to(failed.target.release) => place.with(PinChange::Keep),
            // The client was about to move away from stable. It stays, and no move is counted.
            (PinEvidence::Valid(pin), _) if pin.tenure == tenure => {
                place.with(PinChange::Replace(here(self.renewed(pin))))
            }
            (PinEvidence::Valid(pin), _) => self.moved(pin, place),
            (_, PinChange::First(pin)) => place.with(PinChange::First(here(pin))),
            (_, PinChange::Replace(pin) | PinChange::Refresh(pin)) => {
                place.with(PinChange::Replace(here(pin)))
            }
            (_, PinChange::Keep) => place.with(PinChange::Keep),
        })
    }

    fn pinned_to(&self, release: ReleaseIndex) -> bool {
        let tenure = self.release(release).tenure;
        self.app.sticky && matches!(self.request.pin, PinEvidence::Valid(pin) if pin.tenure == tenure)
    }
}
