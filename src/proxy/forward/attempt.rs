//! The attempts at one request: one endpoint at a time, and where the next one goes.

use std::{future::poll_fn, rc::Rc};

use super::{
    account::{charge_release, count_failure},
    exchange::{Exchange, PausedAttempt},
    failure::{Failure, Side},
    link::Link,
    race::SilentAttempt,
    room::Room,
};
use crate::{
    limits::ATTEMPTS_MAX,
    proxy::{
        downstream::Downstream,
        route::{Plan, count_shielded},
        worker::{coarse, local::RequestDraw},
    },
    rollout::{
        assign::{Draw, Health, another_endpoint, last_endpoint, suspected_endpoint},
        table::{AppRoutes, EndpointRoute},
        target::{EndpointIndex, EndpointSlot, ReleaseIndex, Target},
    },
};

/// Ejected endpoints that are tried for one request. With two the request finds one that came back, and does not wander
/// through a release that is down.
const SUSPECTED_TRIES_MAX: usize = 2;

/// A way to choose an endpoint of a release that was not tried.
type Choice =
    fn(&AppRoutes, ReleaseIndex, &[EndpointSlot], &dyn Health, &mut dyn Draw) -> Option<EndpointIndex>;

/// The attempts at one request so far.
pub struct Attempts<'a> {
    /// The endpoints that failed.
    tried: [EndpointSlot; ATTEMPTS_MAX],
    count: usize,
    /// How many of them were ejected.
    suspected: usize,
    /// An attempt took so long that the client has waited enough.
    timed_out: bool,
    /// The next attempt opens a connection, whatever the pool has.
    fresh: bool,
    /// The last attempt used a connection from the pool.
    reused: bool,
    /// An attempt whose endpoint is silent, so that stable is asked as well.
    pub silent: Option<Box<SilentAttempt<'a>>>,
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
            suspected: 0,
            timed_out: false,
            // A tunnel keeps its connection for itself, and so do a login, and a client that is named before it.
            fresh: plan.upgrade.is_some()
                || plan.carries_login && !plan.app.http2
                || plan.app.names_clients(),
            reused: false,
            silent: None,
            own_answer: None,
        }
    }

    /// Asks the endpoint that the plan names.
    pub async fn attempt<D: Downstream>(&mut self, exchange: &mut Exchange<'a, D>) -> Result<(), Failure> {
        exchange.begin_attempt();
        self.reused = false;
        let room = Room::enter(exchange).await?;
        exchange.outcome.endpoint = Some(room.endpoint().route.address);
        // In a `match` the place of the kept connection would be beside that of the new one in every exchange.
        let mut link = 'link: {
            if let Some(link) = self.kept_link(exchange, &room.endpoint().route) {
                break 'link link;
            }
            Link::open(exchange, room.endpoint().route.address).await?
        };
        self.reused = link.is_reused();
        exchange.note_connected();
        let done = poll_fn(|cx| exchange.poll(cx, &mut link.stream)).await;
        if done == Err(Failure::Silent) {
            self.reused = false;
            self.silent = Some(Box::new(SilentAttempt { link, room }));
            return done;
        }
        if done == Err(Failure::Missing) && !exchange.asks_sibling() {
            self.own_answer = Some(Box::new(OwnAnswer { link, room, attempt: exchange.pause() }));
            return done;
        }
        done.map(|()| link.give_back(exchange))
    }

    /// An open connection to the endpoint: the one that carries the client's login, or one from the pool.
    fn kept_link<D: Downstream>(
        &self,
        exchange: &mut Exchange<'_, D>,
        route: &EndpointRoute,
    ) -> Option<Link> {
        let own = if exchange.down.login().is_some() { Link::with_login(exchange, route) } else { None };
        if own.is_some() || self.fresh { own } else { Link::from_pool(exchange, route) }
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
        let ended = self.reused && failure == Failure::Reset;
        // A goodbye that met the request on its way.
        let refused = !self.fresh && failure == Failure::Refused;
        (ended || refused) && !exchange.was_heard()
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
    /// and then to stable; any other follows the repeat rule alone. Before a request fails or leaves its release, endpoints
    /// that are only suspected are tried, unless the client has waited already.
    fn choose_next<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        self.note_failed(exchange, failure);
        let shielded = exchange.is_shielded(failure);
        let may_repeat = exchange.send_state().may_repeat();
        if shielded {
            let others = may_repeat && !self.timed_out;
            // One of the attempts is stable's.
            let found = others && self.count == 1 && self.choose(exchange, failure, another_endpoint)
                || others && self.count + 1 < ATTEMPTS_MAX && self.choose_suspected(exchange, failure);
            if found || move_to_stable(exchange, failure) {
                return true;
            }
        }
        if !may_repeat || !failure.worth_repeating() {
            return false;
        }
        self.choose(exchange, failure, another_endpoint)
            || !self.timed_out
                && (self.choose_suspected(exchange, failure) || self.choose(exchange, failure, last_endpoint))
    }

    /// Notes that the endpoint of the present attempt failed.
    fn note_failed<D: Downstream>(&mut self, exchange: &Exchange<'_, D>, failure: Failure) {
        if let Some(next) = self.tried.get_mut(self.count) {
            *next = exchange.plan.endpoint().route.slot;
            self.count += 1;
        }
        self.timed_out |= failure.timed_out();
    }

    fn choose_suspected<D: Downstream>(&mut self, exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
        let found =
            self.suspected < SUSPECTED_TRIES_MAX && self.choose(exchange, failure, suspected_endpoint);
        self.suspected += usize::from(found);
        found
    }

    /// Chooses another endpoint of the same release, if there is one and the budget allows it. No budget is asked after a
    /// refused connection, since the endpoint did nothing for the request, and where the next endpoint fails rarely: asking
    /// it adds no load to a release that is in trouble.
    fn choose<D: Downstream>(
        &mut self,
        exchange: &mut Exchange<'_, D>,
        failure: Failure,
        choice: Choice,
    ) -> bool {
        let (worker, plan) = (exchange.worker, &mut exchange.plan);
        let app = Rc::clone(&plan.app);
        let target = &mut plan.assignment.target;
        if self.count >= ATTEMPTS_MAX {
            return false;
        }
        let random = || worker.random();
        let mut draw = RequestDraw { app: &app, random: &random };
        let tried = &self.tried[..self.count];
        let chosen = choice(&app.routes, target.release, tried, app.as_ref(), &mut draw);
        let Some(endpoint) = chosen else { return false };
        let next = Target { endpoint, ..*target };
        let limited = !failure.is_refusal() && app.endpoint(next).state.fails_often();
        if limited && !worker.retries.take() {
            worker.counters().upstream_retries_denied.add(1);
            return false;
        }
        *target = next;
        true
    }
}

/// Gives the request to stable, if stable takes it: the candidate is charged with an error, and the client moves.
fn move_to_stable<D: Downstream>(exchange: &mut Exchange<'_, D>, failure: Failure) -> bool {
    if !exchange.stable_agrees() {
        return false;
    }
    let Some(assignment) = exchange.shield.take_agreed() else { return false };
    let (worker, plan) = (exchange.worker, &mut exchange.plan);
    let failed = std::mem::replace(&mut plan.assignment, assignment);
    charge_release(worker, plan, &failed, failure, exchange.outcome.asked_us);
    worker.counters().shielded.add(1);
    exchange.outcome.was_silent = failure.timed_out();
    exchange.outcome.shielded_from = Some(plan.app.endpoint(failed.target).route.address);
    exchange.outcome.asked_us = Some(coarse::now_us());
    count_shielded(worker, plan);
    exchange.change_release();
    true
}
