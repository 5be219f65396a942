//! A real client and a real server of gRPC, through the router.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use support::{
    Router,
    clock::pause,
    eventually,
    http2::{spawn, wait},
    router::id,
};
use tonic::Code;

use super::{
    stage::{before, release},
    tonic_peers::{GrpcClient, GrpcServer, KINDS, Kind},
};

fn addresses(servers: &[GrpcServer]) -> Vec<SocketAddr> {
    servers.iter().map(|server| server.address).collect()
}

fn settings() -> Value {
    json!({ "upstream": "h2c", "drainseconds": 1, "drainmaxseconds": 2, "abortseconds": 2,
        "health": { "grpc": "test.Texts", "interval_ms": 2000, "timeout_ms": 2000, "fall": 2 } })
}

/// A router with v1 on stable, and v2.
fn serve(v1: &[GrpcServer], v2: &[GrpcServer]) -> Router {
    release(before(&addresses(v1), &settings()), "v2", &addresses(v2)).start()
}

/// A call: its kind, and the release that answered, or why none did.
type Made = (Kind, Result<String, String>);

/// Calls of all kinds, one after the other in several tasks, until they are ended.
struct Calls {
    ends: Arc<AtomicBool>,
    made: Arc<Mutex<Vec<Made>>>,
    running: Arc<()>,
}

impl Calls {
    fn begin(front: SocketAddr) -> Self {
        let calls = Self { ends: Arc::default(), made: Arc::default(), running: Arc::new(()) };
        for kind in KINDS.into_iter().chain(KINDS) {
            let (ends, made, running) =
                (Arc::clone(&calls.ends), Arc::clone(&calls.made), Arc::clone(&calls.running));
            let client = GrpcClient::of(front);
            spawn(async move {
                while !ends.load(Ordering::SeqCst) {
                    let answered = client.call(kind).await.map_err(|status| status.to_string());
                    made.lock().expect("nobody panics with it").push((kind, answered));
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                drop(running);
            });
        }
        calls
    }

    /// Waits until a release has answered calls of each kind from now on.
    fn see(&self, release: &str) {
        let from = self.made.lock().expect("nobody panics with it").len();
        eventually(&format!("{release} answers all kinds of calls"), || {
            let made = self.made.lock().expect("nobody panics with it");
            KINDS.iter().all(|kind| {
                made[from..].iter().filter(|(made, by)| made == kind && by.as_deref() == Ok(release)).count()
                    > 2
            })
        });
    }

    fn end(self) -> Vec<Made> {
        self.ends.store(true, Ordering::SeqCst);
        eventually("all calls have ended", || Arc::strong_count(&self.running) == 1);
        std::mem::take(&mut self.made.lock().expect("nobody panics with it"))
    }
}

#[test]
fn no_call_of_any_kind_fails_in_promote_abort_and_drain() {
    let v1 = [GrpcServer::start("v1"), GrpcServer::start("v1")];
    let v2 = [GrpcServer::start("v2"), GrpcServer::start("v2")];
    let router = serve(&v1, &v2);
    let api = router.api();
    let calls = Calls::begin(router.front);
    calls.see("v1");
    api.put("candidate", &json!({ "id": id("v2") })).expect(200);
    api.put("blend", &json!({ "percent": 50 })).expect(200);
    calls.see("v2");
    api.post("abort", &json!({})).expect(200);
    calls.see("v1");
    pause(Duration::from_secs(2));
    api.put("candidate", &json!({ "id": id("v2") })).expect(200);
    api.put("blend", &json!({ "percent": 50 })).expect(200);
    calls.see("v2");
    api.post("promote", &json!({})).expect(200);
    calls.see("v2");
    eventually("v1 has drained", || api.state()["draining"].as_array().is_none_or(Vec::is_empty));
    let drain = format!("releases/v2/endpoints/{}/drain", v2[0].address);
    api.put(&drain, &json!({})).expect(200);
    calls.see("v2");
    api.delete(&drain).expect(200);
    calls.see("v2");
    let made = calls.end();
    let failed: Vec<_> = made.iter().filter(|(_, by)| by.is_err()).collect();
    assert!(failed.is_empty(), "{} of {} calls failed: {failed:?}", failed.len(), made.len());
}

/// A call that nobody has worked on is made again by the router, once, while it holds all of its message.
#[test]
fn a_call_that_meets_an_unavailable_endpoint_goes_to_another_one() {
    let servers = [GrpcServer::start("v1"), GrpcServer::start("v1")];
    let router = serve(&servers, &[]);
    let client = GrpcClient::of(router.front);
    let calls = || (servers[0].calls(), servers[1].calls());
    eventually("both are asked", || {
        wait(client.call(Kind::Unary)).expect("they answer");
        calls().0 > 0 && calls().1 > 0
    });
    let before = calls();
    servers[0].be_unavailable(true);
    let mut made = 0;
    // An endpoint whose check is late on a busy machine is out for a while, so there may be more calls before it is asked.
    eventually("the first one is asked before", || {
        for kind in [Kind::Unary, Kind::Down] {
            assert_eq!(wait(client.call(kind)).expect("the other endpoint answers"), "v1");
            made += 1;
        }
        made >= 40 && calls().0 > before.0
    });
    assert_eq!(calls().1 - before.1, made, "each was answered there, and asked of it once");
    // Where all are, the client hears it from the endpoint that was asked last, and no call goes round.
    servers[1].be_unavailable(true);
    let asked = servers[0].calls() + servers[1].calls();
    let status = wait(client.call(Kind::Unary)).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "v1 rests"));
    assert!(servers[0].calls() + servers[1].calls() <= asked + 2);
}

#[test]
fn a_call_whose_message_is_too_long_to_be_held_is_made_once() {
    let servers = [GrpcServer::start("v1"), GrpcServer::start("v1")];
    servers.iter().for_each(|server| server.be_unavailable(true));
    let router = serve(&servers, &[]);
    let client = GrpcClient::of(router.front);
    let status = wait(client.send(200_000)).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(servers[0].calls() + servers[1].calls(), 1);
}

#[test]
fn stable_answers_a_call_for_which_the_candidate_is_unavailable() {
    let (v1, v2) = ([GrpcServer::start("v1")], [GrpcServer::start("v2")]);
    v2[0].be_unavailable(true);
    let builder = release(before(&addresses(&v1), &settings()), "v2", &addresses(&v2));
    let router = builder.key("rolling/hello/candidate/id", &id("v2")).blend(100).start();
    let client = GrpcClient::of(router.front);
    assert_eq!(wait(client.call(Kind::Unary)).expect("stable answers"), "v1");
    assert_eq!(v2[0].calls(), 1, "the candidate was asked before");
}

/// The state of one service counts: a server that runs may have one that does not serve.
#[test]
fn an_endpoint_whose_service_says_that_it_does_not_serve_is_out() {
    let servers = [GrpcServer::start("v1"), GrpcServer::start("v1")];
    let router = serve(&servers, &[]);
    let endpoints = || router.api().state()["stable"]["endpoints"].clone();
    let of = |server: &GrpcServer| {
        let (all, address) = (endpoints(), json!(server.address.to_string()));
        let found = all.as_array().expect("a list").iter().find(|endpoint| endpoint["address"] == address);
        found.expect("it is listed").clone()
    };
    eventually("both are checked", || {
        servers.iter().all(|server| of(server)["checked"] == true && of(server)["healthy"] == true)
    });
    servers[0].rest(true);
    eventually("the first is out", || of(&servers[0])["healthy"] == false);
    assert_eq!(of(&servers[0])["detail"], "the service `test.Texts` of gRPC answered NOT_SERVING");
    let asked = servers[0].calls();
    let client = GrpcClient::of(router.front);
    (0..10).for_each(|_| assert_eq!(wait(client.call(Kind::Unary)).expect("it is answered"), "v1"));
    assert_eq!(servers[0].calls(), asked);
    servers[0].rest(false);
    eventually("it is in again", || of(&servers[0])["healthy"] == true);
    let mut other = settings();
    other["health"]["grpc"] = json!("test.Other");
    router.api().put("settings", &other).expect(200);
    let told = "the service `test.Other` of gRPC answered NOT_FOUND";
    eventually("another service is not known", || of(&servers[0])["detail"] == told);
    let answer = router.api().put("settings", &json!({ "health": { "grpc": "a" } })).expect(422);
    assert!(answer.response.text().contains("set `upstream` to `h2c` or `h2`"), "{}", answer.response.text());
}
