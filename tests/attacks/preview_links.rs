//! A preview link that was mistyped: its token stood in the access log, and whoever read the log had the preview.

use serde_json::json;
use std::fs;
use support::{eventually, router};

#[test]
fn a_mistyped_link_leaves_no_token_in_a_log() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    for format in ["json", "common", "combined"] {
        let file = folder.path().join(format);
        let router =
            router().stable("v1").access_log(&file).flag(&format!("--access-log-format={format}")).start();
        let made = router.api().post("previews", &json!({ "track": "stable" })).expect(201).json();
        let path = made["path"].as_str().expect("a path").to_owned();
        let token = path.split("token=").nth(1).expect("a token").to_owned();
        let slips = [
            path.clone(),
            path.replace("preview?", "previews?"),
            path.replace("/_rolling", "/_roling"),
            path.replace("?token=", "/"),
            path.replace("token=", "tokn="),
            format!("/_rolling/preview/?token={}", &token[..62]),
            format!("{path}."),
            format!("{path}%20"),
            format!("/{}", path.replace("/_rolling/", "/_Rolling%2F")),
            format!("http://{}{}", router.host, path.replace("preview", "preveiw")),
        ];
        for slip in &slips {
            let mut wire = router.connect();
            wire.send(format!(
                "GET {slip} HTTP/1.1\r\nHost: {}\r\nReferer: http://{}{slip}\r\nConnection: close\r\n\r\n",
                router.host, router.host
            ));
            wire.response("GET");
        }
        eventually("every request has its line", || {
            fs::read_to_string(&file).is_ok_and(|text| text.lines().count() == slips.len())
        });
        let text = fs::read_to_string(&file).expect("it can be read");
        assert!(!text.contains(&token[..20]) && !text.contains(&token[20..60]), "{format}: {text}");
        assert!(!router.log().contains(&token[20..60]), "{}", router.log());
        assert!(text.contains("/_rolling/previews?token=A"), "what was asked for is still told: {text}");
    }
}
