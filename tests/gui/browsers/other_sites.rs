//! Pages of other sites that fetch from here, or show this site in a frame.

use super::{Stage, browser, run};
use crate::browser::Browser;
use serde_json::{Value, json};

/// Releases of so many fetches, one after the other and then at once.
fn fetches(browser: &Browser, url: &str, options: &str) -> Vec<Value> {
    let script = format!(
        "const one = () => fetch('{url}', {options}).then((answer) => answer.headers.get('x-release'), String);
        const seen = []; for (let n = 0; n < 4; n++) seen.push(await one());
        return seen.concat(await Promise.all([1, 2, 3, 4, 5, 6].map(one)));"
    );
    run(browser, &script).as_array().cloned().unwrap_or_default()
}

const WITH_COOKIES: &str = "{credentials: 'include'}";

/// Such a page got `v2 v1 v2 v1 v1 v2`, and never a cookie.
#[test]
fn a_page_of_another_site_is_on_one_release_from_its_first_fetch_on() {
    let stage = Stage::start();
    let browser = browser();
    browser.open(&stage.elsewhere("/"));
    for (name, blend, release) in [("a", 100, "v2"), ("b", 0, "v1")] {
        let shop = stage.shop("https", name);
        stage.blend(blend);
        assert_eq!(fetches(&browser, &shop, WITH_COOKIES), vec![json!(release); 10]);
        stage.blend(100 - blend);
        assert_eq!(fetches(&browser, &shop, WITH_COOKIES), vec![json!(release); 10], "the pin came back");
    }
    let metrics = stage.router.api().metrics();
    assert!(metrics.sum("rolling_release_moves_total", &[]).abs() < 0.5);
    assert!(metrics.sum("rolling_bounces_total", &[]).abs() < 0.5);
}

/// By http the same holds within a site, whose cookies a browser sends.
#[test]
fn a_page_of_a_sibling_host_is_sticky_by_http() {
    let stage = Stage::start();
    let browser = browser();
    browser.open(&stage.elsewhere("/"));
    for (name, blend, release) in [("a.example", 100, "v2"), ("b.example", 0, "v1")] {
        let shop = stage.shop("http", name);
        stage.blend(blend);
        assert_eq!(fetches(&browser, &shop, WITH_COOKIES), vec![json!(release); 10]);
        stage.blend(100 - blend);
        assert_eq!(fetches(&browser, &shop, WITH_COOKIES), vec![json!(release); 10], "the pin came back");
    }
}

#[test]
fn the_candidates_client_may_send_the_header_that_only_the_candidate_allows() {
    let stage = Stage::start();
    let browser = browser();
    browser.open(&stage.elsewhere("/"));
    let shop = stage.shop("https", "shop");
    stage.blend(100);
    assert_eq!(fetches(&browser, &shop, WITH_COOKIES), vec![json!("v2"); 10]);
    stage.blend(1);
    let options = "{credentials: 'include', headers: {'X-New': '1'}}";
    assert_eq!(fetches(&browser, &shop, options), vec![json!("v2"); 10]);
}

/// An app in a frame of another site was never sticky, since its Lax cookie never came back.
#[test]
fn an_app_in_a_frame_of_another_site_is_sticky() {
    let stage = Stage::start();
    let browser = browser();
    for (name, blend, release) in [("a", 100, "v2"), ("b", 0, "v1")] {
        browser.open(&stage.elsewhere("/"));
        let shop = stage.shop("https", name);
        let show = format!(
            "const told = new Promise((done) => addEventListener('message', (event) => done(event.data), {{once: true}}));
            const frame = document.createElement('iframe'); frame.src = '{shop}?' + Math.random();
            document.body.append(frame); return await told;"
        );
        stage.blend(blend);
        assert_eq!(run(&browser, &show), json!(release));
        stage.blend(100 - blend);
        for _ in 0..4 {
            assert_eq!(run(&browser, &show), json!(release), "the frame's pin came back");
        }
    }
}
