//! The assignment: where one request goes, why, and what becomes of the client's pin.

use super::reason::Reason;
use crate::rollout::{pin::Pin, target::Target};

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The release and the endpoint.
    pub target: Target,
    /// Why.
    pub reason: Reason,
    /// What the response does with the pin.
    pub pin: PinChange,
    /// Whether this is the client's third move within one day.
    pub bounced: bool,
}

/// What a response does with the client's pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinChange {
    /// The client keeps what it has.
    Keep,
    /// The client gets its first pin.
    First(Pin),
    /// The client's pin is no longer right and is replaced.
    Replace(Pin),
    /// The client's pin is sent again with a new hour, so that the cookie lasts.
    Refresh(Pin),
}

impl PinChange {
    /// The pin that a response carries, if any (docs/design.md section 8). A fingerprinted asset carries none. The response to
    /// a subresource carries no first pin, since the page that asks for it brings a pin of its own.
    pub fn pin_to_send(self, subresource: bool, asset: bool) -> Option<Pin> {
        match self {
            Self::Keep => None,
            _ if asset => None,
            Self::First(_) if subresource => None,
            Self::First(pin) | Self::Replace(pin) | Self::Refresh(pin) => Some(pin),
        }
    }
}

/// Why a request cannot be assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// The app has no stable release, or one without endpoints.
    #[error("the app has no stable release with an endpoint")]
    NoRelease,
}
