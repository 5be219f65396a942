//! A race: the candidate is silent, so stable is asked as well, and the candidate's connection stays (docs/design.md section 6).
//!
//! Silence is no verdict. If stable answers well first, the client moves and the candidate is charged. If the candidate
//! answers first, or stable has no good answer, the candidate's answer is taken when it comes, and nothing is charged: then
//! the path is slow, and it is remembered so that it is not raced again. One side at a time is in the exchange, and the other
//! is suspended beside it. Nothing here exists for a request that is answered in time.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};

use super::{
    account::charge_candidate,
    exchange::{Exchange, SuspendedAttempt},
    failure::{Failure, Side},
    link::Link,
    room::Room,
};
use crate::proxy::{downstream::Downstream, route::count_shielded, worker::coarse};

/// An attempt whose endpoint is silent.
pub struct SilentAttempt<'a> {
    /// The connection to the endpoint.
    pub link: Link,
    /// The request's place there.
    pub room: Room<'a>,
}

/// How a race ends.
enum End {
    /// The candidate's answer has begun, or is whole.
    Candidate(Poll<Result<(), Failure>>),
    /// The candidate failed before an answer.
    CandidateFailed(Failure),
    /// Stable's answer has begun, or is whole.
    Stable(Poll<Result<(), Failure>>),
    /// Stable has no answer that would be taken.
    StableFailed(Failure),
}

/// Asks stable as well, and answers with what comes first. In the end the exchange is that of the release which answered, or
/// failed last.
pub async fn race<'a, D: Downstream>(
    exchange: &mut Exchange<'a, D>,
    silent: SilentAttempt<'a>,
) -> Result<(), Failure> {
    let SilentAttempt { mut link, room: _room } = silent;
    let Some(agreed) = exchange.shield.take_agreed() else { return go_on(exchange, link).await };
    let slow_path = exchange.slow_path();
    let late_at_ms = exchange.late_at_ms();
    let mut candidate = exchange.suspend(agreed);
    let asked = ask_stable(exchange, &mut link).await;
    let Some((mut stable_link, _stable_room)) = asked else {
        // It is known soon how the candidate does: stable still takes the request if it fails.
        exchange.swap(&mut candidate);
        exchange.shield.restore(agreed);
        return go_on(exchange, link).await;
    };
    let end =
        poll_fn(|cx| poll_both(exchange, (&mut candidate, &mut link), &mut stable_link, late_at_ms, cx));
    match end.await {
        End::Candidate(progress) => {
            drop(stable_link);
            if exchange.has_answered() && exchange.outcome.status < 500 {
                let (client, now) = (exchange.client_number(), coarse::now_ms());
                exchange.worker.shared.slow_paths.note_answer(slow_path, client, now);
            }
            finish(exchange, link, progress).await
        }
        End::CandidateFailed(failure) => {
            if failure == Failure::FirstByte {
                exchange.worker.shared.slow_paths.forget(slow_path);
            }
            move_client(exchange, &candidate, failure);
            drop((candidate, link));
            go_on(exchange, stable_link).await
        }
        End::Stable(progress) => {
            move_client(exchange, &candidate, Failure::FirstByte);
            drop((candidate, link));
            finish(exchange, stable_link, progress).await
        }
        End::StableFailed(failure) if failure.side() == Side::Downstream => Err(failure),
        End::StableFailed(_) => {
            drop(stable_link);
            exchange.swap(&mut candidate);
            let done = go_on(exchange, link).await;
            if done == Err(Failure::FirstByte) {
                exchange.worker.shared.slow_paths.forget(slow_path);
            }
            done
        }
    }
}

/// Opens a connection to stable; a new one, since one from the pool may turn out to be closed. `None` if that fails, or if the
/// candidate does something first.
async fn ask_stable<'a, D: Downstream>(
    exchange: &mut Exchange<'a, D>,
    candidate: &mut Link,
) -> Option<(Link, Room<'a>)> {
    if !exchange.worker.has_room_at_once(exchange.plan.endpoint()) {
        return None;
    }
    let room = Room::enter(exchange).await.ok()?;
    let opened = {
        let mut opening = pin!(Link::open(exchange, room.endpoint().route.address));
        poll_fn(|cx| match opening.as_mut().poll(cx) {
            Poll::Ready(opened) => Poll::Ready(opened.ok()),
            Poll::Pending if candidate.poll_readable(cx).is_ready() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    };
    let link = opened?;
    exchange.note_connected();
    Some((link, room))
}

/// Moves what can be moved on both sides. The candidate comes first, since with its answer the client stays where it is.
fn poll_both<'a, D: Downstream>(
    exchange: &mut Exchange<'a, D>,
    (candidate, candidate_link): (&mut SuspendedAttempt<'a>, &mut Link),
    stable_link: &mut Link,
    late_at_ms: u64,
    cx: &mut Context<'_>,
) -> Poll<End> {
    if candidate_link.poll_readable(cx).is_ready() {
        exchange.swap(candidate);
        let progress = exchange.poll(cx, &mut candidate_link.stream);
        match progress {
            _ if exchange.has_answered() => return Poll::Ready(End::Candidate(progress)),
            // Neither is a failure of the candidate.
            Poll::Ready(Err(failure))
                if failure.side() == Side::Downstream || failure == Failure::Resources =>
            {
                return Poll::Ready(End::Candidate(progress));
            }
            _ => exchange.swap(candidate),
        }
        if let Poll::Ready(Err(failure)) = progress {
            return Poll::Ready(End::CandidateFailed(failure));
        }
    }
    if late_at_ms <= coarse::now_ms() {
        return Poll::Ready(End::CandidateFailed(Failure::FirstByte));
    }
    let progress = exchange.poll(cx, &mut stable_link.stream);
    match progress {
        _ if exchange.has_answered() => Poll::Ready(End::Stable(progress)),
        Poll::Ready(Err(failure)) => Poll::Ready(End::StableFailed(failure)),
        Poll::Ready(Ok(())) => Poll::Ready(End::Stable(progress)),
        Poll::Pending => {
            exchange.down.deadline().set_no_later(late_at_ms);
            Poll::Pending
        }
    }
}

/// Goes on with the one side that is left.
async fn go_on<D: Downstream>(exchange: &mut Exchange<'_, D>, link: Link) -> Result<(), Failure> {
    exchange.end_race();
    finish(exchange, link, Poll::Pending).await
}

async fn finish<D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    link: Link,
    progress: Poll<Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut link = link;
    let done = match progress {
        Poll::Ready(done) => done,
        Poll::Pending => poll_fn(|cx| exchange.poll(cx, &mut link.stream)).await,
    };
    done.map(|()| link.give_back(exchange))
}

/// The client moves to stable, and the candidate is charged.
fn move_client<D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    candidate: &SuspendedAttempt<'_>,
    failure: Failure,
) {
    let worker = exchange.worker;
    charge_candidate(worker, &exchange.plan, &candidate.assignment, failure, exchange.outcome.asked_us);
    exchange.outcome.was_silent = true;
    exchange.outcome.shielded_from =
        Some(exchange.plan.app.endpoint(candidate.assignment.target).route.address);
    worker.counters().shielded.add(1);
    worker.counters().upstream_retries.add(1);
    exchange.outcome.retries += 1;
    exchange.outcome.asked_us = Some(candidate.suspended_us);
    count_shielded(worker, &exchange.plan);
}
