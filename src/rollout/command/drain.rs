//! The command that ends a drain: a person's, or the deadline's.

use super::{
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::rollout::record::Tenure;

/// `finish drain`. The deadline's own never fails for the app's state: whatever it was meant for is over then.
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
