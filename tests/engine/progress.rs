//! How far a pull is, as every router of a fleet says it: also one that has no engine.

use std::{
    io::{Read, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use serde_json::{Value, json};
use support::{
    eventually,
    servers::{
        Server,
        engine::{TestEngine, registry::Registry, shared},
    },
};

use super::deploy_scene::deployment;

/// A network before a registry that is stuck after some bytes, until it is let go.
struct StuckNetwork {
    address: SocketAddr,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    /// How many bytes more may pass; none: all.
    left: Mutex<Option<usize>>,
    changed: Condvar,
}

impl StuckNetwork {
    fn start(test: &TestEngine, registry: &str, bytes: usize) -> Self {
        let listener = TcpListener::bind((test.gateway, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Gate { left: Mutex::new(Some(bytes)), changed: Condvar::new() });
        let (registry, its) = (registry.to_owned(), Arc::clone(&gate));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let upstream = TcpStream::connect(&registry).unwrap();
                let (up, down) = (stream.try_clone().unwrap(), upstream.try_clone().unwrap());
                thread::spawn(move || copy(up, upstream, None));
                let gate = Arc::clone(&its);
                thread::spawn(move || copy(down, stream, Some(&gate)));
            }
        });
        Self { address, gate }
    }

    fn let_go(&self) {
        *self.gate.left.lock().unwrap() = None;
        self.gate.changed.notify_all();
    }
}

impl Gate {
    fn pass(&self, bytes: usize) {
        let mut left = self.left.lock().unwrap();
        left = self.changed.wait_while(left, |left| *left == Some(0)).unwrap();
        if let Some(left) = left.as_mut() {
            *left = left.saturating_sub(bytes);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, gate: Option<&Gate>) {
    let mut part = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut part) {
        gate.inspect(|gate| gate.pass(read));
        if to.write_all(&part[..read]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn a_router_without_the_engine_says_how_far_the_pull_of_another_one_is() {
    let test = shared();
    let registry = Registry::start(test);
    let pushed = registry.push_large(test, "slow/shop:1", 12);
    let network = StuckNetwork::start(test, &registry.name, 4 << 20);
    let image = pushed.replace(&registry.name, &network.address.to_string());
    let redis = Server::start("redis-server", 1, |folder, ports| {
        let words = ["--port", &ports[0].to_string(), "--dir", &folder.display().to_string(), "--save", ""];
        words.map(str::to_owned).to_vec()
    });
    let store = format!("redis://127.0.0.1:{}", redis.ports[0]);
    eventually("the store answers", || TcpStream::connect(("127.0.0.1", redis.ports[0])).is_ok());
    let file = test.folder.join("progress.toml");
    let (url, host, allowed) = (test.url(), test.address, network.address);
    let table = format!(
        "[engines.node1]\naddress = \"{url}\"\nhost = \"{host}\"\nallowed_images = [\"{allowed}\"]\n"
    );
    std::fs::write(&file, table).unwrap();
    let router = || support::router().store(&store).stable("v1");
    let with_engine = router().flag("--config").flag(&file.display().to_string()).flag("--node").flag("r1");
    let (one, other) = (with_engine.start(), router().flag("--node").flag("r2").start());
    let ask = json!({ "image": image, "release": "slow", "without_candidate": true, "timeout": 120 });
    one.api().post("deployments", &ask).expect(201);
    let told = |at: &support::Router| deployment(&at.api(), "hello-slow")["progress"].clone();
    for at in [&one, &other] {
        eventually("it says how far that is", || {
            told(at).as_str().is_some_and(|text| text.starts_with("0 of 1 layers, ") && text.ends_with("MB"))
        });
    }
    network.let_go();
    eventually("it is over", || deployment(&other.api(), "hello-slow")["digest"].is_string());
    assert_eq!((told(&one), told(&other)), (Value::Null, Value::Null));
    one.api().call("DELETE", "/api/v1/apps/hello/deployments/hello-slow?force=true", None);
}
