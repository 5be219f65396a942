//! Row 24: heads that are too large, in each of the ways in which a head can be.

use super::case::{HOST, get, line, refused, run};

#[test]
fn row_24_targets_headers_and_counts_beyond_any_use() {
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: a\r\n")).collect::<String>();
    let big = |name: &str, value: &str| format!("{name}: {value}\r\n");
    run(vec![
        refused("a target of 100 KB", &[414], line(format!("GET /{} HTTP/1.1", "a".repeat(100_000)))).large(),
        refused("a query of 100 KB", &[414], line(format!("GET /?{} HTTP/1.1", "a".repeat(100_000)))).large(),
        refused("a header of 1 MB", &[431], get(big("X-Big", &"a".repeat(1_000_000)))).large(),
        refused("a header name of 1 MB", &[431], get(big(&"X".repeat(1_000_000), "a"))).large(),
        refused("5,000 headers", &[431], get(many(5_000))).large(),
        refused("5,000 empty headers", &[431], get("A:\r\n".repeat(5_000))).large(),
        refused("a cookie of 1 MB", &[431], get(big("Cookie", &"a=b; ".repeat(200_000)))).large(),
        refused("100 headers of 10 KB", &[431], get(big("X-Big", &"a".repeat(10_000)).repeat(100))).large(),
        refused(
            "a method of 100 KB",
            &[400, 414, 431, 501],
            line(format!("{} / HTTP/1.1", "A".repeat(100_000))),
        )
        .large(),
        refused(
            "a host of 100 KB",
            &[400, 431],
            format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(100_000)),
        )
        .large(),
        refused("no line end within 1 MB", &[400, 414, 431], vec![b'A'; 1_000_000]).large(),
        refused(
            "no head end within 1 MB",
            &[431],
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}", "a".repeat(1_000_000)),
        )
        .large(),
    ]);
}
