//! The page over time: hidden, cut off, next to fifty others, after an hour, and at its first paint.

use crate::browser::Browser;
use crate::{confirm, go, open_app, sign_in_as};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::within;
use support::router::token;
use support::{Deadline, Router, count, eventually, router};

fn connection(browser: &Browser) -> Option<String> {
    browser.attribute("connection-state", "data-state")
}

/// Tells the page that its tab is looked at, or not.
fn look_away(browser: &Browser, away: bool) {
    browser.script(&format!(
        "Object.defineProperty(document, 'hidden', {{configurable: true, get: () => {away}}});
         document.dispatchEvent(new Event('visibilitychange'))"
    ));
}

#[test]
fn a_hidden_tab_lets_go_of_its_stream_and_catches_up_when_it_is_looked_at() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.script("window.asked = 0; const real = window.fetch; window.fetch = (...all) => { window.asked += 1; return real(...all); }");
    let open = router.process().connections().len();
    look_away(&browser, true);
    eventually("the stream is closed", || connection(&browser).as_deref() == Some("paused"));
    eventually("the router holds one connection less", || router.process().connections().len() < open);
    let asked = browser.script("return window.asked");
    router.api().put("blend", &json!({"percent": 30})).expect(200);
    assert!(
        !within(Duration::from_secs(3), || browser.script("return window.asked") != asked),
        "a hidden tab asked the router for something"
    );
    browser.see("blend-value", "0 %");
    assert_eq!(browser.script("return 'stale' in document.documentElement.dataset"), json!(true));
    look_away(&browser, false);
    browser.see("blend-value", "30 %");
    eventually("it is live again", || connection(&browser).as_deref() == Some("live"));
    assert_eq!(browser.script("return 'stale' in document.documentElement.dataset"), json!(false));
}

#[test]
fn fifty_open_pages_cost_the_router_next_to_nothing() {
    const PAGES: usize = 50;
    let span = Duration::from_secs(count(5, 20) as u64);
    let router = router().stable("1.0.0").candidate("1.0.1").blend(50).start();
    let crowd = Crowd::start(&router, 2, Duration::from_millis(10));
    let alone = processor_share(&router, span);
    let over = Arc::new(AtomicBool::new(false));
    let events = Arc::new(AtomicUsize::new(0));
    let pages: Vec<JoinHandle<()>> = (0..PAGES)
        .map(|_| {
            let mut stream = router.api().stream("stream", "");
            let (over, events) = (Arc::clone(&over), Arc::clone(&events));
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    stream.next("activity");
                    events.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    eventually("every page is told", || events.load(Ordering::SeqCst) >= PAGES);
    let with_pages = processor_share(&router, span);
    over.store(true, Ordering::SeqCst);
    for page in pages {
        page.join().expect("a page ends");
    }
    assert_eq!(crowd.stop(), Vec::<String>::new());
    println!(
        "processor of the router: {:.2} % of a core alone, {:.2} % with {PAGES} open pages",
        alone * 100.0,
        with_pages * 100.0
    );
    // The build that packages have takes a tenth of it (benches/README.md).
    assert!(with_pages - alone < 0.08, "{PAGES} pages cost {:.1} % of a core", (with_pages - alone) * 100.0);
}

/// The share of one core that the router uses over a while.
fn processor_share(router: &Router, span: Duration) -> f64 {
    let (before, clock) = (router.process().processor_time(), Deadline::after(span));
    support::clock::pause(span);
    (router.process().processor_time() - before).as_secs_f64() / clock.elapsed().as_secs_f64()
}

#[test]
fn a_whole_release_by_the_page_alone_fails_no_request() {
    let router = router().stable("1.0.0").deployed("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let crowd = Crowd::start(&router, 4, Duration::from_millis(10));
    browser.click("choose-candidate");
    browser.click("release-option-1.0.1");
    confirm(&browser, "build 1188");
    browser.see("candidate-release", "1.0.1");
    for percent in [10, 50, 100] {
        browser.click(&format!("blend-preset-{percent}"));
        if percent > 10 {
            browser.click("rise-apply");
        }
        browser.see("share-configured", &format!("{percent} %"));
    }
    browser.click("promote");
    confirm(&browser, "does well");
    browser.see("stable-release", "1.0.1");
    browser.see("draining", "1.0.0");
    let tenure = router.api().state()["draining"][0]["tenure"].clone();
    browser.click(&format!("finish-drain-{tenure}"));
    confirm(&browser, "nobody is left");
    browser.see("draining", "No release is draining");
    browser.click("rollback");
    confirm(&browser, "checkout fails");
    browser.see("stable-release", "1.0.0");
    let answered = crowd.answered();
    eventually("clients go on", || crowd.answered() > answered + 20);
    println!("{} requests were answered while the page released and rolled back", crowd.answered());
    assert_eq!(crowd.stop(), Vec::<String>::new());
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// An hour's activity in a minute: every chunk of the stream is given many times, each a second later.
const HASTE: &str = "
    const real = window.fetch.bind(window);
    const now = Date.now;
    let ahead = 0;
    Date.now = () => now() + ahead;
    window.seconds = 0;
    window.fetch = async (url, options) => {
        const answer = await real(url, options);
        if (!String(url).endsWith('/stream')) return answer;
        const again = new TransformStream({ transform(chunk, out) {
            const text = new TextDecoder().decode(chunk);
            const times = text.includes('event: activity') && text.endsWith('\\n\\n') ? TIMES : 1;
            for (let n = 0; n < times; n += 1) out.enqueue(new TextEncoder().encode(text));
            window.seconds += times - 1;
            ahead += 1000 * (times - 1);
        } });
        return new Response(answer.body.pipeThrough(again), { status: answer.status, headers: answer.headers });
    };
    location.hash = '#/apps/hello';";

#[test]
fn a_page_that_is_open_for_an_hour_does_not_grow() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(50).start();
    let crowd = Crowd::start(&router, 2, Duration::from_millis(10));
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "operator");
    browser.see("app-hello", "hello");
    browser.script(&HASTE.replace("TIMES", "60"));
    browser.see("stable-release", "1.0.0");
    let seconds = |least: u64| {
        assert!(
            within(Duration::from_secs(120), || {
                browser.script("return window.seconds").as_u64() >= Some(least)
            }),
            "the events of {least} s never came"
        );
    };
    // The window of the charts and the history fill first: what stays after that is what counts.
    let commands = count(20, 200);
    for percent in 1..=commands {
        router.api().put("blend", &json!({"percent": percent % 90 + 1})).expect(200);
    }
    seconds(1000);
    let before = browser.memory();
    for percent in 1..=commands {
        router.api().put("blend", &json!({"percent": percent % 90 + 1})).expect(200);
    }
    seconds(1000 + 3600);
    let after = browser.memory();
    println!("an hour of events: {before:?} before, {after:?} after");
    assert!(after.heap_bytes < before.heap_bytes + 3_000_000, "the heap grew: {before:?}, {after:?}");
    assert!(after.nodes < before.nodes + 500, "nodes are left behind: {before:?}, {after:?}");
    assert!(after.listeners < before.listeners + 100, "listeners are left behind: {before:?}, {after:?}");
    assert_eq!(crowd.stop(), Vec::<String>::new());
}

/// Bytes that the page that is open took from the wire, heads included.
const FETCHED: &str = "
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return all.reduce((sum, entry) => sum + entry.transferSize, 0)";

#[test]
fn the_first_paint_is_soon_and_nothing_jumps() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(10).start();
    let browser = Browser::start(1280, 1000);
    let paint = |url: &str| {
        browser.open(url);
        browser.see("sign-in-submit", "Sign in");
        let painted = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
        eventually("it is painted", || browser.script(painted).is_number());
        browser.script(painted).as_f64().expect("a time")
    };
    // A browser that has just started is slow for reasons of its own, so the second visit is printed too.
    let cold = paint(&format!("http://{}/", router.admin));
    let fetched = browser.script(FETCHED);
    let mut again: Vec<f64> = (0..9).map(|n| paint(&format!("http://{}/?again={n}", router.admin))).collect();
    again.sort_by(f64::total_cmp);
    let fetched_again = browser.script(FETCHED);
    println!(
        "first paint after {cold:.0} ms in a new browser, {:.0} to {:.0} ms (median {:.0}) in nine more visits; \
         {fetched} bytes fetched, {fetched_again} again",
        again[0], again[8], again[4]
    );
    // A page that waits for something hangs; on a busy machine one that does not takes some seconds.
    assert!(again[4] < 10_000.0, "first paint after {again:?} ms");
    assert!(fetched_again.as_u64() < Some(3000), "a file was fetched again: {fetched_again} bytes");
    assert!((20_000..130_000).contains(&fetched.as_u64().expect("bytes")), "{fetched} bytes");
    browser.fill("sign-in-token", token("operator"));
    browser.click("sign-in-submit");
    browser.see("app-hello", "hello");
    browser.script(
        "window.jumps = 0;
         new PerformanceObserver((list) => list.getEntries().forEach((entry) => { if (!entry.hadRecentInput) window.jumps += entry.value; }))
           .observe({type: 'layout-shift', buffered: false})",
    );
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
    let crowd = Crowd::start(&router, 2, Duration::from_millis(10));
    router
        .api()
        .put("lock", &json!({"reason": "a reason that is long enough to need a line of its own on a phone"}))
        .expect(200);
    router.api().put("blend", &json!({"percent": 40})).expect(200);
    browser.see("share-configured", "40 %");
    router.endpoint("1.0.1").stop();
    browser.see("candidate-card", "0 of 1 endpoint serving");
    let jumps = browser.script("return window.jumps").as_f64().expect("a score");
    println!("layout shift over a live minute: {jumps:.4}");
    assert!(jumps < 0.1, "the page jumps: {jumps}");
    drop(crowd);
}

#[test]
fn a_store_that_is_gone_is_told_and_clients_notice_nothing() {
    let mut serving = router().durable().stable("1.0.0").candidate("1.0.1").start();
    let using = router().store(&format!("http://:{}@{}", token("admin"), serving.admin)).start();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &using, "admin");
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
    serving.kill();
    browser.see("banner-store", "The store");
    browser.see("blend-hint", "the store cannot be reached, so the router refuses commands");
    browser.see("release-banner", "Promote: the store cannot be reached");
    assert_eq!(browser.attribute("blend-preset-50", "aria-disabled").as_deref(), Some("true"));
    assert_eq!(browser.attribute("abort", "aria-disabled"), None, "this router can drop the candidate alone");
    browser.click("abort");
    browser.see("confirm-warnings", "The store cannot be reached");
    browser.click("confirm-cancel");
    assert_eq!(using.visitor().release(), "1.0.0", "clients notice nothing");
    serving.start_again();
    eventually("the banner goes", || browser.text("banner-store").is_none_or(|text| text.is_empty()));
}

#[test]
fn a_store_that_is_another_is_accepted_or_restored_where_it_is_told() {
    let router = router().durable().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "admin");
    browser.see("app-hello", "hello");
    // Another epoch each time: the one that was accepted is no longer another.
    for (restores, other) in [(false, "YW5vdGhlcg=="), (true, "b3RoZXI=")] {
        let epoch = json!({"checks": [], "writes": [{"put": "rolling/router/epoch", "value": other}]});
        router.api_as("admin").call("POST", "/api/v1/store/commit", Some(&epoch)).expect(200);
        browser.see("banner-store", "The history in the store is not the one that is served here");
        for part in ["this router serves", "rolling-router store restore", "rolling-router store accept"] {
            browser.see("banner-store", part);
        }
        browser.see("banner-store", "the store holds 1 app in");
        go(&browser, "apps/hello");
        browser.see("stable-card", "Choose stable, Roll back: the store holds another history");
        go(&browser, "store");
        browser.see("store-state", "is not the one that is served here");
        // Its apps are the same: only its name is another.
        browser.see("store-counts", "No app is on other releases there.");
        go(&browser, "");
        browser.click("store-accept");
        browser.see("store-accept-dialog", "hello with 1.0.0 on stable");
        if !restores {
            crate::pictures::state(&browser, "diverged");
        }
        if restores {
            browser.click("store-restore");
            browser.see("store-accept-error", "epoch");
            browser.click("store-replace");
            browser.click("store-restore");
        } else {
            browser.click("store-accept-submit");
        }
        eventually("the store is settled", || {
            let answer: Value = router.api().call("GET", "/api/v1/router", None).json();
            answer["store"]["state"] == json!("current")
        });
        eventually("the banner goes", || browser.text("banner-store").is_none_or(|text| text.is_empty()));
    }
    assert_eq!(router.visitor().release(), "1.0.0");
}

/// Clients that keep asking while somebody releases.
pub struct Crowd {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Crowd {
    /// Starts so many, each with a pin of its own, who ask again after `pace`. No faster than people: the browser needs a
    /// core too.
    pub fn start(router: &Router, clients: usize, pace: Duration) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let clients = (0..clients)
            .map(|_| {
                let mut visitor = router.visitor();
                let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
                thread::spawn(move || {
                    let mut failures = Vec::new();
                    while !over.load(Ordering::SeqCst) && failures.len() < 4 {
                        match visitor.try_get("/") {
                            Ok(visit) if visit.response.status == 200 => {
                                answered.fetch_add(1, Ordering::SeqCst);
                            }
                            Ok(visit) => failures.push(visit.response.text()),
                            Err(why) => failures.push(why),
                        }
                        support::clock::pause(pace);
                    }
                    failures
                })
            })
            .collect();
        Self { over, answered, clients }
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// Ends it; what failed.
    pub fn stop(mut self) -> Vec<String> {
        self.over.store(true, Ordering::SeqCst);
        let clients = std::mem::take(&mut self.clients);
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}
