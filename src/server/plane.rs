//! What the control plane is started with: at the start, and again after an upgrade that failed.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Weak},
};

use keyvalues::Store;
use tokio::runtime::Runtime;

use super::{
    activation::Activated,
    certificate::LiveCertificates,
    error::Error,
    options::{admin_tls, control_options},
    own_addresses::OwnAddresses,
    sign_in::sign_in,
    store::{open_store, own_store},
    upgrade::{Port, Predecessor},
};
use crate::{
    clock::Clock,
    config::{Config, StoreAddress},
    control::{Control, ControlOptions, SecretsOptions, Surroundings},
    live::{handover::HandoverSender, table::LiveTable},
    telemetry::{counters::Counters, log_file::LogSender},
};

/// The sockets of the control plane, each with the address of the settings.
pub struct ControlSockets {
    pub admin: (SocketAddr, TcpListener),
    pub hooks: Option<(SocketAddr, TcpListener)>,
}

impl ControlSockets {
    /// Takes those of the process that this one takes over from, or of the service manager, and binds others.
    pub fn bind(
        config: &Config,
        predecessor: Option<&mut Predecessor>,
        activated: &mut Activated,
    ) -> Result<Self, Error> {
        let (mut admin, mut hooks) = match predecessor {
            Some(predecessor) => (predecessor.take(Port::Admin), predecessor.take(Port::Hooks)),
            None => (activated.take(Port::Admin), activated.take(Port::Hooks)),
        };
        let admin = taken_or_bound("--admin", config.admin, &mut admin)?;
        let hooks = |address| taken_or_bound("--hooks-listen", address, &mut hooks);
        Ok(Self { admin, hooks: config.hooks_listen.map(hooks).transpose()? })
    }

    /// Where senders to hooks in are heard.
    pub fn hooks_address(&self) -> Result<Option<SocketAddr>, Error> {
        self.hooks.as_ref().map(|(_, socket)| local_address(socket)).transpose()
    }
}

/// The socket for an address that a flag names: one that another process listened on, or a new one.
fn taken_or_bound(
    flag: &'static str,
    address: SocketAddr,
    taken: &mut Vec<(SocketAddr, TcpListener)>,
) -> Result<(SocketAddr, TcpListener), Error> {
    if let Some(index) = taken.iter().position(|(wanted, _)| *wanted == address) {
        return Ok(taken.swap_remove(index));
    }
    let listener = TcpListener::bind(address)
        .map_err(Error::port(format!("cannot listen on {address} ({flag})"), &[(flag, address)]))?;
    Ok((address, listener))
}

fn local_address(socket: &TcpListener) -> Result<SocketAddr, Error> {
    socket.local_addr().map_err(Error::io("a port without an address"))
}

/// What the control plane is started with.
pub struct ControlPlane {
    pub config: Config,
    pub sockets: ControlSockets,
    pub live: Arc<LiveTable>,
    pub clock: Clock,
    pub counters: Counters,
    pub handovers: HandoverSender,
    pub audit_log: Option<LogSender>,
    pub certificates: Option<LiveCertificates>,
}

impl ControlPlane {
    /// Opens the store, starts the control plane on it, and has it told of what keeps TLS from being served. The store is open
    /// for as long as it can be had.
    pub fn start(&self, runtime: &Runtime) -> Result<(Control, Weak<dyn Store>), Error> {
        let store = runtime.block_on(open_store(&self.config))?;
        let (store, followed) = runtime.block_on(own_store(&self.config, store))?;
        let _runtime = runtime.enter();
        let opened = Arc::downgrade(&store);
        let control = self.start_on(store, followed)?;
        if let Some(certificates) = &self.certificates {
            runtime.spawn(certificates.clone().wait_for_files(control.front_fault_teller()));
        }
        Ok((control, opened))
    }

    fn start_on(&self, store: Arc<dyn Store>, followed: Option<Arc<dyn Store>>) -> Result<Control, Error> {
        let mut options = self.options()?;
        options.followed = followed;
        Ok(Control::start(options, self.surroundings(store))?)
    }

    /// Follows the table that the process which replaced this one keeps, for as long as the runtime lasts. Without it the last
    /// table stays.
    pub fn follow_saved(&self, runtime: &Runtime) {
        let options = match self.options() {
            Ok(options) => options,
            Err(error) => return tracing::warn!("changes are not followed any more: {error}"),
        };
        let store = keyvalues::open_later(&StoreAddress::Memory.url(), true);
        runtime.spawn(Control::follow_saved(options, self.surroundings(store)));
    }

    fn options(&self) -> Result<ControlOptions, Error> {
        let (admin, hooks) = (&self.sockets.admin.1, self.sockets.hooks.as_ref().map(|(_, socket)| socket));
        let sockets = hooks.into_iter().chain([admin]);
        let others = sockets.map(local_address).collect::<Result<Vec<_>, _>>()?;
        let own = OwnAddresses::new(&self.config, &others);
        let again = |socket: &TcpListener| socket.try_clone().map_err(Error::io("a second handle of a port"));
        let mut options = control_options(&self.config, again(admin)?, own, self.handovers.clone());
        options.hooks.extend(hooks.map(again).transpose()?);
        options.router.audit_log.clone_from(&self.audit_log);
        options.router.sign_in = sign_in(&self.config)?;
        let secrets = self.config.secrets_key_file.as_deref();
        let secrets = SecretsOptions::read(secrets, self.config.served_before());
        options.router.secrets = secrets.map_err(Error::SecretsKeys)?;
        options.router.tls = admin_tls(self.certificates.as_ref())?;
        Ok(options)
    }

    fn surroundings(&self, store: Arc<dyn Store>) -> Surroundings {
        let (live, clock, counters) = (Arc::clone(&self.live), self.clock.clone(), self.counters.clone());
        Surroundings { store, live, clock, counters }
    }
}
