//! Signals: what each of them means to a running router.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal means.
pub enum SignalAction {
    /// Finish what is open, and end.
    End,
    /// Logs were rotated.
    ReopenLogs,
    /// Logs were rotated, or files with certificates and tokens have changed.
    ReadAgain,
    /// A new process of this program takes over.
    Upgrade,
}

/// The signals that the router handles.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    first_user: Signal,
    second_user: Signal,
}

impl Signals {
    /// Handles them from here on.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            // Without a handler either of them would end the process.
            first_user: signal(SignalKind::user_defined1())?,
            second_user: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> SignalAction {
        tokio::select! {
            _ = self.terminate.recv() => SignalAction::End,
            _ = self.interrupt.recv() => SignalAction::End,
            _ = self.hangup.recv() => SignalAction::ReadAgain,
            _ = self.first_user.recv() => SignalAction::ReopenLogs,
            _ = self.second_user.recv() => SignalAction::Upgrade,
        }
    }

    /// Waits for one that ends the process.
    pub async fn ended(&mut self) {
        while !matches!(self.next().await, SignalAction::End) {}
    }
}
