//! Certificates of end users: who is asked for one, what endpoints are told of it, and that no connection and no session carries
//! one from a host to another that asks otherwise.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig, HandshakeKind, SupportedProtocolVersion};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use support::client_authority::{ClientAuthority, ClientIdentity};
use support::http2::Http2Client;
use support::tls::{CertificateFiles, TlsClient, trusting};
use support::{Endpoint, Response, Router, echo, eventually, router};

/// Hosts of one certificate, so that browsers use one connection for all of them.
const HOSTS: [&str; 5] = ["free.test", "open.test", "closed.test", "other.test", "shared.test"];

/// A router with apps that ask in every way.
struct Stage {
    router: Router,
    address: SocketAddr,
    server_pem: String,
    authority: ClientAuthority,
    other: ClientAuthority,
    _endpoints: Vec<Endpoint>,
}

impl Stage {
    fn start(flags: &[&str]) -> Self {
        let (files, _) = CertificateFiles::new(&HOSTS);
        let server_pem = fs::read_to_string(files.certificate()).expect("it can be read");
        let [certificate, key] = files.flags();
        let mut builder = router().stable("free").flag("--listen-tls=127.0.0.1:0");
        for flag in [certificate.as_str(), &key].iter().chain(flags) {
            builder = builder.flag(flag);
        }
        let router = builder.start();
        let (authority, other) = (ClientAuthority::new("authority.test"), ClientAuthority::new("other.test"));
        router.api().put("settings", &json!({ "hosts": ["free.test"] })).expect(200);
        let mut endpoints = Vec::new();
        for (app, mode, ca) in [
            ("open", "optional", &authority),
            ("closed", "required", &authority),
            ("other", "required", &other),
            ("shared", "off", &authority),
            ("admin", "required", &authority),
        ] {
            let endpoint = echo(app);
            let body = json!({ "release": "1.0", "endpoints": [endpoint.address.to_string()] });
            router.api().app(app).put("stable", &body).expect(200);
            let mut settings = asking(mode, &ca.pem);
            settings["hosts"] = json!([format!("{app}.test")]);
            if app == "shared" {
                settings["share_host"] = json!(["admin"]);
            }
            if app == "admin" {
                (settings["hosts"], settings["paths"]) = (json!(["shared.test"]), json!(["/admin"]));
            }
            router.api().app(app).put("settings", &settings).expect(200);
            endpoints.push(endpoint);
        }
        let address = router.front_tls();
        Self { router, address, server_pem, authority, other, _endpoints: endpoints }
    }

    /// A client that has this certificate.
    fn with(&self, identity: &ClientIdentity) -> Arc<ClientConfig> {
        identity.client(&self.server_pem, ALL_VERSIONS)
    }

    /// A client that has none.
    fn without(&self) -> Arc<ClientConfig> {
        Arc::new(trusting(&self.server_pem, ALL_VERSIONS))
    }

    /// What a client gets on a connection of its own; none: the handshake fails, or is refused right after it.
    fn get(&self, host: &str, client: &Arc<ClientConfig>) -> Option<Response> {
        let mut fresh = ClientConfig::clone(client);
        fresh.resumption = Resumption::disabled();
        let mut connection = TlsClient::try_open(self.address, host, &Arc::new(fresh))?;
        connection.try_exchange(&head(host, "/", ""))
    }
}

fn asking(mode: &str, pem: &str) -> Value {
    json!({ "client_certificates": { "mode": mode, "ca": pem } })
}

fn head(host: &str, target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
}

/// The header lines by which the endpoint was told of a certificate.
fn told(response: &Response) -> Vec<String> {
    let text = response.text();
    let lines =
        text.lines().filter(|line| line.to_ascii_lowercase().replace('_', "-").starts_with("client-cert"));
    lines.map(str::to_owned).collect()
}

fn line(identity: &ClientIdentity) -> String {
    format!("client-cert: :{}:", STANDARD.encode(&identity.certificate))
}

/// Whether a request for this host belongs on the connection of that one: the same is asked for, or nobody was asked and the app
/// asks nobody either.
fn belongs(host: &str, name: &str) -> bool {
    let alike = |host: &str| matches!(host, "open.test" | "shared.test");
    host == name || alike(host) && alike(name) || host == "shared.test" && name == "free.test"
}

#[test]
fn each_host_asks_as_its_app_says_and_the_endpoint_is_told() {
    let stage = Stage::start(&[]);
    let (known, ended) = (stage.authority.issue("ann.test"), stage.authority.issue_ended("old.test"));
    let stranger = stage.other.issue("ann.test");
    for version in [&TLS12, &TLS13] {
        let versions: &[&'static SupportedProtocolVersion] = &[version];
        let with = |identity: &ClientIdentity| identity.client(&stage.server_pem, versions);
        let without = Arc::new(trusting(&stage.server_pem, versions));
        for (host, client, expected) in [
            ("free.test", &with(&known), Some(None)),
            ("free.test", &with(&stranger), Some(None)),
            ("open.test", &without, Some(None)),
            ("open.test", &with(&known), Some(Some(&known))),
            ("open.test", &with(&stranger), None),
            ("open.test", &with(&ended), None),
            ("closed.test", &with(&known), Some(Some(&known))),
            ("closed.test", &without, None),
            ("closed.test", &with(&stranger), None),
            ("closed.test", &with(&ended), None),
            ("other.test", &with(&stranger), Some(Some(&stranger))),
            ("other.test", &with(&known), None),
        ] {
            let response = stage.get(host, client);
            let found = response.as_ref().map(|response| (response.status, told(response)));
            let expected = expected.map(|shown| (200, shown.map(line).into_iter().collect::<Vec<_>>()));
            assert_eq!(found, expected, "{host} with {version:?}");
        }
    }
}

/// The attack: a client that showed nothing, or shows it elsewhere, sends the request of a host that asks on its connection.
#[test]
fn a_request_for_a_host_that_asks_otherwise_is_misdirected_over_both_protocols() {
    let stage = Stage::start(&[]);
    let known = stage.authority.issue("ann.test");
    let (with, without) = (stage.with(&known), stage.without());
    for (name, client) in [
        ("free.test", &with),
        ("free.test", &without),
        ("open.test", &with),
        ("open.test", &without),
        ("closed.test", &with),
        ("shared.test", &with),
    ] {
        for host in HOSTS {
            let expected = if belongs(host, name) { 200 } else { 421 };
            let mut first = TlsClient::try_open(stage.address, name, client).expect("it is trusted");
            first.send(head(host, "/", ""));
            let response = first.response("GET");
            assert_eq!(response.status, expected, "{host} on the connection of {name}");
            let closes = response.header("connection") == Some("close");
            assert_eq!(closes, expected == 421, "{host} on the connection of {name}: the next one is better");
            let second = Http2Client::open_tls(stage.address, name, client);
            assert_eq!(second.exchange(&head(name, "/", "")).status, 200, "{name}");
            let status = second.exchange(&head(host, "/", "")).status;
            assert_eq!(status, expected, "{host} on the connection of {name}, HTTP/2");
            let guarded = TlsClient::try_open(stage.address, name, client).map(|mut connection| {
                connection.send(head("shared.test", "/admin/x", ""));
                connection.response("GET").status
            });
            assert_ne!(guarded, Some(200).filter(|_| name == "free.test"), "a part of a host that asks");
            if expected == 421 {
                eventually("the client is sent to another connection", || second.ended().is_some());
            }
        }
    }
}

/// The attack: a session that began without a certificate, or with one for other authorities, goes on under a policy that asks.
#[test]
fn no_session_is_resumed_under_another_policy() {
    let stage = Stage::start(&[]);
    let known = stage.authority.issue("ann.test");
    let set = |mode: &str, pem: &str| {
        let mut settings = asking(mode, pem);
        settings["hosts"] = json!(["open.test"]);
        stage.router.api().app("open").put("settings", &settings).expect(200);
    };
    for version in [&TLS12, &TLS13] {
        for client in
            [known.client(&stage.server_pem, &[version]), Arc::new(trusting(&stage.server_pem, &[version]))]
        {
            let open = |expected: HandshakeKind, after: &str| {
                let mut connection =
                    TlsClient::try_open(stage.address, "open.test", &client).expect("nothing is demanded");
                connection.send(head("open.test", "/", ""));
                assert_eq!(connection.response("GET").status, 200);
                let kind = connection.session().handshake_kind();
                assert_eq!(kind, Some(expected), "after {after} with {version:?}");
            };
            set("optional", &stage.authority.pem);
            open(HandshakeKind::Full, "nothing");
            open(HandshakeKind::Resumed, "the same");
            set("off", &stage.authority.pem);
            open(HandshakeKind::Full, "a policy that asked");
            open(HandshakeKind::Resumed, "one that did not");
            set("optional", &stage.authority.pem);
            open(HandshakeKind::Full, "one that did not ask");
            let both = format!("{}{}", stage.authority.pem, stage.other.pem);
            set("optional", &both);
            open(HandshakeKind::Full, "one with other authorities");
        }
        let session = known.client(&stage.server_pem, &[version]);
        set("optional", &stage.authority.pem);
        let first = TlsClient::try_open(stage.address, "open.test", &session).map(|mut connection| {
            connection.send(head("open.test", "/", ""));
            told(&connection.response("GET"))
        });
        let mut again = TlsClient::try_open(stage.address, "open.test", &session).expect("it resumes");
        again.send(head("open.test", "/", ""));
        assert_eq!(Some(told(&again.response("GET"))), first, "a resumed session says the same");
        assert_eq!(again.session().handshake_kind(), Some(HandshakeKind::Resumed));
        set("off", &stage.authority.pem);
    }
}

#[test]
fn a_change_counts_at_once_on_open_connections_too() {
    let stage = Stage::start(&[]);
    let known = stage.authority.issue("ann.test");
    let mut open =
        TlsClient::try_open(stage.address, "free.test", &stage.with(&known)).expect("it is trusted");
    open.send(head("free.test", "/", ""));
    assert_eq!(open.response("GET").status, 200);
    let mut settings = asking("required", &stage.authority.pem);
    settings["hosts"] = json!(["free.test"]);
    stage.router.api().put("settings", &settings).expect(200);
    open.send(head("free.test", "/", ""));
    assert_eq!(open.response("GET").status, 421, "this connection was not asked");
    assert!(stage.get("free.test", &stage.without()).is_none());
    let response = stage.get("free.test", &stage.with(&known)).expect("it is shown");
    assert_eq!(told(&response), [line(&known)]);
}

#[test]
fn apps_that_share_a_host_each_have_their_say() {
    let stage = Stage::start(&[]);
    let known = stage.authority.issue("ann.test");
    for (client, page, admin) in [(stage.with(&known), 200, 200), (stage.without(), 200, 403)] {
        let mut connection = TlsClient::try_open(stage.address, "shared.test", &client).expect("a handshake");
        let second = Http2Client::open_tls(stage.address, "shared.test", &client);
        for (target, status, release) in
            [("/", page, "shared"), ("/admin/x", admin, "admin"), ("/", page, "shared")]
        {
            let head = head("shared.test", target, "");
            connection.send(&head);
            for response in [connection.response("GET"), second.exchange(&head)] {
                assert_eq!(response.status, status, "{target}");
                let tells = status == 200 && release == "admin";
                assert_eq!(told(&response).len(), usize::from(tells), "{target}");
            }
        }
    }
}

/// The attack: the client writes the header itself, in every spelling.
#[test]
fn nobody_says_of_itself_what_the_handshake_did_not_find() {
    let stage = Stage::start(&[]);
    let known = stage.authority.issue("ann.test");
    for app in ["open", "shared"] {
        let mut settings = asking(if app == "open" { "optional" } else { "off" }, &stage.authority.pem);
        (settings["hosts"], settings["underscores"]) = (json!([format!("{app}.test")]), json!("pass"));
        stage.router.api().app(app).put("settings", &settings).expect(200);
    }
    let forged = "Client-Cert: :AAAA:\r\nclient-cert-chain: :AAAA:\r\nCLIENT_CERT: :AAAA:\r\nClient_Cert-Chain: :AAAA:\r\n\
        Client-Cert: :BBBB:\r\n";
    for (host, client, expected) in [
        ("open.test", stage.without(), vec![]),
        ("open.test", stage.with(&known), vec![line(&known)]),
        ("shared.test", stage.with(&known), vec![]),
    ] {
        for lines in [forged, &format!("{forged}Connection: client-cert\r\n")] {
            let mut connection = TlsClient::try_open(stage.address, host, &client).expect("a handshake");
            connection.send(head(host, "/", lines));
            assert_eq!(told(&connection.response("GET")), expected, "{host}");
        }
    }
    let mut plain = stage.router.connect();
    plain.send(head("free.test", "/", forged));
    assert_eq!(told(&plain.response("GET")), Vec::<String>::new());
    let refused = json!({ "headers": { "request": ["set Client-Cert: :AAAA:"] } });
    assert_eq!(stage.router.api().put("settings", &refused).status(), 422);
}

#[test]
fn plain_http_and_trusted_proxies_show_nothing() {
    for trusted in [false, true] {
        let stage = Stage::start(if trusted { &["--trusted-networks=127.0.0.0/8"] } else { &[] });
        let mut plain = stage.router.connect();
        for (host, status) in
            [("free.test", 200), ("open.test", 200), ("closed.test", 403), ("other.test", 403)]
        {
            plain.send(head(host, "/", "Client-Cert: :AAAA:\r\n"));
            let response = plain.response("GET");
            assert_eq!(response.status, status, "{host}");
            let passes = trusted && host == "free.test";
            assert_eq!(
                told(&response).len(),
                usize::from(passes),
                "{host}: of a trusted proxy it goes on where nobody asks"
            );
        }
    }
    // A proxy asks for many hosts on one connection; its own certificate is nobody else's, but what it has shown counts.
    let stage = Stage::start(&["--trusted-networks=127.0.0.0/8"]);
    let proxy = stage.with(&stage.authority.issue("proxy.test"));
    let mut connection = TlsClient::try_open(stage.address, "open.test", &proxy).expect("a handshake");
    for (host, status) in [("free.test", 200), ("open.test", 200), ("closed.test", 200), ("other.test", 403)]
    {
        connection.send(head(host, "/", ""));
        assert_eq!(connection.response("GET").status, status, "{host}");
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let stage = Stage::start(&[]);
    for (settings, told) in [
        (json!({ "mode": "required" }), "set `client_certificates.ca` as well"),
        (json!({ "mode": "required", "ca": "no certificate" }), "certificates of authorities as PEM"),
        (json!({ "mode": "on", "ca": stage.authority.pem }), "`off`, `optional` or `required`"),
    ] {
        let answer = stage.router.api().put("settings", &json!({ "client_certificates": settings }));
        assert_eq!(answer.status(), 422, "{settings}");
        assert!(answer.json().to_string().contains(told), "{settings}: {}", answer.json());
    }
}
