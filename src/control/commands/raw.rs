//! Raw writes to the four old keys: what an old script means by them is adopted in the commit that writes them
//! (docs/design.md section 4, raw rules).

use std::collections::BTreeSet;

use super::{
    adoption::{event_of, named_endpoints},
    command::CommandOutcome,
    commit::Plan,
    gate::GateQuestion,
    ownership::refuse_foreign_release,
    raw_gate::{GateVerdict, RawStable},
    stored::StoredApp,
    transact::transact_app,
};
use crate::{
    control::{
        limits::GATE_REPEATS_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            waiting::UNWRITTEN,
        },
    },
    rollout::{
        adopt::{self, OldKey},
        app::AppName,
        command::{Asker, Background},
        commit::of_raw_write,
        release::ReleaseId,
    },
};

/// What has become of a raw write.
enum Step {
    Done(CommandOutcome),
    /// Endpoints have to be asked first; nothing was written.
    Ask(GateQuestion),
}

/// Writes one old key (`None`: deletes it) and adopts what that means. A deleted key is written back from the
/// record, so deleting one only undoes a value that waits or is at fault.
///
/// A release that `stable/id` names is asked before this is answered. If it does not pass, the key is written all the same,
/// and it waits.
pub async fn write_old_key(
    core: &Core,
    app: &AppName,
    key: OldKey,
    value: Option<&str>,
    asker: &Asker,
) -> Result<CommandOutcome, ApiError> {
    let mut verdict = None;
    for _ in 0..=GATE_REPEATS_MAX {
        let given = verdict.as_ref();
        let attempt = transact_app(core, app, move |stored, _| async move {
            plan(core, &stored, (key, value), asker, given).await
        });
        match attempt.await {
            Ok(Step::Done(outcome)) => {
                core.replica.waiting.set_written(app, outcome.revision);
                return Ok(outcome);
            }
            Ok(Step::Ask(question)) => verdict = Some(GateVerdict::of(core, question).await),
            Err(error) => {
                core.replica.waiting.forget_unwritten(app);
                return Err(error);
            }
        }
    }
    let message = format!("the endpoints of `{app}` keep changing while they are asked; try again");
    Err(ApiError::new(Kind::Contended, message))
}

async fn plan(
    core: &Core,
    stored: &StoredApp,
    (key, value): (OldKey, Option<&str>),
    asker: &Asker,
    verdict: Option<&GateVerdict>,
) -> Result<Plan<Step>, ApiError> {
    let old = stored.old_keys();
    let written = old.clone().after_write(key, value.map(str::to_owned));
    let named = named_endpoints(core, &written, stored.record.as_ref()).await?;
    if let (OldKey::Stable | OldKey::Candidate, Some(value)) = (key, value)
        && let Ok(Some(release)) = ReleaseId::parse_nullable(value)
    {
        refuse_foreign_release(core, stored, &release).await?;
    }
    let count = |release: &ReleaseId| named.get(release).map_or(0, BTreeSet::len);
    let is_stable = key == OldKey::Stable;
    let revision = if is_stable { UNWRITTEN } else { stored.stable_written() };
    let raw = RawStable::find(core, stored, (&written, revision), &named, verdict);
    let background = Background {
        endpoints: named.clone(),
        unfit: raw.as_ref().and_then(RawStable::unfit),
        ..stored.background(core, false).await?
    };
    let record = stored.record.as_ref();
    let adopted = adopt::write(record, &old, (key, value), asker, &background, &count)?;
    if is_stable {
        // Whoever writes another key does not wait for the endpoints of what a script wrote before.
        if let Some(question) = raw.as_ref().and_then(RawStable::question) {
            return Ok(Plan::Nothing(Step::Ask(question.clone())));
        }
        // Before the write, so that it is shown as soon as that is.
        RawStable::note(raw.as_ref(), core, stored, &adopted);
    }
    let bytes = value.map(|value| value.as_bytes().to_vec());
    let writes = of_raw_write(&stored.name, key, bytes, record, &adopted);
    let event = event_of(&adopted);
    let commit = stored.commit(event, writes, Vec::new());
    let (seq, routed) = match event {
        Some(event) => (event.record.seq, None),
        None => (stored.seq(), Some(stored.routed())),
    };
    Ok(Plan::write(commit, move |revision| {
        Step::Done(CommandOutcome {
            changed: routed.is_none(),
            created: false,
            revision,
            seq,
            routed: routed.unwrap_or(revision),
        })
    }))
}
