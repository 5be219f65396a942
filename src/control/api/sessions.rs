//! Sessions of browsers: begun with a token, shown, ended.
//!
//! Whoever has a token may begin one and see and end those of the same token; admins see and end all.

use axum::{
    Extension, Json,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::{
    query::Query,
    request::{NoFields, Question, Read},
    tokens::describe::{describe as describe_token, describe_pass},
};
use crate::{
    control::{
        session_keeper,
        shared::{
            access::{
                caller::Caller,
                live_tokens::Pass,
                session_cookie,
                sessions::{Session, StoredSession},
                tokens::random_token,
            },
            core::Core,
            error::{ApiError, Kind},
        },
    },
    printable::is_hidden,
    rollout::command::Role,
    schema::{
        app::Done,
        session::{BrowserSession, BrowserSessions, OwnSession, SessionEnd},
    },
};

/// The longest name of a browser that is kept: what the usual ones call themselves.
const BROWSER_CHARS_MAX: usize = 160;

/// `GET /api/v1/session`: whether this browser is signed in; anybody may ask.
pub async fn own(
    State(core): State<Core>,
    pass: Option<Extension<Pass>>,
    query: RawQuery,
) -> Result<Json<OwnSession>, ApiError> {
    Query::parse(query.0.as_deref()).finish()?;
    let pass = pass.map(|Extension(pass)| pass);
    let session = pass.as_ref().and_then(|pass| {
        let session = pass.session()?;
        Some(describe((&session.id().to_owned(), session.session()), name_of(&core, session.session()), true))
    });
    let who = pass.map(|pass| describe_pass(&pass));
    Ok(Json(OwnSession { who, session }))
}

/// `POST /api/v1/session`: has the browser keep a session for the token that it shows now, and need not show again.
pub async fn begin(
    State(core): State<Core>,
    Extension(pass): Extension<Pass>,
    headers: HeaderMap,
    call: Question,
) -> Result<Response, ApiError> {
    call.read::<NoFields>()?;
    call.query.finish()?;
    if pass.session().is_some() || pass.is_by_proxy() {
        let message = "a session begins with a token: send `Authorization: Bearer TOKEN`";
        return Err(ApiError::new(Kind::Forbidden, message));
    }
    if let Some(before) = session_cookie::find(&core, &headers) {
        core.sessions.end(before.id(), core.clock.wall_ms());
    }
    let secret = random_token().map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let now = core.clock.wall_ms();
    let agent =
        headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let browser = agent.unwrap_or_default().replace(is_hidden, " ").chars().take(BROWSER_CHARS_MAX).collect();
    let client = pass.client().to_string();
    let stored = StoredSession::begin(&secret, pass.digest(), now, client, browser);
    let id = stored.id();
    core.sessions.begin(stored, now);
    session_keeper::tell_store(&core).await;
    tracing::info!(actor = pass.caller().name, session = id, "a session of a browser began");
    let sessions = core.sessions.all();
    let session =
        sessions.get(&id).ok_or_else(|| ApiError::new(Kind::Internal, "the session ended at once"))?;
    let session = describe((&id, session), pass.caller().name.clone(), true);
    let shown = OwnSession { who: Some(describe_token(pass.caller())), session: Some(session) };
    let cookie = session_cookie::keep(&core, &secret, session_cookie::is_secure(&core, &headers));
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(shown)).into_response())
}

/// `DELETE /api/v1/session`: ends the browser's own.
pub async fn end_own(
    State(core): State<Core>,
    Extension(pass): Extension<Pass>,
    headers: HeaderMap,
    call: Question,
) -> Result<Response, ApiError> {
    call.read::<NoFields>()?;
    call.query.finish()?;
    let Some(session) = pass.session() else {
        let message = match pass.is_by_proxy() {
            true => "a proxy has signed this browser in, and signs it out",
            false => "this call came with a token, and with no session",
        };
        return Err(ApiError::new(Kind::NotFound, message));
    };
    let id = session.id().to_owned();
    end(&core, pass.caller(), &id).await;
    let cookie = session_cookie::forget(&core, session_cookie::is_secure(&core, &headers));
    let done = SessionEnd { id, result: Done::Done };
    Ok(([(header::SET_COOKIE, cookie)], Json(done)).into_response())
}

/// `GET /api/v1/sessions`
pub async fn list(
    State(core): State<Core>,
    Extension(pass): Extension<Pass>,
    call: Read,
) -> Result<Json<BrowserSessions>, ApiError> {
    call.query.finish()?;
    let sessions = core.sessions.all();
    let seen = sessions.iter().filter(|(_, session)| may_see(&pass, session));
    let own = pass.session().map(|session| session.id().to_owned());
    let shown =
        seen.map(|(id, session)| describe((id, session), name_of(&core, session), own.as_ref() == Some(id)));
    Ok(Json(BrowserSessions { sessions: shown.collect() }))
}

/// `DELETE /api/v1/sessions/{session}`
pub async fn end_one(
    State(core): State<Core>,
    Path(id): Path<String>,
    Extension(pass): Extension<Pass>,
    call: Question,
) -> Result<Json<SessionEnd>, ApiError> {
    call.read::<NoFields>()?;
    call.query.finish()?;
    let is_seen = core.sessions.all().get(&id).is_some_and(|session| may_see(&pass, session));
    if !is_seen {
        let message = format!("there is no session `{}` of yours", id.escape_debug());
        return Err(ApiError::new(Kind::NotFound, message).field("session"));
    }
    end(&core, pass.caller(), &id).await;
    Ok(Json(SessionEnd { id, result: Done::Done }))
}

/// Ends one at this router at once, and at the others as soon as the store answers.
async fn end(core: &Core, caller: &Caller, id: &str) {
    core.sessions.end(id, core.clock.wall_ms());
    session_keeper::tell_store(core).await;
    tracing::info!(actor = caller.name, session = id, "a session of a browser ended");
}

fn may_see(pass: &Pass, session: &Session) -> bool {
    let is_own = session.stored.token().as_ref() == Some(pass.digest());
    is_own || pass.caller().role == Role::Admin && pass.caller().scope.has_all_apps()
}

/// Whose it is: the name of its token, as this router knows it.
fn name_of(core: &Core, session: &Session) -> String {
    let token = session.stored.token();
    let holder = token.and_then(|token| core.tokens.holder(&token));
    holder.map_or_else(|| "(no token of this router)".to_owned(), |holder| holder.name)
}

fn describe((id, session): (&String, &Session), name: String, is_current: bool) -> BrowserSession {
    BrowserSession {
        id: id.clone(),
        name,
        current: is_current,
        at: session.stored.at,
        used_at: session.used_at(),
        ends_at: session.stored.ends_at(),
        idle_ends_at: session.idle_ends_at(),
        client: session.stored.client.clone(),
        browser: session.stored.browser.clone(),
    }
}
