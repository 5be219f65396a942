//! What the whole GUI costs on the wire: every embedded file, asked for as a browser and as a plain client does.

use flate2::read::GzDecoder;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use support::{Response, Router, Wire, router};

/// What the whole GUI may cost, all pages and heads included, so that it is noticed when it grows. A first visit fetches a part of it, which
/// `ui/tests/files.test.js` holds below 90,000 bytes.
const TRANSFER_BYTES_MAX: usize = 250_000;

/// The paths of all files below a folder, each after `below`.
fn list_files(folder: &Path, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("an entry");
        let name = format!("{below}{}", entry.file_name().to_str().expect("an ASCII name"));
        if entry.path().is_dir() {
            found.extend(list_files(&entry.path(), &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found
}

fn get(router: &Router, path: &str, headers: &str) -> Response {
    let mut wire = Wire::open(router.admin);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", router.admin));
    wire.response("GET")
}

#[test]
fn every_file_is_small_on_the_wire() {
    let router = router().start();
    let (mut plain, mut sent) = (0, 0);
    for file in list_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/web"), "") {
        let packed = get(&router, &format!("/ui/{file}"), "Accept-Encoding: gzip, deflate, br\r\n");
        let whole = get(&router, &format!("/ui/{file}"), "");
        assert_eq!((packed.status, whole.status), (200, 200), "{file}");
        for answer in [&packed, &whole] {
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{file}");
        }
        assert_eq!(whole.header("content-encoding"), None, "{file}");
        let mut unpacked = Vec::new();
        match packed.header("content-encoding") {
            Some("gzip") => {
                GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).expect("gzip");
                assert_ne!(packed.header("etag"), whole.header("etag"), "{file}: one tag for two codings");
            }
            other => {
                assert_eq!(other, None, "{file}");
                unpacked.clone_from(&packed.body);
            }
        }
        assert!(unpacked == whole.body, "{file} differs when compressed");
        let tag = packed.header("etag").expect("an entity tag").to_owned();
        let again = get(
            &router,
            &format!("/ui/{file}"),
            &format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n"),
        );
        assert_eq!((again.status, again.body.len()), (304, 0), "{file}");
        plain += whole.body.len();
        sent += packed.body.len() + packed.head.len();
    }
    println!("the GUI: {plain} bytes of files, {sent} bytes on the wire with their heads");
    assert!(sent < TRANSFER_BYTES_MAX, "{sent} bytes");
}
