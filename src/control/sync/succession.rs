//! What an operator ordered for every router: a store whose contents were replaced on purpose goes by a new epoch, and whoever
//! followed it by the old one follows it on (docs/design.md section 9).

use keyvalues::Listing;
use serde::Deserialize;

use crate::control::shared::entries::{EPOCH, entry, value};

/// Where `kv import --replace` says it.
const SUCCESSION: &str = "rolling/router/succession";

/// An order to follow the store on.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Succession {
    /// The epoch that the store has now.
    to: String,
    /// Those that it had before.
    from: Vec<String>,
    /// Everything is there. Until then the store is followed by nobody.
    pub is_done: bool,
}

impl Succession {
    /// The order that leads from a known epoch to that of a listing, if there is one.
    pub fn find(listing: &Listing, known: &str) -> Option<Self> {
        let stored = entry(listing, SUCCESSION)?;
        let order: Self = serde_json::from_slice(&stored.value).ok()?;
        let leads =
            value(listing, EPOCH).as_ref() == Some(&order.to) && order.from.iter().any(|from| from == known);
        leads.then_some(order)
    }
}

#[cfg(test)]
mod tests {
    use keyvalues::Entry;

    use super::*;

    #[test]
    fn an_order_counts_between_the_epochs_that_it_names() {
        let entry = |key: &str, value: &str| Entry {
            key: key.parse().unwrap(),
            value: value.to_owned().into(),
            created: 1,
            modified: 1,
            lease: None,
        };
        let order = r#"{"to":"e2","from":["e0","e1"],"is_done":true}"#;
        let at =
            |epoch| Listing { revision: 1, entries: vec![entry(EPOCH, epoch), entry(SUCCESSION, order)] };
        assert!(Succession::find(&at("e2"), "e1").is_some_and(|order| order.is_done));
        assert!(Succession::find(&at("e2"), "e0").is_some());
        assert_eq!(Succession::find(&at("e2"), "e3"), None, "another store's");
        assert_eq!(Succession::find(&at("e4"), "e1"), None, "of an earlier time");
    }
}
