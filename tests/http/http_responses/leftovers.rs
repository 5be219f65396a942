//! Row 35: bytes behind a response, or where no body can be, never reach another client, and their connection is not
//! used again.

use super::stage::{SMUGGLED, Stage, each, is_fine, name};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use support::{Reply, router, serving};

/// The first client gets its answer and nothing more; so does its next request.
fn contained(stage: &Stage, (method, bytes, status, body): (&str, Vec<u8>, u16, &str)) -> Result<(), String> {
    stage.poison(Reply::Bytes(bytes));
    let mut wire = stage.ask(method);
    let response = wire.try_response(method).map_err(|fault| format!("{fault:?}"))?;
    if response.status != status || response.text() != body {
        return Err(format!("answered {} {:?}, not {status} {body:?}", response.status, response.text()));
    }
    if !response.says_close() {
        wire.send(format!("GET /good HTTP/1.1\r\nHost: {}\r\n\r\n", stage.router.host));
        is_fine(&wire.try_response("GET").map_err(|fault| format!("then: {fault:?}"))?)?;
    }
    Ok(())
}

#[test]
fn row_35_bytes_behind_a_response() {
    let ok = |headers: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}");
    let cases = [
        ("GET", ok("Content-Length: 5\r\n", "hello"), 200, "hello"),
        ("POST", ok("Content-Length: 5\r\n", "hello"), 200, "hello"),
        ("GET", ok("Content-Length: 0\r\n", ""), 200, ""),
        ("GET", ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), 200, "hello"),
        ("GET", ok("Transfer-Encoding: chunked\r\n", "0\r\nX: a\r\n\r\n"), 200, ""),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n".into(), 204, ""),
        ("POST", "HTTP/1.1 204 No Content\r\n\r\n".into(), 204, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".into(), 304, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 38\r\n\r\n".into(), 304, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n".into(), 304, ""),
        ("HEAD", ok("Content-Length: 62\r\n", ""), 200, ""),
        ("HEAD", ok("Transfer-Encoding: chunked\r\n", ""), 200, ""),
        ("HEAD", ok("", ""), 200, ""),
        ("GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone".into(), 404, "gone"),
    ];
    each(
        cases.into_iter().map(|(method, answer, status, body)| {
            (
                format!("{method} {}", name(answer.as_bytes())),
                (method, format!("{answer}{SMUGGLED}").into_bytes(), status, body),
            )
        }),
        contained,
    );
}

#[test]
fn row_35_bodies_where_none_can_be() {
    let cases = [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\nhello", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", 304),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            304,
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200),
        ("HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", 404),
    ];
    each(
        cases.into_iter().map(|(method, answer, status)| {
            (format!("{method} {answer:?}"), (method, answer.as_bytes().to_vec(), status, ""))
        }),
        contained,
    );
}

#[test]
fn row_35_a_204_that_announces_a_body() {
    let answers = [
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ];
    each(answers.map(|answer| (format!("{answer:?}"), answer)), |stage, answer| {
        stage.poison(Reply::Bytes(answer.as_bytes().to_vec()));
        let response = stage.ask("GET").try_response("GET").map_err(|fault| format!("{fault:?}"))?;
        let framed =
            response.header("content-length").is_some() || response.header("transfer-encoding").is_some();
        match response.status {
            // RFC 9110 section 8.6: a 204 has neither header.
            204 if framed => Err("a 204 announces a body".into()),
            204 | 502 => Ok(()),
            other => Err(format!("answered {other}")),
        }
    });
}

#[test]
fn row_35_bytes_before_any_request() {
    let stage = Stage::new();
    // A good exchange, then bytes on the kept connection while nobody is asking.
    stage.poison(Reply::Bytes(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".as_slice(), SMUGGLED.as_bytes()].concat(),
    ));
    for _ in 0..5 {
        let response = stage.ask("GET").response("GET");
        assert_eq!((response.status, response.text().as_str()), (200, "ok"));
        stage.assert_clean().expect("nothing is left over");
    }
}

#[test]
fn row_35_bytes_that_come_while_a_kept_connection_is_idle() {
    let (go, told) = channel::<()>();
    let (tell, done) = channel::<()>();
    let (told, tell) = (Mutex::new(told), Mutex::new(tell));
    let endpoint = serving(move |peer| {
        while let Some(request) = peer.request() {
            let first = request.target() == "/poison";
            peer.keep(request);
            peer.send("HTTP/1.1 200 OK\r\nX-Fine: yes\r\nContent-Length: 4\r\n\r\nfine");
            if first {
                let _ = told.lock().expect("one connection waits").recv();
                peer.send(SMUGGLED);
                let _ = tell.lock().expect("one connection tells").send(());
            }
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let ask = |target: &str| {
        let mut wire = router.connect();
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        is_fine(&wire.response("GET")).expect("nobody gets the poison");
    };
    ask("/poison");
    go.send(()).expect("the endpoint waits for this");
    done.recv().expect("the bytes are on the wire");
    for _ in 0..3 {
        ask("/good");
    }
    let used: Vec<usize> = router.endpoint("v1").take().iter().map(|received| received.connection).collect();
    assert!(!used[1..].contains(&used[0]), "the connection was used again: {used:?}");
}
