//! The Redis backend against real servers that each test starts for itself.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use keyvalues::{
    Batch, Event, OpenError, Outcome, Redis, Store, StoreError, Watch, WatchItem, Write,
    conformance::{self, Foreign},
};
use support::servers::{
    self, Server, eventually, judge,
    shared::{OneServer, OtherTool, ServerAccess},
    wanted,
};

fn arguments(folder: &Path, ports: &[u16]) -> Vec<String> {
    let (port, folder) = (ports[0].to_string(), folder.to_str().unwrap());
    // Every write is on disk before it is answered; no snapshots.
    let durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    let place = ["--port", &port, "--bind", "127.0.0.1", "--dir", folder];
    place.iter().chain(&durable).map(|text| (*text).to_owned()).collect()
}

fn raw(port: u16) -> redis::Client {
    redis::Client::open(format!("redis://127.0.0.1:{port}/1")).unwrap()
}

async fn start() -> Server {
    let server = Server::start("redis-server", 1, arguments);
    ready(&server).await;
    server
}

async fn ready(server: &Server) {
    let client = raw(server.ports[0]);
    eventually("redis-server's start", async || {
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
        redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
    })
    .await;
}

async fn open(port: u16, options: &str) -> Arc<Redis> {
    Arc::new(Redis::open(&format!("//127.0.0.1:{port}/1?{options}"), false).await.unwrap())
}

/// The port of a server.
#[derive(Clone, Copy)]
struct Port(u16);

#[async_trait]
impl ServerAccess for Port {
    const FOREIGN: bool = true;

    async fn open(&self, prefix: &str) -> Arc<dyn Store> {
        open(self.0, &format!("prefix={prefix}")).await
    }

    /// With a character that is a pattern's elsewhere.
    fn prefix(&self, case: usize) -> String {
        format!("case*{case}:")
    }

    async fn put(&self, name: String, value: &[u8]) {
        let mut connection = raw(self.0).get_multiplexed_async_connection().await.unwrap();
        redis::cmd("SET").arg(name).arg(value).query_async::<()>(&mut connection).await.unwrap();
    }

    async fn delete(&self, name: String) {
        let mut connection = raw(self.0).get_multiplexed_async_connection().await.unwrap();
        redis::cmd("DEL").arg(name).query_async::<()>(&mut connection).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_conforms() {
    let server = start().await;
    let backend = OneServer::new(Port(server.ports[0]));
    let report = conformance::run(&backend, wanted, 6).await;
    judge(&report, 105);
}

fn put(name: &str, value: &str) -> Vec<Write> {
    vec![Write::put(servers::key(name), value.to_owned())]
}

async fn value(store: &dyn Store, name: &str) -> Option<String> {
    let entry = store.get(&servers::key(name)).await.unwrap();
    entry.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
}

/// Reads on to the next batch.
async fn batch(watch: &mut dyn Watch) -> Batch {
    loop {
        match watch.next().await.unwrap() {
            WatchItem::Batch(batch) => return batch,
            WatchItem::Progress(_) => {}
            WatchItem::Resync => panic!("resync"),
        }
    }
}

#[tokio::test]
async fn a_restarted_server_ends_watches_and_they_resume_where_they_were() {
    let mut server = start().await;
    let store = open(server.ports[0], "").await;
    let Outcome::Done(seen) = store.commit(vec![], put("a", "1")).await.unwrap() else { panic!("not done") };
    let epoch = store.epoch().await.unwrap();
    let lease = store.lease(std::time::Duration::from_secs(60)).await.unwrap();
    let mut watch = store.watch(&[""], seen).await.unwrap();
    store.commit(vec![], put("a", "2")).await.unwrap();
    assert_eq!(batch(&mut *watch).await.revision, seen + 1);
    server.kill();
    assert!(matches!(watch.next().await, Err(StoreError::Unreachable(_))));
    assert!(matches!(store.get(&servers::key("a")).await, Err(StoreError::Unreachable(_))));
    assert!(matches!(store.commit(vec![], put("a", "3")).await, Err(StoreError::Unreachable(_))));

    server.restart();
    ready(&server).await;
    assert_eq!(value(&*store, "a").await.as_deref(), Some("2"), "it reconnects by itself");
    assert_eq!(store.epoch().await.unwrap(), epoch);
    lease.keep_alive().await.unwrap();
    let mut watch = store.watch(&[""], seen).await.unwrap();
    store.commit(vec![], put("a", "3")).await.unwrap();
    assert_eq!(batch(&mut *watch).await.revision, seen + 1);
    assert_eq!(batch(&mut *watch).await.revision, seen + 2);
}

#[tokio::test]
async fn a_flushed_database_is_another_epoch_and_a_resync() {
    let server = start().await;
    let store = open(server.ports[0], "").await;
    for _ in 0..3 {
        store.commit(vec![], put("a", "1")).await.unwrap();
    }
    let epoch = store.epoch().await.unwrap();
    let mut watch = store.watch(&[""], 3).await.unwrap();
    let mut connection = raw(server.ports[0]).get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await.unwrap();
    loop {
        match watch.next().await.unwrap() {
            WatchItem::Resync => break,
            WatchItem::Progress(_) => {}
            WatchItem::Batch(batch) => panic!("{batch:?}"),
        }
    }
    assert_ne!(store.epoch().await.unwrap(), epoch);
    assert_eq!(store.list(&[""]).await.unwrap().entries, []);
}

#[tokio::test]
async fn a_password_is_needed_where_it_is_set_and_a_wrong_one_is_said_so() {
    let server = Server::start("redis-server", 1, |folder, ports| {
        [arguments(folder, ports), vec!["--requirepass".into(), "se/cret".into()]].concat()
    });
    let port = server.ports[0];
    eventually("redis-server's start", async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        .await;
    for login in ["", ":wrong@"] {
        let refused = Redis::open(&format!("//{login}127.0.0.1:{port}"), false).await;
        assert!(matches!(refused, Err(OpenError::Store(StoreError::Denied(_)))), "{refused:?}");
    }
    let store = Redis::open(&format!("//:se%2Fcret@127.0.0.1:{port}/2"), false).await.unwrap();
    store.commit(vec![], put("a", "1")).await.unwrap();
    assert!(!format!("{store:?}").contains("se/cret"));
}

/// Every command of a router listed the keys of its app by going through all keys of the server, several times.
#[tokio::test]
async fn a_listing_of_one_tree_does_not_go_through_all_keys() {
    let server = start().await;
    let store = open(server.ports[0], "prefix=p:").await;
    for name in ["apps/a-1-80/containers/c1", "apps/a-1-80/containers/c2", "apps/b-1-80/containers/c1"] {
        store.commit(vec![], put(name, "1")).await.unwrap();
    }
    let mut connection = raw(server.ports[0]).get_multiplexed_async_connection().await.unwrap();
    let names = async || {
        let listing = store.list(&["apps/a-1-80/containers/", "rolling/a/rollout"]).await.unwrap();
        listing.entries.iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>()
    };
    let known = ["apps/a-1-80/containers/c1", "apps/a-1-80/containers/c2"];
    assert_eq!(names().await, known);
    redis::cmd("CONFIG").arg("RESETSTAT").query_async::<()>(&mut connection).await.unwrap();
    assert_eq!(names().await, known);
    let called: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    assert!(called.contains("cmdstat_zrangebylex") && !called.contains("cmdstat_scan"), "{called}");
    assert!(!called.contains("cmdstat_hkeys"), "{called}");

    // What another tool has added is found by its own name, and where nothing was known.
    let tool = OtherTool { reached: Port(server.ports[0]), prefix: "p:".into() };
    tool.put(&servers::key("rolling/a/rollout"), b"theirs").await;
    assert_eq!(names().await, [known[0], known[1], "rolling/a/rollout"]);
    tool.put(&servers::key("apps/c-1-80/containers/c1"), b"theirs").await;
    assert_eq!(store.list(&["apps/c-1-80/containers/"]).await.unwrap().entries.len(), 1);
    tool.delete(&servers::key(known[0])).await;
    assert_eq!(names().await, [known[1], "rolling/a/rollout"]);

    // A store that was written before the names were kept.
    redis::cmd("DEL").arg("p:/names").query_async::<()>(&mut connection).await.unwrap();
    assert_eq!(names().await, [known[1], "rolling/a/rollout"]);
}

/// The search is kept from running, so only a notification can tell.
#[tokio::test]
async fn notifications_tell_of_foreign_writes_where_they_are_on() {
    let server = Server::start("redis-server", 1, |folder, ports| {
        [arguments(folder, ports), vec!["--notify-keyspace-events".into(), "K$gx".into()]].concat()
    });
    ready(&server).await;
    let port = server.ports[0];
    let mut connection = raw(port).get_multiplexed_async_connection().await.unwrap();
    let mut hold = redis::cmd("SET");
    hold.arg("p[*]:/swept").arg("1").query_async::<()>(&mut connection).await.unwrap();
    let store = open(port, "prefix=p[*]:").await;
    let mut watch = store.watch(&["f/"], 0).await.unwrap();
    assert!(matches!(watch.next().await, Ok(WatchItem::Progress(_))), "the feed is running");
    let tool = OtherTool { reached: Port(port), prefix: "p[*]:".into() };
    for name in ["f/1", "f/2"] {
        let name = servers::key(name);
        tool.put(&name, b"theirs").await;
        assert_eq!(batch(&mut *watch).await.events[0].key(), &name);
        tool.delete(&name).await;
        assert_eq!(batch(&mut *watch).await.events, [Event::Deleted { key: name }]);
    }
}

#[tokio::test]
async fn a_full_server_refuses_commits_and_still_reads() {
    let server = start().await;
    let store = open(server.ports[0], "").await;
    store.commit(vec![], put("a", "1")).await.unwrap();
    let mut connection = raw(server.ports[0]).get_multiplexed_async_connection().await.unwrap();
    let mut limit = async |bytes: &str| {
        redis::cmd("CONFIG")
            .arg(&["SET", "maxmemory", bytes])
            .query_async::<()>(&mut connection)
            .await
            .unwrap();
    };
    limit("1000").await;
    let full = store.commit(vec![], put("a", "2")).await;
    assert!(matches!(full, Err(StoreError::Disk(_))), "{full:?}");
    assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
    limit("0").await;
    assert!(matches!(store.commit(vec![], put("a", "3")).await, Ok(Outcome::Done(2))));
}

/// The replica has every acknowledged commit, and goes on from there when it is promoted.
#[tokio::test]
async fn a_commit_waits_for_replicas_and_a_promoted_one_goes_on() {
    let mut primary = start().await;
    let replica = start().await;
    let (from, to) = (primary.ports[0], replica.ports[0]);
    let store = open(from, "replicas=1").await;
    let lonely = store.commit(vec![], put("a", "1")).await.unwrap();
    assert!(matches!(&lonely, Outcome::Unknown(text) if text.contains("0 of 1")), "{lonely:?}");

    let mut connection = raw(to).get_multiplexed_async_connection().await.unwrap();
    let follow = ["127.0.0.1", &from.to_string()];
    redis::cmd("REPLICAOF").arg(&follow).query_async::<()>(&mut connection).await.unwrap();
    eventually("a replicated commit", async || {
        matches!(store.commit(vec![], put("a", "2")).await, Ok(Outcome::Done(_)))
    })
    .await;
    let Ok(Outcome::Done(last)) = store.commit(vec![], put("b", "last")).await else { panic!("not done") };
    let refused = Redis::open(&format!("//127.0.0.1:{to}/1"), false).await;
    assert!(matches!(refused, Err(OpenError::Store(StoreError::Unreachable(_)))), "a replica: {refused:?}");

    primary.kill();
    redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query_async::<()>(&mut connection).await.unwrap();
    let promoted = open(to, "").await;
    assert_eq!(value(&*promoted, "b").await.as_deref(), Some("last"));
    assert_eq!(promoted.commit(vec![], put("b", "later")).await.unwrap(), Outcome::Done(last + 1));
    let mut watch = promoted.watch(&[""], last).await.unwrap();
    assert_eq!(batch(&mut *watch).await.revision, last + 1);
}

#[tokio::test]
async fn with_tls_the_server_is_verified_and_an_unknown_one_refused() {
    let server = Server::start("redis-server", 2, |folder, ports| {
        servers::make_certificates(folder);
        let file = |name: &str| folder.join(name).display().to_string();
        let (port, tls_port) = (ports[1].to_string(), ports[0].to_string());
        let place = ["--port", &port, "--tls-port", &tls_port, "--bind", "127.0.0.1", "--save", ""];
        let (ca, cert, key) = (file("ca.pem"), file("cert.pem"), file("key.pem"));
        let tls = ["--tls-ca-cert-file", &ca, "--tls-cert-file", &cert, "--tls-key-file", &key];
        place.iter().chain(&tls).map(|text| (*text).to_owned()).collect()
    });
    eventually("redis-server's start", async || {
        std::net::TcpStream::connect(("127.0.0.1", server.ports[0])).is_ok()
    })
    .await;
    let file = |name: &str| server.folder.path().join(name).display().to_string();
    let (port, ca) = (server.ports[0], file("ca.pem"));
    let anonymous = Redis::open(&format!("//127.0.0.1:{port}?ca={ca}"), true).await;
    assert!(anonymous.is_err(), "the server wants a client certificate: {anonymous:?}");
    let client = format!("cert={}&key={}", file("cert.pem"), file("key.pem"));
    let untrusted = Redis::open(&format!("//127.0.0.1:{port}?{client}"), true).await;
    assert!(matches!(untrusted, Err(OpenError::Store(StoreError::Unreachable(_)))), "{untrusted:?}");
    let store = Redis::open(&format!("//127.0.0.1:{port}?ca={ca}&{client}"), true).await.unwrap();
    assert_eq!(store.commit(vec![], put("a", "1")).await.unwrap(), Outcome::Done(1));
    let mut watch = store.watch(&[""], 0).await.unwrap();
    assert_eq!(batch(&mut *watch).await.revision, 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_named_without_its_password() {
    let port = servers::free_ports(1)[0];
    let error = keyvalues::open(&format!("redis://:secret@127.0.0.1:{port}")).await.unwrap_err();
    assert!(matches!(error, OpenError::Store(StoreError::Unreachable(_))), "{error:?}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_not_understood_is_refused_before_anything_is_opened() {
    for address in ["//h/database", "//h?prefx=a", "//h?replicas=many", "//h,i", "h", "//h?ca=/nowhere"] {
        let refused = Redis::open(address, false).await;
        assert!(matches!(refused, Err(OpenError::Address(_))), "{address}: {refused:?}");
    }
}
