//! Finding out that the other side of a connection has vanished: its machine or its network is gone, so that neither a close
//! nor a reset ever comes.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use crate::limits::{KEEPALIVE_IDLE_MS, KEEPALIVE_INTERVAL_MS, KEEPALIVE_PROBES, UNACKNOWLEDGED_MS};

/// Asks the kernel to probe a connection on which nothing happens, and to end it when probes, or bytes that were sent, stay
/// without an acknowledgement. A side that has no room for more bytes counts as one that does not acknowledge them, so
/// `paused_ms` says for how long one may pause. What a listener is told its connections are told too.
///
/// # Errors
/// The kernel does not know such an option.
pub fn notice_vanished(socket: &SockRef<'_>, paused_ms: u64) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_millis(KEEPALIVE_IDLE_MS))
        .with_interval(Duration::from_millis(KEEPALIVE_INTERVAL_MS))
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    tolerate_pause(socket, paused_ms)
}

/// Lets the other side of a connection pause for so long, in ms, before it counts as vanished.
///
/// # Errors
/// The kernel does not know such an option.
pub fn tolerate_pause(socket: &SockRef<'_>, paused_ms: u64) -> io::Result<()> {
    let most = u64::from(u32::MAX / 2);
    let unacknowledged = paused_ms.saturating_add(UNACKNOWLEDGED_MS / 2).max(UNACKNOWLEDGED_MS).min(most);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_millis(unacknowledged)))?;
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, unacknowledged);
    Ok(())
}
