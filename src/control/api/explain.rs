//! `POST .../explain`: which rule gives a request its release and endpoint, and why.
//!
//! It asks the live table and writes nothing: no bucket is drawn, no client is counted.

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Path, State},
};

use super::request::{Question, app_name};
use crate::{
    authority::Authority,
    control::{
        commands::command::unknown_app,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    live::table::PublishedTable,
    rollout::{
        app::AppName,
        blend::Blend,
        cookie::{self, OwnKind},
        explain::{Peek, Request, explain as explained},
        halt::HaltKind,
        host_paths::{AmbiguousPath, HostPaths, decode_unreserved, without_prefix},
        pin::PIN_CHARS_LEAST,
        preview::{COOKIE_SUFFIX, TOKEN_CHARS},
        request::Evidence,
        settings::PinSource,
        table::AppRoutes,
    },
    schema::explain::{ExplainRequest, ExplainedHost, Explanation},
    span::in_words,
};

/// The longest method that the router takes, in bytes.
const METHOD_BYTES_MAX: usize = 32;

/// `POST .../explain`
pub async fn explain(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Question,
) -> Result<Json<Explanation>, ApiError> {
    let app = app_name(&app)?;
    let described = DescribedRequest::check(call.read()?)?;
    call.query.finish()?;
    let published = core.live.load_full();
    let routes = published.table.apps.get(&app).ok_or_else(|| unrouted(&core, &app))?;
    Ok(Json(described.explain(&core, &published, routes)?))
}

fn unrouted(core: &Core, app: &AppName) -> ApiError {
    if core.replica.reading.load().apps.contains_key(app) {
        let message = format!("`{app}` has no rollout yet: set its stable release first");
        return ApiError::new(Kind::Refused("no_rollout"), message);
    }
    unknown_app(app)
}

/// A request as somebody described it, checked.
#[derive(Debug)]
struct DescribedRequest {
    host: Option<String>,
    path: String,
    method: String,
    cookies: Option<String>,
    headers: Vec<(String, String)>,
    blend: Option<Blend>,
    /// The token of a preview grant.
    preview: Option<String>,
    address: Option<IpAddr>,
}

impl DescribedRequest {
    fn check(request: ExplainRequest) -> Result<Self, ApiError> {
        let described = Self {
            host: request.host,
            path: request.path.unwrap_or_else(|| "/".to_owned()),
            method: request.method.unwrap_or_else(|| "GET".to_owned()),
            cookies: request.cookies,
            headers: request.headers.unwrap_or_default().into_iter().collect(),
            blend: request.blend,
            preview: request.preview.map(|pasted| token(&pasted)).transpose()?,
            address: request.address.map(|text| address(&text)).transpose()?,
        };
        if !described.path.starts_with('/') && described.path != "*" {
            let message =
                format!("`{}` does not begin with `/`, as a path does", described.path.escape_debug());
            return Err(ApiError::value("path", message));
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let length = 1..=METHOD_BYTES_MAX;
        if !length.contains(&described.method.len()) || !described.method.bytes().all(token) {
            let message = format!("`{}` is not a method such as GET", described.method.escape_debug());
            return Err(ApiError::value("method", message));
        }
        Ok(described)
    }

    /// The value of the first header line of this name.
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The values of all header lines of this name.
    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim().as_bytes())
    }

    /// All Cookie lines.
    fn cookie_lines(&self, name: &str) -> Vec<String> {
        let given = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case("cookie"));
        let given = given.map(|(_, value)| value.clone());
        let pasted = self.cookies.as_ref().map(|pasted| cookie_line(pasted, name));
        let preview = self.preview.as_ref().map(|token| format!("{name}{COOKIE_SUFFIX}={token}"));
        given.chain(pasted).chain(preview).collect()
    }

    /// The value of the header that the app knows its clients by, if it does.
    fn known_by(&self, app: &AppRoutes) -> Option<&[u8]> {
        let PinSource::Header(name) = &app.settings.pin else { return None };
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim().as_bytes()).find(|value| !value.is_empty())
    }

    /// The path as endpoints of an app see it, and what its prefixes have to do with it.
    fn seen_by(&self, app: &AppRoutes) -> SeenPath {
        let as_asked = |line: Option<String>| SeenPath { seen: self.path.clone(), line };
        if app.settings.paths.is_empty() {
            return as_asked(None);
        }
        let mut paths = HostPaths::default();
        app.settings.prefixes().for_each(|prefix| paths.insert(prefix, app.slot));
        let Ok(Some(found)) = paths.find(self.path.as_bytes()) else {
            let prefixes: Vec<&str> = app.settings.prefixes().collect();
            let line = format!(
                "{} has only paths below {}: what follows holds only if it is asked.",
                app.name,
                prefixes.join(", ")
            );
            return as_asked(Some(line));
        };
        if found.prefix_bytes == 0 || !app.settings.strip_prefix {
            return as_asked(None);
        }
        let target = self.path.as_bytes();
        let prefix = decode_unreserved(&target[..found.prefix_bytes]);
        let rest = String::from_utf8_lossy(without_prefix(target, found.prefix_bytes));
        let slash = if rest.starts_with('/') { "" } else { "/" };
        let seen = format!("{slash}{rest}");
        let line = format!(
            "Its endpoints are asked for {}, with X-Forwarded-Prefix {}.",
            seen.escape_debug(),
            String::from_utf8_lossy(&prefix).escape_debug()
        );
        SeenPath { seen, line: Some(line) }
    }

    /// Whether the request comes by https, as a trusted proxy says.
    fn came_by_https(&self) -> bool {
        self.values("x-forwarded-proto").any(|value| value.eq_ignore_ascii_case(b"https"))
    }

    fn explain(
        &self,
        core: &Core,
        published: &PublishedTable,
        routes: &AppRoutes,
    ) -> Result<Explanation, ApiError> {
        let [start, random] = random()?;
        let supposed = self.blend.map(|blend| routes.at_blend(blend));
        let app = supposed.as_ref().unwrap_or(routes);
        let name = &app.settings.cookie.name;
        let lines = self.cookie_lines(name);
        let prefix = self.seen_by(app);
        let found = lines.iter().flat_map(|line| cookie::find(line.as_bytes(), name.as_bytes()));
        let grants = found.filter(|found| found.kind == OwnKind::Preview);
        let grants: Vec<&[u8]> = grants.map(|found| found.value).collect();
        let https = self.came_by_https();
        let overriding = app.settings.overriding.header.as_deref();
        let overrides: Vec<&[u8]> = overriding.into_iter().flat_map(|name| self.values(name)).collect();
        let header_names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let request = Request {
            method: self.method.as_bytes(),
            path: &prefix.seen,
            sec_fetch_mode: self.header("sec-fetch-mode"),
            sec_fetch_dest: self.header("sec-fetch-dest"),
            sec_fetch_site: self.header("sec-fetch-site"),
            origin: self.header("origin"),
            requested_method: self.header("access-control-request-method"),
            host: self.host.as_deref(),
            https,
            accept: self.header("accept"),
            evidence: Evidence::read(app, lines.iter().map(String::as_bytes), https),
            preview_tokens: &grants,
            override_values: &overrides,
            client_header: self.known_by(app),
            header_names: &header_names,
            address: self.address,
            now: core.clock.wall_ms(),
        };
        let peek = Peek { bucket: core.live.buckets().next(app.slot, start), random };
        let mut findings = explained(app, &request, published, peek);
        let host = self.host.as_deref().map(|host| leads_to(published, host, &self.path, &app.name));
        let lines = [halted(app), host.as_ref().and_then(|(_, line)| line.clone()), prefix.line];
        findings.why.splice(0..0, lines.into_iter().flatten());
        Ok(Explanation {
            app: app.name.to_string(),
            supposed: supposed.is_some(),
            host: host.map(|(leads_to, _)| leads_to),
            findings,
        })
    }
}

/// Why requests of an app do not go on now.
fn halted(app: &AppRoutes) -> Option<String> {
    let halt = app.halt.as_ref()?;
    let what = match halt.kind {
        HaltKind::Pause => {
            format!(
                "paused by {} for {}, so it waits, and gets 503 after that",
                halt.by,
                in_words(halt.seconds.into())
            )
        }
        HaltKind::Stop => format!("stopped by {}, so it gets 503", halt.by),
    };
    Some(format!("{} is {what}: what follows holds once it is resumed.", app.name))
}

/// Which app a host and a path lead to, and a sentence if it is not this one.
fn leads_to(
    published: &PublishedTable,
    host: &str,
    path: &str,
    app: &AppName,
) -> (ExplainedHost, Option<String>) {
    let authority = Authority::split(host);
    let found = published.table.app_for(authority, path.as_bytes());
    let shown = host.escape_debug();
    let line = match found {
        Ok(Some(found)) if found.app.name == *app => None,
        Ok(Some(found)) => Some(format!(
            "Host {shown} leads to the app {}, not to {app}: what follows holds only if {app} is asked.",
            found.app.name
        )),
        Ok(None) if published.table.knows_host(authority) => Some(format!(
            "No app claims this path on the host {shown}, so it gets 404: what follows holds for a path of {app}."
        )),
        Ok(None) => Some(format!(
            "No app claims the host {shown}, so it gets 421: what follows holds for a host of {app}."
        )),
        Err(AmbiguousPath) => Some(
            "Servers read this path in several ways, and they lead to different places, so it gets 400."
                .to_owned(),
        ),
    };
    let found = found.ok().flatten().map(|found| &found.app.name);
    (ExplainedHost { asked: host.to_owned(), app: found.map(ToString::to_string) }, line)
}

/// A path as an app's endpoints see it.
struct SeenPath {
    seen: String,
    /// A sentence, if the app has prefixes.
    line: Option<String>,
}

/// What somebody pasted as a Cookie value: a whole line, its value, or the pin alone.
fn cookie_line(pasted: &str, name: &str) -> String {
    let text = pasted.trim();
    let labelled = text.get(..7).is_some_and(|label| label.eq_ignore_ascii_case("cookie:"));
    let text = if labelled { &text[7..] } else { text };
    let bare = text.trim().len() >= PIN_CHARS_LEAST && !text.contains('=');
    if bare { format!("{name}={}", text.trim()) } else { text.to_owned() }
}

/// The token of a preview link, of which somebody pasted all or the token alone.
fn token(pasted: &str) -> Result<String, ApiError> {
    let text = pasted.trim();
    let text = text.split_once("token=").map_or(text, |(_, rest)| rest);
    let token = text.split(['&', '#']).next().unwrap_or_default();
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if token.len() == TOKEN_CHARS && token.bytes().all(base64url) {
        return Ok(token.to_owned());
    }
    let message = format!(
        "this is not a preview link; allowed is a link, or the {TOKEN_CHARS} characters behind its `token=`"
    );
    Err(ApiError::value("preview", message))
}

fn address(text: &str) -> Result<IpAddr, ApiError> {
    text.trim().parse().map_err(|_| {
        let message = "is not an address without a port, such as 10.0.0.7 or 2001:db8::7";
        ApiError::value("address", format!("`{}` {message}", text.escape_debug()))
    })
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
        let pin = "A".repeat(PIN_CHARS_LEAST);
        let whole = format!("rolling_pin={pin}");
        assert_eq!(cookie_line(&format!("Cookie: {whole}"), "rolling_pin").trim(), whole);
        assert_eq!(cookie_line(&format!(" {whole}\n"), "rolling_pin").trim(), whole);
        assert_eq!(cookie_line(&pin, "rolling_pin"), whole);
        assert_eq!(cookie_line("a=b; c=d", "rolling_pin"), "a=b; c=d");
        assert_eq!(cookie_line("", "rolling_pin"), "");
    }
}
