//! From a plan to an answer.
//!
//! The way of a request, from the top down:
//!
//! 1. [`forward`] makes the [`exchange`], and lets it make attempts until one ends well or none may follow.
//! 2. An attempt ([`attempt`]) waits for [`room`] at the endpoint, takes a connection to it ([`link`]), and lets the exchange
//!    move bytes both ways until the response is whole.
//! 3. After a [`failure`] it decides whether another attempt follows: to another endpoint by the repeat rule
//!    (docs/design.md section 6), or to stable ([`shield`]). Where the candidate is silent, stable is asked as well
//!    ([`race`]). Where the release lacks an asset ([`skew`]), [`siblings`] are asked.
//! 4. If no attempt ended well, [`ending`] tells the client.
//! 5. [`account`] counts and logs what became of it ([`outcome`]), and where there is a candidate, [`cohort`] counts it for the
//!    verdict, and [`shadow`] may have it repeated at the candidate.

pub mod account;
pub mod attempt;
pub mod cohort;
pub mod ending;
pub mod exchange;
pub mod failure;
pub mod http2;
pub mod link;
pub mod outcome;
pub mod race;
pub mod raceable;
pub mod room;
pub mod shadow;
pub mod shield;
pub mod siblings;
pub mod skew;
pub mod span;

use super::{downstream::Downstream, route::Plan, worker::Worker};
use attempt::Attempts;
use exchange::Exchange;
use failure::Failure;

/// Forwards one request and answers it. Afterwards everything sent is flushed, or the client's side was aborted.
pub async fn forward<D: Downstream>(worker: &Worker, plan: Box<Plan>, down: &mut D) {
    let mut exchange = Exchange::new(worker, down, plan);
    let done = match exchange.take_buffered_body() {
        Ok(()) => make_attempts(&mut exchange).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = done {
        exchange.outcome.failure = Some(failure);
        ending::end(&mut exchange, failure).await;
    }
    exchange.down.deadline().unbind();
    account::count_and_log(worker, &exchange.plan, &exchange.outcome);
}

/// Makes attempts until one ends well, or none may follow.
async fn make_attempts<'a, D: Downstream>(exchange: &mut Exchange<'a, D>) -> Result<(), Failure> {
    let mut attempts = Attempts::new(&exchange.plan);
    loop {
        let mut done = attempts.attempt(exchange).await;
        if let Some(silent) = attempts.silent.take() {
            // Boxed for the same reason as below.
            done = Box::pin(race::race(exchange, *silent)).await;
        }
        let Err(failure) = done else { return Ok(()) };
        if let Some(own) = attempts.own_answer.take() {
            // Boxed, since it is rare and every exchange has the size of the largest.
            return Box::pin(siblings::fall_through(exchange, *own)).await;
        }
        if !attempts.go_on(exchange, failure) {
            return Err(failure);
        }
        exchange.worker.counters().upstream_retries.add(1);
        exchange.outcome.retries += 1;
    }
}
