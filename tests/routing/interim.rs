//! Interim responses are no answer: a candidate that hints and dies, or hints and is silent, is shielded and raced like one that
//! says nothing, and a request that may be repeated is.

use std::time::Duration;
use support::clock::{Deadline, pause};
use support::{Endpoint, Peer, Reply, Response, echo, eventually, router, scripted, serving};

use crate::race::both;

const HINT: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";

/// An endpoint that hints at once, and answers after so many ms.
fn hints_and_answers(release: &'static str, ms: u64) -> Endpoint {
    serving(move |peer: &mut Peer| {
        while peer.request().is_some() {
            peer.send(HINT);
            pause(Duration::from_millis(ms));
            if !peer.send(format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nContent-Length: 2\r\n\r\nok")) {
                return;
            }
        }
    })
}

fn statuses(response: &Response) -> Vec<u16> {
    response.interim.iter().map(|(status, _)| *status).collect()
}

#[test]
fn a_candidate_that_hints_and_fails_is_shielded() {
    let failed = [HINT, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"].concat();
    for reply in [
        Reply::Close(HINT.to_vec()),
        Reply::Reset(HINT.to_vec()),
        Reply::Close(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 O".to_vec()),
        Reply::Bytes(failed),
    ] {
        let router = both(echo("v1"), scripted(move |_| reply.clone()));
        for _ in 0..2 {
            let mut visitor = router.visitor();
            let visit = visitor.get("/");
            assert_eq!(visit.release, "v1");
            assert_eq!(visit.response.interim.len(), 1, "{:?}", statuses(&visit.response));
            assert_eq!(visitor.get("/").release, "v1", "it has moved");
        }
        let shielded = || router.api().metrics().sum("rolling_shielded_requests_total", &[]);
        eventually("they are counted", || (shielded() - 2.0).abs() < 0.1);
    }
}

#[test]
fn a_candidate_that_hints_and_is_silent_is_raced() {
    let router = both(echo("v1"), scripted(|_| Reply::Hang(HINT.to_vec())));
    let since = Deadline::after(Duration::from_millis(3_500));
    let visit = router.visitor().get("/");
    assert_eq!((visit.release.as_str(), statuses(&visit.response)), ("v1", vec![103]));
    assert!(!since.passed(), "{:?}", since.elapsed());
}

#[test]
fn a_candidate_that_hints_and_answers_first_wins_the_race() {
    let router = both(hints_and_answers("v1", 3_000), hints_and_answers("v2", 900));
    let visit = router.visitor().get("/");
    // The hints of stable belong to an answer that the client does not get.
    assert_eq!((visit.release.as_str(), statuses(&visit.response)), ("v2", vec![103]));
    eventually("stable was asked as well", || router.endpoint("v1").connections() > 0);
}

/// One that hints in the middle of a race has not answered either.
#[test]
fn a_hint_ends_no_race() {
    let late = serving(|peer: &mut Peer| {
        if peer.request().is_some() {
            pause(Duration::from_millis(600));
            peer.send(HINT);
            peer.drain();
        }
    });
    let slow = scripted(|_| {
        pause(Duration::from_millis(900));
        Reply::response("200 OK", &[("X-Release", "v1")], "an answer")
    });
    let router = both(slow, late);
    let visit = router.visitor().get("/");
    assert_eq!((visit.release.as_str(), statuses(&visit.response)), ("v1", vec![103]));
}

#[test]
fn within_a_release_only_what_may_be_repeated_is() {
    let dies = || scripted(|_| Reply::Close(HINT.to_vec()));
    let router = router().stable_on("v1", vec![dies(), echo("v1")]).start();
    for _ in 0..20 {
        let response = router.visitor().get("/").response;
        assert!(statuses(&response).iter().all(|status| *status == 103));
    }
    let router = support::router().stable_on("v1", vec![dies(), dies()]).start();
    let mut wire = router.connect();
    wire.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nab", router.host));
    let response = wire.response("POST");
    assert_eq!((response.status, statuses(&response)), (502, vec![103]));
    let received: usize = router.endpoints_of("v1").iter().map(|endpoint| endpoint.received()).sum();
    assert_eq!(received, 1, "a POST that was sent may have been done");
}

#[test]
fn an_endpoint_that_hints_and_never_answers_is_a_time_out() {
    let router = router()
        .stable_on("v1", vec![scripted(|_| Reply::Hang(HINT.to_vec()))])
        .limit("first_byte_ms", 700)
        .start();
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let response = wire.response("GET");
    assert_eq!((response.status, statuses(&response)), (504, vec![103]));
}
