//! Encoders under load: their memory has a limit, they come back from clients that leave, and releases change meanwhile.

use super::stage::{ask, chunk, compressing, decoded, page, send};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use support::{Reply, Router, eventually, scripted, serving};

/// Ends the load also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// More than an encoder of gzip takes, and less than two do.
const ONE_ENCODER_BYTES: u64 = 400_000;

fn coding(router: &Router) -> Option<String> {
    let response = ask(router, "GET", "X-Whole: yes\r\nAccept-Encoding: gzip\r\n");
    assert!(decoded(&response) == page().into_bytes());
    assert_eq!(response.header("vary"), Some("Accept-Encoding"));
    response.header("content-encoding").map(str::to_owned)
}

#[test]
fn beyond_the_limit_responses_go_out_as_they_are_until_a_client_leaves() {
    let endpoint = serving(|peer| {
        while let Some(request) = peer.request() {
            if request.header("x-whole").is_some() {
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{}",
                    page().len(),
                    page()
                ));
            } else {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{}", page()));
                peer.drain();
            }
        }
    });
    let router = compressing(endpoint).limit("encoder_bytes_max", ONE_ENCODER_BYTES).start();
    assert_eq!(coding(&router).as_deref(), Some("gzip"));
    let mut stream = router.connect();
    send(&mut stream, &router, "GET", "Accept-Encoding: gzip\r\n");
    stream.read_until(b"\r\n\r\n");
    assert!(!chunk(&mut stream).is_empty(), "it is in the middle of its response");
    assert_eq!(coding(&router), None, "the only encoder is lent");
    let hits = router.api().metrics().sum("rolling_limits_hit_total", &[("limit", "encoder_memory")]);
    assert_eq!(hits, 1.0);
    stream.reset();
    eventually("its encoder is free again", || coding(&router).is_some());
}

#[test]
fn a_promote_under_load_breaks_no_compressed_response() {
    let site = || scripted(|_| Reply::response("200 OK", &[("Content-Type", "text/html")], page()));
    let router = compressing(site()).candidate_on("v2", vec![site()]).blend(50).start();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for accept in ["gzip", "br", "zstd", "identity"] {
            let (router, over, answered) = (&router, &over, &answered);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let response = ask(router, "GET", &format!("Accept-Encoding: {accept}\r\n"));
                    assert!(decoded(&response) == page().into_bytes(), "{accept}: {}", response.status);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let _end = End(&over);
        let wait = |more: usize| {
            let so_far = answered.load(Ordering::SeqCst);
            eventually("clients are served", || answered.load(Ordering::SeqCst) >= so_far + more);
        };
        wait(40);
        router.api().post("promote", &json!({})).expect(200);
        wait(40);
        router.api().post("rollback", &json!({})).expect(200);
        wait(40);
    });
}
