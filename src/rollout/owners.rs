//! Whose a release is (docs/design.md section 3, "One app never touches another").
//!
//! A release belongs to the apps whose records name it. One that no record names belongs to the app whose name its
//! segment begins with; names may contain `-`, so the longest one wins. What neither says is nobody's, as releases are
//! that old scripts register: any app may take those.

use std::collections::HashMap;

use super::{app::AppName, record::Record, release::ReleaseId};

/// Which apps there are, and which releases their records name.
#[derive(Debug, Clone, Default)]
pub struct Owners<'a> {
    apps: HashMap<&'a str, &'a AppName>,
    named: HashMap<&'a ReleaseId, Vec<&'a AppName>>,
}

impl<'a> Owners<'a> {
    /// Of these apps and their records, if they have one.
    pub fn of(apps: impl Iterator<Item = (&'a AppName, Option<&'a Record>)>) -> Self {
        let mut owners = Self::default();
        for (app, record) in apps {
            owners.add(app, record);
        }
        owners
    }

    /// Adds an app that may be known already, such as one that is about to be made.
    pub fn add(&mut self, app: &'a AppName, record: Option<&'a Record>) {
        self.apps.insert(app.as_str(), app);
        for release in record.into_iter().flat_map(named) {
            let naming = self.named.entry(release).or_default();
            if !naming.contains(&app) {
                naming.push(app);
            }
        }
    }

    /// The apps whose records name a release.
    pub fn naming(&self, release: &ReleaseId) -> &[&'a AppName] {
        self.named.get(release).map_or(&[], Vec::as_slice)
    }

    /// The app that a release belongs to by its segment: the one with the longest name that the segment begins with.
    pub fn by_segment(&self, release: &ReleaseId) -> Option<&'a AppName> {
        let mut rest = release.segment();
        while let Some((shorter, _)) = rest.rsplit_once('-') {
            if let Some(app) = self.apps.get(shorter) {
                return Some(app);
            }
            rest = shorter;
        }
        None
    }

    /// The apps that a release belongs to; empty: it is nobody's.
    pub fn owners(&self, release: &ReleaseId) -> Vec<&'a AppName> {
        match self.naming(release) {
            [] => self.by_segment(release).into_iter().collect(),
            naming => naming.to_vec(),
        }
    }
}

/// What a record names: whatever it routes, and where a rollback goes.
fn named(record: &Record) -> impl Iterator<Item = &ReleaseId> {
    record.routed().map(|(release, _)| release).chain(&record.previous)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::tests::fixture::Rollout;

    fn app(name: &str) -> AppName {
        name.parse().unwrap()
    }

    fn id(segment: &str) -> ReleaseId {
        format!("apps/{segment}/containers").parse().unwrap()
    }

    #[test]
    fn the_longest_app_name_that_a_segment_begins_with_wins() {
        let apps = ["shop", "shop-eu", "shop-eu-1"].map(app);
        let owners = Owners::of(apps.iter().map(|app| (app, None)));
        for (segment, owner) in [
            ("shop-1.0-80", Some("shop")),
            ("shop-eu-1.0-80", Some("shop-eu")),
            ("shop-eu-1-80", Some("shop-eu-1")),
            ("shop-eu-11-80", Some("shop-eu")),
            ("shop-europe-80", Some("shop")),
            ("shopper-1.0-80", None),
            ("shop", None),
            ("app-1.0-80", None),
        ] {
            let found: Vec<&str> = owners.owners(&id(segment)).into_iter().map(AppName::as_str).collect();
            assert_eq!(found, owner.into_iter().collect::<Vec<_>>(), "{segment}");
        }
    }

    #[test]
    fn what_a_record_names_belongs_to_its_app_whatever_the_segment_says() {
        let (hello, shop) = (app("hello"), app("shop"));
        let record = Rollout::stable("a").candidate("b", 10).record();
        let owners = Owners::of([(&hello, Some(&record)), (&shop, None)].into_iter());
        // The fixture's releases are called after the app shop, and hello routes them.
        for routed in ["shop-a-80", "shop-b-80"] {
            assert_eq!(owners.owners(&id(routed)), [&hello]);
            assert_eq!(owners.by_segment(&id(routed)), Some(&shop));
        }
        assert_eq!(owners.owners(&id("shop-c-80")), [&shop]);
        let both = Owners::of([(&hello, Some(&record)), (&shop, Some(&record))].into_iter());
        assert_eq!(both.naming(&id("shop-a-80")), [&hello, &shop]);
    }
}
