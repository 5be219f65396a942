//! A connection to an endpoint, for one attempt: from the worker's pool, or new.

use std::{future::poll_fn, net::SocketAddr, task::Poll};

use tokio::net::TcpStream;

use super::{exchange::Exchange, failure::Failure};
use crate::{
    limits::UNSAFE_IDLE_MS,
    proxy::{
        downstream::{Downstream, stream::Stream},
        worker::{coarse, deadlines::WaitState},
    },
    rollout::table::EndpointRoute,
    upstream::{pool::PoolQuery, shortage::is_shortage},
};

/// A connection to an endpoint.
pub struct Link {
    /// The connection.
    pub stream: Stream,
    reused: bool,
}

impl Link {
    /// Takes a connection from the pool. A request that cannot be repeated takes only one that was used just now, since an
    /// endpoint may close an idle one at any moment.
    pub fn from_pool<D: Downstream>(exchange: &Exchange<'_, D>, route: &EndpointRoute) -> Option<Self> {
        let worker = exchange.worker;
        let idle_ms_max = worker.limits().upstream_idle_ms;
        let idle_ms_max =
            if exchange.plan.idempotent { idle_ms_max } else { idle_ms_max.min(UNSAFE_IDLE_MS) };
        let wanted = PoolQuery { idle_ms_max, careful: !exchange.plan.idempotent };
        let taken = worker.pool.take(route.slot, route.address, coarse::now_ms(), wanted);
        worker.counters().upstream_stale.add(taken.stale);
        let stream = taken.stream?;
        worker.counters().upstream_reuses.add(1);
        Some(Self { stream: Stream::Plain(stream), reused: true })
    }

    /// Opens a connection.
    pub async fn open<D: Downstream>(
        exchange: &mut Exchange<'_, D>,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let worker = exchange.worker;
        exchange.down.deadline().set_in(worker.limits().connect_ms);
        worker.counters().upstream_connects.add(1);
        let mut connecting = Box::pin(TcpStream::connect(address));
        let connected = poll_fn(|cx| match connecting.as_mut().poll(cx) {
            Poll::Ready(connected) => Poll::Ready(Some(connected)),
            Poll::Pending if exchange.down.deadline().state() == WaitState::Overdue => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match connected.await {
            None => Err(Failure::ConnectTimeout),
            Some(Err(error)) if is_shortage(&error) => Err(Failure::Resources),
            Some(Err(_)) => Err(Failure::Connect),
            Some(Ok(stream)) => {
                // Small writes then do not wait for acknowledgements. Should it fail, they still arrive.
                let _ = stream.set_nodelay(true);
                Ok(Self { stream: Stream::Plain(stream), reused: false })
            }
        }
    }

    /// Whether it came from the pool.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Gives the connection to the pool after a whole exchange, if it can carry another one.
    pub fn give_back<D: Downstream>(self, exchange: &Exchange<'_, D>) {
        let route = exchange.plan.endpoint().route;
        let worker = exchange.worker;
        if self.reused {
            Self::note_reuse(exchange, true);
        }
        if let (true, Stream::Plain(stream)) = (exchange.link_reusable(), self.stream) {
            let idle_max = worker.limits().upstream_idle_per_endpoint_max as usize;
            worker.pool.keep(route.slot, route.address, stream, coarse::now_ms(), idle_max);
        }
    }

    /// Tells the pool whether a connection of this endpoint carried another request.
    pub fn note_reuse<D: Downstream>(exchange: &Exchange<'_, D>, carried: bool) {
        let route = exchange.plan.endpoint().route;
        exchange.worker.pool.note_reuse(route.slot, route.address, carried);
    }
}
