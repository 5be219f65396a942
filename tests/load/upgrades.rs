//! Upgrades under load: a new process takes over listeners, store and state directory, and nobody notices.

use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, eventually, pause};
use support::command::run;
use support::tls::CertificateFiles;
use support::traffic::Traffic;
use support::websocket::{Socket, echo_frames, upgrade_answer};
use support::{Endpoint, Router, Visitor, Wire, count, router, serving};

/// Parts of a slow download, one each 100 ms.
const PARTS: usize = 20;
const PART_BYTES: usize = 1_000;
/// All of a slow download.
pub const DOWNLOAD_BYTES: usize = PARTS * PART_BYTES;

/// An endpoint with pages, downloads that take two seconds and 600 ms, and WebSockets.
pub fn site(release: &'static str) -> Endpoint {
    serving(move |peer| {
        while let Some(request) = peer.request() {
            if request.header("upgrade").is_some() {
                peer.send(upgrade_answer(release));
                return echo_frames(peer);
            }
            let (parts, wait) = match request.target().as_str() {
                "/slow" => (PARTS, 100),
                "/less-slow" => (PARTS, 30),
                _ => (1, 0),
            };
            let length = parts * PART_BYTES;
            let mut sent = peer
                .send(format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nContent-Length: {length}\r\n\r\n"));
            for _ in 0..parts {
                pause(Duration::from_millis(wait));
                sent = sent && peer.send([b'x'; PART_BYTES]);
            }
        }
    })
}

/// A download under way; how many bytes came.
fn download(router: &Router) -> JoinHandle<usize> {
    let (mut wire, host) = (router.connect(), router.host.clone());
    thread::spawn(move || {
        wire.send(format!("GET /slow HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        wire.response("GET").body.len()
    })
}

#[test]
fn upgrades_under_load_lose_nothing() {
    let rounds = count(4, 200);
    let mut router = router()
        .stable_on("v1", vec![site("v1")])
        .candidate_on("v2", vec![site("v2")])
        .blend(50)
        .durable()
        .workers(2)
        .start();
    let (traffic, newcomers) = (Traffic::start(&router, 8), Traffic::newcomers(&router, 2));
    let mut sockets: Vec<Socket> = (0..4).map(|_| Socket::open(&router, "/", "")).collect();
    let (mut longest, begun) = (Duration::ZERO, Deadline::after(Duration::from_secs(3_600)));
    for round in 0..rounds {
        let downloads = [download(&router), download(&router)];
        pause(Duration::from_millis(300));
        router.signal("USR2");
        let command = Deadline::after(Duration::from_secs(60));
        // It waits while nobody has the store.
        router.api().put("blend", &json!({ "percent": 40 + round % 20 })).expect(200);
        longest = longest.max(command.elapsed());
        router.follow_upgrade();
        assert_eq!(router.api().state()["blend"].as_f64(), Some((40 + round % 20) as f64), "round {round}");
        sockets.iter_mut().for_each(|socket| socket.assert_echo("still here"));
        for download in downloads {
            assert_eq!(download.join().expect("it ends"), DOWNLOAD_BYTES, "round {round}");
        }
    }
    let (came, answered) = (newcomers.answered(), traffic.answered());
    assert!(came > 0 && answered > 0, "{came} newcomers, {answered} others");
    for life in newcomers.stop().into_iter().chain(traffic.stop()) {
        assert_eq!(life.failures, Vec::<String>::new());
        let releases: Vec<&str> = life.seen.iter().map(|answer| answer.release.as_str()).collect();
        assert!(releases.windows(2).all(|pair| pair[0] == pair[1]), "a pin moved: {releases:?}");
    }
    let rate = (came + answered) as f64 / begun.elapsed().as_secs_f64();
    println!(
        "{rounds} upgrades at {rate:.0} requests/s, {came} of them newcomers: 0 lost; a command waited at most {longest:?}"
    );
    // What lasts keeps the first process; once it is over, that one ends.
    drop(sockets);
    eventually("the first process has ended", || router.first_has_ended());
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let mut router = router().stable_on("v1", vec![site("v1")]).durable().limit("idle_ms", 60_000).start();
    let config = router.path("config.toml");
    let good = fs::read_to_string(&config).expect("it has one");
    let (certificate, _) = CertificateFiles::new(&["localhost"]);
    let occupied = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = occupied.local_addr().expect("it has an address");
    let state = router.path("state").display().to_string();
    let token_file = router.path("tokens").display().to_string();
    // The first fails before the new process is prepared, the second when it has the store already.
    let files = (certificate.certificate(), certificate.key());
    for (bad, why) in [
        ("log = \"loud\"\n".to_owned(), "ended"),
        (
            format!(
                "listen_tls = [\"{taken}\"]\ntls_certificate = [\"{}\"]\ntls_key = [\"{}\"]\n",
                files.0.display(),
                files.1.display()
            ),
            "cannot listen on",
        ),
    ] {
        fs::write(&config, format!("{bad}{good}")).expect("it can be written");
        let traffic = Traffic::start(&router, 2);
        let ran = run(&["upgrade", "--state", &state, "--token-file", &token_file], &[]);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.err.contains("goes on as before") && ran.err.contains(why), "{ran:?}");
        router.api().put("blend", &json!({ "percent": 10 })).expect(409);
        router.api().put("lock", &json!({ "reason": why })).expect(200);
        router.api().delete("lock").expect(200);
        assert!(router.is_ready());
        for life in traffic.stop() {
            assert_eq!(life.failures, Vec::<String>::new());
            assert_eq!(life.connects, 1, "no connection was closed");
        }
    }
    drop(occupied);
    fs::write(&config, good).expect("it can be written");
    let ran = run(&["upgrade", "--state", &state, "--token-file", &token_file], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    router.follow_upgrade();
    router.visitor().get("/");
}

/// A client that kept its connection through the upgrade asks after the next release: the old process knows of it.
#[test]
fn the_old_process_follows_the_releases_of_the_new_one() {
    let mut router = router()
        .stable_on("v1", vec![site("v1")])
        .candidate_on("v2", vec![site("v2")])
        .blend(0)
        .durable()
        .start();
    let mut clients: Vec<Visitor> = (0..40).map(|_| router.visitor()).collect();
    for client in &mut clients {
        assert_eq!(client.release(), "v1");
    }
    router.upgrade();
    router.api().post("promote", &json!({})).expect(200);
    // Each of them may ask the old process once.
    let mut left = clients.iter_mut();
    eventually("the old process sends new clients to the new release", || {
        let client = left.next().expect("it takes a second or two");
        client.pin = None;
        pause(Duration::from_millis(200));
        client.get("/").release == "v2" && client.connects == 1
    });
}

#[test]
fn what_a_store_in_memory_holds_is_not_given_up() {
    let router = router().stable_on("v1", vec![site("v1")]).start();
    router.signal("USR2");
    eventually("it says why", || router.log().contains("would be gone with this process"));
    router.visitor().get("/");
    let state = router.path("none").display().to_string();
    let ran = run(&["upgrade", "--state", &state], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no router runs"), "{ran:?}");
}

/// Whoever reaches a router that starts is served: it accepts once it has a table.
#[test]
fn a_router_that_comes_back_tells_nobody_503() {
    let mut router = router().stable_on("v1", vec![site("v1")]).durable().start();
    for _ in 0..count(3, 40) {
        let (over, front, host) = (Arc::new(AtomicBool::new(false)), router.front, router.host.clone());
        let asking = {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                let mut statuses = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    let Some(mut wire) = Wire::try_open(front) else { continue };
                    wire.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
                    statuses.extend(wire.try_response("GET").map(|response| response.status));
                }
                statuses
            })
        };
        router.kill();
        router.start_again();
        eventually("it serves", || router.visitor().try_get("/").is_ok());
        over.store(true, Ordering::SeqCst);
        let statuses = asking.join().expect("it ends");
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
}
