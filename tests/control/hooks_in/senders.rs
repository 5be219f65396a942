//! Each sender as it proves itself: GitLab, Standard Webhooks, a token.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use support::{Answer, Router};

use super::{SECRET, add, candidate, hmac_of, made, post, push, stage};

/// The secret of the specification's example.
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn now() -> u64 {
    support::clock::wall().as_secs()
}

/// Delivers as the specification of Standard Webhooks has it.
fn standard(router: &Router, id: &str, time: u64, body: &str) -> Answer {
    let key = BASE64_STANDARD.decode(&STANDARD["whsec_".len()..]).expect("base64");
    let signed = BASE64_STANDARD.encode(hmac_of(&key, format!("{id}.{time}.{body}").as_bytes()));
    let headers = format!(
        "webhook-id: {id}\r\nwebhook-timestamp: {time}\r\nwebhook-signature: v1,AAAA v1,{signed}\r\n"
    );
    post(router, "/hooks/in/std", body.as_bytes(), &headers)
}

#[test]
fn gitlab_is_known_by_its_token_and_its_repeats_by_their_key() {
    let (router, endpoint) = stage();
    add(&router, "lab", json!({ "sender": "gitlab", "tags": ["v*"], "events": ["tag_push"] }));
    let body = push("v2", &endpoint).to_string();
    let send = |token: &str, event: &str, key: &str| {
        let headers =
            format!("X-Gitlab-Event: {event}\r\nX-Gitlab-Token: {token}\r\nIdempotency-Key: {key}\r\n");
        post(&router, "/hooks/in/lab", body.as_bytes(), &headers)
    };
    send("wrong-wrong-wrong-wrong", "Tag Push Hook", "k1").expect(401);
    assert_eq!(send(SECRET, "Push Hook", "k1").expect(200).json()["result"], "ignored");
    assert_eq!(send(SECRET, "Tag Push Hook", "k2").expect(200).json()["result"], "done");
    assert_eq!(candidate(&router), json!(made("v2")));
    assert_eq!(send(SECRET, "Tag Push Hook", "k2").expect(200).json()["repeated"], true);
    let other = send(SECRET, "Tag Push Hook", "k3").expect(200).json();
    assert_eq!((&other["repeated"], &other["result"]), (&json!(false), &json!("unchanged")));
}

#[test]
fn standard_webhooks_are_known_by_signature_and_time() {
    let (router, endpoint) = stage();
    let fields = json!({ "sender": "standard", "secret": STANDARD, "events": ["release.*"], "release": "{/data/tag}",
                         "endpoints": ["{/data/endpoint}"] });
    add(&router, "std", fields);
    let body =
        json!({ "type": "release.published", "data": { "tag": "v2", "endpoint": endpoint } }).to_string();
    for (time, why) in
        [(now() - 400, "away from this router's time"), (now() + 400, "away from this router's time")]
    {
        let refused = standard(&router, "msg_old", time, &body).expect(401);
        assert!(refused.response.text().contains(why), "{}", refused.response.text());
    }
    assert_eq!(standard(&router, "msg_1", now(), &body).expect(200).json()["result"], "done");
    assert_eq!(candidate(&router), json!(made("v2")));
    router.api().post("abort", &json!({})).expect(200);
    assert_eq!(standard(&router, "msg_1", now(), &body).expect(200).json()["repeated"], true);
    assert_eq!(candidate(&router), json!(null));
    assert_eq!(standard(&router, "msg_2", now(), &body).expect(200).json()["result"], "done");
}

#[test]
fn anybody_with_the_token_may_deliver() {
    let (router, endpoint) = stage();
    add(&router, "any", json!({ "sender": "token", "release": "{/release}", "endpoints": ["{/endpoint}"] }));
    let send = |release: &str, headers: &str| {
        let body = json!({ "release": release, "endpoint": endpoint }).to_string();
        post(&router, "/hooks/in/any", body.as_bytes(), headers)
    };
    for wrong in [
        "",
        "Authorization: Bearer wrong-wrong-wrong-wrong\r\n",
        "Authorization: Basic 0123456789abcdef0123\r\n",
    ] {
        send("v2", wrong).expect(401);
    }
    let right = format!("Authorization: Bearer {SECRET}\r\n");
    assert_eq!(send("v2", &right).expect(200).json()["result"], "done");
    assert_eq!(
        send("v2", &right).expect(200).json()["result"],
        "unchanged",
        "each counts, and nothing is to do"
    );
    router.api().post("abort", &json!({})).expect(200);
    let keyed = format!("{right}Idempotency-Key: build-7\r\n");
    assert_eq!(send("v3", &keyed).expect(200).json()["result"], "done");
    assert_eq!(send("v3", &keyed).expect(200).json()["repeated"], true);
}
