//! What most tests need: a cluster, a router with an app that has no release yet, the program between them.

use serde_json::json;
use support::{Api, Router, eventually, router, router::token};

use crate::{
    cluster::{Cluster, recorded},
    pods::Pods,
    program::Program,
};

pub struct Scene {
    pub cluster: Cluster,
    pub router: Router,
    pub program: Program,
    pub pods: Pods,
}

impl Scene {
    /// A cluster that lists this answer.
    pub fn of(list: &str) -> Self {
        Self::with(list, token("ci"), &[])
    }

    /// The same, with a token and flags of the program.
    pub fn with(list: &str, token: &str, flags: &[&str]) -> Self {
        let router = router().durable().start();
        router.api().put("", &json!({}));
        let pods = Pods::new();
        let cluster = Cluster::start(pods.place(&recorded(list)));
        let program = Program::start(cluster.address, &format!("http://{}", router.admin), token, flags);
        Self { cluster, router, program, pods }
    }

    pub fn api(&self) -> Api {
        self.router.api()
    }

    /// Whoever watches is told this answer.
    pub fn tell(&self, event: &str) {
        self.cluster.tell(&self.pods.place(&recorded(event)));
    }

    /// From now on this answer is listed.
    pub fn list(&self, list: &str) {
        self.cluster.lists(self.pods.place(&recorded(list)));
    }

    /// The endpoints that are registered for a release.
    pub fn registered(&self, release: &str) -> Vec<String> {
        let answer = self.api().get(&format!("releases/{release}/endpoints")).json();
        let endpoints = answer["endpoints"].as_array().cloned().unwrap_or_default();
        let mut addresses: Vec<String> =
            endpoints.iter().filter_map(|endpoint| endpoint["address"].as_str().map(str::to_owned)).collect();
        addresses.sort();
        addresses
    }

    /// Waits until a release has exactly these pods.
    #[track_caller]
    pub fn becomes(&self, release: &str, pods: &[u8]) {
        let wanted = self.pods.addresses(pods);
        eventually(&format!("{release} has {wanted:?}"), || self.registered(release) == wanted);
    }
}
