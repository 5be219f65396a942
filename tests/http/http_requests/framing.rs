//! Rows 1-8: how long a body is, said twice, wrongly, or in a way that two parsers read differently.

use super::case::{HOST, forwarded, get, post, refused, run};

const CHUNKED: &str = "5\r\nhello\r\n0\r\n\r\n";
const CL: &[u16] = &[400];
const TE: &[u16] = &[400, 501];

#[test]
fn row_1_both_framings_at_once() {
    let both = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "TRANSFER-ENCODING: CHUNKED\r\nCONTENT-LENGTH: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 15\r\n",
        "Content-Length: 5\r\nX-Between: a\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:chunked\r\nX-Between: a\r\nContent-Length:5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: \r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: \r\n",
    ];
    let posts = both.iter().map(|headers| refused(format!("{headers:?}"), TE, post(headers, CHUNKED)));
    let gets = both[..2].iter().map(|headers| refused(format!("GET {headers:?}"), TE, get(headers)));
    run(posts.chain(gets).collect());
}

#[test]
fn row_2_two_lengths() {
    let twice = [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 6\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\ncontent-length: 5\r\n",
        "Content-Length: 0\r\nX-Between: a\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5,5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5,\r\n",
        "Content-Length: ,5\r\n",
        "Content-Length: 0, 5\r\n",
    ];
    run(twice.iter().map(|headers| refused(format!("{headers:?}"), CL, post(headers, "hello"))).collect());
}

#[test]
fn row_3_lengths_that_are_no_numbers() {
    let values = [
        "-1",
        "+5",
        "0x5",
        "5.0",
        "1_0",
        "",
        " ",
        "18446744073709551616",
        "99999999999999999999999999",
        "5 5",
        "5;",
        "5e0",
        "five",
        "\"5\"",
        "'5'",
        "5\t5",
        "-0",
        "0b101",
        "5a",
        "a5",
        "\u{665}",
        "\u{ff15}",
    ];
    let cases = values.iter().map(|value| {
        let headers = format!("Content-Length: {value}\r\n");
        refused(format!("{headers:?}"), CL, post(headers, "hello"))
    });
    run(cases.collect());
}

#[test]
fn row_3_lengths_that_are_numbers() {
    let values = [("5", "hello"), ("05", "hello"), ("0", ""), ("  5  ", "hello"), ("\t5\t", "hello")];
    let mut cases = Vec::new();
    for (value, body) in values {
        for name in ["Content-Length", "content-length", "CONTENT-LENGTH", "cOnTeNt-LeNgTh"] {
            let headers = format!("{name}:{value}\r\n");
            cases.push(forwarded(format!("{headers:?}"), post(headers, body), move |received| {
                assert_eq!(received.body, body.as_bytes());
                let length = received.header("content-length").unwrap_or("0").trim_start_matches('0');
                assert_eq!(length, body.len().to_string().trim_start_matches('0'));
            }));
        }
    }
    run(cases);
}

#[test]
fn row_5_chunked_is_not_the_only_or_last_coding() {
    let headers = [
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked,chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: Chunked, CHUNKED\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nX-Between: a\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ];
    run(headers.iter().map(|headers| refused(format!("{headers:?}"), TE, post(headers, CHUNKED))).collect());
}

#[test]
fn row_6_codings_that_nobody_here_knows() {
    let values = [
        "xchunked",
        "identity",
        "gzip, chunked",
        "gzip",
        "deflate",
        "compress",
        "identity, chunked",
        "chunkedx",
        "chunked;q=1",
        "chunked; a=b",
        "",
        ",chunked",
        "chunked,",
        ", ,chunked",
        "chunk",
        "x, chunked",
        "br,chunked",
    ];
    let cases = values.iter().map(|value| {
        let headers = format!("Transfer-Encoding: {value}\r\n");
        refused(format!("{headers:?}"), TE, post(headers, CHUNKED))
    });
    run(cases.collect());
}

#[test]
fn row_6_chunked_in_any_spelling_is_one_coding() {
    let spellings = [
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding: CHUNKED\r\n",
        "TRANSFER-ENCODING:Chunked\r\n",
        "Transfer-Encoding:\tchunked\t\r\n",
        "Transfer-Encoding:    chunked    \r\n",
    ];
    let cases = spellings.iter().map(|headers| {
        forwarded(format!("{headers:?}"), post(headers, CHUNKED), |received| {
            assert_eq!(received.body, b"hello")
        })
    });
    run(cases.collect());
}

#[test]
fn row_7_transfer_codings_before_they_existed() {
    let headers = [
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
    ];
    let cases = headers.iter().map(|headers| {
        let bytes = format!("POST / HTTP/1.0\r\nHost: {HOST}\r\n{headers}\r\n{CHUNKED}");
        refused(format!("{headers:?}"), TE, bytes)
    });
    run(cases.collect());
}

#[test]
fn row_8_codings_in_disguise() {
    let values: [&[u8]; 14] = [
        b"\x0bchunked",
        b"chunked\x0b",
        b"chunked\0",
        b"\0chunked",
        b"\xa0chunked",
        b"chunked\xa0",
        b"\xc2\xa0chunked",
        b"\"chunked\"",
        b"'chunked'",
        b"chunked\x0c",
        b"\x1fchunked",
        b"chun ked",
        b"chunked \x0b",
        b"c\x08hunked",
    ];
    let cases = values.iter().map(|value| {
        let headers = [b"Transfer-Encoding: ".as_slice(), value, b"\r\n"].concat();
        refused(format!("{:?}", String::from_utf8_lossy(&headers)), TE, post(headers, CHUNKED))
    });
    run(cases.collect());
}
