//! Who looks after the routers: upgrades, certificates, logs, the store.

use super::site::{Site, access_log};
use super::{Place, Soak};
use rustls::ClientConfig;
use std::fmt::{Display, Formatter};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::clock::{Deadline, eventually};
use support::count;
use support::servers::sentinel::ask;
use support::tls::{TlsClient, roots};

/// What is done in turn, and how often it was.
#[derive(Default)]
struct Done {
    logs: usize,
    certificates: usize,
    upgrades: usize,
    stores: usize,
}

/// Does one thing after the other, each a while after the one before.
pub struct Operator {
    every: Duration,
    since: Deadline,
    turn: usize,
    done: Done,
    /// What a command waited for at most while a process took over.
    longest: Duration,
    soak: Arc<Soak>,
}

impl Operator {
    /// One who acts 8 times in this time, and 48 times in a long one.
    pub fn new(length: Duration, soak: &Arc<Soak>) -> Self {
        let every = length / u32::try_from(count(8, 48)).expect("it is small");
        let since = Deadline::after(Duration::ZERO);
        Self { every, since, turn: 0, done: Done::default(), longest: Duration::ZERO, soak: Arc::clone(soak) }
    }

    /// Whether everything was done once.
    pub fn has_done_everything(&self) -> bool {
        self.done.stores > 0
    }

    /// Does what is due.
    pub fn act(&mut self, site: &mut Site) {
        if self.since.elapsed() < self.every {
            return;
        }
        match self.turn % 4 {
            0 => self.rotate_logs(site),
            1 => self.change_certificate(site),
            2 => self.upgrade(site),
            _ => self.restart_store(site),
        }
        self.turn += 1;
        self.since = Deadline::after(Duration::ZERO);
    }

    fn rotate_logs(&mut self, site: &Site) {
        for (number, router) in site.routers.iter().enumerate() {
            let log = site.logs.path().join(access_log(number));
            fs::rename(&log, log.with_extension("1")).expect("there is a log");
            router.signal("USR1");
            eventually("it has a new log", || log.exists());
        }
        self.done.logs += 1;
    }

    fn change_certificate(&mut self, site: &Site) {
        let before = fs::read_to_string(site.certificates.certificate()).expect("there is one");
        let alone = site.certificates.renew();
        let after = fs::read_to_string(site.certificates.certificate()).expect("there is one");
        self.trust(&[&before, &after]);
        let places: [Place; 2] = site.places(&self.soak);
        for (router, place) in site.routers.iter().zip(places) {
            router.signal("HUP");
            let is_served = |trust: &Arc<ClientConfig>| {
                TlsClient::try_open(place.front_tls, &place.host, trust).is_some()
            };
            eventually("the new certificate is served", || is_served(&alone));
        }
        self.trust(&[&after]);
        self.done.certificates += 1;
    }

    fn trust(&self, certificates: &[&str]) {
        let mut trusted = roots(certificates[0]);
        certificates[1..].iter().for_each(|more| trusted.extend(roots(more).roots));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_protocol_versions(rustls::ALL_VERSIONS);
        let builder = builder.expect("the provider knows them");
        let config = Arc::new(builder.with_root_certificates(trusted).with_no_client_auth());
        *self.soak.trust.lock().expect("nobody fails with it") = config;
    }

    fn upgrade(&mut self, site: &mut Site) {
        self.soak.upgrades.fetch_add(1, Ordering::SeqCst);
        site.routers[0].signal("USR2");
        let read = Deadline::after(Duration::ZERO);
        site.routers[0].api().state();
        self.longest = self.longest.max(read.elapsed());
        site.routers[0].follow_upgrade();
        self.done.upgrades += 1;
    }

    fn restart_store(&mut self, site: &mut Site) {
        site.store.restart();
        let port = site.store.ports[0];
        eventually("the store is back", || ask(port, "PING").starts_with("+PONG"));
        for router in &site.routers {
            let state = || router.api().call("GET", "/api/v1/router", None).expect(200).json();
            eventually("the store is followed again", || state()["store"]["state"] == "current");
        }
        self.done.stores += 1;
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Done { logs, certificates, upgrades, stores } = self.done;
        write!(
            f,
            "{upgrades} upgrades, during which a call waited at most {:?}; {certificates} changes of the certificate, \
             {logs} rotations of logs, {stores} restarts of the store",
            self.longest
        )
    }
}
