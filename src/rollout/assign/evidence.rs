//! Evidence: what a request says about the client that sent it.

use crate::rollout::{
    pin::{Pin, PinFault},
    table::AppRoutes,
};

/// What a request's cookies say about its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PinEvidence {
    /// No pin cookie.
    #[default]
    None,
    /// A valid pin; of several, the one that was sent last, and of those the one with more moves.
    Valid(Pin),
    /// Only values that this router did not sign.
    Forged,
    /// Only values signed with an unknown key.
    ForeignKey,
    /// Cookies are not read: the app knows its clients by a header or an address, and this is the keyed hash of it.
    Hashed(u64),
}

impl PinEvidence {
    /// Takes one more cookie value under the pin's name into account.
    pub fn add(self, app: &AppRoutes, value: &[u8]) -> Self {
        match (self, app.pins.decode(value)) {
            (Self::Valid(known), Ok(pin)) => Self::Valid(if is_newer(&pin, &known) { pin } else { known }),
            (_, Ok(pin)) => Self::Valid(pin),
            (Self::Valid(known), Err(_)) => Self::Valid(known),
            (Self::ForeignKey, Err(_)) | (_, Err(PinFault::ForeignKey)) => Self::ForeignKey,
            (_, Err(PinFault::Forged)) => Self::Forged,
        }
    }
}

/// Whether a pin was sent after another one. Hours are stored modulo 65,536, so the shorter way round counts.
fn is_newer(pin: &Pin, known: &Pin) -> bool {
    match pin.hour.wrapping_sub(known.hour) {
        0 => pin.moves > known.moves,
        ahead => ahead < 1 << 15,
    }
}

/// What an assignment needs to know about one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestFacts {
    /// What its cookies say.
    pub pin: PinEvidence,
    /// Whether it is a top-level navigation (`Sec-Fetch-Mode: navigate`).
    pub navigation: bool,
    /// It says nothing about its client, as a CORS preflight, or a cross-site POST from which the browser withholds the pin:
    /// it goes to stable, draws nothing, and gets no pin.
    pub anonymous: bool,
    /// A valid pin has to be sent again whatever its hour, under another name or in place of several.
    pub resend: bool,
    /// Seconds since the Unix epoch.
    pub seconds: u64,
}
