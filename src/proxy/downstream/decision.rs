//! The decision on a request whose head was read: it is forwarded by a plan, or the router answers it.

use super::{handshake::HandshakeFacts, pause::Pause, refuse::log_refused};
use crate::{
    proxy::{
        codec::head::RequestHead,
        rewrite::refusal::{Form, Refusal, Reply},
        route::{
            ConnectionState, NoPlan, Plan, challenge, health, origin::client_of, plan, redirect::redirect,
        },
        worker::{
            Worker,
            client::{Client, Door},
            client_certificate::Handshake,
            phase::Phase,
        },
    },
    upstream::login::LoginLink,
};

const ENDS: Refusal =
    Refusal { status: 503, detail: "the app is paused, and the router ends", retry_after: Some(5) };
const TOO_MANY_WAIT: Refusal = Refusal {
    status: 503,
    detail: "the app is paused, and too many requests wait for it already",
    retry_after: Some(5),
};

/// What becomes of a request.
pub enum Decision {
    /// It is forwarded.
    Forward(Box<Plan>),
    /// The router answers it, in this form; `true`: by HEAD.
    Refuse(Box<Reply>, Form, bool),
    /// It waits, since its app is paused, and is decided anew then.
    Wait(Pause),
}

const OTHER_CERTIFICATE: Refusal = Refusal {
    status: 421,
    detail: "this host has another certificate than this connection has shown",
    retry_after: None,
};

/// Decides on a request, and logs it if it is not forwarded. `facts`: what the handshake of its connection decided.
/// `login`: the connection to an endpoint that carries this client's login. `pause`: it has waited already.
#[inline]
pub fn decide(
    worker: &Worker,
    head: &RequestHead<'_>,
    peer: Client,
    facts: Option<&HandshakeFacts>,
    login: Option<&LoginLink>,
    pause: Option<Pause>,
) -> Decision {
    let client = client_of(head, peer, &worker.shared.trust);
    if let Some(path) = worker.shared.health_path.as_deref()
        && let Some(health) = health::answer(worker, path, head, client)
    {
        log_refused(worker, Some(head), client, health.status);
        return Decision::Refuse(Box::new(health.into()), Form::Text, head.method == b"HEAD");
    }
    let certificates = worker.shared.table.certificates();
    if certificates.is_challenged()
        && let Some(reply) = challenge::answer(certificates, head, client)
    {
        log_refused(worker, Some(head), client, reply.refusal.status);
        return Decision::Refuse(Box::new(reply), Form::Verbatim, head.method == b"HEAD");
    }
    // A proxy that is trusted asks for all of its clients.
    if let Some(names) = facts.and_then(|facts| facts.names.as_ref())
        && !client.trusted
        && !names.cover(head.authority)
    {
        worker.counters().requests_misdirected.add(1);
        return refused(worker, head, client, Box::new(OTHER_CERTIFICATE.into()));
    }
    if let Some(reply) = redirect(head, worker.shared.https_redirect, None, client) {
        return refused(worker, head, client, Box::new(reply));
    }
    let handshake = match facts.and_then(|facts| facts.certificate.as_ref()) {
        Some(certificate) => Handshake::Asked(certificate),
        None if peer.secure && peer.door == Door::Front => Handshake::Unasked,
        None => Handshake::None,
    };
    match plan(worker, head, client, ConnectionState { login, handshake, waits: pause.is_some() }) {
        Ok(plan) => Decision::Forward(Box::new(plan)),
        Err(NoPlan::Answer(reply)) => refused(worker, head, client, reply),
        Err(NoPlan::Wait { until_ms }) => wait(worker, head, client, pause, until_ms),
    }
}

/// Lets a request wait, unless the router ends or too many wait already.
#[cold]
fn wait(
    worker: &Worker,
    head: &RequestHead<'_>,
    client: Client,
    pause: Option<Pause>,
    until_ms: u64,
) -> Decision {
    if worker.shared.phase() >= Phase::Ending {
        return refused(worker, head, client, Box::new(ENDS.into()));
    }
    match Pause::new(worker, pause, until_ms) {
        Some(pause) => Decision::Wait(pause),
        None => {
            worker.counters().limit_paused_requests.add(1);
            refused(worker, head, client, Box::new(TOO_MANY_WAIT.into()))
        }
    }
}

#[cold]
fn refused(worker: &Worker, head: &RequestHead<'_>, client: Client, reply: Box<Reply>) -> Decision {
    log_refused(worker, Some(head), client, reply.refusal.status);
    Decision::Refuse(reply, Form::of_request(head), head.method == b"HEAD")
}
