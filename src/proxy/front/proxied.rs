//! Connections that a proxy passes on by the PROXY protocol: before all else, also before TLS, the proxy says whose they are.
//!
//! Where the option is on, each proxy of the trusted networks has to say so. A stranger that begins in the same way is turned
//! away: it claims to be somebody else.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
    time::sleep,
};

use crate::{
    limits::PROXY_HEADER_BYTES_MAX,
    proxy::{
        codec::proxy_header::{
            Beginning, FIRST_BYTES, ProxyHeaderFault, Rest, beginning, line_bytes, parse, rest,
        },
        worker::{
            Worker,
            deadlines::{Deadline, WaitState},
        },
    },
};

/// How often the log is told at most: scanners come in crowds.
const FAULT_TOLD_MS: u64 = 1_000;
/// How long a stranger's first bytes are waited for, each time that they may still become a header.
const PAUSE_MS: u64 = 10;

/// Why a connection is not served.
#[derive(Debug, thiserror::Error)]
pub enum ProxiedError {
    /// The header is not one that is taken.
    #[error(transparent)]
    Header(#[from] ProxyHeaderFault),
    /// It did not come in time.
    #[error("its PROXY header did not come in time")]
    Late,
    /// The proxy left, or the connection broke.
    #[error("it ended before its PROXY header did")]
    Ended,
    /// Whoever is in no trusted network may not speak for others.
    #[error("it begins with a PROXY header, and its address is in none of `trusted_networks`")]
    Stranger,
}

/// Whose connection it is: the client that a trusted proxy names, or the peer itself.
pub async fn client_of(
    worker: &Worker,
    stream: &mut TcpStream,
    peer: SocketAddr,
) -> Result<SocketAddr, ProxiedError> {
    let deadline = worker.deadlines.enter();
    deadline.set_in(worker.limits().header_ms);
    poll_fn(|cx| {
        deadline.register(cx);
        Poll::Ready(())
    })
    .await;
    if (worker.shared.trust)(peer.ip().to_canonical()) {
        return Ok(read_header(stream, &deadline).await?.unwrap_or(peer));
    }
    refuse_header(stream, &deadline).await.map(|()| peer)
}

/// Counts a connection that is not served, and tells the log of the first in a while.
pub fn note_fault(worker: &Worker, peer: SocketAddr, error: &ProxiedError) {
    worker.counters().proxy_header_faults.add(1);
    let now = u64::try_from(worker.shared.clock.monotonic().as_millis()).unwrap_or(u64::MAX).max(1);
    let told = worker.shared.proxy_fault_told.load(Ordering::Relaxed);
    if told == 0 || now.saturating_sub(told) >= FAULT_TOLD_MS {
        worker.shared.proxy_fault_told.store(now, Ordering::Relaxed);
        tracing::warn!(%peer, "a connection is not served: {error}");
    }
}

/// Reads the header of a trusted proxy, and nothing behind it; gives the client. None: the proxy speaks for itself.
async fn read_header(
    stream: &mut TcpStream,
    deadline: &Deadline,
) -> Result<Option<SocketAddr>, ProxiedError> {
    let mut header = Vec::with_capacity(FIRST_BYTES);
    loop {
        let most = match rest(&header)? {
            Rest::Nothing => return Ok(parse(&header)?),
            Rest::Exactly(count) => count,
            Rest::Line => line_rest(stream, deadline, header.len()).await?,
        };
        let read = poll_fn(|cx| in_time(deadline, poll_append(stream, cx, &mut header, most))).await?;
        if read == 0 {
            return Err(ProxiedError::Ended);
        }
    }
}

/// Waits for more of a line; gives how many of the bytes that have arrived belong to it.
async fn line_rest(stream: &TcpStream, deadline: &Deadline, read: usize) -> Result<usize, ProxiedError> {
    let mut bytes = [0; 128];
    match peek(stream, deadline, &mut bytes).await? {
        0 => Err(ProxiedError::Ended),
        arrived => Ok(line_bytes(read, &bytes[..arrived])),
    }
}

/// Waits for bytes; gives how many have arrived. They stay where they are. 0 is the end.
async fn peek(stream: &TcpStream, deadline: &Deadline, bytes: &mut [u8]) -> Result<usize, ProxiedError> {
    poll_fn(|cx| in_time(deadline, stream.poll_peek(cx, &mut ReadBuf::new(bytes)))).await
}

fn poll_append(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    header: &mut Vec<u8>,
    most: usize,
) -> Poll<io::Result<usize>> {
    let mut bytes = [0; 512];
    let most = most.min(bytes.len()).min(PROXY_HEADER_BYTES_MAX);
    let mut buffer = ReadBuf::new(&mut bytes[..most]);
    Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| {
        header.extend_from_slice(buffer.filled());
        buffer.filled().len()
    })
}

fn in_time(deadline: &Deadline, polled: Poll<io::Result<usize>>) -> Poll<Result<usize, ProxiedError>> {
    match polled {
        Poll::Ready(read) => Poll::Ready(read.map_err(|_| ProxiedError::Ended)),
        Poll::Pending if deadline.state() == WaitState::Waiting => Poll::Pending,
        Poll::Pending => Poll::Ready(Err(ProxiedError::Late)),
    }
}

/// Looks whether a stranger begins with a header. Nothing is taken from the connection.
async fn refuse_header(stream: &TcpStream, deadline: &Deadline) -> Result<(), ProxiedError> {
    loop {
        let mut bytes = [0; FIRST_BYTES];
        // Whoever serves the connection sees that it is late, has ended, or is no request.
        let Ok(arrived @ 1..) = peek(stream, deadline, &mut bytes).await else { return Ok(()) };
        match beginning(&bytes[..arrived]) {
            Beginning::Header => return Err(ProxiedError::Stranger),
            Beginning::Unclear if deadline.state() == WaitState::Waiting => {}
            _ => return Ok(()),
        }
        // What was looked at still waits to be read, so nobody wakes this task when more comes.
        sleep(Duration::from_millis(PAUSE_MS)).await;
    }
}
