//! The command that ends a drain, given by a person or by the deadline.

use super::{
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::rollout::record::Tenure;

/// `finish drain`. If the deadline gives it, the app's state never refuses it: the drain has then ended already.
pub(super) fn finish(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    tenure: Option<Tenure>,
    automatic: bool,
) -> Result<Effect, Refusal> {
    let drains = |tenure| draft.next.draining.iter().any(|draining| draining.tenure == tenure);
    match tenure {
        None if draft.next.draining.is_empty() => return Ok(Effect::Unchanged),
        Some(tenure) if !drains(tenure) => {
            let over = draft.next.by_tenure(tenure).is_none() && tenure <= draft.next.tenures.last;
            return if automatic || over { Ok(Effect::Unchanged) } else { Err(not_draining(tenure)) };
        }
        _ => case.check_if_match()?,
    }
    draft.retire(tenure);
    Ok(Effect::Changed)
}

fn not_draining(tenure: Tenure) -> Refusal {
    Refusal::state("not_draining", format!("no release of tenure {tenure} is draining"))
}
