//! Answers to a CA that asks whether a host leads here (RFC 8555 section 8.3). They come before every redirect, under any Host,
//! since only the CA knows the token. While nothing is ordered, nobody comes here; a token that is not ours may be an app's.

use crate::{
    live::certificates::LiveCertificates,
    proxy::{
        codec::head::RequestHead,
        rewrite::refusal::{Refusal, Reply},
        worker::client::{Client, Door},
    },
};

/// Where a CA asks.
const PATH: &[u8] = b"/.well-known/acme-challenge/";
const ANSWER: Refusal = Refusal { status: 200, detail: "", retry_after: None };

/// The answer to a CA; `None` for every other request.
#[cold]
pub fn answer(certificates: &LiveCertificates, head: &RequestHead<'_>, client: Client) -> Option<Reply> {
    if client.door != Door::Front || !matches!(head.method, b"GET" | b"HEAD") {
        return None;
    }
    let token = std::str::from_utf8(head.target.strip_prefix(PATH)?).ok()?;
    Some(Reply { message: Some(certificates.answer_to(token)?.into()), ..ANSWER.into() })
}
