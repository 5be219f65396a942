//! Requests of an app that is paused or stopped.

use std::time::Duration;

use super::plan::NoPlan;
use crate::{
    proxy::{
        rewrite::refusal::{Refusal, Reply},
        worker::{
            Worker, coarse,
            local::{LocalApp, LocalTable},
        },
    },
    rollout::halt::Halt,
};

const PAUSED: Refusal = Refusal {
    status: 503,
    detail: "the app is paused for a moment. Please try again soon",
    retry_after: Some(10),
};
const STOPPED: Refusal =
    Refusal { status: 503, detail: "the app is stopped for a while", retry_after: Some(60) };

/// What becomes of a request whose app is halted. `tested`: a tester's, who may look at a stopped app. `waits`: it has waited
/// already.
#[cold]
pub(super) fn check(
    worker: &Worker,
    table: &LocalTable,
    app: &LocalApp,
    halt: &Halt,
    (tested, waits): (bool, bool),
) -> Result<(), NoPlan> {
    if tested && !halt.is_pause() {
        return Ok(());
    }
    let counters = worker.counters();
    let end = table.published.pauses.get(&app.routes.slot).map(|end| end.at);
    if let Some(end) = end.filter(|end| *end > Duration::from_millis(coarse::now_ms())) {
        counters.requests_paused.add(u64::from(!waits));
        return Err(NoPlan::Wait { until_ms: u64::try_from(end.as_millis()).unwrap_or(u64::MAX) });
    }
    counters.requests_halted.add(1);
    if halt.is_pause() {
        return Err(PAUSED.into());
    }
    let message = (!halt.message.is_empty()).then(|| halt.message.as_str().into());
    Err(Reply { message, ..STOPPED.into() }.into())
}
