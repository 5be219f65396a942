//! The calls about the fleet: who is in it, who is to leave it, and rotating its pin keys.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use keyvalues::Write as StoreWrite;
use serde_json::{Map, Value, json};

use super::{
    query::WriteQuery,
    request::{Read, Write},
};
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        fleet::{
            alarms::alarms,
            rotation::{Rotation, rotate},
        },
        limits::{SERVED_WAIT_MAX, WAITED_FOR_MAX},
        shared::{
            core::Core,
            entries::own_key,
            error::{ApiError, Kind as Failure},
            fleet::{member::Kind, roster::Member},
        },
    },
    rollout::command::Role,
};

/// `GET /api/v1/fleet`
pub async fn read(State(core): State<Core>, call: Read) -> Result<Json<Value>, ApiError> {
    call.query.finish()?;
    let mut facts = facts(&core);
    // What each serves, in full; the live stream leaves it out.
    let members = core.roster.members();
    for shown in facts["members"].as_array_mut().into_iter().flatten() {
        let report = shown["node"].as_str().and_then(|node| members.get(node)?.report.clone());
        let own = shown["node"] == json!(core.node);
        let report = if own { Some(core.roster.served()) } else { report };
        let apps = report.iter().flat_map(|report| report.apps.iter());
        let apps: Map<String, Value> = apps
            .map(|(app, (seq, revision))| (app.to_string(), json!({ "seq": seq, "revision": revision })))
            .collect();
        shown["apps"] = Value::Object(apps);
    }
    Ok(Json(facts))
}

/// The fleet as the API and the live stream show it.
pub fn facts(core: &Core) -> Value {
    let mut members = core.roster.members();
    // Before its entry was read back, or without a store that could hold one, it is a member all the same.
    members.entry(core.node.clone()).or_default();
    let shown: Vec<Value> = members.iter().map(|(node, member)| describe(core, node, member)).collect();
    let keys = core.replica.pin_keys();
    let rotating = keys.is_some_and(|keys| keys.next.is_some());
    json!({ "node": core.node, "members": shown, "alarms": alarms(core), "rotating": rotating })
}

fn describe(core: &Core, node: &str, member: &Member) -> Value {
    let own = node == core.node;
    let silent = member.silent(&core.clock).filter(|_| !own);
    let staleness = match own {
        true => core.replica.status.staleness().map(|staleness| staleness.as_secs()),
        false => member.alive.as_ref().and_then(|sign| sign.staleness_ms).map(|ms| ms / 1_000),
    };
    json!({
        "node": node,
        "name": if own { core.name() } else { member.name(node) },
        "own": own,
        "version": if own { env!("CARGO_PKG_VERSION") } else { member.entry.as_ref().map_or("", |entry| &entry.version) },
        "heard": own || member.alive.is_some(),
        "silent_seconds": silent.map(|silent| silent.as_secs()),
        "skew_ms": if own { None } else { member.skew_ms() },
        "staleness_seconds": staleness,
        "revision": if own { Some(core.replica.status.revision()) } else { member.alive.as_ref().map(|sign| sign.revision) },
        "behind": !own && member.is_behind(core.clock.monotonic()),
        "differs": if own { BTreeMap::new() } else { core.roster.differing(member) },
    })
}

/// `DELETE /api/v1/fleet/{member}`: for one that is gone for good. One that lives enters itself again.
pub async fn remove(
    State(core): State<Core>,
    Path(member): Path<String>,
    mut call: Write,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Operator)?;
    let force = call.query.flag("force")?;
    let actor = call.caller.name.clone();
    call.finish()?;
    core.replica.refuse_when_diverged()?;
    let node = find(&core, &member)?;
    let known = core.roster.members().remove(&node).unwrap_or_default();
    if !force && (node == core.node || known.alive.is_some()) {
        let message = format!("{} is heard from; stop it, and it leaves by itself", known.name(&node));
        return Err(ApiError::new(Failure::Refused("still_heard"), message));
    }
    let writes: Vec<StoreWrite> = Kind::ALL.map(|kind| StoreWrite::delete(own_key(&kind.key(&node)))).into();
    let writes = &writes;
    let what = format!("the membership of `{node}`");
    let revision = transact::<_, ApiError, _>(&core.store, &what, move |_| async move {
        Ok(Plan::write(Commit::unchecked(writes.clone()), |revision| revision))
    })
    .await?;
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    tracing::info!(node, actor, "a member was removed from the fleet");
    Ok(Json(json!({ "node": node, "result": "done" })).into_response())
}

/// A member by its node id, or by a name that only one has.
fn find(core: &Core, member: &str) -> Result<String, ApiError> {
    let members = core.roster.members();
    if members.contains_key(member) {
        return Ok(member.to_owned());
    }
    let mut named = members.iter().filter(|(node, known)| known.name(node) == member).map(|(node, _)| node);
    match (named.next(), named.next()) {
        (Some(node), None) => Ok(node.clone()),
        (None, _) => {
            let message = format!("there is no member `{}`", member.escape_debug());
            Err(ApiError::new(Failure::NotFound, message).field("member"))
        }
        (Some(_), Some(_)) => {
            let message =
                format!("several members are called `{}`; name it by its node id", member.escape_debug());
            Err(ApiError::new(Failure::Refused("ambiguous"), message).field("member"))
        }
    }
}

/// `POST /api/v1/fleet/rotate-keys`
pub async fn rotate_keys(State(core): State<Core>, mut call: Write) -> Result<Response, ApiError> {
    call.caller.needs(Role::Admin)?;
    let force = call.fields.flag("force")?.unwrap_or(false);
    let by = call.caller.name.clone();
    let wait = WriteQuery::take_timeout(&mut call.query)?.unwrap_or(SERVED_WAIT_MAX).min(WAITED_FOR_MAX);
    call.finish()?;
    Ok(rotated(&rotate(&core, &by, force, wait).await?))
}

fn rotated(rotation: &Rotation) -> Response {
    let everywhere = rotation.done && rotation.applied.is_everywhere();
    let status = if everywhere { StatusCode::OK } else { StatusCode::ACCEPTED };
    let text = match rotation.done {
        true => format!("the next key signs: {}", rotation.applied.text()),
        false => format!(
            "the next key is known, and signs once every member knows it, when this is asked again: {}",
            rotation.applied.text()
        ),
    };
    let result = if rotation.done { "done" } else { "waiting" };
    (status, Json(json!({ "result": result, "text": text, "applied": rotation.applied.json() })))
        .into_response()
}
