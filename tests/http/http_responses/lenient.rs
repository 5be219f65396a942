//! Responses of old endpoints, which break rules that do no harm to an app that knows its endpoints. They pass only where the app
//! asks for it, and the log says what was let pass.

use super::stage::Stage;
use support::{Reply, Response, eventually, router, scripted};

const CASES: [(&str, &str); 5] = [
    ("ends with a bare line feed", "HTTP/1.1 200 OK\nX-A: b\nContent-Length: 5\n\nhello"),
    ("ends with a bare line feed", "HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 5\r\n\r\nhello"),
    ("version of HTTP/1", "HTTP/1.2 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"),
    ("chunks", "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5   \r\nhello\r\n0 \r\n\r\n"),
    ("chunks", "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"),
];

fn stage(settings: &str) -> Stage {
    let endpoint = scripted(|_| Reply::ok("fine"));
    Stage { router: router().stable_on("v1", vec![endpoint]).key("rolling/hello/settings", settings).start() }
}

fn answer(stage: &Stage, reply: &str) -> Option<Response> {
    stage.poison(Reply::Close(reply.as_bytes().to_vec()));
    stage.ask("GET").try_response("GET").ok()
}

#[test]
fn what_old_endpoints_write_passes_where_the_app_asks_for_it_and_is_said() {
    let lenient = stage(r#"{"lenient_responses": true}"#);
    for (said, reply) in CASES {
        let response = answer(&lenient, reply).expect("an answer");
        assert_eq!((response.status, response.text().as_str()), (200, "hello"), "{reply:?}");
        assert_eq!(response.header("x-a"), Some("b"), "{reply:?}");
        eventually("the log says so", || {
            lenient.router.log().lines().any(|line| line.contains("lenient_responses") && line.contains(said))
        });
    }
    for reply in
        ["HTTP/1.1 200 OK\nA : b\n\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\nTransfer-Encoding: chunked\n\n"]
    {
        assert_eq!(answer(&lenient, reply).map(|response| response.status), Some(502), "{reply:?}");
    }
    let strict = stage("{}");
    for (_, reply) in CASES {
        let response = answer(&strict, reply);
        assert!(response.is_none_or(|response| response.status == 502), "{reply:?}");
    }
}
