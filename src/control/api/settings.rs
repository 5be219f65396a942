//! An app's settings: read, replaced, or merged (RFC 7396). Only what could be taken is ever stored.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use keyvalues::Write as StoreWrite;
use serde_json::{Map, Value};

use super::{
    answer::{answer, set_etag},
    effective_settings::{self, NO_SETTINGS},
    host_claims::{refuse_claimed, refuse_held, unsharing_owners},
    json,
    query::WriteQuery,
    request::{Document, Read, app_name, asker, check_reason},
};
use crate::{
    control::{
        commands::{
            command::{CommandOutcome, unknown_app},
            commit::Plan,
            recovery::recover_record,
            stored::StoredApp,
            transact::transact_app,
        },
        limits::{SERVED_WAIT_MAX, SETTINGS_FIELDS_MAX},
        shared::{
            access::scope::Scope,
            core::Core,
            entries::{as_read, own_key},
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, Refusal, Role, decide},
        commit::of_command,
        keys,
        record::HistoryEvent,
        settings::{Settings, remove_unknown},
        unknown_fields,
    },
};

/// What a document does with the settings that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Replace,
    Merge,
}

/// `GET .../settings`: what is set; `?effective=true` with the defaults of everything else, and where each value comes from.
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Read,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let effective = call.query.flag("effective")?;
    call.query.finish()?;
    let mut stored = StoredApp::read(&core, &app).await?;
    // The seq of a lost record is not 0, and nobody knows it before the record is written back.
    if stored.is_lost && recover_record(&core, &app).await.is_ok() {
        stored = StoredApp::read(&core, &app).await?;
    }
    if stored.is_absent() {
        return Err(unknown_app(&app));
    }
    let mut response = if effective {
        let limits = &core.options.limits;
        axum::Json(effective_settings::effective(&stored.settings, &counting(&stored), limits))
            .into_response()
    } else {
        axum::Json(explicit(&stored)).into_response()
    };
    set_etag(&mut response, (!stored.is_lost).then(|| stored.seq()));
    Ok(response)
}

/// `PUT .../settings`
pub async fn replace(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Document,
) -> Result<Response, ApiError> {
    write(&core, &app_name(&app)?, call, Mode::Replace).await
}

/// `PATCH .../settings`
pub async fn merge(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Document,
) -> Result<Response, ApiError> {
    write(&core, &app_name(&app)?, call, Mode::Merge).await
}

async fn write(core: &Core, app: &AppName, mut call: Document, mode: Mode) -> Result<Response, ApiError> {
    let query = WriteQuery::take(&mut call.query)?;
    // The body is all settings, so the reason stands in the query.
    let reason = check_reason(call.query.take("reason"))?;
    call.query.finish()?;
    let mut document = json::object_of(&call.json, SETTINGS_FIELDS_MAX)?;
    document.retain(|name, _| !NO_SETTINGS.contains(&name.as_str()));
    let asker = asker(core, &call.caller, reason, call.if_match);
    let (document, asker) = (&document, &asker);
    if call.caller.role == Role::Admin {
        share_hosts(core, app, (document, mode), &call.caller.scope, asker).await?;
    }
    let outcome =
        transact_app(
            core,
            app,
            move |stored, _| async move { plan(core, &stored, document, mode, asker).await },
        )
        .await?;
    if outcome.changed {
        tracing::info!(%app, actor = call.caller.name, seq = outcome.seq, "settings changed");
    }
    Ok(answer(core, app, outcome, &query).await)
}

async fn plan(
    core: &Core,
    stored: &StoredApp,
    document: &Map<String, Value>,
    mode: Mode,
    asker: &Asker,
) -> Result<Plan<CommandOutcome>, ApiError> {
    if stored.is_absent() {
        return Err(unknown_app(&stored.name));
    }
    let seq = stored.seq();
    if let Some(seen) = asker.if_match.filter(|seen| *seen != seq) {
        return Err(Refusal::Stale { seen, now: seq }.into());
    }
    let before = explicit(stored);
    let after = changed(&before, document, mode);
    let json = to_json(&after)?;
    let next = Settings::parse(&json)?;
    refuse_claimed(core, &stored.name, &next)?;
    if before == after {
        let (revision, routed) = (stored.revision(), stored.routed());
        return Ok(Plan::Nothing(CommandOutcome { changed: false, created: false, revision, seq, routed }));
    }
    let json = match &stored.settings_entry {
        Some(entry) => unknown_fields::keep(&entry.value, &before, json),
        None => json,
    };
    let key = keys::settings(&stored.name);
    let write = StoreWrite::put(own_key(&key), json);
    let (mut commit, seq) =
        match event(core, stored, asker, next.approvals, differences(&before, &after)).await? {
            Some(event) => {
                let writes = of_command(&stored.name, &event);
                (stored.commit(Some(&event), writes, vec![write]), event.record.seq)
            }
            None => (stored.commit(None, Vec::new(), vec![write]), seq),
        };
    commit.checks.push(as_read(stored.settings_entry.as_ref(), &key));
    Ok(Plan::write(commit, move |revision| CommandOutcome {
        changed: true,
        created: false,
        revision,
        seq,
        routed: revision,
    }))
}

/// What a document makes of settings.
fn changed(before: &Map<String, Value>, document: &Map<String, Value>, mode: Mode) -> Map<String, Value> {
    let mut after = document.clone();
    if mode == Mode::Merge {
        after.clone_from(before);
        merge_patch(&mut after, document);
    }
    after
}

fn to_json(settings: &Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(settings).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))
}

/// An admin may give an app path prefixes on other apps' hosts: these apps share their hosts with it from then on, which is
/// an event of theirs.
async fn share_hosts(
    core: &Core,
    app: &AppName,
    (document, mode): (&Map<String, Value>, Mode),
    scope: &Scope,
    asker: &Asker,
) -> Result<(), ApiError> {
    let stored = StoredApp::read(core, app).await?;
    if stored.is_absent() || asker.if_match.is_some_and(|seen| seen != stored.seq()) {
        return Ok(());
    }
    let next = Settings::parse(&to_json(&changed(&explicit(&stored), document, mode))?)?;
    refuse_held(core, app, &next)?;
    let owners = unsharing_owners(core, app, &next).into_iter().map(|(_, owner)| owner);
    let owners: BTreeSet<AppName> = owners.filter(|owner| scope.has_app(owner)).collect();
    let asker = &Asker { if_match: None, ..asker.clone() };
    for owner in &owners {
        let outcome = transact_app(core, owner, move |stored, _| async move {
            let mut names =
                explicit(&stored).remove("share_host").unwrap_or_else(|| Value::Array(Vec::new()));
            names.as_array_mut().into_iter().for_each(|names| names.push(app.as_str().into()));
            let document = Map::from_iter([("share_host".to_owned(), names)]);
            plan(core, &stored, &document, Mode::Merge, asker).await
        })
        .await?;
        tracing::info!(app = %owner, actor = asker.actor, with = %app, "an admin lets another app claim paths on its hosts");
        core.replica.wait_for(outcome.revision, SERVED_WAIT_MAX).await;
    }
    Ok(())
}

/// The event of a change of settings. None: the app has no record yet, since its raw keyvalues still wait for an endpoint.
async fn event(
    core: &Core,
    stored: &StoredApp,
    asker: &Asker,
    approvals: u8,
    sides: [Map<String, Value>; 2],
) -> Result<Option<Box<HistoryEvent>>, ApiError> {
    let Some(record) = &stored.record else { return Ok(None) };
    let background = stored.background(core, false).await?;
    let command = Command::ChangeSettings { approvals };
    let Decision::Change(mut event) = decide(Some(record), &command, asker, &background)? else {
        return Ok(None);
    };
    event.changed.insert("settings".to_owned(), serde_json::json!(sides));
    Ok(Some(event))
}

/// What differs, as it was and as it is.
fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> [Map<String, Value>; 2] {
    let only = |these: &Map<String, Value>, those: &Map<String, Value>| {
        let differ = these.iter().filter(|(name, value)| those.get(*name) != Some(value));
        differ.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    [only(before, after), only(after, before)]
}

/// What is stored, as far as it is an object of settings that this version knows.
fn explicit(stored: &StoredApp) -> Map<String, Value> {
    let entry = stored.settings_entry.as_ref();
    let mut document = entry.and_then(|entry| serde_json::from_slice(&entry.value).ok()).unwrap_or_default();
    remove_unknown(&mut document);
    document
}

/// What is stored and counts: nothing where the whole cannot be read.
fn counting(stored: &StoredApp) -> Map<String, Value> {
    let entry = stored.settings_entry.as_ref();
    match entry.is_some_and(|entry| Settings::read(&entry.value).is_ok()) {
        true => explicit(stored),
        false => Map::new(),
    }
}

/// RFC 7396: null removes, objects merge, everything else replaces.
fn merge_patch(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(map) = slot {
                    merge_patch(map, inner);
                }
            }
            other => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_changes_only_what_it_names() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let mut target = object(json!({ "hosts": ["a"], "cookie": { "name": "x", "domain": "d" } }));
        merge_patch(
            &mut target,
            &object(json!({ "hosts": ["b"], "cookie": { "domain": null }, "pinseconds": 60 })),
        );
        assert_eq!(target, object(json!({ "hosts": ["b"], "cookie": { "name": "x" }, "pinseconds": 60 })));
    }
}
