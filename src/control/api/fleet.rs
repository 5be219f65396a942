//! The calls about the fleet: who is in it, who is to leave it, and rotating its pin keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use super::{
    query::WriteQuery,
    request::{NoFields, Read, Write},
    visible,
};
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        fleet::{
            alarms::{Alarm, alarms},
            membership,
            rotation::{Rotation, rotate},
            secrets,
        },
        limits::{SERVED_WAIT_MAX, WAITED_FOR_MAX},
        shared::{
            core::Core,
            error::{ApiError, Kind as Failure},
            fleet::roster::Member as Known,
        },
    },
    rollout::command::Role,
    schema::{
        self,
        app::{Done, Outcome},
        fleet::{Fleet, GoneRemoval, Member, MemberRemoval, RotateKeysRequest, RotationResult, ServedApp},
    },
};

/// `GET /api/v1/fleet`
pub async fn read(State(core): State<Core>, call: Read) -> Result<Json<Fleet>, ApiError> {
    call.query.finish()?;
    let mut facts = facts(&core);
    // What each serves, in full; the live stream leaves it out.
    let members = core.roster.members();
    for shown in &mut facts.members {
        let report = members.get(&shown.node).and_then(|member| member.report.clone());
        let report = if shown.own { Some(core.roster.served()) } else { report };
        let apps = report.iter().flat_map(|report| report.apps.iter());
        let served =
            apps.map(|(app, &(seq, revision))| (app.to_string(), ServedApp { seq, revision })).collect();
        shown.apps = Some(served);
    }
    Ok(Json(visible::fleet(facts, &call.caller.scope)))
}

/// The fleet as the API and the live stream show it.
pub fn facts(core: &Core) -> Fleet {
    let mut members = core.roster.members();
    // Before its entry was read back, or without a store that could hold one, it is a member all the same.
    members.entry(core.node.clone()).or_default();
    Fleet {
        node: core.node.clone(),
        members: members.iter().map(|(node, member)| describe(core, node, member)).collect(),
        alarms: alarms(core).iter().map(Alarm::to_answer).collect(),
        rotating: core.replica.pin_keys().is_some_and(|keys| keys.next.is_some()),
        secrets: secrets::standing(core),
    }
}

fn describe(core: &Core, node: &str, member: &Known) -> Member {
    if node == core.node { own(core) } else { other(core, node, member) }
}

fn own(core: &Core) -> Member {
    let status = &core.replica.status;
    Member {
        node: core.node.clone(),
        name: core.name().to_owned(),
        own: true,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        heard: true,
        staleness_seconds: status.staleness().map(|staleness| staleness.as_secs()),
        revision: Some(status.revision()),
        ..Member::default()
    }
}

fn other(core: &Core, node: &str, member: &Known) -> Member {
    let sign = member.alive.as_ref();
    let differing = core.roster.differing(member).into_iter();
    Member {
        node: node.to_owned(),
        name: member.name(node).to_owned(),
        own: false,
        version: member.entry.as_ref().map(|entry| entry.version.clone()).unwrap_or_default(),
        heard: sign.is_some(),
        gone: core.is_presumed_gone(member),
        silent_seconds: member.silent(&core.clock).map(|silent| silent.as_secs()),
        skew_ms: member.skew_ms(&core.clock),
        staleness_seconds: sign.and_then(|sign| sign.staleness_ms).map(|ms| ms / 1_000),
        revision: sign.map(|sign| sign.revision),
        behind: member.is_behind(core.clock.monotonic()),
        differs: differing.map(|(app, seq)| (app.to_string(), seq)).collect(),
        apps: None,
    }
}

/// `DELETE /api/v1/fleet/{member}`: for one that is gone for good. One that lives enters itself again.
pub async fn remove(
    State(core): State<Core>,
    Path(member): Path<String>,
    mut call: Write,
) -> Result<Json<MemberRemoval>, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.read::<NoFields>()?;
    let force = call.query.flag("force")?;
    let actor = call.caller.name.clone();
    call.finish()?;
    core.replica.require_known_store().await?;
    let node = find(&core, &member)?;
    let known = core.roster.members().remove(&node).unwrap_or_default();
    if !force && (node == core.node || known.alive.is_some()) {
        let message = format!("{} is still heard from; stop it, and it leaves by itself", known.name(&node));
        return Err(ApiError::new(Failure::Refused("still_heard"), message));
    }
    let what = format!("the membership of `{node}`");
    let writes = &membership::deletion(&node);
    let revision = transact::<_, ApiError, _>(&core.store, &what, move |_| async move {
        Ok(Plan::write(Commit::unchecked(writes.clone()), |revision| revision))
    })
    .await?;
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    tracing::info!(node, actor, "a member was removed from the fleet");
    Ok(Json(MemberRemoval { node, result: Done::Done }))
}

/// `POST /api/v1/fleet/remove-gone`
pub async fn remove_gone(State(core): State<Core>, call: Write) -> Result<Json<GoneRemoval>, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.read::<NoFields>()?;
    let actor = call.caller.name.clone();
    call.finish()?;
    core.replica.require_known_store().await?;
    let mut removed = Vec::new();
    for node in core.presumed_gone().into_keys() {
        // One that came back meanwhile stays.
        let Some(revision) = membership::forget_silent(&core, &node).await? else { continue };
        core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
        tracing::info!(node, actor, "a member that is presumed gone was removed from the fleet");
        removed.push(node);
    }
    let result = if removed.is_empty() { Outcome::Unchanged } else { Outcome::Done };
    Ok(Json(GoneRemoval { removed, result }))
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
            let message = format!("several members are called `{}`; send the node id", member.escape_debug());
            Err(ApiError::new(Failure::Refused("ambiguous"), message).field("member"))
        }
    }
}

/// `POST /api/v1/fleet/rotate-keys`
pub async fn rotate_keys(State(core): State<Core>, mut call: Write) -> Result<Response, ApiError> {
    call.caller.needs(Role::Admin)?;
    let RotateKeysRequest { force } = call.read()?;
    let by = call.caller.name.clone();
    let wait = WriteQuery::take_timeout(&mut call.query)?.unwrap_or(SERVED_WAIT_MAX).min(WAITED_FOR_MAX);
    call.finish()?;
    Ok(rotated(&rotate(&core, &by, force == Some(true), wait).await?))
}

fn rotated(rotation: &Rotation) -> Response {
    let everywhere = rotation.done && rotation.applied.is_everywhere();
    let status = if everywhere { StatusCode::OK } else { StatusCode::ACCEPTED };
    let applied = rotation.applied.text();
    let (result, text) = match rotation.done {
        true => (RotationResult::Done, format!("the next key signs: {applied}")),
        false => {
            let wait = "the next key is made, and signs once every member knows it; repeat this then";
            (RotationResult::Waiting, format!("{wait}: {applied}"))
        }
    };
    let answer = schema::fleet::Rotation { result, text, applied: rotation.applied.to_answer() };
    (status, Json(answer)).into_response()
}
