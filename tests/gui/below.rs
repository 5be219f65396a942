//! GUI and API below a path of another proxy: nginx, which passes the path on or takes it off.

use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use support::router::{free_port, token};
use support::{Router, Wire, eventually, router};

use crate::browser::Browser;
use crate::{confirm, follows, sign_in_at};

/// A running nginx; it ends with the test.
struct Nginx {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Nginx {
    /// Shows a router's admin port below `/release/`, and another site everywhere else. It keeps back what nobody tells it to
    /// pass on at once.
    fn before(router: &Router, takes_off: bool) -> Self {
        let (folder, address) =
            (tempfile::tempdir().expect("a temporary directory can be made"), free_port());
        let place = folder.path().display();
        let rest = if takes_off { "/" } else { "" };
        let text = format!(
            "daemon off;\nmaster_process off;\npid {place}/pid;\nerror_log {place}/log;\nevents {{}}\nhttp {{\n access_log off;\n \
             client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; \
             scgi_temp_path {place}/e;\n server {{\n  listen {address};\n  location /release/ {{\n   proxy_pass http://{}{rest};\n   \
             proxy_http_version 1.1;\n   proxy_set_header Host $http_host;\n  }}\n  location / {{ return 404 elsewhere; }}\n }}\n}}\n",
            router.admin
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, text).expect("the file can be written");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file).arg("-e").arg(folder.path().join("log"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("nginx can be run");
        let nginx = Self { child, address, folder };
        eventually("nginx answers", || std::net::TcpStream::connect(nginx.address).is_ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = &self.folder;
    }
}

fn status(address: SocketAddr, path: &str) -> u16 {
    let mut wire = Wire::open(address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    wire.response("GET").status
}

/// Signs in, changes something, sees what others change, and loads nothing from outside the path.
fn a_release_below_a_path(takes_off: bool) {
    let router = router().stable("1.0.0").candidate("1.0.1").flag("--admin-base=/release").start();
    let nginx = Nginx::before(&router, takes_off);
    assert_eq!(status(nginx.address, "/ui/main.js"), 404, "there is another site");
    let browser = Browser::start(1280, 1000);
    sign_in_at(&browser, &format!("http://{}/release/", nginx.address), "operator");
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
    // What is done elsewhere shows by itself: the stream is not kept back.
    router.api().put("blend", &json!({"percent": 35})).expect(200);
    follows(&browser, "blend-value", "35 %");
    browser.click("promote");
    confirm(&browser, "below a path");
    eventually("it is done", || router.api().state()["stable"]["release"] == "1.0.1");
    follows(&browser, "stable-release", "1.0.1");
    let outside =
        "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)
        .filter((path) => !path.startsWith('/release/'))";
    assert_eq!(browser.script(outside), json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // Who comes without the path is answered as before.
    for path in ["/", "/readyz", "/release", "/release/", "/release/readyz"] {
        assert_eq!(status(router.admin, path), 200, "{path}");
    }
    assert_eq!(status(router.admin, "/releases"), 404);
}

#[test]
fn a_release_is_promoted_behind_a_proxy_that_passes_the_path_on() {
    a_release_below_a_path(false);
}

#[test]
fn a_release_is_promoted_behind_a_proxy_that_takes_the_path_off() {
    a_release_below_a_path(true);
}

/// The command line takes the path with the address, and every door below it asks for a token as ever.
#[test]
fn the_api_below_a_path_is_the_same_api() {
    let router = router().stable("1.0.0").candidate("1.0.1").flag("--admin-base=/release").start();
    let nginx = Nginx::before(&router, false);
    assert_eq!(status(nginx.address, "/release/api/v1/apps"), 401);
    let mut command = Command::new(support::binary());
    command.args([
        "promote",
        "--app",
        "hello",
        "--reason",
        "by the command line",
        "--token",
        token("operator"),
    ]);
    command.args(["--admin", &format!("http://{}/release", nginx.address)]);
    let ran = command.output().expect("the binary can be run");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(router.api().state()["stable"]["release"], "1.0.1");
}
