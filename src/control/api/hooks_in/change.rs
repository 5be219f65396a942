//! What a call makes of a hook in, checked.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use super::super::deployments::order::check_replicas;
use crate::{
    control::{
        limits::{HOOK_IN_NETWORKS_MAX, HOOK_IN_PATTERNS_MAX},
        shared::{
            error::ApiError,
            hooks_in::{
                filter::Filter,
                hook_in::{Action, CandidateMapping, DeployMapping},
                secret::InSecret,
                sender::Sender,
                template::Template,
            },
        },
    },
    engine::Variable,
    rollout::{app::AppName, blend::Blend, network::Network},
    schema::hook_in::HookInRequest,
};

/// What a hook in is to be: all of it but the secret, which stays as it is unless it is given.
pub(super) struct HookInChange {
    pub(super) sender: Sender,
    pub(super) app: AppName,
    pub(super) networks: Option<Vec<Network>>,
    pub(super) filter: Filter,
    pub(super) action: Action,
    pub(super) paused: bool,
    pub(super) secret: Option<InSecret>,
    pub(super) new_secret: bool,
}

impl HookInChange {
    pub(super) fn check(request: HookInRequest) -> Result<Self, ApiError> {
        let sender: Sender = parse("sender", &request.sender)?;
        let action = action(&request)?;
        let filter = Filter {
            events: patterns("events", request.events)?,
            branches: patterns("branches", request.branches)?,
            tags: patterns("tags", request.tags)?,
            matches: patterns("matches", request.matches)?,
        };
        let networks = request.networks.map(|networks| list("networks", &networks, 1, HOOK_IN_NETWORKS_MAX));
        let new_secret = request.new_secret == Some(true);
        let secret = request.secret.map(|text| check_secret(sender, &text)).transpose()?;
        if new_secret && secret.is_some() {
            return Err(ApiError::value("new_secret", "send either `secret` or `new_secret`, not both"));
        }
        Ok(Self {
            sender,
            app: parse("app", &request.app)?,
            networks: networks.transpose()?,
            filter,
            action,
            paused: request.paused == Some(true),
            secret,
            new_secret,
        })
    }
}

fn action(request: &HookInRequest) -> Result<Action, ApiError> {
    match request.action.as_deref().unwrap_or(Action::SET_CANDIDATE) {
        Action::SET_CANDIDATE => candidate(request).map(Action::SetCandidate),
        Action::DEPLOY => deploy(request).map(Action::Deploy),
        other => {
            let message = format!("`{}` is no action; allowed is {}", other.escape_debug(), Action::ALLOWED);
            Err(ApiError::value("do", message))
        }
    }
}

fn candidate(request: &HookInRequest) -> Result<CandidateMapping, ApiError> {
    let deploys = [
        ("image", request.image.is_some()),
        ("replicas", request.replicas.is_some()),
        ("health_path", request.health_path.is_some()),
        ("environment", request.environment.is_some()),
    ];
    refuse_field(&deploys, Action::DEPLOY)?;
    let (blend, plan) = rise(request)?;
    Ok(CandidateMapping {
        release: parse("release", &request.release)?,
        port: request.port,
        endpoints: patterns("endpoints", request.endpoints.clone())?,
        blend,
        plan,
        reason: request.reason.as_deref().map(|reason| parse::<Template>("reason", reason)).transpose()?,
    })
}

fn deploy(request: &HookInRequest) -> Result<DeployMapping, ApiError> {
    let sets = [("endpoints", request.endpoints.is_some()), ("reason", request.reason.is_some())];
    refuse_field(&sets, Action::SET_CANDIDATE)?;
    let image = request.image.as_deref().ok_or_else(|| {
        ApiError::value(
            "image",
            "it is missing: `deploy` takes an image such as `registry.example/shop:{/ref|last}`",
        )
    })?;
    let (blend, plan) = rise(request)?;
    Ok(DeployMapping {
        image: parse("image", image)?,
        release: parse("release", &request.release)?,
        port: request.port,
        replicas: request.replicas.map(|replicas| check_replicas(replicas).map(|()| replicas)).transpose()?,
        health_path: request.health_path.clone(),
        environment: environment(request)?,
        blend,
        plan,
    })
}

/// How many new clients go to the candidate: a blend, or a plan, which has blends of its own.
fn rise(request: &HookInRequest) -> Result<(Option<Blend>, Option<String>), ApiError> {
    if request.blend.is_some() && request.plan.is_some() {
        let message = "a plan has blends of its own; send either `blend` or `plan`";
        return Err(ApiError::value("plan", message));
    }
    Ok((request.blend, request.plan.clone()))
}

/// The templates of variables, whose names are held to what a container takes.
fn environment(request: &HookInRequest) -> Result<BTreeMap<String, Template>, ApiError> {
    let given = request.environment.iter().flatten();
    if given.clone().count() > HOOK_IN_PATTERNS_MAX {
        let message = format!("it has more than {HOOK_IN_PATTERNS_MAX} variables");
        return Err(ApiError::value("environment", message));
    }
    let variable = |(name, text): (&String, &String)| {
        Variable::new(name, "").map_err(|refusal| ApiError::value("environment", refusal.to_string()))?;
        Ok((name.clone(), parse(&format!("environment.{name}"), text)?))
    };
    given.map(variable).collect()
}

/// Refuses fields that are for another action.
fn refuse_field(fields: &[(&str, bool)], action: &str) -> Result<(), ApiError> {
    match fields.iter().find(|(_, is_sent)| *is_sent) {
        Some((field, _)) => Err(ApiError::value(*field, format!("it is only for `do`: `{action}`"))),
        None => Ok(()),
    }
}

/// The text is never repeated: it may be the secret of something else.
fn check_secret(sender: Sender, text: &str) -> Result<InSecret, ApiError> {
    let secret: InSecret = text.parse().map_err(|error| ApiError::value("secret", format!("{error}")))?;
    if sender == Sender::Standard && secret.standard().is_none() {
        let message = "a secret of Standard Webhooks is `whsec_` followed by 24 to 64 bytes as base64; without one the \
                       router makes one";
        return Err(ApiError::value("secret", message));
    }
    Ok(secret)
}

fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error| ApiError::value(field, format!("`{}`: {error}", text.escape_debug())))
}

fn patterns<T: FromStr<Err: Display>>(field: &str, texts: Option<Vec<String>>) -> Result<Vec<T>, ApiError> {
    list(field, &texts.unwrap_or_default(), 0, HOOK_IN_PATTERNS_MAX)
}

fn list<T: FromStr<Err: Display>>(
    field: &str,
    texts: &[String],
    least: usize,
    most: usize,
) -> Result<Vec<T>, ApiError> {
    if !(least..=most).contains(&texts.len()) {
        return Err(ApiError::value(
            field,
            format!("there are {}; allowed are {least} to {most}", texts.len()),
        ));
    }
    let each = texts.iter().enumerate();
    each.map(|(index, text)| parse(&format!("{field}[{index}]"), text)).collect()
}
