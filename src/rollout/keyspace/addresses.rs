//! The endpoints of the last build by their addresses.

use std::collections::{BTreeMap, HashMap};

use crate::rollout::{address::Address, table::AppRoutes, target::EndpointSlot};

/// The endpoints of the last build, by address.
#[derive(Debug, Default)]
pub(super) struct AddressIndex {
    /// The first endpoint with each address; nearly always the only one.
    first: HashMap<Address, EndpointSlot>,
    /// The further endpoints of an address that has several.
    others: BTreeMap<Address, Vec<EndpointSlot>>,
}

impl AddressIndex {
    /// Takes in the endpoints of an app's routes which its last routes did not have, and drops those that they alone had.
    pub(super) fn replace(&mut self, last: Option<&AppRoutes>, now: Option<&AppRoutes>) {
        let (last, now) = (endpoints_of(last), endpoints_of(now));
        for (slot, address) in last.iter().filter(|(slot, _)| !now.contains_key(slot)) {
            self.remove(*address, *slot);
        }
        for (slot, address) in now.iter().filter(|(slot, _)| !last.contains_key(slot)) {
            self.add(*address, *slot);
        }
    }

    fn add(&mut self, address: Address, slot: EndpointSlot) {
        match self.first.get(&address) {
            None => drop(self.first.insert(address, slot)),
            Some(_) => self.others.entry(address).or_default().push(slot),
        }
    }

    fn remove(&mut self, address: Address, slot: EndpointSlot) {
        let Some(others) = self.others.get_mut(&address) else {
            self.first.remove(&address);
            return;
        };
        match others.iter().position(|other| *other == slot) {
            Some(index) => drop(others.swap_remove(index)),
            None => drop(others.pop().and_then(|next| self.first.insert(address, next))),
        }
        if others.is_empty() {
            self.others.remove(&address);
        }
    }

    /// The addresses that several endpoints have, each with these.
    pub(super) fn shared(&self) -> impl Iterator<Item = (Address, Vec<EndpointSlot>)> {
        self.others.iter().map(|(address, others)| {
            (*address, self.first.get(address).into_iter().chain(others).copied().collect())
        })
    }
}

/// The endpoints that an app lists, each once.
fn endpoints_of(routes: Option<&AppRoutes>) -> HashMap<EndpointSlot, Address> {
    let endpoints =
        routes.into_iter().flat_map(|routes| routes.listed()).flat_map(|release| &release.endpoints);
    endpoints.map(|endpoint| (endpoint.slot, endpoint.address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shared_as_long_as_two_endpoints_have_it() {
        let (one, two): (Address, Address) = (([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], 80).into());
        let mut index = AddressIndex::default();
        let shared = |index: &AddressIndex| index.shared().collect::<Vec<_>>();
        for (address, slot) in [(one, 0), (two, 1), (one, 2), (one, 3)] {
            index.add(address, EndpointSlot(slot));
        }
        let slots = |slots: &[usize]| slots.iter().copied().map(EndpointSlot).collect::<Vec<_>>();
        assert_eq!(shared(&index), [(one, slots(&[0, 2, 3]))]);
        index.remove(one, EndpointSlot(0));
        assert_eq!(shared(&index), [(one, slots(&[3, 2]))]);
        index.remove(one, EndpointSlot(2));
        assert!(shared(&index).is_empty());
        index.add(one, EndpointSlot(4));
        assert_eq!(shared(&index), [(one, slots(&[3, 4]))]);
        for slot in [3, 4] {
            index.remove(one, EndpointSlot(slot));
        }
        index.remove(two, EndpointSlot(1));
        assert!(index.first.is_empty() && index.others.is_empty());
    }
}
