//! What the tests of engines begin with: the shared engine as a router would be told of it, and containers on it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use rolling_router::engine::{
    Container, ContainerName, ContainerSpec, Digest, Engine, EngineOptions, ImageReference, LABEL_APP,
    LABEL_DEPLOYMENT, LABEL_RELEASE, Policy,
};
use support::servers::engine::TestEngine;

/// The engine as a router is told of it, with a policy that allows some images.
pub fn engine(test: &TestEngine, images: &[&str]) -> Engine {
    let policy = Policy { allowed_images: parse(images), ..Policy::default() };
    Engine::new(options(test, policy))
}

/// What a router is told of the engine.
pub fn options(test: &TestEngine, policy: Policy) -> EngineOptions {
    EngineOptions {
        name: "node1".parse().unwrap(),
        address: test.url().parse().unwrap(),
        tls: None,
        policy,
        host: test.address.into(),
        network: None,
        registry_login_file: None::<PathBuf>,
    }
}

/// Texts as what they say.
pub fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub fn image(name: &str) -> ImageReference {
    name.parse().unwrap()
}

pub fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

/// What an image of the engine is.
pub async fn digest(engine: &Engine, name: &str) -> Digest {
    engine.image(&image(name)).await.unwrap().expect("the image is there").digest
}

/// A container of the router, on port 80 of an image that is there.
pub async fn spec(engine: &Engine, of: &str) -> ContainerSpec {
    let mut spec = ContainerSpec::new(image(of), digest(engine, of).await, 80);
    let labels = [(LABEL_APP, "shop"), (LABEL_RELEASE, "v1"), (LABEL_DEPLOYMENT, "d1")];
    spec.labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    spec
}

/// A container of the router that runs.
pub async fn running(engine: &Engine, called: &str, of: &str) -> Container {
    let (called, spec) = (name(called), spec(engine, of).await);
    engine.create(&called, &spec).await.unwrap();
    engine.start(&called).await.unwrap();
    engine.inspect(&called).await.unwrap().expect("it was made just now")
}

/// What is answered there to a request for a path; nothing where nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").ok()?;
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    loop {
        let read = stream.read(&mut part).ok()?;
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let length =
            head.split("Content-Length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if length == Some(body.len()) {
            return Some(body.to_owned());
        }
        if read == 0 {
            return None;
        }
    }
}
