//! Connections that the admin port hands over, for its hosts that show a track.

use std::{io, os::fd::OwnedFd, rc::Rc};

use tokio::{net::TcpStream, sync::watch};

use super::{accept::wait_for_descriptors, serve::serve};
use crate::{
    live::handover::{Handover, HandoverReceiver},
    proxy::{
        downstream::stream::Stream,
        worker::{
            Worker,
            client::{Client, Door},
            phase::{Phase, reached},
        },
    },
};

/// Serves what the admin port hands over, until the front accepts no more. What waits then is still taken.
pub async fn take_handovers(
    worker: Rc<Worker>,
    mut handovers: HandoverReceiver,
    mut phase: watch::Receiver<Phase>,
) {
    loop {
        let handover = tokio::select! {
            biased;
            () = reached(&mut phase, Phase::Replaced) => break,
            handover = handovers.recv() => handover,
        };
        let Some(handover) = handover else { break };
        wait_for_descriptors(&worker).await;
        take(&worker, handover);
    }
    handovers.close();
    while let Ok(handover) = handovers.try_recv() {
        take(&worker, handover);
    }
}

fn take(worker: &Rc<Worker>, handover: Handover) {
    let Handover { socket, client: address, secure, track } = handover;
    worker.counters().connections_accepted.add(1);
    if !worker.connection_opened(address) {
        return;
    }
    let stream = match stream_of(socket.into()) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "a connection from the admin port cannot be taken");
            return worker.connection_closed(address);
        }
    };
    let trusted = (worker.shared.trust)(address);
    let client = Client::new(address, trusted, secure, Door::Track(track));
    drop(tokio::task::spawn_local(serve(Rc::clone(worker), stream, client)));
}

/// One of a pair of sockets is no TCP connection, but it is read, written and polled in the same way.
fn stream_of(socket: OwnedFd) -> io::Result<Stream> {
    let socket = std::net::TcpStream::from(socket);
    socket.set_nonblocking(true)?;
    Ok(Stream::Plain(TcpStream::from_std(socket)?))
}
