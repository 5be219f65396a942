//! A server that is asked as a store and sends the router elsewhere: it learns nothing more, and elsewhere is asked nothing.

use keyvalues::{Key, OpenError, StoreError};
use support::{Endpoint, Reply, scripted};

/// A server that sends everybody to `goal`.
fn redirecting(status: &'static str, goal: &Endpoint) -> Endpoint {
    let location = format!("http://{}/stolen", goal.address);
    scripted(move |_| Reply::response(status, &[("Location", location.as_str())], b""))
}

/// Why the store at this address cannot be used.
async fn refusal(store: &str) -> String {
    let error = match keyvalues::open(store).await {
        Err(OpenError::Store(error)) => error,
        Err(other) => panic!("{store}: {other}"),
        Ok(store) => {
            let key = Key::new("rolling/null").expect("a key");
            store.get(&key).await.expect_err("there is no store")
        }
    };
    // Which is waited for, as a server that is down; anything else would end the router.
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    error.to_string()
}

async fn stays_here(scheme: &str) {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let goal = scripted(|_| Reply::ok("[]"));
        let server = redirecting(status, &goal);
        let refusal = refusal(&format!("{scheme}{}", server.address)).await;
        assert!(refusal.contains(status) && refusal.contains("redirects are not followed"), "{refusal}");
        assert!(server.received() > 0);
        assert_eq!(goal.received(), 0, "{scheme} {status}");
    }
}

#[tokio::test]
async fn a_store_behind_http_leads_nowhere_else() {
    stays_here("http://:a-token-of-this-router@").await;
}

#[tokio::test]
async fn an_etcd_leads_nowhere_else() {
    stays_here("etcd://").await;
    stays_here("etcd://root:secret@").await;
}
