//! What a real browser does as an end user: pages of other sites that fetch, frames, sign-ins that come back by a POST of
//! another site, http and https of one host, and a socket.io client.
//!
//! A client is pinned at blend 0 or 100, and then the blend is turned round: one that lost its pin shows at once.

mod other_sites;
mod schemes;
mod sign_in;
mod socket_io;

use super::browser::Browser;
use serde_json::{Value, json};
use std::net::SocketAddr;
use support::{Endpoint, ReceivedMessage, Reply, Router, RouterBuilder, router, scripted};
use tempfile::TempDir;

/// A router that serves in http and https under any name below `.test`, and a page of another site.
struct Stage {
    router: Router,
    https: SocketAddr,
    elsewhere: Endpoint,
    _files: TempDir,
}

impl Stage {
    /// Stable `v1` and candidate `v2`.
    fn start() -> Self {
        Self::of(router().stable_on("v1", vec![page("v1")]).candidate_on("v2", vec![page("v2")]))
    }

    fn of(builder: RouterBuilder) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory can be made");
        let made =
            rcgen::generate_simple_self_signed(["shop.test".to_owned()]).expect("a certificate can be made");
        let path = |name: &str| files.path().join(name);
        std::fs::write(path("certificate.pem"), made.cert.pem()).expect("it can be written");
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("it can be written");
        let router = builder
            .flag("--listen-tls=127.0.0.1:0")
            .flag(&format!("--tls-certificate={}", path("certificate.pem").display()))
            .flag(&format!("--tls-key={}", path("key.pem").display()))
            .start();
        Self { https: router.front_tls(), router, elsewhere: scripted(elsewhere), _files: files }
    }

    fn blend(&self, percent: u32) {
        self.router.api().put("blend", &json!({ "percent": percent })).expect(200);
    }

    /// The shop under a name of its own, in http or https.
    fn shop(&self, scheme: &str, name: &str) -> String {
        let port = if scheme == "https" { self.https.port() } else { self.router.front.port() };
        format!("{scheme}://{name}.test:{port}/")
    }

    fn elsewhere(&self, path: &str) -> String {
        format!("http://elsewhere.example.test:{}{path}", self.elsewhere.address.port())
    }
}

/// A browser that finds every site of the test on this machine, and asks for no certificate.
fn browser() -> Browser {
    let rules = "--host-resolver-rules=MAP *.test 127.0.0.1";
    Browser::start_with(800, 600, &[rules, "--ignore-certificate-errors"])
}

/// A page that says its release, to its frame too, and lets pages of other sites fetch it. The candidate's API has a header
/// of its own.
fn page(release: &'static str) -> Endpoint {
    scripted(move |received: &ReceivedMessage| {
        let origin = received.header("origin").unwrap_or("null").to_owned();
        let fields = if release == "v2" { "content-type, x-new" } else { "content-type" };
        let headers = [
            ("Access-Control-Allow-Origin", origin.as_str()),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Headers", fields),
            ("Access-Control-Expose-Headers", "X-Release"),
            ("X-Release", release),
            ("Cache-Control", "no-store"),
            ("Content-Type", "text/html"),
        ];
        let tell = format!("if (parent !== window) parent.postMessage('{release}', '*')");
        let body = format!(
            "<!doctype html><title>{release}</title><link rel=icon href=data:,><script>{tell}</script>"
        );
        Reply::response("200 OK", &headers, body)
    })
}

/// A page of another site. With a query it sends a form there by POST, as an identity provider does.
fn elsewhere(received: &ReceivedMessage) -> Reply {
    let target = received.target();
    let body = match target.split_once('?') {
        Some((_, to)) => format!(
            "<form method=post action='{to}'><input name=code value=1></form><script>document.forms[0].submit()</script>"
        ),
        None => "<title>elsewhere</title><link rel=icon href=data:,>".to_owned(),
    };
    Reply::response("200 OK", &[("Content-Type", "text/html")], format!("<!doctype html>{body}"))
}

/// The release that the page in the window says.
fn title(browser: &Browser) -> String {
    browser.script("return document.title").as_str().unwrap_or_default().to_owned()
}

fn open(browser: &Browser, url: &str) -> String {
    browser.open(url);
    title(browser)
}

/// What a script that waits gives.
fn run(browser: &Browser, script: &str) -> Value {
    browser.script(&format!("return (async () => {{ {script} }})()"))
}
