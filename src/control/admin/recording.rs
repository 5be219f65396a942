//! One call's entry in the audit: begun before anything else looks at the request, ended with its answer, and kept also when
//! the client leaves before there is one.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

use super::{client_address::client_address, senders::is_of_senders};
use crate::{
    control::shared::{
        access::caller::Caller,
        audit::{
            redaction::{of_path, of_text},
            trail::{Notes, Trail, along},
        },
        core::Core,
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
    },
    schema::{
        audit::{AuditEntry, AuditOutcome},
        error::ErrorDetail,
    },
};

/// Calls below an app that ask, and change nothing, though they are no GET.
const QUESTIONS: [&str; 2] = ["explain", "who-moves"];
/// Roots of raw keyvalues.
const RAW: [&str; 2] = ["/api/kv/", "/v1/kv/"];
/// Calls of the store itself whose bodies are whole values, secrets too. What is written stands among the changes.
const UNTOLD: &str = "/api/v1/store/";
/// How the command line calls itself.
const COMMAND_LINE: &str = "rolling-router/";

/// An entry that is not kept yet.
pub struct Recording {
    core: Core,
    entry: AuditEntry,
    trail: Arc<Trail>,
    /// Whether the body is told.
    is_told: bool,
    is_kept: bool,
}

impl Recording {
    /// Begins the entry of a call that changes something or reads secrets; none for others.
    pub fn begin(core: &Core, request: &Request) -> Option<Self> {
        let (method, path) = (request.method(), request.uri().path());
        if !is_audited(method, path) {
            return None;
        }
        let peer =
            request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let client = peer.map(|peer| client_address(request.headers(), peer, &core.options.trusted_networks));
        let entry = AuditEntry {
            at: core.clock.wall_ms(),
            router: core.name().to_owned(),
            client: client.as_ref().map(IpAddr::to_string),
            peer: peer.filter(|peer| Some(*peer) != client).map(|peer| peer.to_string()),
            via: via(path, request.headers()).to_owned(),
            method: method.to_string(),
            path: of_path(path, request.uri().query()),
            app: app_of(path).map(|app| app.to_string()),
            ..AuditEntry::default()
        };
        let is_told = !path.starts_with(UNTOLD);
        Some(Self { core: core.clone(), entry, trail: Arc::default(), is_told, is_kept: false })
    }

    /// Whose token it was.
    pub fn set_caller(&mut self, caller: &Caller) {
        self.entry.actor = Some(caller.name.clone());
        self.entry.role = Some(caller.role.to_string());
    }

    /// What the call leaves behind.
    pub fn trail(&self) -> Arc<Trail> {
        Arc::clone(&self.trail)
    }

    /// Keeps the entry of a call that is answered.
    pub fn finish(mut self, response: &Response) {
        let status = response.status();
        self.entry.status = Some(status.as_u16());
        if let Some(error) = response.extensions().get::<ErrorDetail>() {
            self.entry.code = Some(error.code.clone());
            self.entry.message = Some(of_text(&error.message));
        }
        let notes = self.trail.notes();
        let outcome = match status.as_u16() {
            _ if notes.is_in_doubt && !status.is_success() => AuditOutcome::Unknown,
            200..=299 if notes.is_unchanged && notes.changes.is_empty() => AuditOutcome::Unchanged,
            200..=299 => AuditOutcome::Done,
            501 => AuditOutcome::Refused,
            500..=599 => AuditOutcome::Failed,
            _ => AuditOutcome::Refused,
        };
        self.keep(outcome, notes);
    }

    fn keep(&mut self, outcome: AuditOutcome, notes: Notes) {
        self.is_kept = true;
        let mut entry = std::mem::take(&mut self.entry);
        entry.outcome = outcome;
        entry.request = notes.request.filter(|_| self.is_told);
        if let Some((name, role, app)) = notes.actor {
            (entry.actor, entry.role, entry.app) = (Some(name), Some(role), Some(app));
        }
        entry.changes = notes.changes;
        entry.changes_left_out = notes.changes_left_out;
        let is_routine = notes.is_routine && outcome == AuditOutcome::Done;
        self.core.journal.record(entry, is_routine, self.core.clock.monotonic());
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.is_kept {
            self.entry.message = Some("the client left before the answer".to_owned());
            let notes = self.trail.notes();
            self.keep(AuditOutcome::Unknown, notes);
        }
    }
}

/// Carries a call out on its trail, on whatever thread that is.
pub async fn follow_trail(request: Request, next: Next) -> Response {
    match request.extensions().get::<Arc<Trail>>().cloned() {
        Some(trail) => along(trail, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// It begins something by GET too, for old scripts.
const SCHEDULE_RECYCLE: &str = "/api/pool/schedule_recycle";

/// Whether a call is in the audit: all that may change something, and all of the store's own, which gives secrets away. A
/// call that comes to be later is in it unless it is named here.
fn is_audited(method: &Method, path: &str) -> bool {
    let below =
        ["/api", "/v1"].iter().any(|root| path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')));
    let app = path.strip_prefix("/api/v1/apps/").and_then(|rest| rest.split_once('/'));
    let asks = *method == Method::POST && app.is_some_and(|(_, call)| QUESTIONS.contains(&call));
    let is_delivery = is_of_senders(path);
    if path == SCHEDULE_RECYCLE {
        return true;
    }
    (below || is_delivery) && ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method) && !asks
}

/// By which door a call came, as far as it says.
fn via(path: &str, headers: &HeaderMap) -> &'static str {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if is_of_senders(path) {
        "hook"
    } else if RAW.iter().any(|root| path.starts_with(root)) {
        "raw"
    } else if agent.starts_with(COMMAND_LINE) {
        "cli"
    } else if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        // Every browser says so with what is no GET.
        "gui"
    } else {
        "api"
    }
}

/// The app that a path is about.
fn app_of(path: &str) -> Option<AppName> {
    if let Some(rest) = path.strip_prefix("/api/v1/apps/") {
        return rest.split('/').next()?.parse().ok();
    }
    let key = RAW.iter().find_map(|root| path.strip_prefix(root))?;
    let key = percent_encoding::percent_decode_str(key).decode_utf8().ok()?;
    match keys::meaning(&key)? {
        Meaning::StableId(app)
        | Meaning::CandidateId(app)
        | Meaning::BlendPercent(app)
        | Meaning::Stickyness(app)
        | Meaning::Record(app)
        | Meaning::Event(app, _)
        | Meaning::Settings(app)
        | Meaning::Previews(app)
        | Meaning::PipelineLock(app)
        | Meaning::Deployment(app, _) => Some(app),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_something_is_in_the_audit() {
        for (method, path, audited) in [
            (Method::PUT, "/api/v1/apps/a/blend", true),
            (Method::DELETE, "/v1/kv/x", true),
            (Method::POST, "/api/v1/store/list", true),
            (Method::PATCH, "/api/nothing/yet", true),
            (Method::POST, "/api/v1/apps/a/explain/more", true),
            (Method::POST, "/api/v1/apps/a/explain", false),
            (Method::POST, "/api/v1/apps/a/who-moves", false),
            (Method::GET, "/api/v1/apps/a", false),
            (Method::GET, "/api/pool/schedule_recycle", true),
            (Method::POST, "/ui/x", false),
            (Method::POST, "/hooks/in/shop", true),
            (Method::GET, "/hooks/in/shop/0", false),
        ] {
            assert_eq!(is_audited(&method, path), audited, "{method} {path}");
        }
    }

    #[test]
    fn the_app_is_the_one_that_the_path_names() {
        for (path, app) in [
            ("/api/v1/apps/shop/candidate", Some("shop")),
            ("/api/v1/apps/shop", Some("shop")),
            ("/api/kv/rolling/shop/stable/id", Some("shop")),
            ("/v1/kv/rolling%2Fshop%2Fblendpercent", Some("shop")),
            ("/v1/kv/rolling/null", None),
            ("/api/v1/hooks/chat", None),
            ("/api/v1/apps/a%0ab/x", None),
        ] {
            assert_eq!(app_of(path).map(|app| app.to_string()).as_deref(), app, "{path}");
        }
    }
}
