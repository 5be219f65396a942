//! From a payload to a command: which release is meant, where it runs, and what is asked of the app.
//!
//! It is carried out as if a pipeline had asked for it with a token of the role `ci` for this app alone: caps, locks and
//! freezes hold.

use axum::http::HeaderMap;
use serde_json::Value;

use super::super::{
    answer::reached,
    query::WriteQuery,
    request::asker,
    tracks::{ReleaseChoice, parse_endpoints},
    visible::check_registration,
};
use super::{
    deploying::DeployOrder,
    outcome::{OrderOutcome, caller_of},
};
use crate::{
    control::{
        commands::command::{CommandOptions, execute},
        shared::{
            access::caller::Caller,
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
    printable::cut,
    rollout::{blend::Blend, command::Command, endpoint::Endpoint, facts::Facts, release::ReleaseId},
    schema::hook_in::{HookInTest, HookInTestRequest},
};

/// What a payload asks for.
pub(super) enum Order {
    Candidate(CandidateOrder),
    Deploy(Box<DeployOrder>),
}

/// A release that is to be the candidate.
pub(super) struct CandidateOrder {
    /// The release as the payload names it.
    named: String,
    release: ReleaseId,
    endpoints: Option<(ReleaseId, Vec<Endpoint>)>,
    reason: String,
    blend: Option<Blend>,
    plan: Option<String>,
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

impl Order {
    /// Fills the hook's templates. Nothing is changed.
    pub(super) async fn of(
        core: &Core,
        (name, hook): (&HookName, &HookIn),
        payload: &Value,
        why: String,
    ) -> Result<Self, ApiError> {
        match &hook.action {
            Action::SetCandidate(mapping) => {
                CandidateOrder::of(core, hook, mapping, payload, why).await.map(Self::Candidate)
            }
            Action::Deploy(mapping) => {
                let order = DeployOrder::of(core, hook, mapping, payload, &caller_of(name, hook))?;
                Ok(Self::Deploy(Box::new(order)))
            }
        }
    }

    /// The release as the payload names it.
    pub(super) fn named(&self) -> &str {
        match self {
            Self::Candidate(order) => &order.named,
            Self::Deploy(order) => &order.named,
        }
    }

    /// Carries it out.
    pub(super) async fn run(
        self,
        core: &Core,
        hook: &HookIn,
        caller: &Caller,
    ) -> Result<OrderOutcome, ApiError> {
        match self {
            Self::Candidate(order) => order.run(core, hook, caller).await,
            Self::Deploy(order) => order.run(core, hook, caller).await,
        }
    }
}

impl CandidateOrder {
    async fn of(
        core: &Core,
        hook: &HookIn,
        mapping: &CandidateMapping,
        payload: &Value,
        why: String,
    ) -> Result<Self, ApiError> {
        let CandidateMapping { release, port, endpoints, reason, blend, plan } = mapping;
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
        cut(&mut reason, REASON_BYTES_MAX);
        Ok(Self { named, release, endpoints, reason, blend: *blend, plan: plan.clone() })
    }

    async fn run(self, core: &Core, hook: &HookIn, caller: &Caller) -> Result<OrderOutcome, ApiError> {
        let Self { named, release, endpoints, reason, blend, plan } = self;
        if endpoints.is_some() {
            check_registration(core, caller, &hook.app, &release)?;
        }
        let asker = asker(core, caller, reason, None);
        let options = CommandOptions { endpoints, ..CommandOptions::default() };
        let command = Command::SetCandidate { release, blend, replace: None, plan, facts: Facts::new() };
        let outcome = execute(core, &hook.app, &command, &asker, &options).await?;
        let (is_served, _) = reached(core, &hook.app, outcome, &WriteQuery::default()).await;
        let app = &hook.app;
        let message = match outcome.changed {
            true => format!("`{named}` is the candidate of `{app}`"),
            false => format!("`{named}` was the candidate of `{app}` already"),
        };
        let (changed, seq) = (outcome.changed, Some(outcome.seq));
        Ok(OrderOutcome { message, changed, seq, deployment: None, is_served })
    }
}

/// What a hook would do with a payload.
pub(super) async fn test_payload(
    core: &Core,
    (name, hook): (&HookName, &HookIn),
    request: &HookInTestRequest,
) -> Result<HookInTest, ApiError> {
    let payload = parse_payload(request.payload.as_bytes()).map_err(|error| error.field("payload"))?;
    let said = request.event.clone().map(|event| event.to_lowercase());
    let event = said.unwrap_or_else(|| hook.sender.event(&HeaderMap::new(), &payload));
    if let Some(why) = ignored(hook, &event, &payload) {
        let message = format!("it would be ignored: {why}");
        return Ok(HookInTest { would: "ignore".to_owned(), message, event, ..HookInTest::default() });
    }
    match Order::of(core, (name, hook), &payload, String::new()).await? {
        Order::Candidate(order) => {
            let endpoints = order.endpoints.iter().flat_map(|(_, addresses)| addresses);
            Ok(HookInTest {
                would: Action::SET_CANDIDATE.to_owned(),
                message: format!("`{}` would become the candidate of `{}`", order.named, hook.app),
                event,
                release: Some(order.release.to_string()),
                endpoints: endpoints.map(ToString::to_string).collect(),
            })
        }
        Order::Deploy(order) => Ok(HookInTest {
            would: Action::DEPLOY.to_owned(),
            message: order.would(),
            event,
            release: order.deployment.main_release().map(|release| release.to_string()),
            endpoints: Vec::new(),
        }),
    }
}
