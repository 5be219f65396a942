//! One client's connection of HTTP/2. One task drives it, and each of its requests is a task of its own on the same thread.

use std::{future::poll_fn, rc::Rc, task::Poll};

use tokio::task::spawn_local;

use super::caught::Caught;
use crate::proxy::{
    downstream::{
        decision::Decision,
        http2::{
            connection::{Arrival, Http2Connection},
            stream::ClientStream,
        },
        stream::Stream,
    },
    forward::forward,
    worker::{client::Client, seat::ConnectionSeat},
};

/// Serves a connection until it ends. `ahead` was read of it already.
pub async fn serve_http2(seat: ConnectionSeat, stream: Stream, client: Client, ahead: Vec<u8>) {
    let Some(mut connection) = Http2Connection::begin(seat, stream, client, ahead).await else { return };
    poll_fn(|cx| {
        loop {
            match connection.poll_next(cx) {
                Poll::Ready(Some(arrival)) => drop(spawn_local(serve_request(arrival))),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    connection.linger().await;
}

/// Answers a request. A panic in it is one 500.
async fn serve_request(arrival: Arrival) {
    let Arrival { mut stream, parts } = arrival;
    poll_fn(|cx| {
        stream.register(cx);
        Poll::Ready(())
    })
    .await;
    let answered = Caught::new(async {
        if let Some(decision) = stream.decide(&parts).await {
            answer(&mut stream, decision).await;
        }
    })
    .await;
    if answered.is_err() {
        stream.after_panic().await;
    }
    stream.finish();
}

async fn answer(stream: &mut ClientStream, decision: Decision) {
    let worker = Rc::clone(stream.worker());
    match decision {
        Decision::Forward(plan) => forward(&worker, plan, stream).await,
        Decision::Refuse(reply, form, to_head) => stream.refuse(*reply, form, to_head).await,
        // Its stream waits before it says what was decided.
        Decision::Wait(_) => {}
    }
}
