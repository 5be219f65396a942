//! Listings that nobody reads. 1,600 raw keys of 64 KiB and eight unread listings of them took a router from 11 MiB to 1,426.

use base64::Engine as _;
use serde_json::Value;
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::router::token;
use support::{Router, count, router};

use crate::operator::{Times, deaf_crowd, get};

const HERE: [u8; 4] = [127, 0, 0, 1];
const VALUE_BYTES: usize = 64 << 10;

fn filled(router: &Router, keys: usize) {
    let value = "v".repeat(VALUE_BYTES);
    for number in 0..keys {
        router.api().kv_put(&format!("bulk/{number:05}"), &value).expect(200);
    }
}

fn listed(router: &Router, query: &str) -> Vec<Value> {
    let answer = router.api_as("viewer").raw("GET", &format!("/api/kv/bulk/?{query}"), None, "").expect(200);
    answer.json().as_array().cloned().unwrap_or_default()
}

#[test]
fn listings_that_nobody_reads_cost_a_part_each() {
    let router = router().stable("v1").candidate("v2").start();
    let keys = count(300, 1_600);
    filled(&router, keys);
    let before = router.process().memory_bytes();
    let paths = ["/api/kv/?recurse", "/v1/kv/bulk?recurse=true"]
        .map(|path| get(&router, path, Some(token("viewer"))));
    let mut crowd = Vec::new();
    for path in &paths {
        crowd.extend(deaf_crowd(router.admin, HERE, 4, path.as_bytes()));
    }
    let mut most = 0;
    let looked = Deadline::after(Duration::from_secs(3));
    while !looked.passed() {
        most = most.max(router.process().memory_bytes());
        pause(Duration::from_millis(50));
    }
    let mut times = Times::default();
    (0..5).for_each(|_| times.round(&router, HERE));
    times.assert_at_once("listings that nobody reads");
    let grown = most.saturating_sub(before);
    println!(
        "{keys} keys of 64 KiB: {} KiB before, {} unread listings cost {} KiB",
        before / 1024,
        crowd.len(),
        grown / 1024
    );
    assert!(grown < 16 << 20, "{} KiB", grown / 1024);
    drop(crowd);
    // Read, it is whole, in the shape that old scripts know.
    let whole = listed(&router, "recurse");
    assert_eq!(whole.len(), keys);
    let value =
        base64::prelude::BASE64_STANDARD.decode(whole[7]["Value"].as_str().expect("text")).expect("base64");
    assert_eq!((whole[7]["Key"].as_str(), value.len()), (Some("bulk/00007"), VALUE_BYTES));
}

#[test]
fn a_listing_comes_in_pages() {
    let router = router().stable("v1").start();
    let api = router.api();
    for number in 0..25 {
        api.kv_put(&format!("bulk/{number:02}"), "x").expect(200);
    }
    api.kv_put("bulky", "x").expect(200);
    let (mut after, mut found) = (String::new(), Vec::new());
    loop {
        let page = listed(&router, &format!("keys&limit=10{after}"));
        found.extend(page.iter().map(|key| key.as_str().expect("a key").to_owned()));
        if page.len() < 10 {
            break;
        }
        after = format!("&after={}", found[found.len() - 1]);
    }
    let expected: Vec<String> = (0..25).map(|number| format!("bulk/{number:02}")).collect();
    assert_eq!(found, expected);
    let rest: Vec<Value> = listed(&router, "recurse&limit=3&after=bulk/21");
    assert_eq!(
        rest.iter().map(|entry| entry["Key"].as_str()).collect::<Vec<_>>(),
        [Some("bulk/22"), Some("bulk/23"), Some("bulk/24")]
    );
    assert!(listed(&router, "recurse&after=bulk/24").is_empty());
    for (query, status) in
        [("recurse&limit=0", 422), ("keys&limit=10001", 422), ("keys&limit=x", 400), ("keys&after=a//b", 400)]
    {
        let answer = api.raw("GET", &format!("/api/kv/bulk/?{query}"), None, "");
        assert_eq!(answer.status(), status, "{query}: {}", answer.response.text());
    }
}
