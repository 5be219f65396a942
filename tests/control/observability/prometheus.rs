//! A real Prometheus at a real router: every query of the dashboard has an answer. And the alert rules: `promtool` holds each to
//! its test, each has its page for whoever is woken, and what they and the dashboard ask for is what routers tell.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path, process::Command};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use support::{Api, Router, echo, eventually, router, servers::Server, tls::CertificateFiles};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A Prometheus that asks a router twice a second.
struct Prometheus {
    _server: Server,
    address: SocketAddr,
}

impl Prometheus {
    fn at(router: &Router) -> Self {
        let scrape = format!(
            "global: {{scrape_interval: 500ms}}\nscrape_configs:\n  - job_name: rolling-router\n    static_configs: [{{targets: ['{}']}}]\n",
            router.admin
        );
        let server = Server::start("prometheus", 1, |folder, ports| {
            fs::write(folder.join("prometheus.yml"), &scrape).expect("a file can be written");
            vec![
                format!("--config.file={}", folder.join("prometheus.yml").display()),
                format!("--storage.tsdb.path={}", folder.join("data").display()),
                format!("--web.listen-address=127.0.0.1:{}", ports[0]),
            ]
        });
        let address = SocketAddr::from(([127, 0, 0, 1], server.ports[0]));
        Self { _server: server, address }
    }

    /// The series that a query gives.
    fn query(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", utf8_percent_encode(query, NON_ALPHANUMERIC));
        let answer = Api::new(self.address, "", "").anonymous().raw("GET", &path, None, "").json();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

/// The queries of the dashboard with the titles of their panels, as Grafana would send them with everything chosen.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/rolling-router.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let mut queries = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a target has a query");
            let query =
                query.replace("$__rate_interval", "1m").replace("$app", ".*").replace("$instance", ".*");
            queries.push((panel["title"].as_str().unwrap_or_default().to_owned(), query));
        }
    }
    queries
}

#[test]
fn every_query_of_the_dashboard_is_answered_by_a_prometheus() {
    let (files, _trust) = CertificateFiles::new(&["shop.example.test"]);
    let [certificate, key] = files.flags();
    let router = router()
        .stable_on("v1", vec![echo("v1"), echo("v1")])
        .candidate("v2")
        .blend(50)
        .flag("--listen-tls=127.0.0.1:0")
        .flag(&certificate)
        .flag(&key)
        .start();
    let prometheus = Prometheus::at(&router);
    let mut visitors: Vec<_> = (0..20).map(|_| router.visitor()).collect();
    let mut visit = || {
        visitors.iter_mut().for_each(|visitor| drop(visitor.release()));
        // Draws count from when the router first looks.
        drop(router.visitor().release());
    };
    eventually("it has asked the router twice, with requests in between", || {
        visit();
        prometheus_is_up(&prometheus)
            && prometheus.query("sum(rate(rolling_requests_total[1m])) > 0").len() == 1
    });
    let queries = queries();
    assert!(queries.len() > 30, "{}", queries.len());
    for (title, query) in queries {
        eventually(&format!("`{title}` shows something: {query}"), || {
            visit();
            !prometheus.query(&query).is_empty()
        });
    }
}

/// Whether it answers at all.
fn prometheus_is_up(prometheus: &Prometheus) -> bool {
    std::net::TcpStream::connect(prometheus.address).is_ok()
        && Api::new(prometheus.address, "", "").anonymous().raw("GET", "/-/ready", None, "").status() == 200
}

fn promtool(words: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    let ran = Command::new("promtool").args(words).current_dir(folder).output();
    let ran = ran.unwrap_or_else(|error| panic!("promtool (prometheus) is needed for this suite: {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{words:?}: {said}");
}

#[test]
fn each_alert_fires_at_what_it_is_for_and_at_nothing_else() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts.test.yml"]);
    let (rules, tests) = (read("deploy/prometheus/alerts.yml"), read("deploy/prometheus/alerts.test.yml"));
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let tested: BTreeSet<&str> =
        tests.lines().filter_map(|line| line.trim().strip_prefix("alertname: ")).collect();
    assert!(names.len() > 20, "{names:?}");
    let page = read("docs/alerts.md");
    for name in names {
        assert!(tested.contains(name), "{name} has no test");
        assert!(page.contains(&format!("\n## {name}\n")), "docs/alerts.md does not say what to do at {name}");
    }
}

/// The metrics that a text names.
fn metrics_of(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rolling_") || word.starts_with("process_")).collect()
}

#[test]
fn dashboard_and_alerts_ask_for_what_routers_tell() {
    let page = read("docs/metrics.md");
    let texts = [
        read("deploy/prometheus/alerts.yml"),
        queries().into_iter().map(|(_, query)| query + "\n").collect(),
    ];
    for name in texts.iter().flat_map(|text| metrics_of(text)) {
        let family = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(page.contains(&format!("| `{family}` | ")), "{name} is no metric");
    }
}

#[test]
fn a_file_that_was_read_again_in_vain_is_counted() {
    let router = router().stable("v1").start();
    let failed = || router.api().metrics().sum("rolling_reload_failures_total", &[("what", "tokens")]);
    assert!(failed() < 0.5, "{}", failed());
    let tokens = router.path("tokens");
    let before = fs::read_to_string(&tokens).expect("the tokens are there");
    fs::write(&tokens, format!("{before}no token\n")).expect("the tokens can be written");
    router.signal("HUP");
    eventually("it is counted", || failed() > 0.5);
}

#[test]
fn the_process_is_told_as_others_tell_theirs() {
    let router = router().stable("v1").start();
    let (metrics, process) = (router.api().metrics(), router.process());
    let told = |name: &str| metrics.sum(name, &[]);
    let descriptors = process.descriptors() as f64;
    assert!(
        (told("process_open_fds") - descriptors).abs() < 20.0,
        "{} of {descriptors}",
        told("process_open_fds")
    );
    assert!((told("process_max_fds") - process.descriptors_max() as f64).abs() < 0.5);
    let statm = fs::read_to_string(format!("/proc/{}/statm", router.pid())).expect("the process lives");
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    let (memory, resident) = (pages * 4_096.0, told("process_resident_memory_bytes"));
    assert!(resident > memory / 2.0 && resident < memory * 2.0, "{resident} of {memory}");
    assert!(told("process_virtual_memory_bytes") > resident && told("process_threads") >= 3.0);
    let started = told("process_start_time_seconds");
    let ago = support::clock::wall().as_secs_f64() - started;
    assert!((-1.0..120.0).contains(&ago), "started {ago} s ago");
    let spent = || router.api().metrics().sum("process_cpu_seconds_total", &[]);
    eventually("its work counts", || {
        drop(router.visitor().try_get("/"));
        spent() > 0.0
    });
}
