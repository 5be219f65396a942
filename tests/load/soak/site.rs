//! What is under load: a store, an engine, two routers, and what they log.

use super::application::application;
use super::{Place, RELEASES, Soak};
use rustls::ClientConfig;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use support::clock::eventually;
use support::router::{free_port, id};
use support::servers::Server;
use support::servers::engine::TestEngine;
use support::servers::sentinel::ask;
use support::tls::CertificateFiles;
use support::{Endpoint, Router, router};
use tempfile::TempDir;

/// The app whose releases are containers.
pub const DEPLOYED: &str = "side";
/// Its host.
pub const DEPLOYED_HOST: &str = "side.example.test";
/// Its images.
pub const IMAGES: [&str; 2] = ["soak-side:1", "soak-side:2"];

/// All of it.
pub struct Site {
    /// The first one is upgraded.
    pub routers: [Router; 2],
    /// A Redis that loses nothing when it is killed.
    pub store: Server,
    /// Where the access logs are.
    pub logs: TempDir,
    /// What both routers serve in TLS.
    pub certificates: CertificateFiles,
    /// What trusts it at first.
    pub trust: Arc<ClientConfig>,
    /// For as long as its containers are asked.
    engine: TestEngine,
    _endpoints: Vec<Endpoint>,
}

impl Site {
    /// Starts it, with an app of endpoints and an app of containers.
    pub fn start() -> Self {
        let store = Server::start("redis-server", 1, |folder, ports| {
            let (port, folder) = (ports[0].to_string(), folder.display().to_string());
            let named = ["--port", &port, "--dir", &folder, "--bind", "127.0.0.1", "--save", ""];
            // Its file is written anew before it is large, so that it can be seen whether it grows.
            let kept = ["--appendonly", "yes", "--appendfsync", "always"];
            let bounded = ["--auto-aof-rewrite-min-size", "1mb", "--auto-aof-rewrite-percentage", "100"];
            [&named[..], &kept, &bounded].concat().into_iter().map(str::to_owned).collect()
        });
        eventually("the store answers", || ask(store.ports[0], "PING").starts_with("+PONG"));
        let engine = TestEngine::start(512);
        for (n, image) in IMAGES.iter().enumerate() {
            engine.image(image, &[&format!("RELEASE=image{n}")]);
        }
        let (certificates, trust) = CertificateFiles::new(&["shop.example.test"]);
        let logs = tempfile::tempdir().expect("a temporary directory can be made");
        let endpoints: Vec<(&str, Endpoint)> = RELEASES
            .iter()
            .flat_map(|name| [(*name, application(name)), (*name, application(name))])
            .collect();
        let url = format!("redis://127.0.0.1:{}", store.ports[0]);
        let start = |number: usize| {
            let mut builder =
                router().store(&url).workers(2).access_log(&logs.path().join(access_log(number)));
            for (n, (release, endpoint)) in endpoints.iter().enumerate() {
                builder = builder.key(&format!("{}/c{n}", id(release)), &endpoint.address.to_string());
            }
            builder = builder.key("rolling/hello/stable/id", &id(RELEASES[0]));
            for flag in certificates.flags() {
                builder = builder.flag(&flag);
            }
            let builder = builder.flag(&format!("--listen-tls={}", free_port()));
            let builder =
                builder.private_file("soak.toml", &settings(&engine, number)).flag("--config=soak.toml");
            builder.flag(&format!("--node=r{}", number + 1)).start()
        };
        let routers = [start(0), start(1)];
        let site = Self { routers, store, logs, certificates, trust, engine, _endpoints: Vec::new() };
        site.add_app();
        Self { _endpoints: endpoints.into_iter().map(|(_, endpoint)| endpoint).collect(), ..site }
    }

    fn add_app(&self) {
        let api = self.routers[0].api_as("admin").app(DEPLOYED);
        api.put("", &json!({})).expect(200);
        let settings = json!({ "hosts": [DEPLOYED_HOST], "verdict": { "at_least": 50 },
            "plans": ["quick: 30% sessions=5; 60%; promote"] });
        api.call("PATCH", &format!("/api/v1/apps/{DEPLOYED}/settings"), Some(&settings)).expect(200);
    }

    /// Where clients go.
    pub fn places(&self, soak: &Arc<Soak>) -> [Place; 2] {
        [0, 1].map(|number| {
            let router = &self.routers[number];
            Place {
                front: router.front,
                front_tls: router.front_tls(),
                host: router.host.clone(),
                is_upgraded: number == 0,
                soak: Arc::clone(soak),
            }
        })
    }

    /// What lies on the disk: of each router its state and its logs, and the files of the store.
    pub fn files(&self) -> [u64; 4] {
        let [first, second] = [0, 1].map(|number| size(&self.routers[number].path("state")));
        [first, second, size(self.store.folder.path()), size(self.logs.path())]
    }

    /// How many keys the store has, its own for the log of changes among them.
    pub fn keys(&self) -> u64 {
        let said = ask(self.store.ports[0], "DBSIZE");
        said.lines().next().and_then(|line| line.strip_prefix(':')?.parse().ok()).unwrap_or(0)
    }

    /// Fails while a process of before an upgrade is left, or a container of before the last deployment.
    pub fn assert_alone(&self) {
        let router = &self.routers[0];
        let own = router.path("state").display().to_string();
        let serving = |pid: &str| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(&own))
        };
        let processes = || {
            let entries = fs::read_dir("/proc").expect("every Linux has it").flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter(|name| name.parse::<u32>().is_ok() && serving(name)).count()
        };
        eventually("one process is left of those that were upgraded", || processes() == 1);
        let containers = self.engine.call("GET", "/containers/json?all=true", None);
        let count = containers.as_array().map_or(0, Vec::len);
        assert!(count <= 4, "{count} containers are left of two deployments: {containers}");
    }
}

/// The name of the access log of a router.
pub fn access_log(number: usize) -> String {
    format!("access-{number}.log")
}

fn settings(engine: &TestEngine, number: usize) -> String {
    let limits = "[limits]\nupstream_idle_ms = 2000\n".to_owned();
    if number > 0 {
        return limits;
    }
    let (url, address) = (engine.url(), engine.address);
    let allowed = "soak-side";
    limits
        + &format!(
            "[engines.node1]\naddress = \"{url}\"\nhost = \"{address}\"\nallowed_images = [\"{allowed}\"]\n"
        )
}

/// Bytes in a folder and below. What goes meanwhile counts nothing.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
