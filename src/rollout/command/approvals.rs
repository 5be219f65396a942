//! Commands by which operators approve a release, and the rule that holds a release back until enough of them did.

use super::{
    asker::{Asker, Background},
    case::{Case, Effect},
    draft::Draft,
    kinds::ApprovalSubject,
    refusal::Refusal,
};
use crate::{
    limits::{APPROVALS_MAX, APPROVED_ENDPOINTS_MAX, APPROVED_RELEASES_MAX},
    rollout::{
        approval::{Approval, LoweringApprovals, ReleaseApprovals},
        approval_standing::{ApprovalStanding, approvals_of, author_of, counted, tenure_of, was_stable},
        record::Record,
        release::ReleaseId,
    },
};

/// Refuses to make a release stable that was not, before enough operators have approved it. `record` is the one before.
pub(in crate::rollout) fn check_approvals(
    record: Option<&Record>,
    release: &ReleaseId,
    asker: &Asker,
    background: &Background,
) -> Result<(), Refusal> {
    let needed = background.approvals;
    let none = Record::empty();
    let record = record.unwrap_or(&none);
    if needed == 0 || was_stable(record, release) {
        return Ok(());
    }
    // Of a release on no track, whoever makes it stable is the author.
    let author = author_of(record, release).unwrap_or_else(|| asker.holder());
    let endpoints = background.endpoints.get(release).cloned().unwrap_or_default();
    let standing = ApprovalStanding::of(record, release, &endpoints, author);
    if standing.missing(needed) == 0 {
        return Ok(());
    }
    let given = names(&standing.given);
    let ended = match standing.new_endpoints.first() {
        Some(address) => format!("; those given before have ended, since {address} is new"),
        None => String::new(),
    };
    let message = format!(
        "{release} has {} of {needed} approvals that this app needs before a release becomes stable{given}{ended}. Operators \
         other than {} give them by `approve`",
        standing.given.len(),
        author.name
    );
    Err(Refusal::state("approvals_missing", message))
}

/// Refuses to lower the setting `approvals` before as many other operators have approved that as it says.
pub(super) fn check_lowering(case: &Case<'_>, to: u8) -> Result<(), Refusal> {
    refuse_lowering(case.record, case.background.approvals, to, case.asker)
}

/// The same, from this number.
pub(super) fn refuse_lowering(
    record: Option<&Record>,
    needed: u8,
    to: u8,
    asker: &Asker,
) -> Result<(), Refusal> {
    if to >= needed {
        return Ok(());
    }
    let lowerings = record.map(|record| record.lowerings.as_slice()).unwrap_or_default();
    let approved = lowerings.iter().find(|lowering| lowering.to == to);
    let given = approved.map(|lowering| counted(&lowering.given, asker.holder())).unwrap_or_default();
    if given.len() >= usize::from(needed) {
        return Ok(());
    }
    let message = format!(
        "`approvals` is {needed}, and it becomes {to} only with {needed} approvals of other operators, of which there are {}{}: \
         they give them by `approve --lower-to {to}`",
        given.len(),
        names(&given)
    );
    Err(Refusal::state("approvals_missing", message))
}

fn names(given: &[Approval]) -> String {
    let names: Vec<&str> = given.iter().map(|approval| approval.by.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

/// `approve`.
pub(super) fn approve(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    subject: &ApprovalSubject,
) -> Result<Effect, Refusal> {
    if case.asker.token.is_empty() {
        let message =
            "this router has not read the key yet by which it tells tokens apart; try again in a few seconds";
        return Err(Refusal::state("tokens_unknown", message));
    }
    match subject {
        ApprovalSubject::Release(release) => approve_release(case, draft, release.as_ref()),
        ApprovalSubject::Lowering(to) => approve_lowering(case, draft, *to),
    }
}

fn approve_release(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    named: Option<&ReleaseId>,
) -> Result<Effect, Refusal> {
    let release = subject_of(draft, named)?;
    if draft.next.stable_release() == Some(&release) {
        return Err(Refusal::state("release_is_stable", format!("{release} is the stable release already")));
    }
    let asker = case.asker;
    if author_of(&draft.next, &release).is_some_and(|author| author.is(&asker.holder())) {
        let message = format!(
            "{release} was put on its track by {}, with this token: its author does not count, so others approve it",
            asker.actor
        );
        return Err(Refusal::state("own_release", message));
    }
    let endpoints = case.background.endpoints.get(&release).cloned().unwrap_or_default();
    if endpoints.is_empty() || endpoints.len() > APPROVED_ENDPOINTS_MAX {
        let count = endpoints.len();
        let message = format!(
            "{release} has {count} endpoints; a release can be approved that has 1 to {APPROVED_ENDPOINTS_MAX}"
        );
        return Err(Refusal::state("endpoints", message));
    }
    let known = approvals_of(&draft.next, &release).filter(|known| endpoints.is_subset(&known.endpoints));
    let mut given = known.map(|known| known.given.clone()).unwrap_or_default();
    if is_given(&given, asker) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    add(&mut given, asker)?;
    let tenure = tenure_of(&draft.next, &release);
    let approvals = &mut draft.next.approvals;
    approvals.retain(|approvals| approvals.release != release);
    approvals.push(ReleaseApprovals { release, tenure, endpoints, given });
    approvals.drain(..approvals.len().saturating_sub(APPROVED_RELEASES_MAX));
    Ok(Effect::Changed)
}

fn approve_lowering(case: &Case<'_>, draft: &mut Draft<'_>, to: u8) -> Result<Effect, Refusal> {
    let now = case.background.approvals;
    if to >= now {
        let message = format!("{to} is not lower than `approvals`, which is {now}");
        return Err(Refusal::Value { field: "lower_to", message });
    }
    let known = draft.next.lowerings.iter().find(|lowering| lowering.to == to);
    let mut given = known.map(|known| known.given.clone()).unwrap_or_default();
    if is_given(&given, case.asker) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    add(&mut given, case.asker)?;
    draft.next.lowerings.retain(|lowering| lowering.to != to);
    draft.next.lowerings.push(LoweringApprovals { to, given });
    Ok(Effect::Changed)
}

/// Takes the asker's own approval back.
pub(super) fn withdraw(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    subject: &ApprovalSubject,
) -> Result<Effect, Refusal> {
    let lists: Vec<&mut Vec<Approval>> = match subject {
        ApprovalSubject::Release(named) => {
            let release = subject_of(draft, named.as_ref())?;
            let of_release = draft.next.approvals.iter_mut().filter(|approvals| approvals.release == release);
            of_release.map(|approvals| &mut approvals.given).collect()
        }
        ApprovalSubject::Lowering(to) => {
            let of_value = draft.next.lowerings.iter_mut().filter(|lowering| lowering.to == *to);
            of_value.map(|lowering| &mut lowering.given).collect()
        }
    };
    let mut effect = Effect::Unchanged;
    for given in lists {
        if is_given(given, case.asker) {
            case.check_if_match()?;
            given.retain(|approval| !approval.holder().is(&case.asker.holder()));
            effect = Effect::Changed;
        }
    }
    draft.next.approvals.retain(|approvals| !approvals.given.is_empty());
    draft.next.lowerings.retain(|lowering| !lowering.given.is_empty());
    Ok(effect)
}

/// The release that is named, or the candidate.
fn subject_of(draft: &Draft<'_>, named: Option<&ReleaseId>) -> Result<ReleaseId, Refusal> {
    named.or(draft.next.candidate_release()).cloned().ok_or_else(Refusal::no_candidate)
}

fn is_given(given: &[Approval], asker: &Asker) -> bool {
    given.iter().any(|approval| approval.holder().is(&asker.holder()))
}

fn add(given: &mut Vec<Approval>, asker: &Asker) -> Result<(), Refusal> {
    if given.len() >= APPROVALS_MAX {
        let message =
            format!("there are {APPROVALS_MAX} approvals already, which is more than any app needs");
        return Err(Refusal::state("too_many_approvals", message));
    }
    given.push(Approval { by: asker.actor.clone(), token: asker.token.clone(), at: asker.at });
    Ok(())
}
