//! TLS for end users: the same service inside it, sessions that resume, certificates exchanged under open connections,
//! plain http sent to where it belongs. The certificates are made by each test, and trusted by its clients alone.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use support::tls::{CertificateFiles, TlsClient, trusting};
use support::websocket::{TEXT, echo_sockets, masked_frame, read_frame, upgrade};
use support::{Response, Router, RouterBuilder, Wire, eventually, router};

const HOST: &str = "shop.example.test";
const NAVIGATION: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// A router that serves in TLS with a certificate; everything else is as in `builder`.
fn serve(files: &CertificateFiles, builder: RouterBuilder) -> Router {
    let [certificate, key] = files.flags();
    builder.flag("--listen-tls=127.0.0.1:0").flag(&certificate).flag(&key).start()
}

/// A connection in TLS to the host of all these tests.
struct Client(TlsClient);

impl Client {
    fn open(router: &Router, trust: &Arc<ClientConfig>) -> Self {
        Self::try_open(router.front_tls(), trust).expect("the certificate is trusted")
    }

    /// Shakes hands; `None` if one side refuses.
    fn try_open(address: SocketAddr, trust: &Arc<ClientConfig>) -> Option<Self> {
        TlsClient::try_open(address, HOST, trust).map(Self)
    }

    fn session(&self) -> &ClientConnection {
        self.0.session()
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes);
    }

    fn get(&mut self, headers: &str) -> Response {
        self.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n"));
        self.0.response("GET")
    }
}

#[test]
fn a_client_is_pinned_and_the_endpoint_is_told_https() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1").candidate("v2").blend(50));
    for _ in 0..8 {
        let mut client = Client::open(&router, &trust);
        let first = client.get(NAVIGATION);
        let cookie = first.header("set-cookie").expect("a first navigation is pinned").to_owned();
        let attributes = "; HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Max-Age=86400";
        assert!(cookie.starts_with("rolling_pin_s=") && cookie.ends_with(attributes), "{cookie}");
        assert!(first.text().contains("x-forwarded-proto: https\r\n"), "{}", first.text());
        let pin = cookie.split(';').next().expect("a cookie has a value");
        let again = Client::open(&router, &trust).get(&format!("{NAVIGATION}Cookie: {pin}\r\n"));
        assert_eq!(again.header("x-release"), first.header("x-release"));
        assert_eq!(client.session().alpn_protocol(), None, "none was offered");
    }
    let plain = router.visitor().get("/");
    assert!(
        plain.pinned && plain.response.status == 200,
        "plain http is served beside it, with a pin of its own"
    );
}

#[test]
fn a_websocket_passes() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable_on("v1", vec![echo_sockets("v1")]));
    let mut client = Client::open(&router, &trust);
    client.send(upgrade("/chat", HOST));
    assert_eq!(client.0.response("GET").status, 101);
    let mut ahead = std::mem::take(&mut client.0.0.ahead);
    for length in [5, 300, 70_000] {
        let payload = vec![b'x'; length];
        client.send(masked_frame(TEXT, &payload));
        assert_eq!(read_frame(&mut client.0.0.stream, &mut ahead), Some((TEXT, payload)));
    }
}

#[test]
fn sessions_resume_in_both_versions() {
    let (files, _) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1").workers(2));
    let pem = fs::read_to_string(files.certificate()).expect("it was written");
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let trust = Arc::new(trusting(&pem, &[version]));
        let mut kinds = Vec::new();
        for _ in 0..4 {
            let mut client = Client::open(&router, &trust);
            assert_eq!(client.get("").status, 200);
            assert_eq!(client.session().protocol_version(), Some(version.version));
            kinds.push(client.session().handshake_kind());
        }
        assert_eq!(kinds[0], Some(HandshakeKind::Full));
        assert!(kinds[1..].iter().all(|kind| *kind == Some(HandshakeKind::Resumed)), "{kinds:?}");
    }
}

#[test]
fn http_2_is_preferred_and_what_is_not_spoken_is_refused() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1"));
    let offering = |names: &[&str]| {
        let mut config = (*trust).clone();
        config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    };
    let browser = Client::open(&router, &offering(&["http/1.1", "h2"]));
    assert_eq!(browser.session().alpn_protocol(), Some(&b"h2"[..]));
    let mut old = Client::open(&router, &offering(&["http/1.1"]));
    assert_eq!(old.get("").status, 200);
    assert_eq!(old.session().alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(Client::try_open(router.front_tls(), &offering(&["h3"])).is_none());
}

#[test]
fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let (files, old) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1").workers(2));
    let address = router.front_tls();
    let mut before = Client::open(&router, &old);
    assert_eq!(before.get("").status, 200);

    let new = files.renew();
    assert!(Client::try_open(address, &new).is_none(), "nobody has told the router yet");
    router.signal("HUP");
    eventually("the new certificate is shown", || Client::try_open(address, &new).is_some());
    let unknown = forgetting(&old);
    assert!(Client::try_open(address, &unknown).is_none(), "the old one is shown no more");
    assert_eq!(before.get("").status, 200, "an open connection goes on");

    fs::write(files.key(), "-----BEGIN PRIVATE KEY-----\nbm8=\n").expect("the key can be written");
    router.signal("HUP");
    eventually("it says so", || router.log().contains("the certificate stays as it was: `tls_key` is"));
    assert!(!router.log().contains("bm8="), "a key is never quoted");
    assert_eq!(Client::open(&router, &new).get("").status, 200, "the last good one is shown");
    assert_eq!(before.get("").status, 200);
}

/// A client's settings without the sessions it remembers, which it would resume without looking at a certificate.
fn forgetting(trust: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = trust.clone();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

#[test]
fn plain_http_is_redirected_if_asked() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let builder = router().stable("v1").flag("--https-redirect=on").flag("--trusted-networks=127.0.0.2/32");
    let router = serve(&files, builder);
    let mut wire = router.connect();
    for (request, location) in [
        ("GET /a?b=c HTTP/1.1\r\nHost: shop.example.test:80\r\n\r\n", "https://shop.example.test/a?b=c"),
        ("GET //evil.test HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n", "https://a//evil.test"),
        ("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "https://[::1]/"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "https://a/"),
    ] {
        wire.send(request);
        let response = wire.response("GET");
        assert_eq!((response.status, response.header("location")), (308, Some(location)), "{request}");
        assert_eq!(response.header("set-cookie"), None);
    }
    wire.send("POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    let response = wire.response("POST");
    assert_eq!((response.status, response.header("location")), (308, Some("https://a/order")));
    assert!(response.says_close(), "its body was not read");
    wire.assert_closed();
    assert_eq!(router.endpoint("v1").received(), 0);

    let response = Client::open(&router, &trust).get(NAVIGATION);
    assert_eq!(response.status, 200);
    assert!(response.header("set-cookie").is_some_and(|cookie| cookie.contains("; Secure")));
}

#[test]
fn a_trusted_proxy_may_say_that_it_was_https() {
    let builder = router().stable("v1").flag("--https-redirect=8443").flag("--trusted-networks=127.0.0.0/8");
    let router = builder.start();
    let mut wire = router.connect();
    wire.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n");
    assert_eq!(wire.response("GET").status, 200);
    wire.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\n\r\n");
    assert_eq!(wire.response("GET").header("location"), Some("https://a:8443/"));
}

/// A bookmark with `http://` and the port of https: the connection was closed without a word.
#[test]
fn plain_http_on_the_port_of_https_is_told_so() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1"));
    let address = router.front_tls();
    for (method, request) in [
        ("GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("GET", "GET / HTTP/1.0\r\n\r\n".to_owned()),
        (
            "POST",
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n{}", "a".repeat(20_000)),
        ),
    ] {
        let mut wire = Wire::open(address);
        wire.send(&request);
        let response = wire.response(method);
        assert_eq!(response.status, 400, "{method}");
        assert!(response.says_close(), "{method}");
        assert!(method == "HEAD" || response.text().contains("https"), "{method}: {}", response.text());
        wire.assert_closed();
    }
    assert_eq!(router.endpoint("v1").received(), 0);
    // What is neither is closed, and a handshake in small pieces is one.
    let mut garbage = Wire::open(address);
    garbage.send([0x80, 0x2e, 1, 0, 2, 0, 0, 0, 0, 0]);
    assert!(garbage.try_response("GET").is_err());
    assert_eq!(Client::open(&router, &trust).get("").status, 200);
}

/// `serve` with these flags, in an empty directory.
fn refused(flags: &[String]) -> Output {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = Command::new(support::binary());
    command.args(["serve", "--store", "memory", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(flags).current_dir(dir.path()).output().expect("the binary can be run")
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let ((files, _), (other, _)) = (CertificateFiles::new(&[HOST]), CertificateFiles::new(&[HOST]));
    let flag = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
    let listen = || "--listen-tls=127.0.0.1:0".to_owned();
    let certificate = || flag("tls-certificate", files.certificate());
    let key = || flag("tls-key", files.key());
    let nowhere = files.dir.path().join("nowhere.pem");
    let junk = files.dir.path().join("junk.pem");
    fs::write(&junk, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("it can be written");
    for (flags, told) in [
        (vec![listen()], "`tls_certificate` and `tls_key` are not given"),
        (vec![certificate(), key()], "`listen_tls` is not given"),
        (vec![listen(), certificate()], "`tls_key` is not given"),
        (
            vec![listen(), certificate(), flag("tls-key", other.key())],
            "the file has the key of another certificate",
        ),
        (
            vec![listen(), certificate(), flag("tls-key", nowhere.clone())],
            "nowhere.pem: the file cannot be read",
        ),
        (vec![listen(), flag("tls-certificate", nowhere), key()], "nowhere.pem: the file cannot be read"),
        (vec![listen(), flag("tls-certificate", files.key()), key()], "the file has no certificate"),
        (
            vec![listen(), certificate(), flag("tls-key", files.certificate())],
            "the file has no private key that can be used",
        ),
        (
            vec![listen(), flag("tls-certificate", junk), key()],
            "junk.pem: the file has a certificate that cannot be used",
        ),
        (vec!["--https-redirect=on".into()], "nothing serves https"),
        (vec!["--https-redirect=yes".into()], "--https-redirect is `yes`"),
    ] {
        let output = refused(&flags);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains(told), "{flags:?}: {said}");
    }
}

#[test]
fn a_router_that_starts_without_its_certificate_serves_http_and_tls_as_soon_as_it_is_there() {
    let (files, _) = CertificateFiles::new(&[HOST]);
    let mut router = serve(&files, router().durable().stable("v1"));
    let mut visitor = router.visitor();
    assert_eq!(visitor.release(), "v1");
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    fs::remove_file(files.certificate()).expect("it was written");
    router.start_again();
    visitor.hang_up();
    assert_eq!(visitor.release(), "v1");
    let address = router.front_tls();
    let trust = Arc::new(trusting(
        &rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate can be made").cert.pem(),
        rustls::ALL_VERSIONS,
    ));
    assert!(Client::try_open(address, &trust).is_none(), "there is nothing to show");
    let ready = router.api().anonymous().call("GET", "/readyz", None).expect(200).response.text();
    assert!(ready.contains("certificate"), "{ready}");
    let trust = files.renew();
    eventually("TLS is served", || Client::try_open(address, &trust).is_some());
    let fault = || router.api().anonymous().call("GET", "/readyz", None).expect(200).response.text();
    eventually("nothing is missing any more", || !fault().contains("certificate"));
}
