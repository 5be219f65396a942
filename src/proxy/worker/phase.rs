//! The phases of a front, from serving to its end.

use tokio::sync::watch;

/// What a front does at present. It goes from one phase to the next, and never back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It goes on serving, and asks every client to close.
    Closing,
    /// Another process accepts on its sockets: it asks every client to close, and leaves alone what is idle.
    Replaced,
    /// It accepts nothing more and ends what is idle.
    Draining,
    /// It ends what is left.
    Ending,
}

/// Waits until a front has come to this phase, or is gone.
pub async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // An error means that the front is gone.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}
