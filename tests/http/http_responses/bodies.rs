//! Row 34: a body that is cut or badly chunked ends in an abort downstream, never in something that looks whole.

use super::stage::{Stage, assert_broken, each, name};
use std::io::Read;
use support::message::Fault;
use support::{Framing, Reply};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n";

fn aborted(stage: &Stage, reply: Reply) -> Result<(), String> {
    stage.poison(reply);
    for method in ["GET", "POST"] {
        assert_broken(stage.ask(method).try_response(method)).map_err(|why| format!("{method}: {why}"))?;
    }
    Ok(())
}

#[test]
fn row_34_bodies_cut_short() {
    let whole = [
        format!("{LENGTH}hello world"),
        format!("{CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        format!("{CHUNKED}5;a=b\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n"),
    ];
    let mut cases = Vec::new();
    for message in &whole {
        let head = message.find("\r\n\r\n").expect("there is a head") + 4;
        for cut in head..message.len() {
            let bytes = message.as_bytes()[..cut].to_vec();
            cases.push((format!("{}, close", name(&bytes)), Reply::Close(bytes.clone())));
            cases.push((format!("{}, reset", name(&bytes)), Reply::Reset(bytes)));
        }
    }
    each(cases, aborted);
}

#[test]
fn row_34_bodies_badly_chunked() {
    let bodies = [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5xyz\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX : a\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\0\r\n\r\n",
        "hello",
        "<html>hello</html>",
    ];
    let cases = bodies
        .iter()
        .map(|body| (format!("{body:?}"), Reply::Bytes(format!("{CHUNKED}{body}").into_bytes())));
    each(cases, aborted);
}

#[test]
fn row_34_a_close_delimited_body_that_is_reset() {
    let head = b"HTTP/1.1 200 OK\r\nX: a\r\n\r\nhello".to_vec();
    each([("reset".to_owned(), Reply::Reset(head))], |stage, reply| {
        stage.poison(reply);
        let mut wire = stage.ask("GET");
        match wire.try_response("GET") {
            // To a close-delimited body only a reset says that it is not whole.
            Ok(response) if response.framing == Framing::Close => {
                Err("an orderly end says that it is whole".into())
            }
            other => assert_broken(other),
        }
    });
}

#[test]
fn row_34_http_1_0_clients_see_a_reset() {
    let cut = Reply::Close(format!("{CHUNKED}5\r\nhello\r\n").into_bytes());
    each([("HTTP/1.0".to_owned(), cut)], |stage, reply| {
        stage.poison(reply);
        let mut wire = stage.router.connect();
        wire.send(format!("GET /poison HTTP/1.0\r\nHost: {}\r\n\r\n", stage.router.host));
        let mut all = Vec::new();
        match wire.stream().read_to_end(&mut all) {
            Err(_) => Ok(()),
            Ok(_) if all.starts_with(b"HTTP/1.1 502") => Ok(()),
            Ok(_) => Err(format!("an orderly end after {}", name(&all))),
        }
    });
}

#[test]
fn an_endpoint_that_dies_inside_a_response_is_not_asked_again() {
    let stage = Stage::new();
    stage.poison(Reply::Close(format!("{LENGTH}hello").into_bytes()));
    let outcome = stage.ask("GET").try_response("GET");
    assert!(matches!(outcome, Err(Fault::Cut(_))), "{outcome:?}");
    let asked = stage.router.endpoint("v1").take().len();
    assert_eq!(asked, 1, "a byte went downstream, so the request must not be repeated");
}
