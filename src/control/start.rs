//! Starts and stops the control plane: its tasks, and what the admin port serves.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::get,
};
use keyvalues::{Durability, Store};
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    activity,
    admin::{guard::guard, gui, listener, metrics, track_hosts::FrontDoor},
    api::{self, kv, stream},
    fleet::membership,
    hooks,
    shared::{
        access::{live_tokens::LiveTokens, tokens::TokenError},
        core::{Core, CoreOptions, CoreParts},
        error::{ApiError, Kind},
        state_dir::{self, StateDir, StateDirError},
        status::StoreState,
        store::StoreHandle,
    },
    sync::{self, SyncOptions, followed::Followed},
};
use crate::{
    clock::Clock,
    live::table::LiveTable,
    rollout::{app::AppName, endpoint::AddressPolicy},
    telemetry::counters::Counters,
};

/// What the control plane is told at start.
#[derive(Debug)]
pub struct ControlOptions {
    /// Bound sockets of the admin port, so that an upgrade can hand them over.
    pub admin: Vec<std::net::TcpListener>,
    /// Where end users are served, to be shown.
    pub front: Vec<SocketAddr>,
    /// Names that the admin port answers for beside literal addresses, `localhost` and the machine's own name.
    pub admin_hosts: Vec<String>,
    /// The token file; made with one admin token when it is missing.
    pub token_file: Option<PathBuf>,
    /// One more admin token.
    pub token: Option<String>,
    /// The state directory. Unused with a store that ends with the process: there is nothing to come back to.
    pub state: Option<PathBuf>,
    /// Keyvalues for a store that has no `rolling/null` yet, in the order they are written, the marker last.
    pub keyvalues: Vec<(String, String)>,
    /// The app for hosts that no app has claimed; none: the only one.
    pub default_app: Option<AppName>,
    /// Which addresses may be endpoints. The router's own listeners are to be among the excluded.
    pub addresses: AddressPolicy,
    /// Whether http redirects to https, which makes pins `Secure`.
    pub https: bool,
    /// What people call this router; none: its id.
    pub node_name: Option<String>,
    /// The store's kind, to be shown, such as `embedded`.
    pub store_kind: String,
    /// A server without commits whose keys the store is to be a copy of. Such a router takes no command.
    pub followed: Option<Arc<dyn Store>>,
    /// The data plane's private listener, for hosts that show a track; none: no host does.
    pub front_door: Option<FrontDoor>,
}

/// Why the control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tokens cannot be had.
    #[error(transparent)]
    Tokens(#[from] TokenError),
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
    tasks: JoinSet<()>,
    addresses: Vec<SocketAddr>,
    generated_token: Option<String>,
}

impl Control {
    /// Starts following the store and serving the admin port, on the tokio runtime it is called in. Returns at
    /// once: a store that does not answer is waited for in the background.
    pub fn start(
        options: ControlOptions,
        store: Arc<dyn Store>,
        live: Arc<LiveTable>,
        clock: Clock,
        counters: Counters,
    ) -> Result<Self, StartError> {
        let (tokens, generated_token) = LiveTokens::load(options.token_file, options.token)?;
        let lasting = store.capabilities().durability != Durability::Process;
        let state_dir = options.state.filter(|_| lasting).map(|dir| StateDir::open(&dir)).transpose()?;
        let node = match &state_dir {
            Some(dir) => dir.node_id()?,
            None => state_dir::new_node_id()?,
        };
        let mut admin_hosts = options.admin_hosts;
        admin_hosts.extend(machine_name());
        let core = Core::new(CoreParts {
            options: CoreOptions {
                admin_hosts,
                default_app: options.default_app,
                addresses: options.addresses,
                https: options.https,
                store_kind: options.store_kind,
                followed: options.followed.is_some(),
                name: options.node_name,
                listen: options.front,
                front_door: options.front_door,
            },
            node,
            store: StoreHandle::new(store),
            live,
            clock,
            counters,
            tokens,
        });
        let mut tasks = JoinSet::new();
        let addresses = listen(&core, &mut tasks, options.admin)?;
        // What a server's keys are is said there.
        let seed = if options.followed.is_some() { Vec::new() } else { options.keyvalues };
        let sync = SyncOptions { state_dir: state_dir.map(Arc::new), seed };
        tasks.spawn(follow(core.clone(), sync, options.followed));
        tasks.spawn(until_stopped(core.clone(), activity::run(core.clone())));
        tasks.spawn(until_stopped(core.clone(), stream::run(core.clone())));
        tasks.spawn(follow_tokens(core.clone()));
        Ok(Self { core, tasks, addresses, generated_token })
    }

    /// Where the admin port is served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// This router's id, as it stands in Via.
    pub fn node(&self) -> &str {
        &self.core.node
    }

    /// A token that was made just now, to be shown to the operator once.
    pub fn generated_token(&self) -> Option<&str> {
        self.generated_token.as_deref()
    }

    /// Reads the token file again, if it has changed.
    pub async fn read_tokens_again(&self) {
        self.core.tokens.look(true).await;
    }

    /// Waits until a first table is live, from the store or from the state directory.
    pub async fn first_table(&self) {
        self.core.first_table().await;
    }

    /// Says whether the front listeners accept: half of being ready, and the first thing to end.
    pub fn set_accepting(&self, accepting: bool) {
        self.core.set_accepting(accepting);
    }

    /// Ends everything: open answers may finish, the last good table is kept.
    pub async fn stop(mut self) {
        self.core.stop();
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn follow_tokens(core: Core) {
    until_stopped(core.clone(), core.tokens.follow()).await;
}

/// Follows the store as a member of its fleet, which it leaves last.
async fn follow(core: Core, options: SyncOptions, followed: Option<Arc<dyn Store>>) {
    let membership = until_stopped(core.clone(), membership::run(core.clone()));
    let hooks = until_stopped(core.clone(), hooks::run(core.clone()));
    tokio::join!(follow_store(core.clone(), options, followed), membership, hooks);
    hooks::claim::leave(&core).await;
    membership::leave(&core).await;
}

/// Follows the store; where that is a copy, the server is copied first and goes on being copied.
async fn follow_store(core: Core, options: SyncOptions, followed: Option<Arc<dyn Store>>) {
    let stop = core.stop_signal();
    let Some(source) = followed else { return sync::run(core, options, stop).await };
    let mut followed = Followed::new(core.clone(), source);
    followed.begin().await;
    tokio::join!(sync::run(core.clone(), options, stop), until_stopped(core, followed.run()));
}

fn listen(
    core: &Core,
    tasks: &mut JoinSet<()>,
    sockets: Vec<std::net::TcpListener>,
) -> io::Result<Vec<SocketAddr>> {
    let routes = routes(core);
    let places = listener::places();
    let mut addresses = Vec::new();
    for socket in sockets {
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket)?;
        addresses.push(listener.local_addr()?);
        tasks.spawn(listener::serve(core.clone(), listener, routes.clone(), Arc::clone(&places)));
    }
    Ok(addresses)
}

/// Everything that the admin port serves.
fn routes(core: &Core) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(gui::routes())
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::read))
        .fallback(elsewhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(core.clone(), guard))
        .with_state(core.clone())
}

async fn ready(State(core): State<Core>) -> Response {
    if !core.ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    }
    match core.status.state() {
        StoreState::Current => "ready\n".into_response(),
        state => {
            format!("ready\nthe store is {}; the last good table is served\n", state.as_str()).into_response()
        }
    }
}

/// Raw keyvalues are told apart by their path as it came, which a route's pattern would not give.
async fn elsewhere(state: State<Core>, request: Request) -> Response {
    if kv::is_kv(request.uri().path()) {
        return kv::handle(state, request).await;
    }
    ApiError::new(Kind::NotFound, "there is nothing at this path").into_response()
}

async fn wrong_method() -> ApiError {
    ApiError::new(Kind::Method, "this path does not take this method")
}

async fn until_stopped(core: Core, task: impl Future<Output = ()>) {
    tokio::select! {
        () = task => {}
        () = core.stopping() => {}
    }
}

/// The machine's own host name, under which an operator may reach it.
fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
}
