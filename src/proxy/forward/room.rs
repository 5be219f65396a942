//! A request's place at an endpoint: counted there as long as it is held, also when a panic ends it; waited for where
//! `endpoint_in_flight_max` is set and reached.

use std::{future::poll_fn, rc::Rc, task::Poll};

use super::{
    exchange::{Exchange, WaitBefore},
    failure::Failure,
};
use crate::{
    live::endpoints::EndpointState,
    proxy::{
        downstream::Downstream,
        worker::{
            Worker,
            local::{LocalApp, LocalEndpoint},
        },
    },
    rollout::target::{EndpointSlot, Target},
};

/// Room at an endpoint, for one request.
pub struct Room<'a> {
    worker: &'a Worker,
    app: Rc<LocalApp>,
    target: Target,
}

impl<'a> Room<'a> {
    /// Takes a place at the endpoint that the plan names, waiting for one if there is a limit and it is reached.
    pub async fn enter<D: Downstream>(exchange: &mut Exchange<'a, D>) -> Result<Self, Failure> {
        let worker = exchange.worker;
        let (app, target) = (Rc::clone(&exchange.plan.app), exchange.plan.assignment.target);
        let endpoint = app.endpoint(target);
        let (most, slot) = (worker.limits().endpoint_in_flight_max, endpoint.route.slot);
        if most > 0 && endpoint.state.in_flight() >= most {
            // Boxed, since it is rare and every exchange has the size of the largest.
            Box::pin(wait_for_room(exchange, &endpoint.state, slot, most)).await?;
        }
        endpoint.state.enter();
        worker.count_busy(true);
        Ok(Self { worker, app, target })
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &LocalEndpoint {
        self.app.endpoint(self.target)
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let endpoint = self.endpoint();
        endpoint.state.leave();
        self.worker.count_busy(false);
        if self.worker.limits().endpoint_in_flight_max > 0 {
            self.worker.queues.wake_one(endpoint.route.slot);
        }
    }
}

async fn wait_for_room<D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    state: &EndpointState,
    slot: EndpointSlot,
    most: u32,
) -> Result<(), Failure> {
    let worker = exchange.worker;
    if worker.queues.len(slot) >= worker.limits().endpoint_queue_max as usize {
        return Err(Failure::Queue);
    }
    let wait = WaitBefore::new(worker.limits().endpoint_queue_ms, Failure::Queue);
    poll_fn(|cx| {
        let entered = if state.in_flight() < most {
            Some(wait.end(exchange))
        } else {
            wait.go_on(exchange).err().map(Err)
        };
        match entered {
            Some(entered) => {
                worker.queues.leave(slot, cx.waker());
                if entered.is_err() {
                    // It may have been this one's turn.
                    worker.queues.wake_one(slot);
                }
                Poll::Ready(entered)
            }
            None => {
                worker.queues.wait(slot, cx.waker());
                Poll::Pending
            }
        }
    })
    .await
}
