//! `POST .../explain`: which rule gives a request its release and endpoint, and why.
//!
//! It asks the live table and writes nothing: no bucket is drawn, no client is counted.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{
    body::Fields,
    request::{Question, app_name},
};
use crate::{
    control::{
        commands::unknown_app,
        core::Core,
        error::{ApiError, Kind},
    },
    live::table::Published,
    rollout::{
        app::AppName,
        blend::Blend,
        explain::{Peek, Request, explain as explained},
        pin::PIN_CHARS,
        request::Evidence,
        table::AppRoutes,
    },
};

/// The longest method that the router takes, in bytes.
const METHOD_BYTES_MAX: usize = 32;

/// `POST .../explain`
pub async fn explain(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Question,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let asked = Asked::take(&mut call.fields)?;
    call.finish()?;
    let published = core.live.load_full();
    let routes = published.table.apps.get(&app).ok_or_else(|| unrouted(&core, &app))?;
    let body = asked.answer(&core, &published, routes)?;
    Ok(Json(body).into_response())
}

fn unrouted(core: &Core, app: &AppName) -> ApiError {
    if core.view.load().apps.contains_key(app) {
        let message = format!("`{app}` has no rollout yet: set its stable release first");
        return ApiError::new(Kind::Refused("no_rollout"), message);
    }
    unknown_app(app)
}

/// A request as it was described.
#[derive(Debug)]
struct Asked {
    host: Option<String>,
    path: String,
    method: String,
    cookies: Option<String>,
    headers: Vec<(String, String)>,
    blend: Option<Blend>,
}

impl Asked {
    fn take(fields: &mut Fields) -> Result<Self, ApiError> {
        let asked = Self {
            host: fields.text("host")?,
            path: fields.text("path")?.unwrap_or_else(|| "/".to_owned()),
            method: fields.text("method")?.unwrap_or_else(|| "GET".to_owned()),
            cookies: fields.text("cookies")?,
            headers: headers(fields.take("headers"))?,
            blend: fields.blend("blend")?,
        };
        if !asked.path.starts_with('/') && asked.path != "*" {
            return Err(ApiError::value("path", "a path begins with `/`, as a request's target does"));
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let length = 1..=METHOD_BYTES_MAX;
        if !length.contains(&asked.method.len()) || !asked.method.bytes().all(token) {
            return Err(ApiError::value("method", "a method such as GET is expected"));
        }
        Ok(asked)
    }

    /// The value of the first header line of this name.
    fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_bytes())
    }

    /// All Cookie lines.
    fn cookie_lines(&self, name: &str) -> Vec<String> {
        let given = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case("cookie"));
        let given = given.map(|(_, value)| value.clone());
        given.chain(self.cookies.as_ref().map(|pasted| cookie_line(pasted, name))).collect()
    }

    fn answer(
        &self,
        core: &Core,
        published: &Published,
        routes: &AppRoutes,
    ) -> Result<Map<String, Value>, ApiError> {
        let [start, random] = random()?;
        let supposed = self.blend.map(|blend| routes.at_blend(blend));
        let app = supposed.as_ref().unwrap_or(routes);
        let lines = self.cookie_lines(&app.settings.cookie.name);
        let request = Request {
            method: self.method.as_bytes(),
            path: &self.path,
            sec_fetch_mode: self.header("sec-fetch-mode"),
            has_destination: self.header("sec-fetch-dest").is_some(),
            accept: self.header("accept"),
            evidence: Evidence::read(app, lines.iter().map(String::as_bytes)),
        };
        let hour = u32::try_from(core.clock.wall_ms() / 3_600_000).unwrap_or(u32::MAX);
        let peek = Peek { bucket: core.live.buckets().next(app.slot, start), random };
        let mut told = explained(app, &request, hour, published, peek);
        let host = self.host.as_deref().map(|host| leads_to(published, host, &app.name));
        if let Some((_, Some(line))) = &host {
            told.why.insert(0, line.clone());
        }
        let Ok(Value::Object(mut body)) = serde_json::to_value(told) else {
            return Err(ApiError::new(Kind::Internal, "the explanation could not be written"));
        };
        body.insert("app".into(), json!(app.name));
        body.insert("supposed".into(), json!(supposed.is_some()));
        body.insert("host".into(), json!(host.map(|(leads_to, _)| leads_to)));
        Ok(body)
    }
}

/// Which app a host leads to, and a sentence if it is not this one.
fn leads_to(published: &Published, host: &str, app: &AppName) -> (Value, Option<String>) {
    let found = published.table.app_for_host(host).map(|found| &found.name);
    let shown = host.escape_debug();
    let line = match found {
        Some(found) if found == app => None,
        Some(found) => Some(format!(
            "Host {shown} leads to the app {found}, not to {app}: what follows holds only if {app} is asked."
        )),
        None => Some(format!(
            "No app claims the host {shown}, so it gets 421: what follows holds for a host of {app}."
        )),
    };
    (json!({ "asked": host, "app": found }), line)
}

/// What somebody pasted as a Cookie value: a whole line, its value, or the pin alone.
fn cookie_line(pasted: &str, name: &str) -> String {
    let text = pasted.trim();
    let labelled = text.get(..7).is_some_and(|label| label.eq_ignore_ascii_case("cookie:"));
    let text = if labelled { &text[7..] } else { text };
    let bare = text.trim().len() >= PIN_CHARS && !text.contains('=');
    if bare { format!("{name}={}", text.trim()) } else { text.to_owned() }
}

fn headers(value: Option<Value>) -> Result<Vec<(String, String)>, ApiError> {
    let expected = || ApiError::value("headers", "an object of names and texts is expected");
    let map = match value {
        None => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(expected()),
    };
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        _ => Err(expected().field(format!("headers.{name}"))),
    };
    map.into_iter().map(text).collect()
}

fn random() -> Result<[u64; 2], ApiError> {
    let mut bytes = [[0; 8]; 2];
    for each in &mut bytes {
        getrandom::fill(each).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    }
    Ok(bytes.map(u64::from_le_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_cookie_may_be_a_line_a_value_or_the_pin_alone() {
        let pin = "A".repeat(PIN_CHARS);
        let whole = format!("rolling_pin={pin}");
        assert_eq!(cookie_line(&format!("Cookie: {whole}"), "rolling_pin").trim(), whole);
        assert_eq!(cookie_line(&format!(" {whole}\n"), "rolling_pin").trim(), whole);
        assert_eq!(cookie_line(&pin, "rolling_pin"), whole);
        assert_eq!(cookie_line("a=b; c=d", "rolling_pin"), "a=b; c=d");
        assert_eq!(cookie_line("", "rolling_pin"), "");
    }
}
