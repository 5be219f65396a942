//! Rows 4, 9, 10: lines, names and bytes that have no business in a head.

use super::case::{HOST, forwarded, get, refused, run};

const BAD: &[u16] = &[400];

fn name(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

#[test]
fn row_4_names_and_colons() {
    let lines: [&[u8]; 26] = [
        b"X-A : b",
        b"X-A\t: b",
        b"X-A  : b",
        b"Content-Length : 0",
        b"Transfer-Encoding : chunked",
        b"Host : h",
        b": b",
        b" : b",
        b":",
        b"no colon",
        b"X A: b",
        b"X(A): b",
        b"X\x80: b",
        b"X\"A\": b",
        b"X/A: b",
        b"X@A: b",
        b"X[A]: b",
        b"X{A}: b",
        b"X<A>: b",
        b"X,A: b",
        b"X;A: b",
        b"X=A: b",
        b"X?A: b",
        b"X\\A: b",
        b"X\x7fA: b",
        b"X\x1fA: b",
    ];
    run(lines
        .iter()
        .map(|line| refused(name(line), BAD, get([line, b"\r\n".as_slice()].concat())))
        .collect());
}

#[test]
fn row_4_a_space_before_the_first_colon_of_the_head() {
    let bytes = format!("GET / HTTP/1.1\r\nHost : {HOST}\r\n\r\n");
    run(vec![refused("Host with a space before its colon", BAD, bytes)]);
}

#[test]
fn row_9_bare_line_ends_and_nul() {
    let heads: [&[u8]; 25] = [
        b"GET / HTTP/1.1\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\n",
        b"GET / HTTP/1.1\r\nHost: h\n\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: \ra\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX\r: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\rX: a\r\n\r\n",
        b"GET / HTTP/1.1\rHost: h\r\n\r\n",
        b"GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET\r/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX\0: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\0\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET\0 / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\0\r\nHost: h\r\n\r\n",
        b"\0GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\rX: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x0bb\x01\r\n\r\n",
    ];
    run(heads.iter().map(|head| refused(name(head), BAD, head)).collect());
}

#[test]
fn row_10_folded_lines() {
    let heads: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n \r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ];
    run(heads.iter().map(|head| refused(name(head), BAD, head)).collect());
}

#[test]
fn odd_but_valid_header_lines_arrive_as_they_are() {
    let lines: [(&str, &str, &str); 9] = [
        ("X-Empty:", "X-Empty", ""),
        ("X-Blank:   ", "X-Blank", ""),
        ("X-Tight:a", "X-Tight", "a"),
        ("X-Wide: \t a \t ", "X-Wide", "a"),
        ("X-Inner: a  b\tc", "X-Inner", "a  b\tc"),
        ("!#$%&'*+-.^`|~0: a", "!#$%&'*+-.^`|~0", "a"),
        ("X-Utf8: caf\u{e9}", "X-Utf8", "caf\u{e9}"),
        ("X-Colons: a:b:c", "X-Colons", "a:b:c"),
        ("X-Quote: \"a, b\"; c", "X-Quote", "\"a, b\"; c"),
    ];
    let cases = lines.into_iter().map(|(line, header, value)| {
        forwarded(line, get(format!("{line}\r\n")), move |received| {
            assert_eq!(received.header(header), Some(value));
        })
    });
    run(cases.collect());
}
