//! What every member still has open at endpoints that get no new requests: those that drain, and those that were taken out
//! of their release.
//!
//! A member reports it with each sign of life, together with the store revision that it serves. A member that serves the
//! revision at which an endpoint left, and reports nothing open there, never sends anything there again.

use std::collections::BTreeSet;

use crate::rollout::address::Address;
use crate::{
    control::{
        limits::OPEN_ADDRESSES_MAX,
        shared::{
            core::Core,
            fleet::{
                member::{OpenAt, SignOfLife},
                roster::Member,
            },
            stop_check::StopCheck,
        },
    },
    schema::endpoint::EndpointLoad,
};

/// The last sign of life of each other member; `None` for a member that is not heard from.
#[derive(Debug, Clone, Default)]
pub struct EndpointLoads(Vec<Option<SignOfLife>>);

impl EndpointLoads {
    pub fn of(core: &Core) -> Self {
        let epoch = core.roster.epoch();
        let others = core.roster.members().into_iter().filter(|(node, _)| *node != core.node);
        // Revisions compare only within one epoch.
        let sign = |member: Member| {
            member.alive.filter(|_| member.report.is_some_and(|report| report.epoch == epoch))
        };
        Self(others.map(|(_, member)| sign(member)).collect())
    }

    /// What all members have open at one address, this router included.
    pub fn sum(&self, check: StopCheck<'_>, address: Address) -> EndpointLoad {
        let own = check.open_at(address);
        let mut sum = EndpointLoad {
            members: self.0.len() + 1,
            reported: 1,
            in_flight: own.in_flight,
            open_sockets: own.open_sockets,
            can_be_stopped: check.endpoint_can_be_stopped(address),
        };
        let mut is_used = own.is_used;
        let left_at = check.left_at(address);
        for sign in self.0.iter().flatten() {
            let Some(open) = sign.open.as_ref().filter(|_| sign.revision >= left_at) else { continue };
            sum.reported += 1;
            for there in open.iter().filter(|there| there.address == address) {
                sum.in_flight += there.in_flight;
                sum.open_sockets += there.open_sockets;
                is_used |= there.is_used;
            }
        }
        sum.can_be_stopped &= !is_used && sum.in_flight == 0 && sum.reported == sum.members;
        sum
    }

    /// Whether a member that is heard from has something open at an address.
    pub fn is_open(&self, address: Address) -> bool {
        let open = self.0.iter().flatten().flat_map(|sign| sign.open.iter().flatten());
        open.into_iter().any(|there| there.address == address)
    }
}

/// What this router has open at endpoints that get no new requests; `None` if that is more than a sign of life can list.
pub fn open_here(core: &Core) -> Option<Vec<OpenAt>> {
    let (published, former) = (core.live.load_full(), core.replica.former_endpoints.load_full());
    let check = StopCheck { published: &published, former: &former };
    let addresses: BTreeSet<Address> = check.leaving().collect();
    let open = addresses.into_iter().map(|address| check.open_at(address));
    let open: Vec<OpenAt> = open.filter(|open| open.in_flight > 0 || open.is_used).collect();
    (open.len() <= OPEN_ADDRESSES_MAX).then_some(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{control::shared::former_endpoints::FormerEndpoints, live::table::PublishedTable};

    fn address() -> Address {
        ([10, 0, 0, 9], 3000).into()
    }

    fn said(revision: u64, open: Option<Vec<OpenAt>>) -> Option<SignOfLife> {
        Some(SignOfLife { revision, open, ..SignOfLife::default() })
    }

    fn busy(in_flight: u32) -> Option<Vec<OpenAt>> {
        Some(vec![OpenAt { address: address(), in_flight, open_sockets: 1, is_used: false }])
    }

    /// An address that this router's table does not list and where nothing is open here.
    fn sum(others: Vec<Option<SignOfLife>>) -> EndpointLoad {
        let published = PublishedTable::default();
        let former = FormerEndpoints::default();
        EndpointLoads(others).sum(StopCheck { published: &published, former: &former }, address())
    }

    #[test]
    fn an_endpoint_can_be_stopped_only_when_every_member_says_that_nothing_is_open() {
        assert!(sum(vec![]).can_be_stopped, "a fleet of one");
        assert!(sum(vec![said(5, Some(vec![])), said(5, Some(vec![]))]).can_be_stopped);
        let open = sum(vec![said(5, Some(vec![])), said(5, busy(3))]);
        assert_eq!((open.in_flight, open.open_sockets, open.reported, open.can_be_stopped), (3, 1, 3, false));
        for unsure in [None, said(5, None)] {
            let sum = sum(vec![said(5, Some(vec![])), unsure]);
            assert_eq!((sum.members, sum.reported, sum.can_be_stopped), (3, 2, false));
        }
    }

    #[test]
    fn an_earlier_version_says_nothing_about_what_is_open() {
        let sign: SignOfLife = serde_json::from_str(r#"{"at":1,"revision":5,"staleness_ms":3}"#).unwrap();
        assert!(!sum(vec![Some(sign)]).can_be_stopped);
    }
}
