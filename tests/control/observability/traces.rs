//! Spans of requests (OpenTelemetry): which there are, what stands in them, and that a collector costs users nothing, whatever it
//! does.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::clock::within;
use support::router::{free_port, id};
use support::servers::Server;
use support::{Endpoint, Reply, Router, RouterBuilder, eventually, router, scripted, serving};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A router that sends spans there.
fn traced(collector: SocketAddr) -> RouterBuilder {
    router().stable("v1").flag(&format!("--otlp-endpoint=http://{collector}"))
}

/// A collector that takes everything.
fn collector() -> Endpoint {
    scripted(|_| {
        Reply::response("200 OK", &[("Content-Type", "application/json")], "{\"partialSuccess\":{}}")
    })
}

/// Sends a request with these header lines; the lines about its trace that the endpoint received.
fn ask(router: &Router, target: &str, headers: &str) -> (Option<String>, Option<String>) {
    let mut wire = router.connect();
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: {}:8123\r\n{headers}\r\n", router.host));
    assert_eq!(wire.response("GET").status, 200);
    let received = router.endpoint("v1").take().remove(0);
    let line = |name| {
        let all = received.header_all(name);
        assert!(all.len() <= 1, "{all:?}");
        all.first().map(|value| (*value).to_owned())
    };
    (line("traceparent"), line("tracestate"))
}

/// One span, with its attributes by name.
#[derive(Clone, Debug)]
struct Span {
    whole: Value,
    attributes: BTreeMap<String, Value>,
}

impl Span {
    fn text(&self, name: &str) -> String {
        self.whole[name].as_str().unwrap_or_default().to_owned()
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let value = self.attributes.get(name)?;
        value["stringValue"].as_str().or(value["intValue"].as_str()).map(str::to_owned)
    }
}

/// The spans of a post, which is checked.
fn spans_of(post: &support::ReceivedMessage) -> Vec<Span> {
    assert!(post.complete && post.faults.is_empty(), "{post:?}");
    assert_eq!(post.line(), "POST /v1/traces HTTP/1.1");
    assert_eq!(post.header("content-type"), Some("application/json"));
    let document: Value = serde_json::from_slice(&post.body).expect("JSON");
    let [resource] = document["resourceSpans"].as_array().expect("resources").as_slice() else { panic!() };
    let named = resource["resource"]["attributes"].to_string();
    assert!(named.contains("service.name") && named.contains("\"rolling-router\""), "{named}");
    let [scope] = resource["scopeSpans"].as_array().expect("scopes").as_slice() else { panic!() };
    let spans = scope["spans"].as_array().expect("spans").iter().map(|span| {
        let all = span["attributes"].as_array().expect("attributes").iter();
        let named = all.map(|one| (one["key"].as_str().expect("a key").to_owned(), one["value"].clone()));
        Span { whole: span.clone(), attributes: named.collect() }
    });
    spans.collect()
}

/// Waits for so many spans; they are all that come.
fn spans(collector: &Endpoint, wanted: usize) -> Vec<Span> {
    let mut spans = Vec::new();
    eventually("the collector has all spans", || {
        spans.extend(collector.take().iter().flat_map(spans_of));
        spans.len() >= wanted
    });
    assert_eq!(spans.len(), wanted, "one span for each request");
    spans
}

#[test]
fn a_request_is_one_span_and_the_endpoints_is_its_child() {
    let collector = collector();
    let router = traced(collector.address).start();
    let (parent, state) = ask(&router, "/a/b?c=secret-word", "Cookie: session=secret-word\r\n");
    let parent = parent.expect("a sampled trace is told");
    let parts: Vec<&str> = parent.split('-').collect();
    assert_eq!((parts[0], parts[3], state), ("00", "01", None), "{parent}");
    let span = spans(&collector, 1).remove(0);
    assert_eq!((span.text("traceId"), span.text("spanId")), (parts[1].to_owned(), parts[2].to_owned()));
    assert_eq!(span.whole.get("parentSpanId"), None);
    assert_eq!((span.text("name").as_str(), &span.whole["kind"]), ("GET", &2.into()));
    let endpoint = router.endpoint("v1").address.to_string();
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/a/b"),
        ("url.scheme", "http"),
        ("http.response.status_code", "200"),
        ("server.address", router.host.as_str()),
        ("server.port", "8123"),
        ("network.protocol.version", "1.1"),
        ("rolling.app", "hello"),
        ("rolling.release", &id("v1")),
        ("rolling.track", "stable"),
        ("rolling.endpoint", &endpoint),
    ] {
        assert_eq!(span.attribute(name).as_deref(), Some(value), "{name}: {span:?}");
    }
    assert!(!span.whole.to_string().contains("secret-word"), "{span:?}");
    let time = |name| span.text(name).parse::<u128>().expect("a number");
    let now = support::clock::wall().as_nanos();
    let (start, end) = (time("startTimeUnixNano"), time("endTimeUnixNano"));
    assert!(start <= end && end <= now && now - start < Duration::from_secs(600).as_nanos(), "{span:?}");
}

#[test]
fn a_trace_that_began_elsewhere_goes_on() {
    let collector = collector();
    let router = traced(collector.address).start();
    let came = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\ntracestate: a=b\r\n");
    let (parent, state) = ask(&router, "/", &came);
    let span = spans(&collector, 1).remove(0);
    assert_eq!((span.text("traceId").as_str(), span.text("parentSpanId").as_str()), (TRACE, PARENT));
    assert_eq!(
        parent,
        Some(format!("00-{TRACE}-{}-01", span.text("spanId"))),
        "whoever asks, the router decides"
    );
    assert_eq!(state.as_deref(), Some("a=b"));
}

#[test]
fn nobody_but_a_trusted_proxy_has_requests_recorded() {
    let collector = collector();
    let wanted = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    let unwanted = wanted.replace("-01\r", "-00\r");
    let passed = |line: &str| line.trim_end().strip_prefix("traceparent: ").map(str::to_owned);

    let stranger = traced(collector.address).flag("--otlp-sample-ratio=0").start();
    assert_eq!(ask(&stranger, "/", &wanted).0, passed(&unwanted), "neither here nor at the endpoint");
    assert_eq!(ask(&stranger, "/", &unwanted).0, passed(&unwanted));
    assert_eq!(ask(&stranger, "/", "").0, None, "none is made for what is not recorded");
    assert_eq!(ask(&stranger, "/", "traceparent: hello\r\n").0.as_deref(), Some("hello"));

    let trusting =
        |ratio: &str| traced(collector.address).flag("--trusted-networks=127.0.0.0/8").flag(ratio).start();
    let none = trusting("--otlp-sample-ratio=0");
    let (parent, _) = ask(&none, "/chosen", &wanted);
    let all = trusting("--otlp-sample-ratio=1");
    assert_eq!(ask(&all, "/", &unwanted).0, passed(&unwanted), "it was decided before");
    let (_, _) = ask(&all, "/last", "");
    let mut spans = spans(&collector, 2);
    spans.sort_by_key(|span| span.attribute("url.path"));
    assert_eq!(spans[0].attribute("url.path").as_deref(), Some("/chosen"));
    assert_eq!(parent, Some(format!("00-{TRACE}-{}-01", spans[0].text("spanId"))));
    assert_eq!(spans[1].attribute("url.path").as_deref(), Some("/last"));
    let made = |router: &Router| router.api().metrics().sum("rolling_spans_total", &[]);
    assert_eq!((made(&stranger), made(&none), made(&all)), (0.0, 1.0, 1.0));
}

#[test]
fn what_fails_says_so() {
    let collector = collector();
    let router = traced(collector.address).start();
    router.endpoint("v1").always(Reply::response("503 Service Unavailable", &[], "no"));
    let mut wire = router.connect();
    wire.send(format!("BREW /pot HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    assert_eq!(wire.response("BREW").status, 503);
    let span = spans(&collector, 1).remove(0);
    assert_eq!(span.attribute("http.request.method").as_deref(), Some("_OTHER"));
    assert_eq!(span.attribute("http.request.method_original").as_deref(), Some("BREW"));
    assert_eq!(span.attribute("error.type").as_deref(), Some("503"));
    assert_eq!(span.whole["status"]["code"], 2);
}

#[test]
fn what_goes_with_each_post_stands_in_a_file_and_in_no_log() {
    let collector = collector();
    let router = traced(collector.address)
        .private_file("headers", "X-Api-Key: key-of-the-collector\n\nX-Team: shop\n")
        .flag("--otlp-headers-file=headers")
        .start();
    drop(ask(&router, "/", ""));
    let mut posts = Vec::new();
    eventually("the collector is told", || {
        posts.extend(collector.take());
        !posts.is_empty()
    });
    assert_eq!(posts[0].header("x-api-key"), Some("key-of-the-collector"));
    assert_eq!(posts[0].header("x-team"), Some("shop"));
    assert!(!router.log().contains("key-of-the-collector"), "{}", router.log());
}

/// Fails unless users are served while spans are lost and counted.
fn costs_users_nothing(what: &str, collector: SocketAddr) {
    let router = traced(collector).start();
    let mut visitor = router.visitor();
    let lost = |router: &Router| router.api().metrics().sum("rolling_spans_lost_total", &[]);
    let all_lost = within(Duration::from_secs(120), || {
        (0..20).for_each(|_| assert_eq!(visitor.get("/").response.status, 200, "{what}"));
        lost(&router) > 0.0
    });
    assert!(all_lost, "{what}: {}", router.log());
    let told = router.log().lines().filter(|line| line.contains("does not take spans")).count();
    assert_eq!(told, 1, "{what}: it is said once: {}", router.log());
    router.terminate();
    let mut router = router;
    let mut code = None;
    eventually("it ends all the same", || {
        code = router.exit_code();
        code.is_some()
    });
    assert_eq!(code, Some(0), "{what}");
}

#[test]
fn a_collector_that_is_down_costs_users_nothing() {
    costs_users_nothing("down", free_port());
}

#[test]
fn a_collector_that_refuses_costs_users_nothing() {
    let refusing = scripted(|_| Reply::response("400 Bad Request", &[], "no"));
    costs_users_nothing("refusing", refusing.address);
}

#[test]
fn a_collector_that_lies_costs_users_nothing() {
    let lying = scripted(|_| {
        let said = r#"{"partialSuccess": {"rejectedSpans": "18446744073709551615", "errorMessage": "full\n\u001b[2J"}}"#;
        Reply::response("200 OK", &[("Content-Type", "application/json")], said)
    });
    costs_users_nothing("lying", lying.address);
    let posts: Vec<Span> = lying.take().iter().flat_map(spans_of).collect();
    assert!(!posts.is_empty());
}

#[test]
fn a_collector_that_answers_without_end_costs_users_nothing() {
    let endless = serving(|peer| {
        let Some(_) = peer.request() else { return };
        peer.send("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n");
        while peer.send("1000\r\n".to_owned() + &"x".repeat(0x1000) + "\r\n") {}
    });
    costs_users_nothing("endless", endless.address);
}

/// The collector, as PyPI has it.
fn rotel() -> &'static str {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rotel");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control/observability/install-rotel");
    let run = Command::new(script).arg(&folder).output().expect("the script can be run");
    assert!(run.status.success(), "rotel is not to be had:\n{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().to_owned().leak()
}

#[test]
fn a_real_collector_takes_them() {
    let server = Server::start(rotel(), 2, |folder, ports| {
        let words = [
            "start --exporter blackhole --debug-log traces --debug-log-verbosity detailed".to_owned(),
            format!("--pid-file {0}/pid --log-file {0}/own-log", folder.display()),
            format!(
                "--otlp-grpc-endpoint 127.0.0.1:{} --otlp-http-endpoint 127.0.0.1:{}",
                ports[0], ports[1]
            ),
        ];
        words.join(" ").split(' ').map(str::to_owned).collect()
    });
    let collector = SocketAddr::from(([127, 0, 0, 1], server.ports[1]));
    eventually("it listens", || std::net::TcpStream::connect(collector).is_ok());
    let router = traced(collector).start();
    let sent = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    let (parent, _) = ask(&router, "/taken", &sent);
    let span_id = parent.expect("it is told").split('-').nth(2).expect("a span").to_owned();
    let said = || fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
    eventually("it has the span", || said().contains(&format!("ID             : {span_id}")));
    let said = said();
    for line in [
        "-> service.name: Str(rolling-router)".to_owned(),
        format!("Trace ID       : {TRACE}"),
        format!("Parent ID      : {PARENT}"),
        "Name           : GET".to_owned(),
        "Kind           : SPAN_KIND_SERVER".to_owned(),
        "-> url.path: Str(/taken)".to_owned(),
        "-> http.response.status_code: Int(200)".to_owned(),
        "-> rolling.app: Str(hello)".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}: {said}");
    }
    let lost = router.api().metrics().sum("rolling_spans_lost_total", &[]);
    assert_eq!(lost, 0.0, "{}", router.log());
}
