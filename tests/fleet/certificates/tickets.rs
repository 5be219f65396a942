//! Session tickets: what one router gives, every other one reads, and the same one after a restart.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::{ClientConfig, HandshakeKind, NamedGroup};

use crate::routers::Fleet;
use crate::server::Kind;
use support::router;
use support::tls::{CertificateFiles, TlsClient};

/// How a handshake went. The client takes the tickets that come with the answer.
fn kind(address: SocketAddr, trust: &Arc<ClientConfig>) -> Option<HandshakeKind> {
    let mut client = TlsClient::try_open(address, "shop.test", trust)?;
    client.send("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
    client.session().handshake_kind()
}

/// The same trust without the tickets.
fn fresh(trust: &Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut fresh = ClientConfig::clone(trust);
    fresh.resumption = rustls::client::Resumption::in_memory_sessions(8);
    Arc::new(fresh)
}

#[test]
fn a_session_goes_on_at_another_router_and_after_a_restart() {
    let (files, trust) = CertificateFiles::new(&["shop.test"]);
    let [certificate, key] = files.flags();
    let mut fleet = Fleet::with_flags(Kind::Redis, 2, &["--listen-tls=127.0.0.1:0", &certificate, &key]);
    let trust = fresh(&trust);
    let [first, second] = [0, 1].map(|at: usize| fleet.routers[at].front_tls());
    assert_eq!(kind(first, &trust), Some(HandshakeKind::Full));
    assert_eq!(kind(first, &trust), Some(HandshakeKind::Resumed));
    assert_eq!(kind(second, &trust), Some(HandshakeKind::Resumed), "at the other router");
    fleet.routers[0].kill();
    fleet.routers[0].start_again();
    assert_eq!(kind(fleet.routers[0].front_tls(), &trust), Some(HandshakeKind::Resumed), "after a restart");
    let stranger = fresh(&trust);
    assert_eq!(kind(second, &stranger), Some(HandshakeKind::Full));
}

#[test]
fn keys_are_exchanged_as_the_client_prefers_and_so_that_they_last() {
    let (files, _) = CertificateFiles::new(&["shop.test"]);
    let [certificate, key] = files.flags();
    let router = router().stable("v1").flag("--listen-tls=127.0.0.1:0").flag(&certificate).flag(&key).start();
    let group = |wanted: &[NamedGroup]| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        let all = rustls::crypto::aws_lc_rs::ALL_KX_GROUPS;
        provider.kx_groups = wanted
            .iter()
            .filter_map(|name| all.iter().find(|group| group.name() == *name).copied())
            .collect();
        let pem = std::fs::read_to_string(files.certificate()).expect("it can be read");
        let roots = support::tls::roots(&pem);
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS).expect("they are known");
        let trust = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
        let client = TlsClient::try_open(router.front_tls(), "shop.test", &trust).expect("a handshake");
        client.session().negotiated_key_exchange_group().map(|group| group.name())
    };
    let hybrid = NamedGroup::X25519MLKEM768;
    assert_eq!(group(&[hybrid, NamedGroup::X25519]), Some(hybrid));
    assert_eq!(group(&[NamedGroup::X25519, hybrid]), Some(NamedGroup::X25519), "as the client prefers");
    assert_eq!(group(&[NamedGroup::X25519]), Some(NamedGroup::X25519));
    assert_eq!(group(&[NamedGroup::secp256r1]), Some(NamedGroup::secp256r1));
}
