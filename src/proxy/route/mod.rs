//! From a request's head to a plan: which app, release and endpoint, and the head that goes upstream.
//!
//! All of it happens at once, while the head is still where it was read. What the exchange needs afterwards is kept in the
//! [`Plan`]. The routing table is not read again.

mod certificate;
pub mod challenge;
pub mod grpc;
mod halted;
pub mod health;
pub mod identity;
mod login;
pub mod new_client;
pub mod origin;
pub mod plan;
pub mod preflight;
pub mod redirect;
pub mod tester;
mod traced;

use std::{cell::OnceCell, rc::Rc};

use super::{
    codec::{
        head::{Framing, KnownName, RequestHead},
        protocol::Protocol,
    },
    rewrite::{
        certificate_line::CertificateLine,
        compression,
        login::is_carried_by,
        marks::Marks,
        refusal::{Refusal, TOO_LARGE},
        request::{Additions, OwnCookies, count_underscored, write},
    },
    worker::{
        Worker,
        buffers::Text,
        client::{Client, Door},
        client_certificate::Handshake,
        coarse,
        local::{LocalApp, LocalMatch, LocalTable, RequestDraw},
    },
};
use crate::{
    live::activity::standing_index,
    rollout::{
        assign::{Assignment, PinChange, PinEvidence, Reason, RequestFacts, assign, assign_override},
        cdn_loop,
        host_paths::AmbiguousPath,
        request::{self, Evidence},
        settings::{PinSource, Upgrade},
        table::Standing,
    },
    upstream::login::LoginLink,
};
use grpc::GrpcCall;
use login::{follow, pin_with};
use new_client::ClientDraw;
pub use plan::{NoPlan, Plan};
use preflight::{Preflight, request_value};
use redirect::redirect;
use tester::TesterChoice;
use traced::Traced;

const MISDIRECTED: Refusal =
    Refusal { status: 421, detail: "no app is served under this host name", retry_after: None };
const NO_PATH: Refusal =
    Refusal { status: 404, detail: "no app is served under this path", retry_after: None };
const AMBIGUOUS: Refusal = Refusal { status: 400, detail: AmbiguousPath::MEANING, retry_after: None };
/// No app has a release yet, or the store is down and no table was kept from before.
const NO_APP: Refusal = Refusal { status: 503, detail: "nothing is served here yet", retry_after: Some(5) };
const LOOPED: Refusal =
    Refusal { status: 508, detail: "this request has already passed through this router", retry_after: None };
const UNROUTABLE: Refusal =
    Refusal { status: 503, detail: "no release is available right now", retry_after: Some(5) };
const NO_ROOM: Refusal =
    Refusal { status: 503, detail: "the router is too busy right now", retry_after: Some(1) };

/// What a request's connection knows beside it.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionState<'a> {
    /// The connection to an endpoint that carries this client's login.
    pub login: Option<&'a LoginLink>,
    /// What the TLS handshake found out.
    pub handshake: Handshake<'a>,
    /// The request waits already, since its app is paused.
    pub waits: bool,
}

/// Plans one request.
pub fn plan(
    worker: &Worker,
    head: &RequestHead<'_>,
    client: Client,
    state: ConnectionState<'_>,
) -> Result<Plan, NoPlan> {
    check_room(worker)?;
    let table = worker.table();
    let found = worker.app(&table, head.authority, head.target).map_err(|AmbiguousPath| AMBIGUOUS)?;
    let found = found.ok_or_else(|| nobody(worker, &table, head))?;
    check_loop(worker, head)?;
    let planned = plan_in_app(worker, head, client, state, &table, &found);
    planned.map_err(|none| match none {
        NoPlan::Answer(reply) => reply.of_app(&found.app.routes.settings, client.secure).into(),
        wait @ NoPlan::Wait { .. } => wait,
    })
}

/// Plans a request whose app is known.
#[inline]
fn plan_in_app(
    worker: &Worker,
    head: &RequestHead<'_>,
    client: Client,
    state: ConnectionState<'_>,
    table: &LocalTable,
    found: &LocalMatch,
) -> Result<Plan, NoPlan> {
    let (app, login) = (&found.app, state.login);
    let certificate = answer_at_once(worker, table, head, client, found, state.handshake)?;
    let mut evidence = evidence(head, app, client, login);
    let mut preflight = Preflight::of(head);
    let facts = facts(head, app, client, &evidence, preflight.is_some());
    let mut draw = ClientDraw::new(worker, app, head, client);
    let choice = tester::choose(head, app, client, evidence.previews > 0)?;
    if let Some(halt) = &app.routes.halt {
        halted::check(worker, table, app, halt, (choice.is_some(), state.waits))?;
    }
    let mut assignment = match choice {
        None => {
            evidence.pin = facts.pin;
            assign(&app.routes, &facts, table.published.as_ref(), &mut draw).ok()
        }
        Some(choice) => {
            worker.counters().overridden.add(1);
            (evidence.pin, preflight) = (PinEvidence::None, None);
            assign_for_tester(worker, app, choice)
        }
    };
    if let (Some(login), Some(assignment)) = (login, &mut assignment) {
        follow(login, app, assignment);
    }
    let Some(assignment) = assignment else {
        worker.counters().requests_unroutable.add(1);
        return Err(UNROUTABLE.into());
    };
    worker.retries.count_request();
    if assignment.reason != Reason::Override && preflight.is_none() {
        count_assigned(worker, app, &assignment, &facts, draw);
    }
    let traced = Traced::of(worker, head, app, client);
    let (out, marks) = write_head(worker, head, found, client, certificate, &evidence, &assignment, &traced);
    let subresource = matches!(assignment.pin, PinChange::First(_)) && is_subresource(head);
    Ok(Plan {
        out,
        marks,
        pin: evidence.pin,
        client,
        framing: head.framing,
        coding: if app.routes.settings.compression.enabled { compression::wanted(head) } else { None },
        to_head: head.method == b"HEAD",
        idempotent: head.idempotent(),
        upgrade: upgrade_of(head, app, client),
        expects_continue: head.expects_continue,
        carries_login: is_carried_by(head),
        hides_logins: client.trusted || client.http2,
        navigation: facts.navigation,
        subresource,
        leftover: evidence.leftover,
        preflight,
        grpc: if app.http2 { GrpcCall::of(head) } else { None },
        minor_version: head.minor_version,
        started_us: coarse::now_us(),
        span: traced.span,
        asset: OnceCell::new(),
        assignment,
        app: Rc::clone(app),
    })
}

/// Answers what needs no release: a request that belongs elsewhere, one that is too large, a preview link. For all others, what
/// endpoints are told about the client's certificate.
#[inline]
fn answer_at_once<'a>(
    worker: &Worker,
    table: &LocalTable,
    head: &RequestHead<'_>,
    client: Client,
    LocalMatch { app, prefix_bytes }: &LocalMatch,
    handshake: Handshake<'a>,
) -> Result<CertificateLine<'a>, NoPlan> {
    let settings = &app.routes.settings;
    if let Some(reply) = redirect(head, settings.https_redirect, settings.canonical_host.as_deref(), client) {
        return Err(reply.into());
    }
    let certificate = certificate::check(worker, table, head, client, app, handshake)?;
    check_body(worker, head, app)?;
    if tester::is_link(&head.target[*prefix_bytes..]) {
        return Err(tester::open_link(head, *prefix_bytes, app, client).into());
    }
    Ok(certificate)
}

/// The protocol to which the request may lead. The admin port follows the requests of its connections, and knows WebSockets alone.
#[inline]
fn upgrade_of(head: &RequestHead<'_>, app: &LocalApp, client: Client) -> Option<Protocol> {
    head.upgrade.filter(|protocol| {
        let is_named = |allowed: &Upgrade| allowed.as_str() == protocol.name();
        *protocol == Protocol::WebSocket
            || client.door == Door::Front && app.routes.settings.upgrades.iter().any(is_named)
    })
}

fn check_room(worker: &Worker) -> Result<(), Refusal> {
    if worker.buffers.has_room() {
        return Ok(());
    }
    worker.counters().limit_memory.add(1);
    Err(NO_ROOM)
}

/// Refuses a body whose length is known to be more than the app takes, before anything of it goes on.
fn check_body(worker: &Worker, head: &RequestHead<'_>, app: &LocalApp) -> Result<(), Refusal> {
    match (app.routes.settings.body_max, head.framing) {
        (Some(most), Framing::Length(length)) if length > most => {
            worker.counters().requests_refused.add(1);
            Err(TOO_LARGE)
        }
        _ => Ok(()),
    }
}

fn check_loop(worker: &Worker, head: &RequestHead<'_>) -> Result<(), Refusal> {
    if !has_passed(head, &worker.shared.pseudonym) {
        return Ok(());
    }
    worker.counters().requests_looped.add(1);
    Err(LOOPED)
}

/// Why a request leads to no app.
#[cold]
fn nobody(worker: &Worker, table: &LocalTable, head: &RequestHead<'_>) -> Refusal {
    let counters = worker.counters();
    if table.published.table.apps.is_empty() {
        counters.requests_unroutable.add(1);
        return NO_APP;
    }
    if table.published.table.knows_host(head.authority) {
        return NO_PATH;
    }
    counters.requests_misdirected.add(1);
    MISDIRECTED
}

/// Writes the head that goes upstream.
#[inline]
#[allow(
    clippy::too_many_arguments,
    reason = "each is what another part of the plan found out, and there is one caller"
)]
fn write_head(
    worker: &Worker,
    head: &RequestHead<'_>,
    LocalMatch { app, prefix_bytes }: &LocalMatch,
    client: Client,
    certificate: CertificateLine<'_>,
    evidence: &Evidence,
    assignment: &Assignment,
    traced: &Traced,
) -> (Text, Marks) {
    let settings = &app.routes.settings;
    let host = head.authority.is_none().then(|| stand_in(app, assignment));
    let additions = Additions {
        origin: origin::origin_of(head, client),
        certificate,
        upgrade: upgrade_of(head, app, client),
        host: host.as_deref(),
        stripped: if settings.strip_prefix { *prefix_bytes } else { 0 },
        pseudonym: &worker.shared.pseudonym,
        own_cookies: OwnCookies::of(evidence, settings.cookie.name.as_str()),
        override_header: app.override_header(),
        underscores: settings.underscores,
        rules: &settings.headers.request,
        request_id: worker.random(),
        trace: traced.upstream,
    };
    let mut out = worker.buffers.text();
    let marks = write(head, &additions, &mut out.bytes);
    if head.present.has(KnownName::Underscored) {
        worker.counters().headers_with_underscores.add(count_underscored(head, &additions));
    }
    (out, marks)
}

/// What goes upstream as Host for a request that names nobody: a name that the app answers to, or else the endpoint's address,
/// as in health checks.
#[cold]
fn stand_in(app: &LocalApp, assignment: &Assignment) -> String {
    let exact = app.routes.settings.hosts.iter().find(|host| !host.starts_with('*'));
    exact.cloned().unwrap_or_else(|| {
        let address = app.endpoint(assignment.target).route.address.tcp();
        address.map_or_else(|| "localhost".to_owned(), |address| address.to_string())
    })
}

fn is_navigation(head: &RequestHead<'_>) -> bool {
    request::is_navigation(head.method, head.value(KnownName::SecFetchMode), head.value(KnownName::Accept))
}

fn evidence(head: &RequestHead<'_>, app: &LocalApp, client: Client, login: Option<&LoginLink>) -> Evidence {
    let evidence = Evidence::read(&app.routes, head.values(KnownName::Cookie), client.secure);
    // An app that is not sticky has no pins, whatever is left in browsers.
    let pin = match (app.routes.sticky, &app.routes.settings.pin) {
        (false, _) => PinEvidence::None,
        (true, PinSource::Cookie) => match login {
            Some(login) => pin_with(login, app, evidence.pin),
            None => evidence.pin,
        },
        (true, source) => {
            let hash = identity::hash_of(source, &app.routes.pins, head, client);
            hash.map_or(PinEvidence::None, PinEvidence::Hashed)
        }
    };
    Evidence { pin, ..evidence }
}

/// CDN-Loop names every router that a request passed.
fn has_passed(head: &RequestHead<'_>, pseudonym: &str) -> bool {
    let mut names = head.values(KnownName::CdnLoop).flat_map(cdn_loop::names);
    names.any(|name| name.eq_ignore_ascii_case(pseudonym.as_bytes()))
}

/// What an assignment has to know about a request.
fn facts(
    head: &RequestHead<'_>,
    app: &LocalApp,
    client: Client,
    evidence: &Evidence,
    preflight: bool,
) -> RequestFacts {
    let pin = if preflight { PinEvidence::None } else { evidence.pin };
    let anonymous = preflight || pin == PinEvidence::None && is_pin_withheld(head, app, client);
    let resend = evidence.leftover.resend;
    RequestFacts { pin, navigation: is_navigation(head), anonymous, resend, seconds: seconds() }
}

/// Whether the browser may have a pin that it does not send with this request.
fn is_pin_withheld(head: &RequestHead<'_>, app: &LocalApp, client: Client) -> bool {
    let withheld = app.routes.sticky && app.routes.pin_cookies.by(client.secure).withheld;
    withheld && !matches!(head.method, b"GET" | b"HEAD") && {
        let (site, origin) = (request_value(head, "sec-fetch-site"), request_value(head, "origin"));
        request::withholds_pin(head.method, site, origin, head.authority)
    }
}

fn is_subresource(head: &RequestHead<'_>) -> bool {
    head.value(KnownName::SecFetchDest).is_some_and(request::is_subresource)
}

/// The assignment of a request whose sender chose the release.
#[cold]
fn assign_for_tester(worker: &Worker, app: &LocalApp, choice: TesterChoice) -> Option<Assignment> {
    let random = || worker.random();
    let mut draw = RequestDraw { app, random: &random };
    assign_override(&app.routes, choice.release, choice.affinity, app, &mut draw).ok()
}

/// Seconds since the Unix epoch.
pub fn seconds() -> u64 {
    coarse::wall_ms() / 1_000
}

/// Counts at stable a request that the candidate failed.
pub fn count_shielded(worker: &Worker, plan: &Plan) {
    let cell = plan.release().state.cell(worker.index);
    let reason = plan.assignment.reason as usize;
    cell.reasons[reason].add(1);
    if let (PinEvidence::Valid(_), PinChange::Replace(_)) = (plan.pin, plan.assignment.pin) {
        cell.moves[standing_index(Some(Standing::Candidate))][reason].add(1);
    }
    cell.bounces.add(u64::from(plan.assignment.bounced));
}

/// Counts the assignment at its release.
fn count_assigned(
    worker: &Worker,
    app: &LocalApp,
    assignment: &Assignment,
    facts: &RequestFacts,
    draw: ClientDraw<'_>,
) {
    let cell = app.release(assignment.target.release).state.cell(worker.index);
    cell.reasons[assignment.reason as usize].add(1);
    let is_new = draw.finish(assignment, facts.pin) && !facts.anonymous;
    if is_new && matches!(assignment.reason, Reason::Bucket | Reason::NoCookie) {
        cell.draws.add(1);
    }
    match facts.pin {
        PinEvidence::Valid(pin) => {
            let tenure = app.routes.release(assignment.target.release).tenure;
            if pin.tenure == tenure {
                app.release(assignment.target.release).state.note_client(worker.index, &pin);
            } else if matches!(assignment.pin, PinChange::Replace(_)) {
                let from = app.routes.by_tenure(pin.tenure).map(|index| app.routes.release(index).standing);
                cell.moves[standing_index(from)][assignment.reason as usize].add(1);
            }
        }
        PinEvidence::Forged => worker.counters().pins_forged.add(1),
        PinEvidence::ForeignKey => worker.counters().pins_foreign_key.add(1),
        PinEvidence::None | PinEvidence::Hashed(_) => {}
    }
    if assignment.bounced {
        cell.bounces.add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        proxy::codec::{lines::Progress, request::read_request},
    };

    fn navigates(method: &str, headers: &str) -> bool {
        let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let mut lines = Vec::new();
        let read = read_request(text.as_bytes(), &mut lines, &Limits::default());
        let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
        is_navigation(&request.head)
    }

    /// A site on plain http never drained and never renewed a pin, since browsers tell only https origins and
    /// localhost what they fetch for.
    #[test]
    fn a_page_is_a_navigation_also_where_the_browser_does_not_say_so() {
        assert!(navigates("GET", "Sec-Fetch-Mode: navigate\r\n"));
        assert!(navigates("GET", "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"));
        assert!(!navigates("GET", "Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n"));
        assert!(!navigates("GET", "Accept: */*\r\n"));
        assert!(!navigates("POST", "Accept: text/html\r\n"));
        assert!(!navigates("GET", ""));
    }
}
