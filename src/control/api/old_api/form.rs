//! What an old script sends of a deployment.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    control::{
        api::json,
        limits::REPLICAS_MAX,
        shared::error::{ApiError, Kind},
    },
    rollout::deployment::{
        compose::{
            service::Service,
            stack::{self, Services},
        },
        record::DesiredState,
    },
};

/// The longest name or label, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// The fields of a deployment that were sent. What else an old script says has no effect.
#[derive(Debug, Default)]
pub struct DeploymentForm {
    pub deployment_id: Option<String>,
    pub deployment_name: Option<String>,
    pub desired: Option<DesiredState>,
    pub placement: Option<Map<String, Value>>,
    pub quantities: Option<BTreeMap<String, u32>>,
    pub stack: Option<StackForm>,
}

/// What was sent of its stack.
#[derive(Debug, Default)]
pub struct StackForm {
    pub services: Option<Services>,
    pub service_id: Option<String>,
    pub service_name: Option<String>,
    pub subtype: Option<String>,
}

impl DeploymentForm {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if body.trim_ascii().is_empty() {
            return Err(ApiError::new(Kind::Malformed, "the body is empty; it must be a JSON object"));
        }
        let fields = json::object(body)?;
        let stack = match fields.get("stack") {
            None | Some(Value::Null) => None,
            Some(Value::Object(stack)) => Some(StackForm::read(stack)?),
            Some(_) => return Err(ApiError::value("stack", "allowed is an object with `content`")),
        };
        Ok(Self {
            deployment_id: text(&fields, "", "deployment_id")?,
            deployment_name: text(&fields, "", "deployment_name")?,
            desired: desired(&fields)?,
            placement: match fields.get("placement") {
                None | Some(Value::Null) => None,
                Some(Value::Object(placement)) => Some(placement.clone()),
                Some(_) => {
                    return Err(ApiError::value(
                        "placement",
                        "allowed is an object, such as {\"pool_id\": \"default\"}",
                    ));
                }
            },
            quantities: quantities(&fields)?,
            stack,
        })
    }
}

impl StackForm {
    fn read(fields: &Map<String, Value>) -> Result<Self, ApiError> {
        let services = match fields.get("content") {
            None | Some(Value::Null) => None,
            Some(Value::String(content)) => {
                Some(stack::read(content).map_err(|fault| ApiError::value("stack.content", fault))?)
            }
            Some(_) => return Err(ApiError::value("stack.content", "allowed is a compose file as a text")),
        };
        Ok(Self {
            services,
            service_id: text(fields, "stack.", "service_id")?,
            service_name: text(fields, "stack.", "service_name")?,
            subtype: text(fields, "stack.", "subtype")?,
        })
    }

    /// The service that a release is made of: the one that the stack is called after, else the first with a port. With the
    /// others.
    pub fn take_main(&mut self) -> Option<(String, Service, Services)> {
        let mut services = self.services.take()?;
        let called = self.service_id.clone().filter(|name| services.contains_key(name));
        let with_port =
            || services.iter().find(|(_, service)| !service.ports.is_empty()).map(|(name, _)| name.clone());
        let name = called.or_else(with_port).or_else(|| services.keys().next().cloned())?;
        let main = services.remove(&name)?;
        Some((name, main, services))
    }
}

/// A field that holds a text, or a number.
fn text(fields: &Map<String, Value>, parent: &str, name: &str) -> Result<Option<String>, ApiError> {
    let text = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(ApiError::value(format!("{parent}{name}"), "allowed is a text")),
    };
    if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        let message = format!("allowed is a text of one line and at most {TEXT_BYTES_MAX} bytes");
        return Err(ApiError::value(format!("{parent}{name}"), message));
    }
    Ok(Some(text))
}

fn desired(fields: &Map<String, Value>) -> Result<Option<DesiredState>, ApiError> {
    match text(fields, "", "desired_state")?.as_deref() {
        None => Ok(None),
        Some("1") => Ok(Some(DesiredState::Serving)),
        Some("0") => Ok(Some(DesiredState::Stopped)),
        Some(other) => {
            let message = format!("`{}` is not 1 (runs) or 0 (stopped)", other.escape_debug());
            Err(ApiError::value("desired_state", message))
        }
    }
}

fn quantities(fields: &Map<String, Value>) -> Result<Option<BTreeMap<String, u32>>, ApiError> {
    let listed = match fields.get("quantities") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(listed)) => listed,
        Some(_) => return Err(ApiError::value("quantities", "allowed is an object, such as {\"app\": 1}")),
    };
    let mut quantities = BTreeMap::new();
    for (name, value) in listed {
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => digits.parse().ok(),
            _ => None,
        };
        let allowed =
            number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= REPLICAS_MAX);
        let refused = || {
            let message = format!("it is not a whole number from 0 to {REPLICAS_MAX}");
            ApiError::value(format!("quantities.{}", name.escape_debug()), message)
        };
        quantities.insert(name.clone(), allowed.ok_or_else(refused)?);
    }
    Ok(Some(quantities))
}
