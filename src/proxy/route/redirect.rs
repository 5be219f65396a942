//! Redirects that the router or an app asks for: from http to https, and from an app's other hosts to the canonical one, both in
//! one step.

use super::origin::origin_of;
use crate::proxy::{
    codec::head::RequestHead,
    rewrite::{
        refusal::{Refusal, Reply},
        target::write_target,
    },
    worker::client::{Client, Door},
};

// 308 and not 301, since it keeps method and body (RFC 9110 section 15.4.9).
const TO_HTTPS: Refusal = Refusal { status: 308, detail: "this is served over https", retry_after: None };
const TO_HOST: Refusal =
    Refusal { status: 308, detail: "this is served under another host name", retry_after: None };

/// Where the client is sent that is not served here. `https_port`: where https is, if it has to be https. `canonical_host`: under
/// which host it has to be. A proxy that is believed may say that the client itself came in https.
#[inline]
pub fn redirect(
    head: &RequestHead<'_>,
    https_port: Option<u16>,
    canonical_host: Option<&str>,
    client: Client,
) -> Option<Reply> {
    if https_port.is_none() && canonical_host.is_none() {
        return None;
    }
    let https_port = https_port.filter(|_| !client.secure);
    let location = location(head, https_port, canonical_host, client)?;
    let refusal = if https_port.is_some() { TO_HTTPS } else { TO_HOST };
    Some(Reply::with_lines(refusal, format!("location: {location}\r\n")))
}

#[cold]
fn location(
    head: &RequestHead<'_>,
    https_port: Option<u16>,
    canonical_host: Option<&str>,
    client: Client,
) -> Option<String> {
    let origin = origin_of(head, client);
    let host = origin.authority.host();
    // Who names no host cannot be told where to go, and testers on the admin port stay there.
    if client.door != Door::Front || host.is_empty() {
        return None;
    }
    let other_host = canonical_host.filter(|canonical| !canonical.eq_ignore_ascii_case(host));
    if https_port.is_none() && other_host.is_none() {
        return None;
    }
    let https = client.secure || https_port.is_some();
    let (scheme, usual_port) = if https { ("https", 443) } else { ("http", 80) };
    let port = https_port.or(origin.other_port).or(origin.authority.port());
    let port = port.filter(|port| *port != usual_port).map(|port| format!(":{port}")).unwrap_or_default();
    let mut target = Vec::new();
    write_target(head, 0, &mut target);
    let target = std::str::from_utf8(&target).ok().filter(|target| target.starts_with('/')).unwrap_or("/");
    Some(format!("{scheme}://{}{port}{target}", other_host.unwrap_or(host)))
}
