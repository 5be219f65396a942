//! An endpoint at an address of its own, which it comes back to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::clock::{PATIENCE, within};
use support::router::free_port;
use support::{Endpoint, ReceivedMessage, Reply};

/// An endpoint, running or not.
pub struct Site {
    pub address: SocketAddr,
    pub running: Option<Endpoint>,
}

impl Site {
    /// On an address that nobody else's connections come from, so that it is free again when the endpoint returns.
    pub fn start(release: usize, number: usize, sick: &Arc<AtomicBool>) -> Self {
        let process = std::process::id().to_be_bytes();
        for _ in 0..100 {
            let port = free_port().port();
            let address = SocketAddr::from(([127, process[2] | 0x40, process[3], 1], port));
            if let Some(endpoint) = Endpoint::scripted_at(address, script(release, address, sick)) {
                return Self { address, running: Some(endpoint) };
            }
        }
        panic!("no address is free for endpoint {number} of v{release}");
    }

    pub fn again(&self, release: usize, sick: &Arc<AtomicBool>) -> Endpoint {
        let mut endpoint = None;
        within(PATIENCE, || {
            endpoint = Endpoint::scripted_at(self.address, script(release, self.address, sick));
            endpoint.is_some()
        });
        endpoint.expect("the endpoint's address is free again")
    }
}

fn script(
    release: usize,
    address: SocketAddr,
    sick: &Arc<AtomicBool>,
) -> impl Fn(&ReceivedMessage) -> Reply + use<> {
    let (name, address, sick) = (format!("v{release}"), address.to_string(), Arc::clone(sick));
    move |received| {
        let status = if sick.load(Ordering::SeqCst) { "503 Service Unavailable" } else { "200 OK" };
        let place = [("X-Release", name.as_str()), ("X-Endpoint", &address)];
        if received.method() == "OPTIONS" {
            let field = format!("x-{name}");
            let allows = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", &field)];
            return Reply::response(status, &[place, allows].concat(), "");
        }
        Reply::response(status, &place, "a page")
    }
}
