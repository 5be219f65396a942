//! The health path of the front (setting `front_health_path`): for balancers that ask the port that end users use, under
//! whatever Host, version and method they send. It says what `/readyz` of the admin port says. Without the setting nobody
//! comes here.

use crate::proxy::{
    codec::head::RequestHead,
    rewrite::refusal::Refusal,
    worker::{
        Worker,
        client::{Client, Door},
        phase::Phase,
    },
};

const READY: Refusal = Refusal { status: 200, detail: "this router is ready", retry_after: None };
const UNREADY: Refusal =
    Refusal { status: 503, detail: "this router is starting or about to end", retry_after: None };

/// The answer to a request for the health path; `None` for every other request.
pub fn answer(worker: &Worker, path: &str, head: &RequestHead<'_>, client: Client) -> Option<Refusal> {
    let query = head.target.strip_prefix(path.as_bytes())?;
    // Testers who come by way of the admin port ask for an app.
    if !matches!(query.first(), None | Some(b'?')) || client.door != Door::Front {
        return None;
    }
    let is_published = worker.table().published.generation > 0;
    // A process that was replaced answers for the one that accepts.
    let serves = worker.shared.phase() == Phase::Serving || worker.shared.is_replaced();
    Some(if is_published && serves { READY } else { UNREADY })
}
