//! Whether the handshake of a connection found out about its client what an app asks for (docs/design.md section 14).
//!
//! A browser sends requests for several hosts on one connection, and sessions are resumed. So the policy of the handshake is
//! compared with each request's, and one that would have been asked otherwise belongs on another connection (421).

use crate::proxy::{
    codec::head::RequestHead,
    rewrite::{
        certificate_line::CertificateLine,
        refusal::{Refusal, Reply},
    },
    worker::{
        Worker,
        client::Client,
        client_certificate::Handshake,
        local::{LocalApp, LocalTable},
    },
};

const OTHER_POLICY: Refusal = Refusal {
    status: 421,
    detail: "this host asks for a client certificate otherwise than this connection was asked",
    retry_after: None,
};
const NO_CERTIFICATE: Refusal =
    Refusal { status: 403, detail: "this application needs a client certificate", retry_after: None };

/// What endpoints of the app are told about the client's certificate.
#[inline]
pub(super) fn check<'a>(
    worker: &Worker,
    table: &LocalTable,
    head: &RequestHead<'_>,
    client: Client,
    app: &LocalApp,
    handshake: Handshake<'a>,
) -> Result<CertificateLine<'a>, Reply> {
    match (&app.routes.client_policy, handshake) {
        (None, Handshake::None | Handshake::Unasked) => Ok(CertificateLine::Unasked),
        _ => check_policy(table, head, client, app, handshake).inspect_err(|reply| {
            match reply.refusal.status {
                421 => worker.counters().requests_misdirected.add(1),
                _ => worker.counters().requests_refused.add(1),
            }
        }),
    }
}

#[cold]
fn check_policy<'a>(
    table: &LocalTable,
    head: &RequestHead<'_>,
    client: Client,
    app: &LocalApp,
    handshake: Handshake<'a>,
) -> Result<CertificateLine<'a>, Reply> {
    let wanted = app.routes.client_policy.as_deref();
    let (found, is_own) = match handshake {
        Handshake::None => (None, false),
        Handshake::Unasked => (None, true),
        Handshake::Asked(found) => (Some(found), true),
    };
    if let (Some(found), Some(wanted)) = (found, wanted)
        && *found.policy == *wanted
        && let Some(line) = &found.line
        && !client.trusted
    {
        return Ok(CertificateLine::Shown(line));
    }
    // A proxy that is trusted asks for all of its clients. Who its own are, its certificate does not say.
    let is_own = is_own && !client.trusted;
    if is_own {
        let due = table.published.table.client_policy(head.authority);
        if due.as_ref() != found.map(|found| &found.policy) {
            return Err(misdirected());
        }
    }
    let Some(wanted) = wanted else { return Ok(CertificateLine::Unasked) };
    let found = found.filter(|found| found.policy.has_authorities_of(wanted));
    if is_own && found.is_none() {
        return Err(misdirected());
    }
    match found.and_then(|found| found.line.as_deref()) {
        Some(line) => Ok(CertificateLine::Shown(line)),
        None if wanted.is_required => Err(NO_CERTIFICATE.into()),
        None => Ok(CertificateLine::Missing),
    }
}

fn misdirected() -> Reply {
    Reply { ends_connection: true, ..OTHER_POLICY.into() }
}
