//! The command that sets whether clients are pinned.

use super::{
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};

/// `set sticky`.
pub(super) fn set(case: &Case<'_>, draft: &mut Draft<'_>, sticky: bool) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    if draft.next.sticky == sticky {
        return Ok(Effect::Unchanged);
    }
    draft.next.sticky = sticky;
    Ok(Effect::Changed)
}
