//! An app's own pages in place of the router's.

use super::stage::{ask, with_settings};
use serde_json::json;
use support::{Reply, Router, scripted};

const PAGE: &str = "<!doctype html>\r\n<title>Sorry</title>\r\n\r\nSet-Cookie: a=b\r\n<p>Grüße</p>";
const BROWSER: &str = "Accept: text/html,*/*;q=0.8\r\n";

fn broken() -> Router {
    let endpoint = scripted(|request| match request.target().as_str() {
        "/own" => Reply::response("503 Service Unavailable", &[("X-Own", "yes")], "mine"),
        _ => Reply::Close(b"nonsense\r\n\r\n".to_vec()),
    });
    with_settings(endpoint, &json!({"error_pages": {"502": PAGE, "413": "<p>too much"}, "body_max": 5}))
}

#[test]
fn a_browser_gets_the_apps_page_and_a_program_what_it_asks_for() {
    let router = broken();
    let page = ask(&router, "GET /", &format!("Host: a\r\n{BROWSER}"));
    assert_eq!((page.status, page.text().as_str()), (502, PAGE));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!((page.header("cache-control"), page.header("set-cookie")), (Some("no-store"), None));
    let head = ask(&router, "HEAD /", &format!("Host: a\r\n{BROWSER}"));
    assert_eq!(head.header("content-length"), Some(PAGE.len().to_string().as_str()));
    let json = ask(&router, "GET /", "Host: a\r\nAccept: application/json\r\n");
    assert!(json.text().starts_with("{\"error\""), "{}", json.text());
    let text = ask(&router, "GET /", "Host: a\r\n");
    assert!(text.text().starts_with("502 "), "{}", text.text());
    let large = ask(&router, "POST /", &format!("Host: a\r\n{BROWSER}Content-Length: 6\r\n"));
    assert_eq!((large.status, large.text().as_str()), (413, "<p>too much"));
}

#[test]
fn what_the_app_answers_itself_stays() {
    let own = ask(&broken(), "GET /own", &format!("Host: a\r\n{BROWSER}"));
    assert_eq!((own.status, own.text().as_str(), own.header("x-own")), (503, "mine", Some("yes")));
}
