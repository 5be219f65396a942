//! Adoption: taking over what an old script wrote to the four old keys (docs/design.md section 4, raw rules).
//!
//! It compares the old keys with the record that they mirror, and decides what the difference means. No adoption moves a
//! client at once: a script writes one key after the other and never says that it wants that. A release that loses its track
//! drains instead.

mod adoption;
mod old_keys;
mod parsed_keys;
#[cfg(test)]
mod tests;

pub use self::{
    adoption::{Adoption, adopt, held_null, write},
    old_keys::{OldKey, OldKeys, WriteRevisions, is_mirrored, mirror},
    parsed_keys::RawFault,
};
