//! A store full of endpoints. 600 apps of 1,849 endpoints made `/metrics` 363 MB long, which was built in memory for each
//! scrape.

use serde_json::Value;
use std::io::Read;
use support::clock::Deadline;
use support::{count, router};

use crate::operator::{Times, at_once, deaf_crowd, get};

const HERE: [u8; 4] = [127, 0, 0, 1];

/// Keyvalues of apps with one release each, as a keyvalues file has them.
pub fn crowded(apps: usize, endpoints: usize) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for app in 0..apps {
        let release = format!("apps/app{app}-1-80/containers");
        keys.push((format!("rolling/app{app}/stable/id"), release.clone()));
        for endpoint in 0..endpoints {
            let address = format!(
                "127.{}.{}.{}:{}",
                100 + app / 250,
                app % 250,
                1 + endpoint / 250,
                1_000 + endpoint % 250
            );
            keys.push((format!("{release}/c{endpoint}"), address));
        }
    }
    keys
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

#[test]
fn a_page_has_a_bounded_number_of_series_and_says_what_it_lacks() {
    let (apps, endpoints) = (count(40, 600), count(100, 80));
    let keys = crowded(apps, endpoints);
    let mut builder = router().stable("v1").candidate("v2").limit("metrics_series_max", 10_000);
    for (key, value) in &keys {
        builder = builder.key(key, value);
    }
    let router = builder.start();
    let started = Deadline::after(at_once());
    let answer = router.api().anonymous().raw("GET", "/metrics", None, "").expect(200);
    let (text, took) = (answer.response.text(), started.elapsed());
    println!("{} series in {} bytes, in {took:?}", series(&text), text.len());
    assert!(series(&text) <= 10_000 + 100, "{}", series(&text));
    let metrics = router.api().metrics();
    let lacks = |group| metrics.sum("rolling_metrics_series_left_out", &[("group", group)]);
    assert!(lacks("endpoints") >= (4 * apps * endpoints) as f64, "{}", lacks("endpoints"));
    assert!(!metrics.has("rolling_endpoint_healthy"), "all of a kind or none");
    assert_eq!(lacks("apps"), 0.0);
    assert!(metrics.sum("rolling_seq", &[]) > 0.0);

    // Scrapes that nobody reads cost a few KiB each.
    let before = router.process().memory_bytes();
    let crowd = deaf_crowd(router.admin, HERE, 200, get(&router, "/metrics", None).as_bytes());
    let mut times = Times::default();
    (0..10).for_each(|_| times.round(&router, HERE));
    times.assert_at_once("scrapes that nobody reads");
    let grown = router.process().memory_bytes().saturating_sub(before);
    println!("{} unread scrapes cost {} KiB", crowd.len(), grown / 1024);
    assert!(grown < 200 * 128 * 1024, "{grown} bytes");
}

/// A scrape that is read slowly is whole.
#[test]
fn a_scrape_that_is_read_slowly_is_whole() {
    let router = router().stable("v1").start();
    let mut stream = crate::operator::deaf(router.admin, HERE).expect("the router accepts");
    let request = get(&router, "/metrics", None).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it is sent");
    let (mut text, mut buffer) = (Vec::new(), [0; 512]);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        text.extend(&buffer[..length]);
    }
    let text = String::from_utf8(text).expect("it is text");
    assert!(text.ends_with("0\r\n\r\n") && text.contains("rolling_metrics_series_left_out"), "{text}");
    let state: Value = router.api().state();
    assert_eq!(state["app"], "hello");
}
