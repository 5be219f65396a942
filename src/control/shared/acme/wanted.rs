//! For which hosts certificates are ordered, and which of them are due.

use std::collections::BTreeMap;

use super::{
    board::{BoardCertificate, BoardOrder},
    options::AcmeOptions,
};
use crate::{control::shared::core::Core, rollout::app::AppName};

/// The exact hosts that apps have claimed with `certificate: "acme"`, each with the app that it belongs to. Who shares a host
/// orders nothing for it.
pub fn wanted_hosts(core: &Core) -> BTreeMap<String, AppName> {
    let table = &core.live.load().table;
    let reading = core.replica.reading.load();
    let mut wanted = BTreeMap::new();
    for (name, app) in &reading.apps {
        let owns = |host: &&str| table.owner(host).is_none_or(|owner| owner.name == *name);
        let hosts = app.settings.ordered_hosts().filter(owns);
        wanted.extend(hosts.map(|host| (host.to_owned(), name.clone())));
    }
    wanted
}

/// Whether an order for a host is to be begun now. `busy`: this router is at one.
pub fn is_due(
    options: &AcmeOptions,
    certificate: Option<&BoardCertificate>,
    order: Option<&BoardOrder>,
    busy: bool,
    now_ms: u64,
) -> bool {
    if busy {
        return false;
    }
    if let Some(order) = order {
        // One that is under way belongs to a router that has lost the claim, or was restarted.
        return order.stored.fault.as_ref().is_none_or(|fault| now_ms >= fault.retry_at);
    }
    certificate.is_none_or(|known| {
        known.fault.is_some()
            || known.stored.directory != options.directory
            || now_ms >= known.stored.renew_at
    })
}
