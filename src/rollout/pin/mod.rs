//! The pin: what the cookie stores (docs/design.md section 8).
//!
//! There are two formats ([`format`]). Both are read; which of them is signed depends on what every member of the fleet
//! reads.

mod codec;
mod format;
mod keys;
#[cfg(test)]
mod tests;
mod text;

pub use self::{
    codec::{PinCodec, PinFault},
    format::{MOVES_MAX, Pin, PinFormat},
    keys::{PinKey, PinKeys},
    text::{PIN_CHARS_LEAST, PinText},
};
