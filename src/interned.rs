//! Texts that are kept once and for as long as the process runs, so that they are as cheap to copy and to compare as an address.
//!
//! To the outside it is pure: the same text gives the same one. It is for texts of which there are few.

use std::{collections::HashSet, sync::LazyLock};

use parking_lot::Mutex;

/// How many texts are kept at most: what they take stays taken.
pub const INTERNED_MAX: usize = 65_536;

static KNOWN: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// The kept text that is equal to this one; none if there are too many others already.
pub fn interned(text: &str) -> Option<&'static str> {
    let mut known = KNOWN.lock();
    if let Some(known) = known.get(text) {
        return Some(known);
    }
    if known.len() >= INTERNED_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(text.into());
    known.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_others_are_not() {
        let first = interned("/run/app/web.sock").unwrap();
        assert_eq!(first, "/run/app/web.sock");
        assert!(std::ptr::eq(first, interned(&String::from("/run/app/web.sock")).unwrap()));
        assert_ne!(first, interned("/run/app/api.sock").unwrap());
    }
}
