//! What endpoints are told about the client: each family of headers says the same, also behind a balancer. Jetty and Spring
//! prefer different ones, and both saw `http` and the balancer's address.

use support::{ReceivedMessage, Router, router};

const HOST: &str = "shop.example.test";

/// Whom and what an endpoint takes a request for.
#[derive(Debug, PartialEq)]
struct SeenOrigin {
    client: String,
    scheme: String,
    host: String,
    port: String,
}

fn seen(client: &str, scheme: &str, host: &str, port: &str) -> SeenOrigin {
    let owned = str::to_owned;
    SeenOrigin { client: owned(client), scheme: owned(scheme), host: owned(host), port: owned(port) }
}

/// The first member of a list.
fn first(value: &str) -> String {
    value.split(',').next().unwrap_or_default().trim().to_owned()
}

/// Host and port, where `usual` is the port of the scheme.
fn split_host(text: &str, scheme: &str) -> (String, String) {
    let usual = if scheme == "https" { "443" } else { "80" };
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host.to_owned(), port.to_owned()),
        _ => (text.to_owned(), usual.to_owned()),
    }
}

/// A parameter of the first element of Forwarded, as Spring's `ForwardedHeaderUtils` and Jetty's `ForwardedRequestCustomizer`
/// take it.
fn in_forwarded(received: &ReceivedMessage, name: &str) -> Option<String> {
    let element = first(received.header("forwarded")?);
    let pair =
        element.split(';').find_map(|pair| pair.trim().strip_prefix(&format!("{name}=")).map(str::to_owned));
    pair.map(|value| value.trim_matches('"').to_owned())
}

/// Reads as Jetty and Spring do: Forwarded first.
fn by_forwarded(received: &ReceivedMessage) -> SeenOrigin {
    let scheme = in_forwarded(received, "proto").expect("a proto");
    let (host, port) = split_host(&in_forwarded(received, "host").expect("a host"), &scheme);
    let client = in_forwarded(received, "for").expect("a client").trim_matches(['[', ']']).to_owned();
    SeenOrigin { client, scheme, host, port }
}

/// Reads as servers do that know X-Forwarded-* alone; Spring lets X-Forwarded-Port win over the port of the host.
fn by_x_forwarded(received: &ReceivedMessage) -> SeenOrigin {
    let one = |name: &str| {
        let all = received.header_all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        first(all[0])
    };
    let scheme = one("x-forwarded-proto");
    let (host, port_of_host) = split_host(&one("x-forwarded-host"), &scheme);
    let port = one("x-forwarded-port");
    assert_eq!(port, port_of_host, "both say the same");
    SeenOrigin { client: one("x-forwarded-for"), scheme, host, port }
}

/// Sends a request with these lines; what every reader made of it.
fn sent(router: &Router, lines: &str) -> (SeenOrigin, ReceivedMessage) {
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n"));
    assert_eq!(wire.response("GET").status, 200, "{lines}");
    let received = router.endpoint("v1").take().remove(0);
    let seen = by_forwarded(&received);
    assert_eq!(seen, by_x_forwarded(&received), "{lines}");
    assert_eq!(received.header_all("x-real-ip"), [seen.client.as_str()], "{lines}");
    for gone in ["x-forwarded-ssl", "x-forwarded-scheme"] {
        assert_eq!(received.header(gone), None, "{lines}");
    }
    (seen, received)
}

#[test]
fn behind_a_balancer_every_reader_sees_the_client() {
    let router = router().stable("v1").flag("--trusted-networks=127.0.0.0/8").start();
    let for_client = "X-Forwarded-For: 203.0.113.9\r\n";
    for (lines, wanted) in [
        ("", seen("127.0.0.1", "http", HOST, "80")),
        (for_client, seen("203.0.113.9", "http", HOST, "80")),
        (
            "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n",
            seen("203.0.113.9", "https", HOST, "443"),
        ),
        (
            "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n",
            seen("203.0.113.9", "https", HOST, "8443"),
        ),
        (
            "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.test:444\r\n",
            seen("203.0.113.9", "https", "www.test", "444"),
        ),
        (
            "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.7\r\nX-Forwarded-Proto: https, http\r\n",
            seen("203.0.113.9", "https", HOST, "443"),
        ),
        (
            "Forwarded: for=6.6.6.6;proto=http, for=203.0.113.9;proto=https;host=www.test\r\nX-Real-IP: 6.6.6.6\r\n",
            seen("203.0.113.9", "https", "www.test", "443"),
        ),
        ("Forwarded: for=\"[2001:db8::9]:80\";proto=https\r\n", seen("2001:db8::9", "https", HOST, "443")),
        ("X-Real-IP: 203.0.113.9\r\nX-Forwarded-Ssl: on\r\n", seen("203.0.113.9", "https", HOST, "443")),
        // What nobody wrote for the balancer, and it passed on.
        (
            "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=6.6.6.6;proto=https;host=evil.test\r\nX-Real-IP: 6.6.6.6\r\n",
            seen("203.0.113.9", "http", HOST, "80"),
        ),
    ] {
        let (found, received) = sent(&router, lines);
        assert_eq!(found, wanted, "{lines:?}");
        let path = received.header("x-forwarded-for").expect("it is written");
        assert!(!path.contains("6.6.6.6"), "hearsay goes on: {path}");
        assert!(path == "127.0.0.1" || path.ends_with(", 127.0.0.1"), "the balancer is named: {path}");
    }
}

#[test]
fn a_client_that_is_no_proxy_is_told_nothing_else_of() {
    let router = router().stable("v1").start();
    for lines in [
        "",
        "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: 1\r\n",
        "Forwarded: for=6.6.6.6;proto=https;host=a\r\nX-Real-IP: 6.6.6.6\r\n",
        "X-Forwarded-Ssl: on\r\nX-Forwarded-Scheme: https\r\n",
    ] {
        assert_eq!(sent(&router, lines).0, seen("127.0.0.1", "http", HOST, "80"), "{lines:?}");
    }
    let mut wire = router.connect();
    wire.send("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
    assert_eq!(wire.response("GET").status, 200);
    let received = router.endpoint("v1").take().remove(0);
    assert_eq!(by_x_forwarded(&received), seen("127.0.0.1", "http", "[::1]", "8080"));
    assert_eq!(by_forwarded(&received), seen("127.0.0.1", "http", "[::1]", "8080"));
}
