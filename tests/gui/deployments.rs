//! The page of deployments, with a real engine: an image is deployed and seen to come up, its logs are read, and its containers are
//! made anew.

use crate::{browser::Browser, go, open_app, sign_in_as};
use serde_json::json;
use support::{Router, eventually, router, servers::engine::shared};

fn deploying() -> Router {
    let test = shared();
    test.image("gui-deploy:1", &["RELEASE=g1"]);
    let (url, address) = (test.url(), test.address);
    let table = format!(
        "[engines.node1]\naddress = \"{url}\"\nhost = \"{address}\"\nallowed_images = [\"gui-deploy\"]\n"
    );
    let file = test.folder.join("gui.toml");
    std::fs::write(&file, table).expect("the folder is there");
    router().stable("1.0.0").flag("--config").flag(&file.display().to_string()).start()
}

#[test]
fn an_image_is_deployed_and_its_containers_are_made_anew_and_each_step_is_seen() {
    let router = deploying();
    let browser = Browser::start(1280, 1200);
    open_app(&browser, &router);
    browser.click("open-deployments");
    browser.see("deployments-none", "No deployments");
    browser.fill("deploy-image", "evil.example/miner:1");
    browser.click("deploy-submit");
    browser.see("deploy-error", "allowed");
    browser.fill("deploy-image", "gui-deploy:1");
    browser.fill("deploy-release", "g1");
    browser.fill("deploy-replicas", "2");
    browser.fill("deploy-blend", "25");
    browser.script("document.querySelector('[data-testid=\"deploy-more\"]').open = true");
    browser.fill("deploy-facts", "commit=3f2a9c1");
    browser.fill("deploy-environment", "NO_VALUE");
    browser.click("deploy-submit");
    browser.see("deploy-error", "“NO_VALUE” is not NAME=value");
    browser.fill("deploy-environment", "FIRST=1\nSECOND=a=b");
    browser.fill("deploy-memory", "64");
    browser.fill("deploy-cpus", "0.5");
    browser.picture("deploy-form");
    browser.click("deploy-submit");
    browser.see("deployment-hello-g1", "serves on node1 · 2 of 2");
    let run = router.api().get("deployments/hello-g1").json();
    assert_eq!((&run["memory"], &run["cpus"]), (&json!(67_108_864), &json!(0.5)), "{run}");
    let state = router.api().state();
    assert_eq!(
        (&state["candidate"]["id"], &state["blend"]),
        (&json!("apps/hello-g1-80/containers"), &json!(25))
    );
    go(&browser, "apps/hello");
    browser.see("candidate-card", "commit 3f2a9c1 · image gui-deploy:1");
    go(&browser, "apps/hello/deployments");
    browser.click("logs-hello-g1");
    browser.see("logs", "listening on 80");
    browser.click("logs-close");
    browser.click("recycle-hello-g1");
    browser.see("recycle-moves", "changes its endpoint once");
    browser.fill("recycle-drain", "1");
    browser.see("recycle-moves", "for 1 s at most");
    crate::pictures::state(&browser, "recycle-dialog");
    browser.click("recycle-submit");
    browser.see("deployment-hello-g1", "Recycle asked for by maria");
    crate::pictures::state(&browser, "deployments-served");
    let recycle = || router.api().get("deployments/hello-g1").json()["recycle"].clone();
    eventually("they are new", || recycle()["state"] == "done");
    eventually("the page says no more of it", || {
        browser.text("deployment-hello-g1").is_some_and(|text| !text.contains("Recycle asked for"))
    });
    assert_eq!((&recycle()["done"], &recycle()["drain_seconds"]), (&json!(2), &json!(1)));
    // A browser counts an answer that refuses as a complaint.
    let complaints: Vec<String> =
        browser.complaints().into_iter().filter(|one| !one.contains("422")).collect();
    assert_eq!(complaints, Vec::<String>::new());
    router.api().post("abort", &json!({})).expect(200);
    let gone = || router.api().call("DELETE", "/api/v1/apps/hello/deployments/hello-g1", None).status();
    eventually("it is gone", || gone() == 404);
}

#[test]
fn a_viewer_sees_deployments_and_why_nothing_can_be_changed() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "viewer");
    go(&browser, "apps/hello/deployments");
    browser.see("deployments-none", "No deployments");
    let text = browser.script("return document.body.innerText").as_str().unwrap_or_default().to_owned();
    assert!(text.contains("Deploy, recycle, stop, start: your role is viewer"), "{text}");
    assert_eq!(browser.attribute("deploy-submit", "aria-disabled").as_deref(), Some("true"));
}
