//! All EndpointSlices that are followed: kept by the events of a list and a watch, and added up to what releases should have.

use std::collections::BTreeMap;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Event;

use crate::{release::Wanted, slice::Slice};

/// Namespace and name.
type SliceName = (String, String);

/// What each slice says.
type Said = BTreeMap<SliceName, Result<Slice, String>>;

/// The EndpointSlices as Kubernetes told them last.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    port_name: Option<String>,
    known: Said,
    /// A list that is not whole yet: what is known goes on until it is.
    listing: Said,
    is_listing: bool,
}

impl Slices {
    /// Before the first list. `port_name` is the port of slices that name none.
    pub(crate) fn new(port_name: Option<String>) -> Self {
        Self { port_name, ..Self::default() }
    }

    /// Takes an event; whether all slices are known now.
    pub(crate) fn take(&mut self, event: Event<EndpointSlice>) -> bool {
        match event {
            Event::Init => {
                self.listing.clear();
                self.is_listing = true;
            }
            Event::InitApply(slice) => {
                let (name, said) = self.read(&slice);
                self.listing.insert(name, said);
            }
            Event::InitDone => {
                self.known = std::mem::take(&mut self.listing);
                self.is_listing = false;
            }
            Event::Apply(slice) => {
                let (name, said) = self.read(&slice);
                self.known.insert(name, said);
            }
            Event::Delete(slice) => {
                self.known.remove(&name_of(&slice));
            }
        }
        !self.is_listing
    }

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The endpoints of each release: those of all its slices.
    pub(crate) fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::new();
        for slice in self.known.values().flatten() {
            wanted.entry(slice.release.clone()).or_default().extend(&slice.addresses);
        }
        wanted
    }

    /// What a slice says. One that says nothing is told in the log, once while the reason is the same.
    fn read(&self, slice: &EndpointSlice) -> (SliceName, Result<Slice, String>) {
        let name = name_of(slice);
        let said = Slice::read(slice, self.port_name.as_deref()).map_err(|why| why.to_string());
        if let Err(why) = &said
            && !matches!(self.known.get(&name), Some(Err(before)) if before == why)
        {
            tracing::warn!("the EndpointSlice `{}` of the namespace `{}` is left out: {why}", name.1, name.0);
        }
        (name, said)
    }
}

fn name_of(slice: &EndpointSlice) -> SliceName {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    (text(&slice.metadata.namespace), text(&slice.metadata.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{APP_LABEL, RELEASE_LABEL};
    use serde_json::json;

    fn slice(name: &str, release: &str, ips: &[&str]) -> EndpointSlice {
        let endpoints: Vec<_> = ips.iter().map(|ip| json!({ "addresses": [ip] })).collect();
        serde_json::from_value(json!({
            "metadata": { "namespace": "shop", "name": name, "labels": { APP_LABEL: "shop", RELEASE_LABEL: release } },
            "addressType": "IPv4",
            "ports": [{ "name": "http", "port": 3000 }],
            "endpoints": endpoints,
        }))
        .unwrap()
    }

    fn told(slices: &Slices) -> Vec<(String, Vec<String>)> {
        let texts = |set: &std::collections::BTreeSet<_>| set.iter().map(ToString::to_string).collect();
        slices.wanted().iter().map(|(release, set)| (release.name.clone(), texts(set))).collect()
    }

    fn row(release: &str, ips: &[&str]) -> (String, Vec<String>) {
        (release.to_owned(), ips.iter().map(|ip| format!("{ip}:3000")).collect())
    }

    #[test]
    fn slices_of_one_release_are_added_up_once_each_and_in_order() {
        let mut slices = Slices::new(None);
        assert!(!slices.take(Event::Init));
        assert!(!slices.take(Event::InitApply(slice("a", "1", &["10.0.0.9", "10.0.0.2"]))));
        assert!(!slices.take(Event::InitApply(slice("b", "1", &["10.0.0.10", "10.0.0.2"]))));
        assert!(!slices.take(Event::InitApply(slice("c", "2", &[]))));
        assert!(told(&slices).is_empty(), "a list counts once it is whole");
        assert!(slices.take(Event::InitDone));
        assert_eq!(told(&slices), [row("1", &["10.0.0.2", "10.0.0.9", "10.0.0.10"]), row("2", &[])]);
    }

    #[test]
    fn a_watch_changes_and_a_new_list_replaces() {
        let mut slices = Slices::new(None);
        assert!(slices.take(Event::InitDone) && slices.is_empty());
        assert!(slices.take(Event::Apply(slice("a", "1", &["10.0.0.1"]))));
        assert!(slices.take(Event::Apply(slice("a", "1", &["10.0.0.2"]))));
        assert!(slices.take(Event::Apply(slice("b", "2", &["10.0.0.3"]))));
        assert!(slices.take(Event::Delete(slice("b", "2", &[]))));
        assert_eq!(told(&slices), [row("1", &["10.0.0.2"])]);
        assert!(!slices.take(Event::Init));
        assert_eq!(told(&slices), [row("1", &["10.0.0.2"])], "what is known goes on");
        assert!(!slices.take(Event::InitApply(slice("c", "3", &["10.0.0.4"]))));
        assert!(!slices.take(Event::Init), "the list began anew");
        assert!(!slices.take(Event::InitApply(slice("d", "4", &["10.0.0.5"]))));
        assert!(slices.take(Event::InitDone));
        assert_eq!(told(&slices), [row("4", &["10.0.0.5"])]);
    }

    #[test]
    fn a_slice_that_says_nothing_adds_nothing_and_stays_known() {
        let mut slices = Slices::new(Some("web".into()));
        slices.take(Event::InitDone);
        slices.take(Event::Apply(slice("a", "1", &["10.0.0.1"])));
        assert!(told(&slices).is_empty() && !slices.is_empty());
    }
}
