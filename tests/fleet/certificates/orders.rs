//! Orders: by each challenge, with a CA that is away, and for a name that leads nowhere.

use serde_json::json;

use super::ca::Ca;
use super::{LONG, claim, ordering, shown, status, wait_for, wait_until_valid};
use support::command::ask;
use support::http2::Http2Client;
use support::router::APP;
use support::tls::TlsClient;
use support::{Wire, eventually, router};

#[test]
fn a_claimed_host_gets_a_certificate_though_plain_http_is_redirected() {
    let mut ca = Ca::new();
    let router = ordering(&ca, &["--acme-challenges=http-01", "--https-redirect=8443"]);
    ca.names.set("shop.test", &["127.0.0.1"]);
    ca.names.set("www.shop.test", &["127.0.0.1"]);
    ca.start(&router, LONG);
    claim(&router, &["shop.test", "www.shop.test", "*.any.test"]);
    let known = wait_until_valid(&router, "shop.test");
    assert_eq!(
        (&known["source"], &known["app"], &known["error"]),
        (&json!("acme"), &json!(APP), &json!(null))
    );
    wait_until_valid(&router, "www.shop.test");
    assert_eq!(shown(&router, "*.any.test"), json!(null), "no wildcard is ordered");

    let (address, trust) = (router.front_tls(), ca.trust());
    assert_eq!(status(address, "shop.test", &trust), Some(200));
    assert_eq!(status(address, "www.shop.test", &trust), Some(200));
    for unknown in ["a.any.test", "elsewhere.test", "127.0.0.1"] {
        assert_eq!(status(address, unknown, &trust), None, "{unknown} is nobody's");
    }
    let head = "GET / HTTP/1.1\r\nHost: www.shop.test\r\n\r\n";
    let mut first = TlsClient::try_open(address, "shop.test", &trust).expect("it is trusted");
    first.send(head);
    assert_eq!(first.response("GET").status, 421, "the other host has another certificate");
    let second = Http2Client::open_tls(address, "shop.test", &trust);
    assert_eq!(second.exchange(head).status, 421);

    let told = ask(&router, "viewer", &["certificates"]);
    assert!(
        told.out.contains("shop.test") && told.out.contains("acme") && told.out.contains("valid"),
        "{told:?}"
    );
    assert!(!told.out.contains("PRIVATE KEY"), "never a key");
    let key = "/api/kv/rolling/router/acme/certificates/shop.test?raw=true";
    router.api_as("admin").raw("GET", key, None, "").expect(403);
    let labels = [("name", "shop.test"), ("source", "acme")];
    assert!(router.api().metrics().sum("rolling_certificate_ends_seconds", &labels) > 1.7e9);
}

#[test]
fn a_token_that_is_not_ours_is_the_apps() {
    let ca = Ca::new();
    let router = ordering(&ca, &[]);
    let mut wire = Wire::open(router.front);
    wire.send("GET /.well-known/acme-challenge/unknown HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    let answer = wire.response("GET");
    assert_eq!((answer.status, answer.header("x-release")), (200, Some("v1")), "the endpoint answers");
}

#[test]
fn a_handshake_shows_that_a_host_leads_here_too() {
    let mut ca = Ca::new();
    let router = ordering(&ca, &["--acme-challenges=tls-alpn-01"]);
    ca.names.set("shop.test", &["127.0.0.1"]);
    ca.start(&router, LONG);
    claim(&router, &["shop.test"]);
    wait_until_valid(&router, "shop.test");
    assert_eq!(status(router.front_tls(), "shop.test", &ca.trust()), Some(200));
}

#[test]
fn an_order_that_fails_says_why_and_is_tried_again() {
    let mut ca = Ca::new();
    let router = ordering(&ca, &[]);
    ca.names.set("shop.test", &["127.0.0.1"]);
    claim(&router, &["shop.test", "nowhere.test"]);
    let failed = wait_for(&router, "shop.test", "failed", |one| one["state"] == "failed");
    assert!(failed["retry_at"].is_u64() && failed["failures"] == 1, "{failed}");
    let fleet = router.api().call("GET", "/api/v1/fleet", None).expect(200).json();
    let alarms = fleet["alarms"].as_array().expect("alarms");
    let about =
        |host: &str| alarms.iter().any(|alarm| alarm["kind"] == "certificate" && alarm["subject"] == host);
    assert!(about("shop.test") && about("nowhere.test"), "{fleet}");

    // The CA is back: who leads here gets a certificate, and the other one is told why not.
    ca.start(&router, LONG);
    wait_until_valid(&router, "shop.test");
    assert_eq!(shown(&router, "shop.test")["failures"], 0);
    let looked = |one: &serde_json::Value| {
        one["error"].as_str().is_some_and(|error| error.contains("the CA") && error.contains("nowhere.test"))
    };
    let unfound = wait_for(&router, "nowhere.test", "refused", looked);
    assert_eq!(unfound["state"], "failed");
    assert_eq!(status(router.front_tls(), "nowhere.test", &ca.trust()), None);
}

/// A CA that sells certificates takes its customers alone: the account with it is bound to that of the protocol (RFC 8555
/// section 7.3.4).
#[test]
fn a_ca_for_customers_alone_gives_certificates_to_them() {
    let (id, key) = ("customer-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let account = format!("{id} {key}\n");
    for (given, refusal) in [
        (Some(account), None),
        (Some(format!("{id} {other}\n")), Some("external account binding")),
        (None, Some("external")),
    ] {
        let mut ca = Ca::new().of_customer(id, key);
        let mut builder = router().stable("v1").flag("--listen-tls=127.0.0.1:0");
        for flag in ca.flags() {
            builder = builder.flag(&flag);
        }
        if let Some(account) = &given {
            builder = builder.private_file("account", account).flag("--acme-external-account=account");
        }
        let router = builder.start();
        ca.names.set("shop.test", &["127.0.0.1"]);
        ca.start(&router, LONG);
        claim(&router, &["shop.test"]);
        if let Some(refusal) = refusal {
            let failed = wait_for(&router, "shop.test", "refused", |one| one["state"] == "failed");
            let error = failed["error"].as_str().unwrap_or_default();
            assert!(error.contains(refusal), "{failed}");
            assert!(!router.log().contains(other), "the key is not said");
        } else {
            wait_until_valid(&router, "shop.test");
            assert_eq!(status(router.front_tls(), "shop.test", &ca.trust()), Some(200));
            assert!(!router.log().contains(key), "the key is not said");
        }
    }
}

#[test]
fn orders_for_a_registered_domain_are_limited() {
    let mut ca = Ca::new();
    let router = ordering(&ca, &["--acme-orders-per-week=1"]);
    for host in ["a.shop.test", "b.shop.test"] {
        ca.names.set(host, &["127.0.0.1"]);
    }
    ca.start(&router, LONG);
    claim(&router, &["a.shop.test"]);
    wait_until_valid(&router, "a.shop.test");
    claim(&router, &["a.shop.test", "b.shop.test"]);
    let refused = wait_for(&router, "b.shop.test", "refused", |one| one["state"] == "failed");
    let error = refused["error"].as_str().unwrap_or_default();
    assert!(error.contains("1 certificates were ordered for shop.test within seven days"), "{refused}");
}

#[test]
fn certificates_outlive_a_store_that_is_down_at_the_start() {
    let mut ca = Ca::new();
    let mut router = {
        let mut builder = router().stable("v1").durable().flag("--listen-tls=127.0.0.1:0");
        for flag in ca.flags() {
            builder = builder.flag(&flag);
        }
        builder.start()
    };
    ca.names.set("shop.test", &["127.0.0.1"]);
    ca.start(&router, LONG);
    claim(&router, &["shop.test"]);
    wait_until_valid(&router, "shop.test");
    let trust = ca.trust();
    eventually("there is a table to start from", || router.path("state/table").exists());
    router.kill();
    std::fs::write(router.path("store.redb"), "no store").expect("it can be written");
    router.start_again();
    eventually("it is shown", || status(router.front_tls(), "shop.test", &trust) == Some(200));
}
