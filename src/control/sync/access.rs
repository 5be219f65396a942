//! Tokens and sessions, as the store tells of them. They are kept beside the last good table: whoever may come in may do so while the
//! store is down.

use keyvalues::{Entry, Listing};

use super::last_good::LastGood;
use crate::control::shared::core::Core;

/// Takes those of a whole listing, in place of all.
pub fn take_listing(core: &Core, last_good: &mut LastGood, listing: &Listing) {
    replace(core, listing, listing);
    last_good.tokens.keep_all(listing);
    last_good.sessions.keep_all(listing);
}

/// Takes what the last process kept.
pub fn take_saved(core: &Core, last_good: &LastGood) {
    replace(core, &last_good.tokens.listing(), &last_good.sessions.listing());
}

/// Takes one write or deletion; `false` when the key is about neither.
pub fn take(core: &Core, last_good: &mut LastGood, key: &str, entry: Option<&Entry>) -> bool {
    last_good.tokens.keep(key, entry);
    last_good.sessions.keep(key, entry);
    let now = core.clock.wall_ms();
    core.tokens.take_stored(key, entry, now) || core.sessions.take(key, entry, now)
}

fn replace(core: &Core, tokens: &Listing, sessions: &Listing) {
    let now = core.clock.wall_ms();
    // From the tokens on, whoever is unknown is told so.
    core.sessions.replace(sessions, now);
    core.tokens.replace_stored(tokens, now);
}
