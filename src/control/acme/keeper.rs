//! The loop of the router that acts for the fleet: it keeps the claim while certificates are wanted, begins orders that are due,
//! and asks the CA when certificates should be renewed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use keyvalues::{Check, Write};
use tokio::{
    task::{Id, JoinSet},
    time::sleep,
};

use super::{
    account::account,
    order::OrderTask,
    renewal::{drawn, suggested},
    step::commit,
};
use crate::{
    control::{
        limits::{ACME_LOOK, ACME_ORDERS_MAX, CLAIM_EVERY},
        shared::{
            acme::{
                board::BoardCertificate,
                options::AcmeOptions,
                stored::{CLAIM_KEY, StoredCertificate, certificate_key, order_key},
                wanted::{is_due, wanted_hosts},
            },
            claim::Claim,
            core::Core,
            entries::{encode, own_key},
        },
    },
    rollout::app::AppName,
};

/// Orders and renews certificates until the task is dropped. A router without a CA has nothing to do.
pub async fn run(core: Core) {
    let Some(options) = core.options.acme.clone().filter(|_| !core.is_follower) else { return };
    if !core.store.capabilities().atomic_commit {
        tracing::warn!("certificates cannot be ordered: the store is followed and not written to");
        return;
    }
    let mut keeper = Keeper {
        core,
        options: Arc::new(options),
        claim: None,
        claimed_at: None,
        tasks: JoinSet::new(),
        busy: BTreeMap::new(),
    };
    let mut changes = keeper.core.acme.changes();
    loop {
        keeper.turn().await;
        tokio::select! {
            Some(done) = keeper.tasks.join_next_with_id(), if !keeper.tasks.is_empty() => {
                let id = done.map_or_else(|error| error.id(), |(id, ())| id);
                keeper.busy.remove(&id);
            }
            // What is changed is looked at soon, and not at once: each step is a change.
            _ = changes.changed() => sleep(ACME_LOOK / 4).await,
            () = sleep(ACME_LOOK) => {}
        }
    }
}

struct Keeper {
    core: Core,
    options: Arc<AcmeOptions>,
    claim: Option<Claim>,
    /// When the claim was looked at last (monotonic).
    claimed_at: Option<Duration>,
    tasks: JoinSet<()>,
    /// The host of each task.
    busy: BTreeMap<Id, String>,
}

impl Keeper {
    async fn turn(&mut self) {
        let wanted = wanted_hosts(&self.core);
        // What nobody wants any more is removed as well.
        self.look_at_claim(!wanted.is_empty() || !self.core.acme.orders().is_empty()).await;
        if !self.claim.as_ref().is_some_and(|claim| claim.is_good(&self.core)) {
            // What is under way is checked by its commits, but nothing is gained by it any more.
            self.tasks.abort_all();
            return;
        }
        self.begin_orders(&wanted);
        self.ask_for_renewals(&wanted);
        self.forget_unwanted(&wanted).await;
    }

    /// Keeps the claim while certificates are wanted, and gives it back when they are not.
    async fn look_at_claim(&mut self, is_wanted: bool) {
        let now = self.core.clock.monotonic();
        if self.claimed_at.is_some_and(|at| now < at + CLAIM_EVERY) {
            return;
        }
        self.claimed_at = Some(now);
        let is_wanted = is_wanted && self.core.replica.status.is_followed();
        self.claim = Claim::hold(&self.core, CLAIM_KEY, self.claim.take(), is_wanted).await;
    }

    /// Hosts without a certificate come first.
    fn begin_orders(&mut self, wanted: &BTreeMap<String, AppName>) {
        let (now, certificates, orders) =
            (self.core.clock.wall_ms(), self.core.acme.certificates(), self.core.acme.orders());
        let due = |host: &&String| {
            is_due(&self.options, certificates.get(*host), orders.get(*host), self.is_busy(host), now)
        };
        // One that is there and cannot be read is not ordered again.
        let is_readable =
            |host: &&String| self.core.secrets.seals.unreadable(&certificate_key(host)).is_none();
        let mut due: Vec<String> = wanted.keys().filter(due).filter(is_readable).cloned().collect();
        due.sort_by_key(|host| certificates.contains_key(host));
        for host in due.into_iter().take(ACME_ORDERS_MAX.saturating_sub(self.busy.len())) {
            let task = OrderTask {
                core: self.core.clone(),
                options: Arc::clone(&self.options),
                before: certificates.get(&host).cloned(),
                earlier: orders.get(&host).cloned(),
                host: host.clone(),
            };
            self.spawn(host, task.run());
        }
    }

    /// Asks the CA anew when certificates should be renewed, where it has said when to ask.
    fn ask_for_renewals(&mut self, wanted: &BTreeMap<String, AppName>) {
        let now = self.core.clock.wall_ms();
        for (host, certificate) in self.core.acme.certificates() {
            let is_due = certificate.stored.ask_again_at.is_some_and(|at| now >= at);
            if is_due && wanted.contains_key(&host) && !self.is_busy(&host) {
                let (core, options) = (self.core.clone(), Arc::clone(&self.options));
                self.spawn(host.clone(), async move { ask_again(&core, &options, &host, certificate).await });
            }
        }
    }

    /// Removes orders that nobody wants any more, and such certificates once they have ended.
    async fn forget_unwanted(&self, wanted: &BTreeMap<String, AppName>) {
        let now = self.core.clock.wall_ms();
        let orders = self.core.acme.orders().into_iter();
        let orders = orders.map(|(host, order)| (order_key(&host), host, order.revision));
        let ended = self.core.acme.certificates().into_iter().filter(|(_, known)| known.stored.ends_at < now);
        let ended = ended.map(|(host, known)| (certificate_key(&host), host, known.revision));
        for (key, host, revision) in orders.chain(ended) {
            if !wanted.contains_key(&host) && !self.is_busy(&host) {
                let check = Check::Unchanged(own_key(&key), revision);
                let _ = commit(&self.core, vec![check], vec![Write::delete(own_key(&key))]).await;
            }
        }
    }

    fn is_busy(&self, host: &str) -> bool {
        self.busy.values().any(|other| other == host)
    }

    fn spawn(&mut self, host: String, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.busy.insert(id, host);
    }
}

/// Stores what the CA suggests now. If it suggests nothing, the time stays, and it is asked again.
async fn ask_again(core: &Core, options: &AcmeOptions, host: &str, known: BoardCertificate) {
    let Ok(account) = account(core, options).await else { return sleep(CLAIM_EVERY).await };
    let now = core.clock.wall_ms();
    let Some(renewal) = suggested(&account, &known.stored.chain, now, drawn()).await else {
        return sleep(CLAIM_EVERY).await;
    };
    let (renew_at, ask_again_at) = (renewal.renew_at.min(known.stored.ends_at), renewal.ask_again_at);
    let fresh = StoredCertificate { renew_at, ask_again_at, ..known.stored };
    let check = Check::Unchanged(own_key(&certificate_key(host)), known.revision);
    let write = Write::put(own_key(&certificate_key(host)), encode(&fresh));
    let _ = commit(core, vec![check], vec![write]).await;
}
