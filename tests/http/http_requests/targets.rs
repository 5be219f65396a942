//! Rows 17-23: for whom and for what a request is, and in which version of HTTP.

use super::case::{Case, HOST, Wants, forwarded, line, refused, run};
use support::ReceivedMessage;

const BAD: &[u16] = &[400];

#[test]
fn row_17_no_host_or_two() {
    let heads = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\r\n\r\n",
        "GET http://shop.example.test/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHOST: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n",
    ];
    run(heads.iter().map(|head| refused(format!("{head:?}"), BAD, head)).collect());
}

/// HAProxy's `option httpchk` asks so, and took the site down that refused it. A host stands in for the missing one, so that the
/// endpoint's request is a valid one.
#[test]
fn row_17_http_1_0_may_name_no_host() {
    let lines = [
        ("GET / HTTP/1.0\r\n\r\n", "/"),
        ("OPTIONS / HTTP/1.0\r\n\r\n", "/"),
        ("OPTIONS * HTTP/1.0\r\n\r\n", "*"),
        ("HEAD /a?b HTTP/1.0\r\nX: y\r\n\r\n", "/a?b"),
        ("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", "/"),
    ];
    let cases = lines.into_iter().map(|(head, target)| {
        let check = move |received: &ReceivedMessage| {
            assert_eq!(received.target(), target);
            assert_eq!(received.header_all("host").len(), 1);
            assert!(!received.header("host").unwrap_or_default().is_empty());
            assert_eq!(received.header("x-forwarded-host"), None, "nobody named one");
        };
        forwarded(format!("{head:?}"), head, check).closing()
    });
    let absolute = forwarded("absolute", "GET http://other.test/a HTTP/1.0\r\n\r\n", |received| {
        assert_eq!((received.header("host"), received.target().as_str()), (Some("other.test"), "/a"));
    });
    run(cases.chain([absolute.closing()]).collect());
}

#[test]
fn row_18_hosts_that_are_none() {
    let hosts = [
        "",
        " ",
        "a b",
        "a/b",
        "a\\b",
        "a@b",
        "user@shop.example.test",
        "a,b",
        "a#b",
        "a?b",
        "a%00b",
        "[::1",
        "::1]",
        "[::1]x",
        "[]",
        "a:b",
        "a:99999",
        "a:65536",
        "a:-1",
        "a:+80",
        "a:80:80",
        "a: 80",
        "a:8 0",
        ":80",
        "a\tb",
        "http://a",
        "a<b",
        "a>b",
        "a\"b",
        "a|b",
        "a^b",
        "a`b",
        "{a}",
        "a;proto=https",
        "a=b",
    ];
    let cases = hosts.iter().map(|host| {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        refused(format!("Host: {host:?}"), BAD, bytes)
    });
    run(cases.collect());
}

#[test]
fn row_18_hosts_that_are_some() {
    let hosts = [
        "shop.example.test:8080",
        "[::1]:80",
        "[2001:db8::1]",
        "127.0.0.1",
        "127.0.0.1:80",
        "SHOP.example.TEST",
        "x",
        "a~b",
        "a_b",
        "a!$&'()*+b",
    ];
    let cases = hosts.into_iter().map(|host| {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        forwarded(format!("Host: {host:?}"), bytes, move |received| {
            assert!(received.header("host").is_some_and(|got| got.eq_ignore_ascii_case(host)));
        })
    });
    run(cases.collect());
}

#[test]
fn row_18_an_empty_port_is_none() {
    let hosts = [("a:", "a"), ("shop.example.test:", HOST), ("[::1]:", "[::1]"), ("127.0.0.1:", "127.0.0.1")];
    let cases = hosts.into_iter().map(|(host, wanted)| {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        forwarded(host, bytes, move |received| {
            assert_eq!(received.header_all("host"), [wanted]);
            assert_eq!(received.header_all("x-forwarded-port"), ["80"]);
        })
    });
    run(cases.collect());
}

/// Row 19: the target wins and Host is rewritten, or the request is refused.
fn absolute(target: &'static str, host: &'static str, path: &'static str) -> Case {
    let bytes = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let check = move |received: &ReceivedMessage| {
        assert_eq!(received.header("host"), Some(host));
        let target = received.target();
        assert!(target == path || target.ends_with(&format!("{host}{path}")), "{target}");
    };
    Case::new(target, bytes, Wants::RefusedOr(BAD, Box::new(check)))
}

#[test]
fn row_19_absolute_targets() {
    run(vec![
        absolute("http://other.test/a?b=c", "other.test", "/a?b=c"),
        absolute("http://other.test:8080/a", "other.test:8080", "/a"),
        absolute("HTTP://other.test/a", "other.test", "/a"),
        absolute("http://shop.example.test/a", HOST, "/a"),
        absolute("http://other.test/", "other.test", "/"),
        absolute("http://other.test", "other.test", "/"),
        absolute("http://other.test?q", "other.test", "/?q"),
        absolute("http://other.test:81?q=/a", "other.test:81", "/?q=/a"),
        absolute("http://other.test:/a", "other.test", "/a"),
    ]);
}

#[test]
fn row_20_userinfo_in_the_target() {
    let targets = [
        "http://user@shop.example.test/",
        "http://user:secret@shop.example.test/",
        "http://@shop.example.test/",
        "http://shop.example.test@other.test/",
        "http://user%40a@shop.example.test/",
    ];
    run(targets.iter().map(|target| refused(*target, BAD, line(format!("GET {target} HTTP/1.1")))).collect());
}

#[test]
fn row_21_methods_that_a_proxy_of_this_kind_does_not_serve() {
    let lines = [
        "CONNECT shop.example.test:443 HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "CONNECT http://shop.example.test/ HTTP/1.1",
        "TRACE / HTTP/1.1",
        "TRACE http://shop.example.test/ HTTP/1.1",
        "TRACE * HTTP/1.1",
    ];
    // CONNECT with a target of the wrong form is as much a bad request as a method that is not allowed.
    run(lines.iter().map(|text| refused(*text, &[400, 405], line(text))).collect());
}

#[test]
fn row_21_the_plain_forms_say_method_not_allowed() {
    let lines = ["CONNECT shop.example.test:443 HTTP/1.1", "TRACE / HTTP/1.1"];
    run(lines.iter().map(|text| refused(*text, &[405], line(text))).collect());
}

#[test]
fn row_22_targets_that_are_none() {
    let lines: [&[u8]; 30] = [
        b"GET /a#b HTTP/1.1",
        b"GET /# HTTP/1.1",
        b"GET # HTTP/1.1",
        b"GET /a\x01b HTTP/1.1",
        b"GET /a\x7fb HTTP/1.1",
        b"GET /a\x1bb HTTP/1.1",
        b"GET /a\tb HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET / a HTTP/1.1",
        b"GET admin HTTP/1.1",
        b"GET admin/x HTTP/1.1",
        b"GET ?a=b HTTP/1.1",
        b"GET * HTTP/1.1",
        b"POST * HTTP/1.1",
        b"GET shop.example.test HTTP/1.1",
        b"GET shop.example.test:80 HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /\tHTTP/1.1",
        b"GET HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET http:///a HTTP/1.1",
        b"GET http:// HTTP/1.1",
        b"GET http:/a HTTP/1.1",
        b"GET http://a b/ HTTP/1.1",
        b"GET http://a:99999/ HTTP/1.1",
        b"GET \\a HTTP/1.1",
        b"G(T / HTTP/1.1",
    ];
    run(lines
        .iter()
        .map(|text| refused(format!("{:?}", String::from_utf8_lossy(text)), BAD, line(text)))
        .collect());
}

#[test]
fn row_22_odd_but_valid_targets_arrive_as_they_are() {
    let targets = [
        "/",
        "/a/../b",
        "/%2e%2e/%00",
        "//double//slash",
        "/a?b=c&d=%20",
        "/?",
        "/a;b=c",
        "/a:b@c",
        "/a?b?c/d",
        "/~a",
        "/a|b",
        "/a\"b",
        "/[a]",
        "/{a}",
        "/a^b",
        "/a`b",
        "/%zz",
        "/admin",
        "/a,b!$&'()*+=",
    ];
    let cases = targets.into_iter().map(|target| {
        let bytes = line(format!("GET {target} HTTP/1.1"));
        // What RFC 3986 does not allow in a path may be refused; what it allows may not be changed.
        let strange = target.contains(['|', '"', '[', '{', '^', '`']) || target == "/%zz";
        let check = move |received: &ReceivedMessage| assert_eq!(received.target(), target);
        let wants =
            if strange { Wants::RefusedOr(BAD, Box::new(check)) } else { Wants::Forwarded(Box::new(check)) };
        Case::new(target, bytes, wants)
    });
    run(cases.collect());
}

/// Old pages and scripts send them as they are; a server may read them in any charset.
#[test]
fn row_22_bytes_above_ascii_are_escaped() {
    let targets: [(&[u8], &str); 5] = [
        ("/caf\u{e9}".as_bytes(), "/caf%C3%A9"),
        ("/a?q=\u{4f60}\u{597d}&r=%20".as_bytes(), "/a?q=%E4%BD%A0%E5%A5%BD&r=%20"),
        (b"/\xff\x80", "/%FF%80"),
        ("http://shop.example.test/\u{e9}".as_bytes(), "/%C3%A9"),
        ("http://shop.example.test?\u{e9}".as_bytes(), "/?%C3%A9"),
    ];
    let cases = targets.into_iter().map(|(target, wanted)| {
        let name = String::from_utf8_lossy(target).into_owned();
        let bytes = line([b"GET ", target, b" HTTP/1.1"].concat());
        forwarded(name, bytes, move |received| assert_eq!(received.target(), wanted))
    });
    run(cases.collect());
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    let behind = |lines: usize| format!("{}GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "\r\n".repeat(lines));
    let one_and_two = [1, 2].map(|lines| {
        forwarded(format!("{lines}"), behind(lines), |received| {
            assert_eq!(received.line(), "GET /a HTTP/1.1")
        })
    });
    let many = refused("many", BAD, behind(100));
    let bare = refused("bare", BAD, format!("\n\nGET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    run(one_and_two.into_iter().chain([many, bare]).collect());
}

#[test]
fn options_for_the_whole_server_and_unknown_methods_arrive() {
    let lines = [
        ("OPTIONS * HTTP/1.1", "*"),
        ("OPTIONS /a HTTP/1.1", "/a"),
        ("OPTIONS http://shop.example.test HTTP/1.1", "*"),
        ("OPTIONS http://shop.example.test/ HTTP/1.1", "/"),
        ("PROPFIND /a HTTP/1.1", "/a"),
        ("X! /a HTTP/1.1", "/a"),
    ];
    let cases = lines.into_iter().map(|(text, target)| {
        forwarded(text, line(text), move |received| assert_eq!(received.target(), target))
    });
    run(cases.collect());
}

#[test]
fn row_23_other_versions() {
    let lines = [
        "GET / HTTP/2.0",
        "GET / HTTP/9.9",
        "GET / HTTP/0.9",
        "GET / HTTP/3",
        "GET / HTTP/1",
        "GET / HTTP/1.",
        "GET / HTTP/11",
        "GET / HTTP/1.1x",
        "GET / HTTP/01.1",
        "GET / HTTP/1.01",
        "GET / http/1.1",
        "GET / XTTP/1.1",
        "GET / HTTP /1.1",
        "GET / HTTP/-1.1",
        "GET / HTTP/1,1",
        "GET /",
        "GET",
        "PRI * HTTP/2.0",
    ];
    run(lines.iter().map(|text| refused(*text, &[400, 505], line(text))).collect());
}

#[test]
fn row_23_a_version_that_is_too_new_is_named() {
    run(vec![
        refused("HTTP/2.0", &[505], line("GET / HTTP/2.0")),
        refused("HTTP/9.9", &[505], line("GET / HTTP/9.9")),
    ]);
}
