//! The admin port's connections: HTTP/1.1 by hyper, bounded in number, head and time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::track_hosts::{Origin, forward, track_host};
use crate::control::{
    limits::{CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_MAX, STOP_MAX},
    shared::core::Core,
};

/// A pause after accepting failed, for whatever it failed on to be freed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until told to stop, then lets open connections finish for a while.
pub async fn serve(core: Core, listener: TcpListener, routes: Router, places: Arc<Semaphore>) {
    let mut stop = core.lifecycle.stop_signal();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Over the limit the connection is closed at once: waiting would pile them up in the kernel.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                connections.spawn(connection(core.clone(), stream, peer, routes.clone(), Arc::new(place)));
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = timeout(STOP_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

/// How many connections all listeners share.
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(CONNECTIONS_MAX))
}

/// Serves one connection. Its place is free when everything of it has ended, tunnels too.
async fn connection(
    core: Core,
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    place: Arc<OwnedSemaphorePermit>,
) {
    let mut stop = core.lifecycle.stop_signal();
    // Answers are small and waited for; a peer that has gone shows when it is written to.
    let _ = stream.set_nodelay(true);
    let routes = TowerToHyperService::new(routes);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let shown = track_host(&core, &request);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (core, routes, origin) =
            (core.clone(), routes.clone(), Origin { peer, place: Arc::clone(&place) });
        async move {
            match shown {
                Some(shown) => Ok(forward(&core, shown, request, origin).await),
                None => routes.call(request).await,
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return log(ended),
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    log(connection.await);
}

fn log(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "an admin connection ended early");
    }
}
