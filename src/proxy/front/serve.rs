//! One client's connection, from its first request to its last.
//!
//! One task owns it. While it waits for a request it holds no buffer and its future is small. Everything that an exchange
//! needs lives in a box for as long as the exchange lasts.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::{Context, Poll},
};

use tokio::net::TcpStream;

use super::{caught::Caught, serve_http2::serve_http2};
use crate::proxy::{
    downstream::{
        http1::{Connection, Next},
        stream::Stream,
    },
    forward::forward,
    route::Plan,
    worker::{Worker, client::Client},
};

/// Serves a connection until it ends. A panic in one request is one 500.
// An `async fn` would keep its arguments beside the connection for as long as that lasts.
pub fn serve(worker: Rc<Worker>, stream: Stream, client: Client) -> impl Future<Output = ()> {
    let mut connection = Connection::new(worker, stream, client);
    async move {
        poll_fn(|cx| {
            connection.register(cx);
            Poll::Ready(())
        })
        .await;
        loop {
            connection.begin_waiting();
            let next = poll_fn(|cx| poll_next(&mut connection, cx)).await;
            let panicked = match next {
                Ok(Next::Forward(plan)) => Caught::new(answer(&mut connection, plan)).await.is_err(),
                Ok(Next::Refuse(reply, form, to_head)) => {
                    Box::pin(connection.refuse(*reply, form, to_head)).await;
                    false
                }
                Ok(Next::Http2(ahead)) => {
                    let (seat, stream, client) = connection.into_parts();
                    return Box::pin(serve_http2(seat, stream, client, ahead)).await;
                }
                Ok(Next::End) => return,
                Err(()) => true,
            };
            if panicked {
                Box::pin(connection.after_panic()).await;
            }
            if !connection.goes_on() {
                return Box::pin(connection.linger()).await;
            }
        }
    }
}

/// Tells a client that speaks plain http on a port that speaks https.
pub async fn refuse_plain_http(worker: Rc<Worker>, stream: TcpStream, client: Client, to_head: bool) {
    let mut connection = Connection::new(worker, Stream::Plain(stream), client);
    poll_fn(|cx| {
        connection.register(cx);
        Poll::Ready(())
    })
    .await;
    connection.refuse_plain_http(to_head).await;
    connection.linger().await;
}

/// Waits for the next request; `Err` after a panic.
fn poll_next(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Result<Next, ()>> {
    match catch_unwind(AssertUnwindSafe(|| connection.poll_next(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(next)) => Poll::Ready(Ok(next)),
        Err(_) => Poll::Ready(Err(())),
    }
}

async fn answer(connection: &mut Connection, plan: Box<Plan>) {
    let worker = Rc::clone(connection.worker());
    forward(&worker, plan, connection).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function's future keeps.
    fn kept<F: Future>(_: fn(Rc<Worker>, Stream, Client) -> F) -> usize {
        size_of::<F>()
    }

    /// The same for a request that is being answered.
    fn kept_by_request<'a, F: Future>(_: fn(&'a mut Connection, Box<Plan>) -> F) -> usize {
        size_of::<F>()
    }

    /// With its arguments kept beside it, a connection took the next size of blocks: 640 bytes.
    #[test]
    fn an_idle_connection_keeps_little() {
        // The runtime puts some 100 bytes around it, and its blocks grow by 128. Besides there are the socket's entry in the
        // runtime and a deadline, some 500 bytes.
        let bytes = kept(serve);
        assert!(bytes <= 400, "{bytes}");
    }

    /// What only a race or a full endpoint needs made it grow to 1,144 bytes, and every request paid for a slower allocation.
    #[test]
    fn a_request_keeps_no_more_than_the_allocator_has_at_hand() {
        // glibc keeps freed blocks of up to 1,032 bytes at hand for each thread.
        let bytes = kept_by_request(answer);
        assert!(bytes <= 1_032, "{bytes}");
    }
}
