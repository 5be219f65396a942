//! The etcd backend against real clusters that each test starts for itself.

#![cfg(feature = "etcd")]
#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyvalues::{Batch, Etcd, OpenError, Outcome, Store, StoreError, Watch, WatchItem, Write, conformance};
use serde_json::json;
use support::servers::{
    self, Server, etcd_arguments, eventually, judge,
    shared::{OneServer, ServerAccess},
    wanted,
};

async fn start() -> Server {
    let server =
        Server::start("etcd", 2, |folder, ports| etcd_arguments(folder, 0, &[[ports[0], ports[1]]], "http"));
    ready(server.ports[0]).await;
    server
}

async fn ready(port: u16) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    eventually("etcd's start", async || {
        let answer = client.post(format!("http://127.0.0.1:{port}/v3/kv/range")).body(r#"{"key":"AA=="}"#);
        answer.send().await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
}

async fn open(port: u16, options: &str) -> Arc<Etcd> {
    Arc::new(Etcd::open(&format!("//127.0.0.1:{port}?{options}"), false).await.unwrap())
}

/// Calls the gateway as another tool would.
async fn call(port: u16, path: &str, body: serde_json::Value) -> serde_json::Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(format!("http://127.0.0.1:{port}/v3/{path}")).json(&body).send().await.unwrap();
    answer.json().await.unwrap()
}

/// The client port of a member.
#[derive(Clone, Copy)]
struct Member(u16);

#[async_trait]
impl ServerAccess for Member {
    const FOREIGN: bool = true;

    async fn open(&self, prefix: &str) -> Arc<dyn Store> {
        open(self.0, &format!("prefix={prefix}")).await
    }

    async fn compact(&self, store: &dyn Store) {
        let revision = store.list(&[]).await.unwrap().revision;
        call(self.0, "kv/compaction", json!({"revision": revision.to_string()})).await;
    }

    async fn put(&self, name: String, value: &[u8]) {
        call(self.0, "kv/put", json!({"key": STANDARD.encode(name), "value": STANDARD.encode(value)})).await;
    }

    async fn delete(&self, name: String) {
        call(self.0, "kv/deleterange", json!({"key": STANDARD.encode(name)})).await;
    }
}

/// The one case that changes the server for all.
const COMPACTS: &str = "a_watch_from_compacted_history_resyncs";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcd_conforms() {
    let server = start().await;
    let backend = OneServer::new(Member(server.ports[0]));
    let report = conformance::run(&backend, |name| wanted(name) && name != COMPACTS, 6).await;
    judge(&report, 105);
}

#[tokio::test]
async fn etcd_conforms_when_compacted() {
    let server = start().await;
    let backend = OneServer::new(Member(server.ports[0]));
    let report = conformance::run(&backend, |name| name == COMPACTS, 1).await;
    judge(&report, 1);
}

fn put(name: &str, value: &str) -> Vec<Write> {
    vec![Write::put(servers::key(name), value.to_owned())]
}

async fn value(store: &dyn Store, name: &str) -> Option<String> {
    let entry = store.get(&servers::key(name)).await.unwrap();
    entry.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
}

async fn batch(watch: &mut dyn Watch) -> Batch {
    loop {
        match watch.next().await.unwrap() {
            WatchItem::Batch(batch) => return batch,
            WatchItem::Progress(_) => {}
            WatchItem::Resync => panic!("resync"),
        }
    }
}

/// Three members that know each other.
async fn start_cluster() -> Vec<Server> {
    let ports = servers::free_ports(6);
    let members = [[ports[0], ports[3]], [ports[1], ports[4]], [ports[2], ports[5]]];
    let start = |index: usize| {
        Server::on_ports("etcd", members[index].to_vec(), |folder, _| {
            etcd_arguments(folder, index, &members, "http")
        })
    };
    let servers = (0..3).map(start).collect::<Vec<_>>();
    for server in &servers {
        ready(server.ports[0]).await;
    }
    servers
}

async fn open_cluster(servers: &[Server]) -> Arc<Etcd> {
    let hosts = servers.iter().map(|server| format!("127.0.0.1:{}", server.ports[0])).collect::<Vec<_>>();
    Arc::new(Etcd::open(&format!("//{}", hosts.join(",")), false).await.unwrap())
}

/// Which of the servers leads.
async fn leader(servers: &[Server]) -> usize {
    for (index, server) in servers.iter().enumerate() {
        let status = call(server.ports[0], "maintenance/status", json!({})).await;
        if status["leader"] == status["header"]["member_id"] {
            return index;
        }
    }
    panic!("nobody leads");
}

/// Writes `n` under one key until it is there, reading back what is unknown.
async fn write_surely(store: &Etcd, n: u32) {
    eventually("a commit after the election", async || {
        match store.commit(vec![], put("n", &n.to_string())).await {
            Ok(Outcome::Done(_)) => true,
            Ok(Outcome::Conflict(key)) => panic!("no check on {key}"),
            Ok(Outcome::Unknown(_)) | Err(StoreError::Unreachable(_)) => {
                matches!(store.get(&servers::key("n")).await, Ok(Some(entry)) if entry.value == n.to_string())
            }
            Err(error) => panic!("{error}"),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_loses_its_leader_loses_no_commit_and_no_event() {
    let mut servers = start_cluster().await;
    let store = open_cluster(&servers).await;
    let follower = tokio::spawn(follow(Arc::clone(&store), 0, 60));
    for n in 1..=60 {
        if n == 20 {
            let leader = leader(&servers).await;
            servers[leader].kill();
        }
        write_surely(&store, n).await;
        assert_eq!(value(&*store, "n").await, Some(n.to_string()));
    }
    tokio::time::timeout(Duration::from_secs(60), follower).await.unwrap().unwrap();
}

/// Sees each number from one to `last` in order, resuming where a watch broke. A commit whose answer was lost may
/// have been made twice.
async fn follow(store: Arc<Etcd>, mut after: u64, last: u32) {
    let mut seen = 0;
    while seen < last {
        let Ok(mut watch) = store.watch(&["n"], after).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while seen < last {
            let batch = match watch.next().await {
                Ok(WatchItem::Batch(batch)) => batch,
                Ok(WatchItem::Progress(_)) => continue,
                Ok(WatchItem::Resync) => panic!("nothing was compacted"),
                Err(_) => break,
            };
            assert!(batch.revision > after);
            after = batch.revision;
            let [keyvalues::Event::Put(entry)] = &batch.events[..] else { panic!("{batch:?}") };
            let n = std::str::from_utf8(&entry.value).unwrap().parse::<u32>().unwrap();
            assert!(n == seen || n == seen + 1, "{n} after {seen}: a gap");
            seen = n;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_claimed_and_it_heals() {
    let mut servers = start_cluster().await;
    let store = open_cluster(&servers).await;
    store.commit(vec![], put("a", "1")).await.unwrap();
    let mut watch = store.watch(&["a"], store.list(&[]).await.unwrap().revision).await.unwrap();
    for server in &mut servers[1..] {
        server.kill();
    }
    let name = servers::key("a");
    let (commit, get) = tokio::join!(store.commit(vec![], put("a", "2")), store.get(&name));
    assert!(matches!(commit, Ok(Outcome::Unknown(_)) | Err(StoreError::Unreachable(_))), "{commit:?}");
    assert!(matches!(get, Err(StoreError::Unreachable(_))), "{get:?}");
    let broken = tokio::time::timeout(Duration::from_secs(60), async {
        while let Ok(item) = watch.next().await {
            assert!(!matches!(item, WatchItem::Resync));
        }
    });
    broken.await.expect("a watch that cannot be proved current must end");
    for server in &mut servers[1..] {
        server.restart();
    }
    eventually("the cluster's recovery", async || {
        matches!(store.commit(vec![], put("a", "3")).await, Ok(Outcome::Done(_)))
    })
    .await;
    assert_eq!(value(&*store, "a").await.as_deref(), Some("3"));
}

#[tokio::test]
async fn a_login_is_needed_where_it_is_on_and_is_renewed_by_itself() {
    let mut server = start().await;
    let port = server.ports[0];
    call(port, "auth/user/add", json!({"name": "root", "password": "se/cret"})).await;
    call(port, "auth/role/add", json!({"name": "root"})).await;
    call(port, "auth/user/grant", json!({"user": "root", "role": "root"})).await;
    call(port, "auth/enable", json!({})).await;
    for login in ["", "root:wrong@"] {
        let refused = Etcd::open(&format!("//{login}127.0.0.1:{port}"), false).await;
        assert!(matches!(refused, Err(OpenError::Store(StoreError::Denied(_)))), "{refused:?}");
    }
    let store = Etcd::open(&format!("//root:se%2Fcret@127.0.0.1:{port}"), false).await.unwrap();
    let Outcome::Done(seen) = store.commit(vec![], put("a", "1")).await.unwrap() else { panic!("not done") };
    // The server forgets its tokens when it is started again.
    server.restart();
    eventually("etcd's start", async || store.get(&servers::key("a")).await.is_ok()).await;
    let mut watch = store.watch(&["a"], seen).await.unwrap();
    let Outcome::Done(next) = store.commit(vec![], put("a", "2")).await.unwrap() else { panic!("not done") };
    assert_eq!(batch(&mut *watch).await.revision, next);
    assert!(!format!("{store:?}").contains("se/cret"));
}

#[tokio::test]
async fn over_tls_the_cluster_is_verified_and_a_stranger_refused() {
    let server = Server::start("etcd", 2, |folder, ports| {
        servers::make_certificates(folder);
        let mut all = etcd_arguments(folder, 0, &[[ports[0], ports[1]]], "https");
        for (name, file) in
            [("--trusted-ca-file", "ca.pem"), ("--cert-file", "cert.pem"), ("--key-file", "key.pem")]
        {
            all.extend([name.to_owned(), folder.join(file).display().to_string()]);
        }
        all.push("--client-cert-auth".into());
        all
    });
    let file = |name: &str| server.folder.path().join(name).display().to_string();
    let port = server.ports[0];
    let client = format!("cert={}&key={}", file("cert.pem"), file("key.pem"));
    let address = format!("//127.0.0.1:{port}?ca={}&{client}", file("ca.pem"));
    eventually("etcd's start", async || Etcd::open(&address, true).await.is_ok()).await;
    for stranger in
        [format!("//127.0.0.1:{port}?ca={}", file("ca.pem")), format!("//127.0.0.1:{port}?{client}")]
    {
        let refused = Etcd::open(&stranger, true).await;
        assert!(matches!(refused, Err(OpenError::Store(StoreError::Unreachable(_)))), "{refused:?}");
    }
    let store = Etcd::open(&address, true).await.unwrap();
    let Outcome::Done(revision) = store.commit(vec![], put("a", "1")).await.unwrap() else {
        panic!("not done")
    };
    let mut watch = store.watch(&[""], revision - 1).await.unwrap();
    assert_eq!(batch(&mut *watch).await.revision, revision);
}

#[tokio::test]
async fn a_full_cluster_refuses_commits_and_still_reads() {
    let server = Server::start("etcd", 2, |folder, ports| {
        let mut all = etcd_arguments(folder, 0, &[[ports[0], ports[1]]], "http");
        all.push("--quota-backend-bytes=2000000".into());
        all
    });
    ready(server.ports[0]).await;
    let store = open(server.ports[0], "").await;
    store.commit(vec![], put("small", "1")).await.unwrap();
    let mut outcomes = Vec::new();
    for round in 0..8 {
        let large = Write::put(servers::key("large"), vec![round; 500_000]);
        outcomes.push(store.commit(vec![], vec![large]).await);
    }
    assert!(matches!(outcomes.last(), Some(Err(StoreError::Disk(_)))), "{outcomes:?}");
    assert_eq!(value(&*store, "small").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_refused_address_says_why() {
    for address in ["//h/path", "//h?prefx=a", "//user@h", "h"] {
        let refused = Etcd::open(address, false).await;
        assert!(matches!(refused, Err(OpenError::Address(_))), "{address}: {refused:?}");
    }
    for address in ["//h?ca=/nowhere", "//h?cert=/etc/hostname"] {
        let refused = Etcd::open(address, false).await;
        assert!(matches!(refused, Err(OpenError::File(_))), "{address}: {refused:?}");
    }
}
