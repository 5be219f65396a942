//! What stands before every handler: Host, Origin, token, and the headers that every answer carries.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::{sleep, timeout};

use super::{
    by_proxy::caller_of_proxy, client_address::client_address, guard_refusal::GuardRefusal,
    loops::refuse_forwarded, recording::Recording, refused_call::RefusedCall, senders::is_of_senders,
};
use crate::{
    authority::Authority,
    control::{
        limits::FIRST_READING,
        shared::{
            access::{live_tokens::Pass, session_cookie},
            core::Core,
            error::{ApiError, Kind},
            old_api::{is_old_api, with_old_errors},
        },
    },
    rollout::command::Role,
};

/// Paths that anybody may read under any Host: probes and scrapers use names that we cannot know.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Whether this browser is signed in.
const SESSION: &str = "/api/v1/session";

/// Where a browser's session counts: at what the page asks for. Old scripts' paths know tokens alone.
const OF_THE_PAGE: [&str; 3] = ["/api/v1", "/api/kv", "/api/openapi.json"];

/// What the tokens of routers are for.
const STORE_API: &str = "/api/v1/store";

/// Headers of every answer of the admin port. The GUI sets a wider Content-Security-Policy and its own caching.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses what no handler should see, keeps the call's entry in the audit, and adds the security headers to whatever is
/// answered.
pub async fn guard(State(core): State<Core>, mut request: Request, next: Next) -> Response {
    let mut recording = Recording::begin(&core, &request);
    let told = RefusedCall::of(&core, &request);
    let is_old = is_old_api(request.uri().path());
    let has_read = !is_of_api(request.uri().path()) || first_reading(&core).await;
    let mut response = match admit(&core, &mut request, &mut recording) {
        Ok(()) => next.run(request).await,
        Err(GuardRefusal { error, wait }) => {
            sleep(wait).await;
            error.into_response()
        }
    };
    if !has_read && response.status() == StatusCode::NOT_FOUND {
        let message =
            "this router has read nothing of its store yet, so it cannot say what is there: ask again";
        response = ApiError::new(Kind::StoreUnavailable, message).into_response();
    }
    told.tell(&core, &response);
    if let Some(recording) = recording {
        recording.finish(&response);
    }
    if is_old {
        response = with_old_errors(response);
    }
    secure(&mut response);
    response
}

fn is_of_api(path: &str) -> bool {
    is_below(path, "/api") || is_below(path, "/v1")
}

/// Whether the store, or what the last process left of it, was read. A router that has just started lets calls wait for that:
/// else it would say of an app that it is not there, or of a token that nobody has it.
async fn first_reading(core: &Core) -> bool {
    let age = core.clock.monotonic().saturating_sub(core.lifecycle.started);
    timeout(FIRST_READING.saturating_sub(age), core.lifecycle.first_reading()).await.is_ok()
}

/// Adds the security headers to an answer.
pub fn secure(response: &mut Response) {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn admit(core: &Core, request: &mut Request, recording: &mut Option<Recording>) -> Result<(), GuardRefusal> {
    refuse_forwarded(core, request.headers())?;
    let path = request.uri().path();
    if OPEN.contains(&path) {
        return Ok(());
    }
    if is_of_senders(path) {
        if let Some(recording) = recording {
            request.extensions_mut().insert(recording.trail());
        }
        return Ok(());
    }
    let host = host_of(request.uri(), request.headers())?;
    check_host(&host, &core.options.admin_hosts)?;
    if !is_of_api(path) {
        return Ok(());
    }
    check_origin(request.headers(), &host)?;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let signed_in = match by_proxy(core, request, peer)? {
        Some(pass) => Some(pass),
        None => by_session(core, request, peer)?,
    };
    let pass = match signed_in {
        Some(pass) => pass,
        None if asks_for_session(request) => return Ok(()),
        None => authenticate(core, request.headers(), peer)?,
    };
    let client = client_address(request.headers(), peer, &core.options.trusted_networks);
    let pass = refuse_foreign(core, pass.of_client(client))?;
    if let Some(recording) = recording {
        recording.set_caller(pass.caller());
        request.extensions_mut().insert(recording.trail());
    }
    pass.caller().needs_path(request.uri().path())?;
    let is_open = *request.method() == Method::GET && request.uri().path() == SESSION;
    if pass.caller().role == Role::Router && !is_below(request.uri().path(), STORE_API) && !is_open {
        pass.caller().needs(Role::Viewer)?;
    }
    refuse_when_followed(core, request)?;
    request.extensions_mut().insert(pass.caller().clone());
    request.extensions_mut().insert(pass);
    Ok(())
}

/// The keys of a server that is followed are changed there; here they are only read. Whether that server may be empty
/// is for an operator of this router to say.
fn refuse_when_followed(core: &Core, request: &Request) -> Result<(), ApiError> {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let path = request.uri().path();
    // Browsers sign in and out at this router.
    let is_own =
        path == "/api/v1/store/accept" || is_below(path, SESSION) || is_below(path, "/api/v1/sessions");
    if !core.is_follower || reads || is_own {
        return Ok(());
    }
    let message = "this router follows the keys of a server that has no commits: write them there. Commands need one of \
                   the other stores";
    Err(ApiError::new(Kind::Unsupported, message))
}

/// Refuses whatever is not of senders, on a port that has nothing else.
pub async fn only_senders(request: Request, next: Next) -> Response {
    if is_of_senders(request.uri().path()) {
        return next.run(request).await;
    }
    let mut response = ApiError::new(Kind::NotFound, "this port has nothing but /hooks/in").into_response();
    secure(&mut response);
    response
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The authority a request is for: the target's own, else the one Host header.
fn host_of(uri: &Uri, headers: &HeaderMap) -> Result<String, ApiError> {
    let malformed = |message: &str| ApiError::new(Kind::Malformed, message);
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().ok_or_else(|| malformed("the request has no Host"))?;
    if hosts.next().is_some() {
        return Err(malformed("the request has more than one Host"));
    }
    let host = host.to_str().map_err(|_| malformed("the Host is not readable"))?;
    Ok(uri.authority().map_or(host, |authority| authority.as_str()).to_ascii_lowercase())
}

/// A page of another site that had its name point here (DNS rebinding) comes with that name: only names that are
/// surely ours are answered.
fn check_host(host: &str, allowed: &[String]) -> Result<(), ApiError> {
    let name = Authority::split(host).host();
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let local = name == "localhost" || name.ends_with(".localhost");
    if literal || local || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let message =
        format!("the admin port does not answer for `{}`; add it to admin_hosts", name.escape_debug());
    Err(ApiError::new(Kind::Misdirected, message))
}

/// There is no CORS grant: a request that names another origin is refused, whatever it carries.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if authority.is_some_and(|authority| authority == host) {
        return Ok(());
    }
    Err(ApiError::new(Kind::Forbidden, "requests from pages of another origin are refused"))
}

fn authenticate(core: &Core, headers: &HeaderMap, peer: IpAddr) -> Result<Pass, GuardRefusal> {
    if let Some(pass) = bearer(headers).and_then(|token| core.tokens.admit(token, peer, core.clock.wall_ms()))
    {
        return Ok(pass);
    }
    core.sign_ins.count_failed();
    if !headers.contains_key(header::AUTHORIZATION) {
        let message = "send `Authorization: Bearer TOKEN` with a token of this router's token file";
        return Err(ApiError::new(Kind::Unauthorized, message).into());
    }
    let failure = core.sign_ins.fail(peer, core.clock.monotonic());
    if failure.is_notable() {
        let count = failure.count;
        tracing::warn!(%peer, "{count} wrong tokens came from one address; its answers are delayed");
    }
    let error = if !core.tokens.has_read_store() {
        not_read_yet()
    } else if failure.is_over_limit() {
        let message = "too many wrong tokens came from this address; wait for a minute";
        ApiError::new(Kind::TooManyFailures, message)
    } else {
        ApiError::new(Kind::Unauthorized, "the token is not known to this router")
    };
    Err(GuardRefusal { error, wait: failure.wait })
}

/// Refuses a token that comes from where it may not.
fn refuse_foreign(core: &Core, pass: Pass) -> Result<Pass, ApiError> {
    let (caller, client) = (pass.caller(), pass.client());
    let Some(networks) = caller.scope.networks().filter(|_| !caller.scope.has_address(client)) else {
        return Ok(pass);
    };
    core.sign_ins.count_failed();
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    Err(caller.out_of_scope(&format!("is for {} only, and this comes from {client}", networks.join(", "))))
}

/// Lets in whom a proxy has signed in, where that counts: as a browser's session does. Who shows a token, or has a session, is who
/// that says.
fn by_proxy(core: &Core, request: &Request, peer: IpAddr) -> Result<Option<Pass>, GuardRefusal> {
    let (path, headers) = (request.uri().path(), request.headers());
    let counts = OF_THE_PAGE.iter().any(|root| is_below(path, root));
    if !counts || headers.contains_key(header::AUTHORIZATION) || session_cookie::find(core, headers).is_some()
    {
        return Ok(None);
    }
    let Some(caller) = caller_of_proxy(core, headers, peer)? else { return Ok(None) };
    refuse_other_pages(request.method(), headers)?;
    Ok(Some(core.tokens.admit_signed_in(caller, peer)))
}

/// Lets in who comes by a browser's session, where it counts: at the API that the page uses, from the page alone.
fn by_session(core: &Core, request: &Request, peer: IpAddr) -> Result<Option<Pass>, ApiError> {
    let (path, headers) = (request.uri().path(), request.headers());
    let counts = OF_THE_PAGE.iter().any(|root| is_below(path, root));
    if !counts || headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let Some(session) = session_cookie::find(core, headers) else {
        let is_sent = session_cookie::is_sent(headers);
        if is_sent && !core.tokens.has_read_store() {
            return Err(not_read_yet());
        }
        let has_ended = is_sent && !asks_for_session(request);
        let message = "the session has ended: sign in again";
        return if has_ended { Err(ApiError::new(Kind::Unauthorized, message)) } else { Ok(None) };
    };
    refuse_other_pages(request.method(), headers)?;
    Ok(core.tokens.admit_session(session, peer, core.clock.wall_ms()))
}

/// Right after the start, nobody can be told that a token or a session is unknown.
fn not_read_yet() -> ApiError {
    ApiError::new(
        Kind::Busy,
        "this router has not read the tokens and sessions of its store yet: try again in a second",
    )
}

/// A browser sends its session by itself, so a request says that it is our own page's: a write by its Origin, which has been
/// compared; everything by the metadata that newer browsers send.
fn refuse_other_pages(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let site = headers.get("sec-fetch-site").map_or(b"none".as_slice(), HeaderValue::as_bytes);
    let is_own = [b"same-origin".as_slice(), b"none"].contains(&site);
    let reads = [Method::GET, Method::HEAD].contains(method);
    if is_own && (reads || headers.contains_key(header::ORIGIN)) {
        return Ok(());
    }
    let message =
        "a session counts for this router's own page alone: a write needs its Origin; programs send a token";
    Err(ApiError::new(Kind::Forbidden, message))
}

/// Whether a request asks if its browser is signed in, which anybody may.
fn asks_for_session(request: &Request) -> bool {
    *request.method() == Method::GET
        && request.uri().path() == SESSION
        && !request.headers().contains_key(header::AUTHORIZATION)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    // `token` is what the scripts of older systems send.
    let is_known = ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known.then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_are_surely_ours_are_answered() {
        let allowed = vec!["router-1".to_owned()];
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.0.0.1",
            "localhost:8080",
            "candidate.localhost",
            "router-1:80",
        ] {
            assert!(check_host(host, &allowed).is_ok(), "{host}");
        }
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "router-1.evil", ""] {
            assert!(check_host(host, &allowed).is_err(), "{host}");
        }
    }

    #[test]
    fn an_origin_must_be_the_host_itself() {
        let with = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            check_origin(&headers, "localhost:8080").is_ok()
        };
        assert!(check_origin(&HeaderMap::new(), "localhost:8080").is_ok());
        assert!(with("http://localhost:8080"));
        for origin in ["null", "http://localhost", "http://evil.example", "file://", "http://localhost:80801"]
        {
            assert!(!with(origin), "{origin}");
        }
    }

    #[test]
    fn a_bearer_token_is_one_header_with_one_scheme() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(headers(&["Bearer abc"]), Some("abc".into()));
        assert_eq!(headers(&["bearer  abc"]), Some("abc".into()));
        assert_eq!(headers(&["token abc"]), Some("abc".into()));
        assert_eq!(headers(&["Basic abc"]), None);
        assert_eq!(headers(&["token abc", "Bearer abc"]), None);
        assert_eq!(headers(&["abc"]), None);
        assert_eq!(headers(&["Bearer abc", "Bearer abc"]), None);
    }
}
