//! Starts and stops the control plane: its tasks, and what the admin port serves.

use std::{io, net::SocketAddr, sync::Arc};

use keyvalues::{Durability, Store};
use tokio::{runtime::Handle, task::JoinSet};

use super::{
    acme, activity,
    admin::port::{self, Sockets},
    api::{self, stream},
    deployments::carrier,
    engines,
    fleet::membership,
    hooks::{claim, dispatch},
    plans, secrets_keeper, session_keeper, shadow,
    shared::{
        access::live_tokens::LiveTokens,
        calls::Calls,
        core::Core,
        options::{ControlOptions, Surroundings},
        state_dir::{self, StateDir, StateDirError},
    },
    sync::{follow, follower::SyncOptions, names, saved, source_copier::SourceCopier},
    threads::Threads,
    token_watch, verdict,
};

/// Why the control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateDirError),
    /// The operating system refused.
    #[error("the admin port cannot be served: {0}")]
    Io(#[from] io::Error),
}

/// The running control plane. Dropping it ends it at once; [`Control::stop`] lets answers finish.
pub struct Control {
    core: Core,
    ports: JoinSet<()>,
    tasks: JoinSet<()>,
    addresses: Vec<SocketAddr>,
    generated_token: Option<String>,
    _threads: Threads,
}

impl Control {
    /// Starts following the store and serving the admin port, on the tokio runtime it is called in. Returns at
    /// once: a store that does not answer is waited for in the background.
    pub fn start(options: ControlOptions, surroundings: Surroundings) -> Result<Self, StartError> {
        let ControlOptions { mut router, admin, hooks, token_file, token, state, keyvalues, followed } =
            options;
        router.admin_hosts.extend(machine_name());
        let (tokens, generated_token) = LiveTokens::load(token_file, token);
        let lasting = surroundings.store.capabilities().durability != Durability::Process;
        let state_dir = state.filter(|_| lasting).map(|dir| StateDir::open(&dir)).transpose()?;
        let node = match &state_dir {
            Some(dir) => dir.node_id()?,
            None => state_dir::new_node_id()?,
        };
        let threads = Threads::start()?;
        let calls = Calls::new(threads.calls());
        let core = Core::new(router, surroundings, node, followed.is_some(), tokens, calls);
        let (mut ports, mut tasks) = (JoinSet::new(), JoinSet::new());
        let (sockets, routes) = (Sockets { admin, hooks }, (api::routes(), api::senders()));
        let addresses = port::listen(&core, &mut ports, &threads.connections(), sockets, routes)?;
        // A followed server has keyvalues of its own.
        let seed = if followed.is_some() { Vec::new() } else { keyvalues };
        let state_dir = state_dir.map(Arc::new);
        if let Some(dir) = &state_dir {
            names::take_saved(&core, dir);
        }
        tasks.spawn(until_stopped(core.clone(), names::run(core.clone(), state_dir.clone())));
        let sync = SyncOptions { state_dir, seed };
        tasks.spawn(take_part(core.clone(), sync, followed));
        tasks.spawn(until_stopped(core.clone(), activity::run(core.clone())));
        tasks.spawn_on(until_stopped(core.clone(), stream::run(core.clone())), core.calls.threads());
        tasks.spawn(until_stopped(core.clone(), token_watch::run(core.clone())));
        tasks.spawn(until_stopped(core.clone(), session_keeper::run(core.clone())));
        tasks.spawn(until_stopped(core.clone(), secrets_keeper::run(core.clone())));
        tasks.spawn(until_stopped(core.clone(), verdict::run(core.clone())));
        tasks.spawn(until_stopped(core.clone(), plans::run(core.clone())));
        tasks.spawn_on(until_stopped(core.clone(), shadow::run(core.clone())), core.calls.threads());
        tasks.spawn(until_stopped(core.clone(), engines::run(core.clone())));
        Ok(Self { core, ports, tasks, addresses, generated_token, _threads: threads })
    }

    /// Follows the table that another process keeps in the state directory, for ever: what is left of a control plane whose
    /// router was replaced. The store is there for nothing.
    pub async fn follow_saved(options: ControlOptions, surroundings: Surroundings) {
        let ControlOptions { router, state, .. } = options;
        let Some(dir) = state else { return };
        // Nobody can be let in, since nothing is served.
        let (tokens, _) = LiveTokens::load(None, None);
        let core =
            Core::new(router, surroundings, String::new(), false, tokens, Calls::new(Handle::current()));
        saved::follow_saved(core, Arc::new(StateDir::of_another(&dir))).await;
    }

    /// Where the admin port is served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// This router's id, as it stands in CDN-Loop.
    pub fn node(&self) -> &str {
        &self.core.node
    }

    /// A token that was made just now, to be shown to the operator once.
    pub fn generated_token(&self) -> Option<&str> {
        self.generated_token.as_deref()
    }

    /// Reads the token file again, if it has changed.
    pub async fn read_tokens_again(&self) {
        token_watch::look(&self.core, true).await;
        secrets_keeper::look(&self.core, true).await;
    }

    /// Waits until a first table is live, from the store or from the state directory.
    pub async fn first_table(&self) {
        self.core.lifecycle.first_table().await;
    }

    /// Says whether the front listeners accept: half of being ready, and the first thing to end.
    pub fn set_accepting(&self, accepting: bool) {
        self.core.lifecycle.set_accepting(accepting);
    }

    /// Tells what keeps the front from serving all that it should, and when nothing does any more.
    pub fn front_fault_teller(&self) -> impl Fn(Option<String>) + Send + 'static {
        let core = self.core.clone();
        move |fault| core.lifecycle.set_front_fault(fault)
    }

    /// Ends everything: open answers may finish, with all that they wait for, and the last good table is kept.
    pub async fn stop(mut self) {
        self.core.lifecycle.close_ports();
        while self.ports.join_next().await.is_some() {}
        self.core.lifecycle.stop();
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn until_stopped(core: Core, task: impl Future<Output = ()>) {
    core.lifecycle.until_stopped(task).await;
}

/// Follows the store as a member of its fleet, which this router leaves last.
async fn take_part(core: Core, options: SyncOptions, followed: Option<Arc<dyn Store>>) {
    let membership = until_stopped(core.clone(), membership::run(core.clone()));
    let hooks = until_stopped(core.clone(), dispatch::run(core.clone()));
    let engines = core.options.engines.clone();
    let carrier = until_stopped(core.clone(), carrier::run(core.clone(), engines));
    let certificates = until_stopped(core.clone(), acme::run(core.clone()));
    tokio::join!(follow_store(core.clone(), options, followed), membership, hooks, carrier, certificates);
    claim::leave(&core).await;
    membership::leave(&core).await;
}

/// Follows the store; where that is a copy, the server is copied first and goes on being copied.
async fn follow_store(core: Core, options: SyncOptions, followed: Option<Arc<dyn Store>>) {
    let stop = core.lifecycle.stop_signal();
    let Some(source) = followed else { return follow::run(core, options, stop).await };
    let mut followed = SourceCopier::new(core.clone(), source);
    followed.begin().await;
    tokio::join!(follow::run(core.clone(), options, stop), until_stopped(core, followed.run()));
}

/// The machine's own host name, under which an operator may reach it.
fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
}
