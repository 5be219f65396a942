//! Several certificates: which name is shown which, and what happens when one of their files changes.

use rustls::ClientConfig;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use support::command::run;
use support::http2::Http2Client;
use support::tls::{CertificateFiles, TlsClient};
use support::{Router, eventually, router};

/// Two pairs, the second with a wildcard, and a router that shows them.
struct Stage {
    router: Router,
    address: SocketAddr,
    shop: (CertificateFiles, Arc<ClientConfig>),
    other: (CertificateFiles, Arc<ClientConfig>),
}

impl Stage {
    fn start() -> Self {
        let shop = CertificateFiles::new(&["shop.test", "127.0.0.1", "exact.other.test"]);
        let other = CertificateFiles::new(&["other.test", "*.other.test"]);
        let [certificates, keys] = lists(&shop.0, &other.0);
        let builder = router().stable("v1").flag("--listen-tls=127.0.0.1:0");
        let router = builder.flag(&certificates).flag(&keys).start();
        Self { address: router.front_tls(), router, shop, other }
    }

    /// Whether a client that trusts one certificate alone is shown that one.
    fn shows(&self, name: &str, trust: &Arc<ClientConfig>) -> bool {
        let mut fresh = ClientConfig::clone(trust);
        fresh.resumption = rustls::client::Resumption::disabled();
        TlsClient::try_open(self.address, name, &Arc::new(fresh)).is_some()
    }
}

fn lists(first: &CertificateFiles, second: &CertificateFiles) -> [String; 2] {
    let both = |first: std::path::PathBuf, second: std::path::PathBuf| {
        format!("{},{}", first.display(), second.display())
    };
    [
        format!("--tls-certificate={}", both(first.certificate(), second.certificate())),
        format!("--tls-key={}", both(first.key(), second.key())),
    ]
}

#[test]
fn the_name_picks_the_certificate_and_exact_names_come_first() {
    let stage = Stage::start();
    let (shop, other) = (&stage.shop.1, &stage.other.1);
    for (name, right, wrong) in [
        ("shop.test", shop, other),
        ("SHOP.test", shop, other),
        ("exact.other.test", shop, other),
        ("other.test", other, shop),
        ("any.other.test", other, shop),
        // A client that asks for an address names nobody.
        ("127.0.0.1", shop, other),
    ] {
        assert!(stage.shows(name, right), "{name}");
        assert!(!stage.shows(name, wrong), "{name}");
    }
    for unknown in ["a.b.other.test", "elsewhere.test", "test"] {
        assert!(!stage.shows(unknown, shop) && !stage.shows(unknown, other), "{unknown}");
    }
}

#[test]
fn a_pair_is_read_again_when_its_files_change_and_a_broken_one_stays() {
    let stage = Stage::start();
    let mut open = TlsClient::try_open(stage.address, "shop.test", &stage.shop.1).expect("it is trusted");
    let new = stage.other.0.renew();
    eventually("the new certificate is shown without a signal", || stage.shows("other.test", &new));
    assert!(stage.shows("shop.test", &stage.shop.1), "the other one is as it was");

    fs::write(stage.shop.0.key(), "no key").expect("it can be written");
    let newest = stage.other.0.renew();
    eventually("it says so", || stage.router.log().contains("the certificate stays as it was: `tls_key` is"));
    eventually("the other pair goes on", || stage.shows("other.test", &newest));
    assert!(stage.shows("shop.test", &stage.shop.1), "the last good one is shown");
    open.send("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    assert_eq!(open.response("GET").status, 200);
}

#[test]
fn certificates_without_their_keys_are_refused_by_serve_and_check_alike() {
    let ((shop, _), (other, _)) =
        (CertificateFiles::new(&["shop.test"]), CertificateFiles::new(&["other.test"]));
    let [certificates, keys] = lists(&shop, &other);
    let [_, swapped] = lists(&other, &shop);
    let [one_certificate, one_key] = shop.flags();
    for (flags, told) in [
        ([&certificates, &one_key], "`tls_certificate` has 2 files and `tls_key` has 1 file"),
        ([&one_certificate, &keys], "`tls_certificate` has 1 file and `tls_key` has 2 files"),
        ([&certificates, &swapped], "the file has the key of another certificate"),
        ([&format!("{certificates},"), &keys], "--tls-certificate is"),
    ] {
        for verb in ["serve", "check"] {
            let usual = [
                "--store",
                "memory",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--listen-tls=127.0.0.1:0",
            ];
            let ran = run(&[&[verb], &usual[..], &[flags[0].as_str(), flags[1].as_str()]].concat(), &[]);
            assert_eq!(ran.code, 2, "{verb} {flags:?}: {}", ran.err);
            assert!(ran.err.contains(told), "{verb} {flags:?}: {}", ran.err);
        }
    }
}

/// A browser that has a certificate for several hosts asks for all of them on one connection.
#[test]
fn a_host_of_another_certificate_is_misdirected_over_both_protocols() {
    let stage = Stage::start();
    let cases = [
        ("shop.test", &stage.shop.1, [("shop.test", 200), ("exact.other.test", 200), ("other.test", 421)]),
        (
            "any.other.test",
            &stage.other.1,
            [("other.test", 200), ("more.other.test", 200), ("shop.test", 421)],
        ),
        ("127.0.0.1", &stage.shop.1, [("shop.test", 200), ("127.0.0.1", 200), ("any.other.test", 421)]),
    ];
    for (name, trust, hosts) in cases {
        let second = Http2Client::open_tls(stage.address, name, trust);
        for (host, status) in hosts {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let mut first = TlsClient::try_open(stage.address, name, trust).expect("it is trusted");
            first.send(&head);
            assert_eq!(first.response("GET").status, status, "{host} on the connection of {name}");
            assert_eq!(second.exchange(&head).status, status, "{host} on the connection of {name}, HTTP/2");
        }
    }
}
