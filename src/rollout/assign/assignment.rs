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
    /// The pin that a response carries, if any (docs/design.md section 8). A first pin is sent with navigations, and where the
    /// request does not say what it fetches (no `Sec-Fetch-Dest`); a replaced pin with every response; a refreshed pin with
    /// navigations. A fingerprinted asset carries no pin.
    pub fn pin_to_send(self, navigation: bool, has_destination: bool, asset: bool) -> Option<Pin> {
        match self {
            _ if asset => None,
            Self::First(pin) if navigation || !has_destination => Some(pin),
            Self::Replace(pin) => Some(pin),
            Self::Refresh(pin) if navigation => Some(pin),
            _ => None,
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
