//! The attempts at one request: one endpoint at a time, and where the next one goes.

use std::{future::poll_fn, rc::Rc};

use super::{
    account::count_failure,
    exchange::{Exchange, PausedAttempt},
    failure::{Failure, Side},
    link::Link,
    room::Room,
};
use crate::{
    limits::ATTEMPTS_MAX,
    live::activity::standing_index,
    proxy::{
        downstream::Downstream,
        route::{Plan, count_shielded},
        worker::local::RequestDraw,
    },
    rollout::{assign::another_endpoint, target::EndpointSlot},
};

/// The place of 5xx among a cell's status classes.
const SERVER_ERROR: usize = 4;

/// The attempts at one request so far.
pub struct Attempts<'a> {
    /// The endpoints that were tried before the present one.
    tried: [EndpointSlot; ATTEMPTS_MAX],
    count: usize,
    /// The next attempt opens a connection, whatever the pool has.
    fresh: bool,
    /// The last attempt used a connection from the pool.
    reused: bool,
    /// The release's own answer for an asset that it does not have.
    pub own_answer: Option<Box<OwnAnswer<'a>>>,
}

/// The release's own answer to a request for an asset that it does not have. It waits while siblings are asked.
pub struct OwnAnswer<'a> {
    /// The connection on which it comes.
    pub link: Link,
    /// The request's place at the endpoint.
    pub room: Room<'a>,
    /// The attempt, with the head of the answer.
    pub attempt: PausedAttempt,
}

impl<'a> Attempts<'a> {
    /// No attempt yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            tried: [EndpointSlot(usize::MAX); ATTEMPTS_MAX],
            count: 0,
            // A WebSocket keeps its connection for itself, and so does a login.
            fresh: plan.websocket || plan.carries_login,
            reused: false,
            own_answer: None,
        }
    }

    /// Asks the endpoint that the plan names.
    pub async fn attempt<D: Downstream>(&mut self, exchange: &mut Exchange<'a, D>) -> Result<(), Failure> {
        exchange.begin_attempt();
        self.reused = false;
        let app = Rc::clone(&exchange.plan.app);
        let target = exchange.plan.assignment.target;
        let route = app.endpoint(target).route;
        let room = Room::enter(exchange, &app, target).await?;
        exchange.outcome.endpoint = Some(route.address);
        let own = if exchange.down.login().is_some() { Link::with_login(exchange, &route) } else { None };
        let kept = if own.is_some() || self.fresh { own } else { Link::from_pool(exchange, &route) };
        let mut link = match kept {
            Some(link) => link,
            None => Link::open(exchange, route.address).await?,
        };
        self.reused = link.is_reused();
        exchange.note_connected();
        let done = poll_fn(|cx| exchange.poll(cx, &mut link.stream)).await;
        if done == Err(Failure::Missing) && !exchange.asks_sibling() {
            self.own_answer = Some(Box::new(OwnAnswer { link, room, attempt: exchange.pause() }));
            return done;
        }
        done.map(|()| link.give_back(exchange))
    }

    /// Tries one endpoint. If a pooled connection turns out to be closed, tries once more on a new one.
    pub async fn try_once<D: Downstream>(mut self, exchange: &mut Exchange<'a, D>) -> Result<(), Failure> {
        match self.attempt(exchange).await {
            Err(failure) if self.was_stale(exchange, failure) && self.renew(exchange) => {
                self.attempt(exchange).await
            }
            done => done,
        }
    }

    /// Counts a failure, and decides whether another attempt follows and where it goes.
    #[cold]
    pub fn go_on<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        if self.was_stale(exchange, failure) {
            if self.renew(exchange) {
                return true;
            }
        } else if failure.side() == Side::Upstream {
            count_failure(exchange.worker, &exchange.plan, failure);
        }
        self.choose_next(exchange, failure)
    }

    /// Whether the pooled connection was closed already, which is no failure of the endpoint.
    fn was_stale<D: Downstream>(&self, exchange: &Exchange<'_, D>, failure: Failure) -> bool {
        self.reused && failure == Failure::Reset && !exchange.send_state().answered
    }

    /// After a stale connection: whether the request may be sent again, on a new connection to the same endpoint.
    fn renew<D: Downstream>(&mut self, exchange: &Exchange<'_, D>) -> bool {
        Link::note_reuse(exchange, false);
        let may_repeat = exchange.send_state().may_repeat();
        if may_repeat {
            exchange.worker.counters().upstream_stale.add(1);
            self.fresh = true;
        }
        may_repeat
    }

    /// Chooses where the request goes next, if anywhere. A shielded request goes once to another endpoint of the candidate
    /// and then to stable; any other follows the repeat rule alone.
    fn choose_next<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        let shielded = exchange.is_shielded() && failure.worth_shielding();
        let may_repeat = exchange.send_state().may_repeat();
        if shielded {
            let another = may_repeat && !failure.timed_out() && self.count == 0;
            if another && self.choose_another(exchange, failure) || move_to_stable(exchange) {
                return true;
            }
        }
        may_repeat && failure.worth_repeating() && self.choose_another(exchange, failure)
    }

    /// Chooses another endpoint of the same release, if there is one and the budget allows it. After a refused connection
    /// no budget is asked: the endpoint did nothing for the request, so asking another one adds no load.
    fn choose_another<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        let (worker, plan) = (exchange.worker, &mut exchange.plan);
        let app = Rc::clone(&plan.app);
        let target = &mut plan.assignment.target;
        if self.count + 1 >= ATTEMPTS_MAX {
            return false;
        }
        self.tried[self.count] = app.endpoint(*target).route.slot;
        self.count += 1;
        let random = || worker.random();
        let mut draw = RequestDraw { app: &app, random: &random };
        let tried = &self.tried[..self.count];
        let another = another_endpoint(&app.routes, target.release, tried, app.as_ref(), &mut draw);
        let Some(another) = another else { return false };
        if failure != Failure::Connect && !worker.retries.take() {
            worker.counters().upstream_retries_denied.add(1);
            return false;
        }
        target.endpoint = another;
        true
    }
}

/// Gives the request to stable, if stable takes it: the candidate is charged with an error, and the client moves.
fn move_to_stable<D: Downstream>(exchange: &mut Exchange<'_, D>) -> bool {
    if !exchange.stable_agrees() {
        return false;
    }
    let Some(assignment) = exchange.shield.take_agreed() else { return false };
    let (worker, plan) = (exchange.worker, &mut exchange.plan);
    let cell = plan.release().state.cell(worker.index);
    cell.statuses[standing_index(Some(plan.standing()))][SERVER_ERROR].add(1);
    worker.counters().shielded.add(1);
    plan.assignment = assignment;
    count_shielded(worker, plan);
    exchange.change_release();
    true
}
