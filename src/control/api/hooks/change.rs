//! What a call makes of a hook, checked.

use std::collections::BTreeSet;

use crate::{
    control::{
        limits::HOOK_APPS_MAX,
        shared::{
            core::Core,
            error::ApiError,
            hooks::{
                event::EventKind,
                header::{HookHeader, HookHeaderError},
                hook::HookUrl,
                secret::Secret,
            },
        },
    },
    rollout::app::AppName,
    schema::hook::{HeaderOfHook, HookRequest},
};

/// What a hook is to be: all of it but the secret, which stays as it is unless it is given.
pub(super) struct HookChange {
    pub(super) url: HookUrl,
    pub(super) apps: Option<BTreeSet<AppName>>,
    pub(super) events: Option<BTreeSet<EventKind>>,
    /// Another header, or none at all (`Some(None)`); `None`: the one that it has.
    pub(super) header: Option<Option<HookHeader>>,
    pub(super) paused: bool,
    pub(super) secret: Option<Secret>,
    pub(super) new_secret: bool,
}

impl HookChange {
    pub(super) fn check(core: &Core, request: HookRequest) -> Result<Self, ApiError> {
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
            text.parse::<EventKind>().map_err(|_| {
                let names: Vec<String> = EventKind::choices().map(|kind| kind.to_string()).collect();
                format!("`{}` is not an event; allowed are {}", text.escape_debug(), names.join(", "))
            })
        };
        Ok(Self {
            url,
            apps: check_names("apps", request.apps, HOOK_APPS_MAX, app)?,
            events: check_names("events", request.events, EventKind::choices().count(), event)?,
            header: check_header(request.header, request.no_header == Some(true))?,
            paused: request.paused == Some(true),
            secret,
            new_secret,
        })
    }
}

fn check_header(given: Option<HeaderOfHook>, none: bool) -> Result<Option<Option<HookHeader>>, ApiError> {
    let Some(HeaderOfHook { name, value }) = given else { return Ok(none.then_some(None)) };
    if none {
        return Err(ApiError::value("no_header", "send either `header` or `no_header`, not both"));
    }
    let field = |error| if error == HookHeaderError::Name { "header.name" } else { "header.value" };
    let header = HookHeader::new(&name, &value);
    header.map(|header| Some(Some(header))).map_err(|error| ApiError::value(field(error), error.to_string()))
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
