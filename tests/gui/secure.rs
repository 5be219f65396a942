//! The GUI in https, when the admin port speaks it: signing in, the live stream, a command.

use support::router;
use support::tls::CertificateFiles;

use crate::browser::Browser;
use crate::{confirm, go, sign_in_at};

#[test]
fn a_release_is_promoted_on_a_page_in_https() {
    let (files, _) = CertificateFiles::new(&["localhost"]);
    let [certificate, key] = files.flags();
    let builder = router().stable("1.0.0").candidate("1.0.1").blend(10);
    let router = builder.flag("--admin-tls").flag(&certificate).flag(&key).start();
    let browser = Browser::start_with(1280, 1000, &["--ignore-certificate-errors"]);
    sign_in_at(&browser, &format!("https://localhost:{}/", router.admin.port()), "operator");
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
    browser.click("promote");
    confirm(&browser, "in https");
    browser.see("stable-release", "1.0.1");
    assert_eq!(browser.script("return document.cookie"), "", "no script sees the session");
    go(&browser, "certificates");
    browser.see("certificate-localhost", "valid");
    browser.picture("certificates");
    assert_eq!(browser.script("return location.protocol"), "https:");
}
