//! From a payload to a command: which release is meant, where it runs, and what is asked of the app.
//!
//! It is carried out as if a pipeline had asked for it with a token of the role `ci` for this app alone: caps, locks and
//! freezes hold.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::Value;

use super::super::{
    answer::reached,
    query::WriteQuery,
    request::asker,
    tracks::{ReleaseChoice, parse_endpoints},
    visible::check_registration,
};
use crate::{
    control::{
        commands::command::{CommandOptions, CommandOutcome, execute},
        shared::{
            access::{caller::Caller, scope::Scope},
            core::Core,
            error::{ApiError, Kind},
            hooks::hook::HookName,
            hooks_in::{
                filter::is_deletion,
                hook_in::{Action, CandidateMapping, HookIn},
            },
        },
    },
    limits::REASON_BYTES_MAX,
    rollout::{
        command::{Command, Role},
        endpoint::Endpoint,
        release::ReleaseId,
    },
    schema::hook_in::{HookInTest, HookInTestRequest},
};

/// What a payload asks for.
pub(super) struct CandidateOrder {
    /// The release as the payload names it.
    pub(super) named: String,
    pub(super) release: ReleaseId,
    endpoints: Option<(ReleaseId, Vec<Endpoint>)>,
    reason: String,
}

/// What came of it.
pub(super) struct OrderOutcome {
    pub(super) outcome: CommandOutcome,
    /// Whether this router serves it.
    pub(super) is_served: bool,
}

/// Why a delivery is left out; none: it is to be carried out.
pub(super) fn ignored(hook: &HookIn, event: &str, payload: &Value) -> Option<String> {
    if hook.sender.is_ping(event) {
        return Some("the sender asked whether somebody listens".to_owned());
    }
    let deletion = is_deletion(payload).then(|| "the branch or tag was deleted".to_owned());
    hook.filter.refusal(event, payload).or(deletion)
}

/// A payload: a JSON object.
pub(super) fn parse_payload(bytes: &[u8]) -> Result<Value, ApiError> {
    let refused =
        |why: String| ApiError::new(Kind::Malformed, format!("the payload is no JSON object: {why}"));
    match serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))? {
        payload @ Value::Object(_) => Ok(payload),
        _ => Err(refused("it is another kind of value".to_owned())),
    }
}

impl CandidateOrder {
    /// Fills the hook's templates. Nothing is changed.
    pub(super) async fn of(
        core: &Core,
        hook: &HookIn,
        payload: &Value,
        why: String,
    ) -> Result<Self, ApiError> {
        let Action::SetCandidate(mapping) = &hook.action;
        let CandidateMapping { release, port, endpoints, reason, .. } = mapping;
        let refused = |field: &str| {
            let field = field.to_owned();
            move |fault: String| ApiError::value(field, fault)
        };
        let named = release.fill(payload).map_err(refused("release"))?;
        let mut texts = Vec::new();
        for (index, template) in endpoints.iter().enumerate() {
            texts.extend(template.fill_each(payload).map_err(refused(&format!("endpoints[{index}]")))?);
        }
        if !endpoints.is_empty() && texts.is_empty() {
            return Err(ApiError::value("endpoints", "the payload's list of endpoints is empty"));
        }
        parse_endpoints(core, &texts)?;
        let is_id = named.starts_with("apps/");
        let choice = ReleaseChoice {
            id: is_id.then(|| named.clone()),
            release: (!is_id).then(|| named.clone()),
            service: None,
            port: port.filter(|_| !is_id),
            endpoints: (!texts.is_empty()).then_some(texts),
        };
        let (release, endpoints) = choice.resolve(core, &hook.app).await?;
        let reason =
            reason.as_ref().map(|reason| reason.fill(payload).map_err(refused("reason"))).transpose()?;
        let mut reason = reason.unwrap_or(why);
        if reason.len() > REASON_BYTES_MAX {
            let end = (0..=REASON_BYTES_MAX).rev().find(|end| reason.is_char_boundary(*end));
            reason.truncate(end.unwrap_or(0));
        }
        Ok(Self { named, release, endpoints, reason })
    }

    /// Carries it out.
    pub(super) async fn run(
        self,
        core: &Core,
        hook: &HookIn,
        caller: &Caller,
    ) -> Result<OrderOutcome, ApiError> {
        let Action::SetCandidate(mapping) = &hook.action;
        if self.endpoints.is_some() {
            check_registration(core, caller, &hook.app, &self.release)?;
        }
        let asker = asker(core, caller, self.reason, None);
        let options = CommandOptions { endpoints: self.endpoints, ..CommandOptions::default() };
        let command = Command::SetCandidate { release: self.release, blend: mapping.blend, replace: None };
        let outcome = execute(core, &hook.app, &command, &asker, &options).await?;
        let (is_served, _) = reached(core, &hook.app, outcome, &WriteQuery::default()).await;
        Ok(OrderOutcome { outcome, is_served })
    }
}

/// Whom a hook in acts as.
pub(super) fn caller_of(name: &HookName, hook: &HookIn) -> Caller {
    let scope = Arc::new(Scope::of_app(hook.app.clone()));
    Caller { name: format!("hook-in:{name}"), token: hook.secret.digest(), role: Role::Ci, scope }
}

/// What a hook would do with a payload.
pub(super) async fn test_payload(
    core: &Core,
    hook: &HookIn,
    request: &HookInTestRequest,
) -> Result<HookInTest, ApiError> {
    let payload = parse_payload(request.payload.as_bytes()).map_err(|error| error.field("payload"))?;
    let said = request.event.clone().map(|event| event.to_lowercase());
    let event = said.unwrap_or_else(|| hook.sender.event(&HeaderMap::new(), &payload));
    if let Some(why) = ignored(hook, &event, &payload) {
        let message = format!("it would be ignored: {why}");
        return Ok(HookInTest { would: "ignore".to_owned(), message, event, ..HookInTest::default() });
    }
    let order = CandidateOrder::of(core, hook, &payload, String::new()).await?;
    let endpoints = order.endpoints.iter().flat_map(|(_, endpoints)| endpoints).map(ToString::to_string);
    let message = format!("`{}` would become the candidate of `{}`", order.named, hook.app);
    Ok(HookInTest {
        would: Action::SET_CANDIDATE.to_owned(),
        message,
        event,
        release: Some(order.release.to_string()),
        endpoints: endpoints.collect(),
    })
}
