//! An engine that is asked over the network: TLS both ways.

use std::fs;

use rolling_router::engine::{Engine, EngineError, EngineTls, Policy};
use support::servers::{engine::TestEngine, make_certificates};

use super::scene::options;

#[tokio::test]
async fn an_engine_over_tcp_is_known_by_its_certificate_and_knows_the_router_by_its_own() {
    let test = TestEngine::with_tls(64);
    let read = |name: &str| fs::read(test.folder.join(name)).unwrap();
    let (ca, certificate, key) = (read("ca.pem"), read("cert.pem"), read("key.pem"));
    let with = |tls: Option<EngineTls>| {
        let mut options = options(&test, Policy::default());
        options.address = format!("tcp://{}:2376", test.address).parse().unwrap();
        options.tls = tls;
        Engine::new(options)
    };
    let both = with(Some(EngineTls::read(&ca, Some((&certificate, &key))).unwrap()));
    assert!(both.version().await.unwrap().api.starts_with("1."));
    assert_eq!(both.list(&[]).await.unwrap(), []);

    let nobody = with(Some(EngineTls::read(&ca, None).unwrap())).version().await;
    assert!(matches!(nobody, Err(EngineError::Unreachable { .. })), "{nobody:?}");
    let plain = with(None).version().await;
    assert!(plain.is_err(), "{plain:?}");
    let other = tempfile::tempdir().unwrap();
    make_certificates(other.path());
    let other = fs::read(other.path().join("ca.pem")).unwrap();
    let stranger = with(Some(EngineTls::read(&other, Some((&certificate, &key))).unwrap())).version().await;
    assert!(
        matches!(&stranger, Err(EngineError::Unreachable { why, .. }) if why.contains("certificate")),
        "{stranger:?}"
    );
}

#[test]
fn files_that_are_no_certificates_are_named_by_their_field() {
    assert_eq!(EngineTls::read(b"", None).unwrap_err().0, "tls_ca");
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let (ca, certificate) = (read("ca.pem"), read("cert.pem"));
    assert_eq!(EngineTls::read(&ca, Some((b"", b""))).unwrap_err().0, "tls_certificate");
    let (field, why) = EngineTls::read(&ca, Some((&certificate, b"secret"))).unwrap_err();
    assert!(field == "tls_key" && !why.contains("secret"), "{why}");
}
