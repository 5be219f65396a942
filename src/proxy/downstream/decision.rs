//! The decision on a request whose head was read: it is forwarded by a plan, or the router answers it.

use super::refuse::log_refused;
use crate::{
    proxy::{
        codec::head::RequestHead,
        rewrite::{
            refusal::{Form, Refusal, Reply},
            target::write_target,
        },
        route::{
            Plan, health,
            origin::{client_of, origin_of},
            plan,
        },
        worker::{
            Worker,
            client::{Client, Door},
        },
    },
    upstream::login::LoginLink,
};

/// 308 and not 301, since it keeps method and body (RFC 9110 section 15.4.9).
const REDIRECT: Refusal = Refusal { status: 308, detail: "this is served over https", retry_after: None };

/// What becomes of a request.
pub enum Decision {
    /// It is forwarded.
    Forward(Box<Plan>),
    /// The router answers it, in this form; `true`: by HEAD.
    Refuse(Reply, Form, bool),
}

/// Decides on a request, and logs it if it is not forwarded. `login`: the connection to an endpoint that carries this client's
/// login.
#[inline]
pub fn decide(worker: &Worker, head: &RequestHead<'_>, peer: Client, login: Option<&LoginLink>) -> Decision {
    let client = client_of(head, peer, &worker.shared.trust);
    if let Some(path) = worker.shared.health_path.as_deref()
        && let Some(health) = health::answer(worker, path, head, client)
    {
        log_refused(worker, Some(head), client, health.status);
        return Decision::Refuse(health.into(), Form::Text, head.method == b"HEAD");
    }
    if let Some(location) = location_in_https(worker.shared.https_redirect, head, client) {
        let lines = format!("location: {location}\r\n").into();
        return refused(worker, head, client, Reply { refusal: REDIRECT, lines });
    }
    match plan(worker, head, client, login) {
        Ok(plan) => Decision::Forward(Box::new(plan)),
        Err(reply) => refused(worker, head, client, reply),
    }
}

#[cold]
fn refused(worker: &Worker, head: &RequestHead<'_>, client: Client, reply: Reply) -> Decision {
    log_refused(worker, Some(head), client, reply.refusal.status);
    Decision::Refuse(reply, Form::of_request(head), head.method == b"HEAD")
}

/// Where a request belongs that came in plain http, if that is redirected. A proxy that is believed may say that the client
/// itself came in https.
fn location_in_https(port: Option<u16>, head: &RequestHead<'_>, client: Client) -> Option<Box<str>> {
    let port = port?;
    let host = origin_of(head, client).authority.host();
    // Who names no host cannot be told where to go.
    if client.secure || client.door != Door::Front || host.is_empty() {
        return None;
    }
    let mut target = Vec::new();
    write_target(head, 0, &mut target);
    let target = std::str::from_utf8(&target).ok().filter(|target| target.starts_with('/')).unwrap_or("/");
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    Some(format!("https://{host}{port}{target}").into())
}
