//! A fleet: a store, a network to it, and routers `r1`, `r2` ... with one worker each.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::server::{Kind, Server};
use support::router::{APP, id};
use support::{Answer, Endpoint, Router, echo, eventually, router};

/// The releases that every fleet starts with: the first is stable, the others are deployed.
pub const RELEASES: [&str; 3] = ["v1", "v2", "v3"];

/// A running fleet.
pub struct Fleet {
    /// The routers, in the order of their names.
    pub routers: Vec<Router>,
    /// Between routers and store.
    pub network: Proxy,
    /// The store.
    pub server: Server,
    /// The endpoints of [`RELEASES`].
    pub endpoints: Vec<Endpoint>,
    /// Where routers find the store.
    url: String,
    /// Further flags of each router.
    flags: Vec<String>,
    /// A file of each router, with its text.
    file: Option<(String, String)>,
    /// What they run. None: what was built for the suite.
    program: Option<PathBuf>,
}

impl Fleet {
    /// A fleet of so many routers, all of which know of each other.
    pub fn start(kind: Kind, members: usize) -> Self {
        let server = Server::start(kind);
        let network = Proxy::start(server.address);
        let url = server.url(network.address);
        Self::on(server, network, url, members)
    }

    /// A fleet whose routers have these flags too.
    pub fn with_flags(kind: Kind, members: usize, flags: &[&str]) -> Self {
        let server = Server::start(kind);
        let network = Proxy::start(server.address);
        let url = server.url(network.address);
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self::new(server, network, url, flags, None, members)
    }

    /// A fleet each of whose routers has a file of its own of this name, which a setting of this flag names.
    pub fn with_file(kind: Kind, members: usize, flag: &str, (name, text): (&str, &str)) -> Self {
        let server = Server::start(kind);
        let network = Proxy::start(server.address);
        let url = server.url(network.address);
        let file = Some((name.to_owned(), text.to_owned()));
        Self::new(server, network, url, vec![format!("{flag}={name}")], file, members)
    }

    /// A fleet whose routers find their store by this URL.
    pub fn on(server: Server, network: Proxy, url: String, members: usize) -> Self {
        Self::new(server, network, url, Vec::new(), None, members)
    }

    /// A fleet on a server of this kind, whose routers run this program.
    pub fn of_program(kind: Kind, members: usize, program: &Path) -> Self {
        let mut fleet = Self::start(kind, 0);
        fleet.program = Some(program.to_owned());
        (0..members).for_each(|_| fleet.join());
        eventually("everybody knows everybody", || fleet.is_whole(members));
        fleet
    }

    fn new(
        server: Server,
        network: Proxy,
        url: String,
        flags: Vec<String>,
        file: Option<(String, String)>,
        members: usize,
    ) -> Self {
        let endpoints: Vec<Endpoint> = RELEASES.iter().map(|release| echo(release)).collect();
        let mut fleet =
            Self { routers: Vec::new(), network, server, endpoints, url, flags, file, program: None };
        for _ in 0..members {
            fleet.join();
        }
        eventually("everybody knows everybody", || fleet.is_whole(members));
        fleet
    }

    /// One more router.
    pub fn join(&mut self) {
        self.join_as(None);
    }

    /// One more router, of this name.
    pub fn join_as(&mut self, name: Option<&str>) {
        let mut builder = router().store(&self.url);
        for (release, endpoint) in RELEASES.iter().zip(&self.endpoints) {
            builder = builder.key(&format!("{}/c0", id(release)), &endpoint.address.to_string());
        }
        builder = builder.key(&format!("rolling/{APP}/stable/id"), &id(RELEASES[0])).key("rolling/null", "-");
        for flag in &self.flags {
            builder = builder.flag(flag);
        }
        if let Some(program) = &self.program {
            builder = builder.program(program);
        }
        if let Some((name, text)) = &self.file {
            builder = builder.private_file(name, text);
        }
        let name = name.map_or_else(|| format!("r{}", self.routers.len() + 1), str::to_owned);
        self.routers.push(builder.flag("--node").flag(&name).start());
    }

    /// Whether each router knows so many members, all of them heard from.
    pub fn is_whole(&self, members: usize) -> bool {
        self.routers.iter().all(|router| {
            let fleet = fleet(router);
            let heard =
                fleet["members"].as_array().into_iter().flatten().filter(|member| member["heard"] == true);
            heard.count() == members && fleet["members"].as_array().map(Vec::len) == Some(members)
        })
    }

    /// What each router says about its store.
    pub fn store_states(&self) -> Vec<String> {
        self.routers.iter().map(store_state).collect()
    }

    /// Whether all routers serve one seq.
    pub fn is_at_one_seq(&self) -> bool {
        let seqs: Vec<u64> = self.routers.iter().map(seq).collect();
        seqs.iter().all(|seq| *seq == seqs[0])
    }

    /// Gives a command to a router and waits for the fleet.
    pub fn command(&self, at: usize, method: &str, path: &str, body: &Value, timeout: &str) -> Answer {
        let path = format!("/api/v1/apps/{APP}/{path}?wait=fleet&timeout={timeout}");
        self.routers[at].api().call(method, &path, Some(body))
    }

    /// One step of a working day at a router: a candidate, a promote, a rollback, and so on.
    pub fn step(&self, n: usize, at: usize) -> Answer {
        let state = self.routers[at].api().state();
        let next = RELEASES.iter().cycle().skip(n).find(|release| state["stable"]["release"] != **release);
        let next = id(next.expect("another release"));
        match n % 4 {
            0 | 2 => self.command(at, "PUT", "candidate", &json!({ "id": next, "blend": 50 }), "60s"),
            1 => self.command(at, "POST", "promote", &json!({}), "60s"),
            _ => self.command(at, "POST", "rollback", &json!({}), "60s"),
        }
    }

    /// Where each router sends a client with this pin; the pin stays as it is.
    pub fn releases_of(&self, pin: &str) -> Vec<String> {
        let ask = |router: &Router| {
            let mut visitor = router.visitor();
            visitor.pin = Some(pin.to_owned());
            visitor.navigates = false;
            visitor.get("/").release
        };
        self.routers.iter().map(ask).collect()
    }
}

/// What a router says about its store: `current`, `stale`, `down` or `diverged`.
pub fn store_state(router: &Router) -> String {
    let facts = router.api().call("GET", "/api/v1/router", None).expect(200).json();
    facts["store"]["state"].as_str().expect("a state").to_owned()
}

/// `GET /api/v1/fleet` of a router.
pub fn fleet(router: &Router) -> Value {
    router.api().call("GET", "/api/v1/fleet", None).expect(200).json()
}

/// A member as a router sees it.
pub fn member(router: &Router, name: &str) -> Value {
    let fleet = fleet(router);
    let found = fleet["members"].as_array().into_iter().flatten().find(|member| member["name"] == name);
    found.cloned().unwrap_or(Value::Null)
}

/// The kinds of alarms that a router raises about a member.
pub fn alarms(router: &Router, name: &str) -> Vec<String> {
    let fleet = fleet(router);
    let about = fleet["alarms"].as_array().into_iter().flatten().filter(|alarm| alarm["name"] == name);
    about.map(|alarm| alarm["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// The seq of the suites' app at a router.
pub fn seq(router: &Router) -> u64 {
    router.api().state()["seq"].as_u64().expect("a seq")
}

/// A quantile of what was measured.
pub fn quantile(measured: &mut [Duration], share: f64) -> Duration {
    measured.sort_unstable();
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among a few hundred"
    )]
    let place = ((measured.len() - 1) as f64 * share).round() as usize;
    measured[place]
}
