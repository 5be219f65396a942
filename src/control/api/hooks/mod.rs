//! Hooks: listed, written, removed, tested.
//!
//! Operators read, admins write. A secret is in the answer to the call that had the router make it, and nowhere else.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use keyvalues::{Entry, Outcome, Revision, Write as StoreWrite};
use parking_lot::Mutex;
use serde::Serialize;

use super::request::{NoFields, Read, Write};
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        hooks::{
            client::HookClient,
            delivery::{Attempt, make_attempt},
            progress_store::advance,
        },
        limits::{HOOK_APPS_MAX, HOOK_DELIVERIES_SHOWN, HOOKS_MAX, SERVED_WAIT_MAX},
        shared::{
            core::Core,
            entries::{as_read, encode, entry, own_key, unchanged},
            error::{ApiError, Kind},
            hooks::{
                board::StoredHook,
                event::EventKind,
                hook::{HOOKS_PREFIX, Hook, HookName, HookUrl},
                message::Message,
                progress::{self, DeliveryOutcome, PROGRESS_PREFIX, Progress, Topic},
                secret::Secret,
            },
        },
    },
    rollout::{app::AppName, command::Role},
    schema::{
        app::Done,
        hook::{
            Delivery, Hook as HookAnswer, HookEvent, HookRemoval, HookRequest, HookState, HookTest, Hooks,
            UnreadableHook,
        },
    },
};

/// Writes in one commit beside the hook itself.
const BATCH: usize = 90;

/// What a hook is to be: all of it but the secret, which stays as it is unless it is given.
struct HookChange {
    url: HookUrl,
    apps: Option<BTreeSet<AppName>>,
    events: Option<BTreeSet<EventKind>>,
    paused: bool,
    secret: Option<Secret>,
    new_secret: bool,
}

/// `GET /api/v1/hooks`
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<Hooks>, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let names = core.hooks.names();
    let shown = names.iter().filter_map(|name| Some(describe(&core, name, &*core.hooks.hook(name)?)));
    let hooks: Vec<HookState> = shown.collect();
    let choices = EventKind::choices().iter();
    let event =
        |(_, name, about): &(_, &str, &str)| HookEvent { name: (*name).into(), about: (*about).into() };
    let events = choices.map(event).collect();
    let claim = core.hooks.claim().filter(|_| !hooks.is_empty());
    let sender = claim.map(|claim| {
        let members = core.roster.members();
        members.get(&claim.node).map_or(claim.node.clone(), |member| member.name(&claim.node).to_owned())
    });
    Ok(Json(Hooks { hooks, events, sender }))
}

/// `GET /api/v1/hooks/{hook}`
pub async fn read(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Read,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let name = hook_name(&name)?;
    let stored = core.hooks.hook(&name).ok_or_else(|| unknown(&name))?;
    Ok(tagged(StatusCode::OK, &describe(&core, &name, &stored), stored.revision))
}

/// `PUT /api/v1/hooks/{hook}`: makes one, or says anew all of it but its secret.
pub async fn write(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Response, ApiError> {
    call.caller.needs(Role::Admin)?;
    let name = hook_name(&name)?;
    let change = HookChange::check(&core, call.read()?)?;
    let (by, if_match) = (call.caller.name.clone(), call.if_match);
    call.query.finish()?;
    core.replica.require_known_store().await?;
    let made = Secret::generate().map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let written = put(&core, &name, &change, &by, if_match, &made).await?;
    tracing::info!(hook = %name, actor = by, "a hook was written");
    let served = core.replica.wait_for(written.revision, SERVED_WAIT_MAX).await;
    let is_made = change.secret.is_none() && written.hook.secret == made;
    let secret = is_made.then(|| made.reveal());
    let shown = HookAnswer { secret, ..describe_readable(&core, &name, &written.hook, written.revision) };
    let status = match (served, written.is_new) {
        (false, _) => StatusCode::ACCEPTED,
        (true, true) => StatusCode::CREATED,
        (true, false) => StatusCode::OK,
    };
    Ok(tagged(status, &shown, written.revision))
}

/// `DELETE /api/v1/hooks/{hook}`
pub async fn remove(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<HookRemoval>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let name = hook_name(&name)?;
    let (by, if_match) = (call.caller.name.clone(), call.if_match);
    call.query.finish()?;
    core.replica.require_known_store().await?;
    let revision = delete(&core, &name, if_match).await?;
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    tracing::info!(hook = %name, actor = by, "a hook was removed");
    Ok(Json(HookRemoval { name: name.to_string(), result: Done::Done }))
}

/// `POST /api/v1/hooks/{hook}/test`: sends a test, once, and says what came of it. A paused hook is tested too.
pub async fn test(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<HookTest>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let name = hook_name(&name)?;
    let by = call.caller.name.clone();
    call.query.finish()?;
    let stored = core.hooks.hook(&name).ok_or_else(|| unknown(&name))?;
    let hook = stored.hook.as_ref().map_err(|fault| unreadable(&name, fault))?;
    let _place = core.hooks.tests.try_acquire().map_err(|_| {
        ApiError::new(Kind::Busy, "several hooks are being tested already; try again when they have answered")
    })?;
    let message = Message::test(&name, &by, core.clock.wall_ms());
    let id = message.id(&format!("{}{:?}", core.roster.epoch(), core.clock.monotonic()));
    let client = HookClient::new(&hook.url, &core.addresses.load())
        .map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let done = make_attempt(&client, &hook.secret, &id, &message, &core.clock).await;
    let ended = if done.delivered { DeliveryOutcome::Delivered } else { DeliveryOutcome::Failed };
    core.hooks.count(&name, ended);
    let delivery = done.delivery(&message, id, 1, ended, message.at, core.name());
    // What was answered is what was asked for; that it is kept is not.
    let _ = advance(&core, &name, &Topic::NONE, 0, Some(&delivery)).await;
    let Attempt { delivered, status, ms, error, answer, .. } = done;
    Ok(Json(HookTest { delivered, status, ms, error, answer }))
}

/// A hook as the API shows it: never its secret.
fn describe(core: &Core, name: &HookName, stored: &StoredHook) -> HookState {
    match &stored.hook {
        Ok(hook) => HookState::Readable(describe_readable(core, name, hook, stored.revision)),
        Err(fault) => HookState::Unreadable(UnreadableHook {
            name: name.to_string(),
            fault: fault.clone(),
            revision: stored.revision,
            state: "unreadable".to_owned(),
            deliveries: deliveries(core, name),
        }),
    }
}

fn describe_readable(core: &Core, name: &HookName, hook: &Hook, revision: Revision) -> HookAnswer {
    let deliveries = deliveries(core, name);
    // A test says nothing of how far the hook was told.
    let last = deliveries.iter().find(|delivery| delivery.kind != EventKind::Test.as_str());
    let state = match last {
        _ if hook.paused => "paused",
        None => "new",
        Some(last) => last.outcome.as_str(),
    };
    let waiting = core.hooks.waiting(&core.replica.reading.load(), name, hook).into_iter();
    HookAnswer {
        name: name.to_string(),
        url: hook.url.to_string(),
        apps: hook.apps.as_ref().map(|apps| apps.iter().map(ToString::to_string).collect()),
        events: hook.events.as_ref().map(|events| events.iter().map(ToString::to_string).collect()),
        paused: hook.paused,
        by: hook.by.clone(),
        at: hook.at,
        state: state.to_owned(),
        revision,
        waiting: waiting.map(|(app, count)| (app.to_string(), count)).collect(),
        deliveries,
        secret: None,
    }
}

/// The last deliveries to a hook, newest first.
fn deliveries(core: &Core, name: &HookName) -> Vec<Delivery> {
    let describe = |delivery: progress::Delivery| Delivery {
        id: delivery.id,
        kind: delivery.kind,
        app: delivery.app.map(|app| app.to_string()),
        seq: delivery.seq,
        at: delivery.at,
        attempt: delivery.attempt,
        outcome: delivery.outcome.as_str().to_owned(),
        status: delivery.status,
        ms: delivery.ms,
        error: delivery.error,
        router: delivery.router,
    };
    core.hooks.deliveries(name).into_iter().take(HOOK_DELIVERIES_SHOWN).map(describe).collect()
}

impl HookChange {
    fn check(core: &Core, request: HookRequest) -> Result<Self, ApiError> {
        let refused = |error: &dyn std::fmt::Display| ApiError::value("url", error.to_string());
        let url: HookUrl = request.url.parse().map_err(|error| refused(&error))?;
        url.check(&core.addresses.load()).map_err(|error| refused(&error))?;
        let secret = request.secret.map(|text| text.parse::<Secret>()).transpose();
        let secret = secret.map_err(|error| ApiError::value("secret", error.to_string()))?;
        let new_secret = request.new_secret == Some(true);
        if new_secret && secret.is_some() {
            return Err(ApiError::value("new_secret", "send either `secret` or `new_secret`, not both"));
        }
        let app = |text: &str| text.parse::<AppName>().map_err(|error| error.to_string());
        let event = |text: &str| {
            text.parse::<EventKind>().map_err(|()| {
                let names: Vec<&str> = EventKind::choices().iter().map(|(_, name, _)| *name).collect();
                format!("`{}` is not an event; allowed are {}", text.escape_debug(), names.join(", "))
            })
        };
        Ok(Self {
            url,
            apps: check_names("apps", request.apps, HOOK_APPS_MAX, app)?,
            events: check_names("events", request.events, EventKind::choices().len(), event)?,
            paused: request.paused == Some(true),
            secret,
            new_secret,
        })
    }
}

/// A list of names that must not be empty; none: all.
fn check_names<T: Ord>(
    field: &'static str,
    names: Option<Vec<String>>,
    most: usize,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<BTreeSet<T>>, ApiError> {
    let Some(names) = names else { return Ok(None) };
    if names.is_empty() || names.len() > most {
        let message = format!("there are {} names; allowed are 1 to {most}, or no list for all", names.len());
        return Err(ApiError::value(field, message));
    }
    let one = |(index, name): (usize, &String)| {
        parse(name).map_err(|message| ApiError::value(format!("{field}[{index}]"), message))
    };
    names.iter().enumerate().map(one).collect::<Result<BTreeSet<T>, ApiError>>().map(Some)
}

/// What was written.
struct HookWrite {
    hook: Hook,
    revision: Revision,
    is_new: bool,
}

async fn put(
    core: &Core,
    name: &HookName,
    change: &HookChange,
    by: &str,
    if_match: Option<u64>,
    made: &Secret,
) -> Result<HookWrite, ApiError> {
    let key = &name.key();
    // What the last round wrote, and whether that was new.
    let tried: &Mutex<Option<(Hook, bool)>> = &Mutex::default();
    transact(&core.store, &what(name), move |round| async move {
        let listing = core.store.list(&[HOOKS_PREFIX]).await?;
        let found = entry(&listing, key);
        let known: Option<Hook> = found.and_then(|entry| serde_json::from_slice(&entry.value).ok());
        // The commit whose answer was lost may have done it.
        if round.in_doubt
            && let (Some((hook, is_new)), Some(found)) = (&*tried.lock(), found)
            && known.as_ref() == Some(hook)
        {
            let (hook, revision, is_new) = (hook.clone(), found.modified, *is_new);
            return Ok(Plan::Nothing(HookWrite { hook, revision, is_new }));
        }
        refuse_stale(if_match, found)?;
        if found.is_none() && listing.entries.len() >= HOOKS_MAX {
            let message = format!("there are {HOOKS_MAX} hooks already; remove one that nobody needs");
            return Err(ApiError::new(Kind::Refused("too_many_hooks"), message));
        }
        let hook = hook_of(core, change, known.as_ref(), by, made);
        let mut writes = beginnings(core, name, &hook, known.as_ref());
        while writes.len() > BATCH {
            core.store.commit(Vec::new(), writes.split_off(writes.len() - BATCH)).await?;
        }
        writes.push(StoreWrite::put(own_key(key), encode(&hook)));
        let is_new = found.is_none();
        *tried.lock() = Some((hook.clone(), is_new));
        let commit = Commit { checks: vec![as_read(found, key)], writes, proof: None };
        Ok(Plan::write(commit, move |revision| HookWrite { hook, revision, is_new }))
    })
    .await
}

fn hook_of(core: &Core, change: &HookChange, known: Option<&Hook>, by: &str, made: &Secret) -> Hook {
    let kept = known.map(|hook| hook.secret.clone()).filter(|_| !change.new_secret);
    Hook {
        url: change.url.clone(),
        apps: change.apps.clone(),
        events: change.events.clone(),
        secret: change.secret.clone().or(kept).unwrap_or_else(|| made.clone()),
        paused: change.paused,
        by: by.to_owned(),
        at: core.clock.wall_ms(),
    }
}

/// A hook is told what happens from now on: where it is not told of an app yet, its topic is the app's newest change. An
/// app that comes later has no topic, and is told from its first.
fn beginnings(core: &Core, name: &HookName, hook: &Hook, known: Option<&Hook>) -> Vec<StoreWrite> {
    let reading = core.replica.reading.load();
    let wanted = reading.apps.iter().filter(|(app, _)| hook.wants_app(app));
    let fresh = wanted.filter(|(app, _)| !known.is_some_and(|known| known.wants_app(app)));
    let begins = fresh.filter_map(|(app, reading)| {
        let topic = Topic::of(app);
        let told = core.hooks.progress(name, &topic);
        let sent = Progress::starting_at(reading.record.as_ref()?.seq, told.as_deref());
        Some(StoreWrite::put(own_key(&topic.key(name)), encode(&sent)))
    });
    begins.collect()
}

/// Deletes the hook, then what it was told; gives the revision that a router is to serve. A courier that is at it
/// writes nothing for a hook that is gone.
async fn delete(core: &Core, name: &HookName, if_match: Option<u64>) -> Result<Revision, ApiError> {
    let key = &own_key(&name.key());
    let mut reached = transact(&core.store, &what(name), move |round| async move {
        let Some(found) = core.store.get(key).await? else {
            // An earlier commit of ours may have done it.
            return if round.number > 0 { Ok(Plan::Nothing(0)) } else { Err(unknown(name)) };
        };
        refuse_stale(if_match.filter(|_| round.number == 0), Some(&found))?;
        let (checks, writes) = (vec![unchanged(&found)], vec![StoreWrite::delete(key.clone())]);
        Ok(Plan::write(Commit { checks, writes, proof: None }, |revision| revision))
    })
    .await?;
    let told = core.store.list(&[&format!("{PROGRESS_PREFIX}{name}/")]).await?;
    reached = reached.max(told.revision);
    for batch in told.entries.chunks(BATCH) {
        let writes = batch.iter().map(|entry| StoreWrite::delete(entry.key.clone())).collect();
        if let Outcome::Done(revision) = core.store.commit(Vec::new(), writes).await? {
            reached = revision;
        }
    }
    Ok(reached)
}

fn refuse_stale(if_match: Option<u64>, found: Option<&Entry>) -> Result<(), ApiError> {
    let now = found.map_or(0, |entry| entry.modified);
    if if_match.is_none_or(|seen| seen == now) {
        return Ok(());
    }
    Err(ApiError::new(Kind::Stale, "the hook was changed since you looked; look at it again"))
}

fn tagged(status: StatusCode, body: &impl Serialize, revision: Revision) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn hook_name(text: &str) -> Result<HookName, ApiError> {
    text.parse().map_err(|error| ApiError::new(Kind::Malformed, format!("{error}")).field("hook"))
}

fn unknown(name: &HookName) -> ApiError {
    ApiError::new(Kind::NotFound, format!("there is no hook `{name}`")).field("hook")
}

fn unreadable(name: &HookName, fault: &str) -> ApiError {
    let message = format!("what is stored of the hook `{name}` cannot be read ({fault}); write it anew");
    ApiError::new(Kind::Refused("unreadable"), message)
}

/// What is changed, in the words of an error.
fn what(name: &HookName) -> String {
    format!("the hook `{name}`")
}
