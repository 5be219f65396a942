//! The engines of this router, and what can be asked of each beside its containers.

use std::{collections::BTreeMap, fmt, future::Future, net::IpAddr, sync::Arc, time::Duration};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error, models::ImageInspect};

use super::{
    error::EngineError,
    limits::CALL_MS,
    name::{EngineName, NetworkName},
    options::EngineOptions,
    policy::Policy,
    reference::{Digest, ImageReference},
    signal::Signal,
    transport::Connector,
};

/// What bollard may wait for an answer at most, in seconds. Each call has its own, shorter time-out here.
const ANSWER_SECONDS_MAX: u64 = 24 * 3_600;

/// The engines of this router, by name. Empty where none is configured.
#[derive(Debug, Clone, Default)]
pub struct Engines(Arc<BTreeMap<EngineName, Engine>>);

/// One engine. It is cheap to clone, and holds no connection while nothing is asked.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    options: EngineOptions,
    docker: Docker,
}

/// What an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// Its own version, such as `28.2.2`.
    pub version: String,
    /// The version of its API, such as `1.50`.
    pub api: String,
}

/// An image that an engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The same content has the same digest on every engine.
    pub digest: Digest,
    /// By what it can be pulled again, exactly: its name and the digest of its manifest in the registry. Empty for an image that
    /// was built or loaded on the engine.
    pub pinned: Vec<ImageReference>,
    /// The names with tags that the engine knows it by.
    pub tags: Vec<ImageReference>,
    /// Its size on the engine's disk, in bytes.
    pub bytes: u64,
    /// The signal that ends its containers.
    pub stop_signal: Option<Signal>,
    /// The only port that it says it serves on.
    pub only_port: Option<u16>,
}

impl Engines {
    /// Engines as they are configured; nothing is asked of them yet.
    pub fn new(options: Vec<EngineOptions>) -> Self {
        let engines = options.into_iter().map(|options| (options.name.clone(), Engine::new(options)));
        Self(Arc::new(engines.collect()))
    }

    /// The engine of a name.
    pub fn get(&self, name: &EngineName) -> Option<&Engine> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Engine> {
        self.0.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} at {})", self.0.options.name, self.0.options.address)
    }
}

impl Engine {
    /// An engine as it is configured.
    pub fn new(options: EngineOptions) -> Self {
        let connector = Connector::new(&options);
        let send = move |request: BollardRequest| connector.clone().send(request);
        let docker = Docker::connect_with_custom_transport(
            send,
            Some("http://docker"),
            ANSWER_SECONDS_MAX,
            API_DEFAULT_VERSION,
        )
        .expect("nothing is opened before a call is made");
        Self(Arc::new(Inner { options, docker }))
    }

    /// Its name.
    pub fn name(&self) -> &EngineName {
        &self.0.options.name
    }

    /// What it may be asked for.
    pub fn policy(&self) -> &Policy {
        &self.0.options.policy
    }

    /// The network by whose addresses its containers are reached, unless one says otherwise. None: by published ports.
    pub fn network(&self) -> Option<&NetworkName> {
        self.0.options.network.as_ref()
    }

    /// The address of its host, at which ports are published.
    pub fn host(&self) -> IpAddr {
        self.0.options.host
    }

    /// What it is configured with.
    pub fn options(&self) -> &EngineOptions {
        &self.0.options
    }

    /// Asks what it is, which also shows that it answers.
    pub async fn version(&self) -> Result<EngineVersion, EngineError> {
        let answer = self.call("say its version", self.docker().version()).await?;
        Ok(EngineVersion {
            version: answer.version.unwrap_or_default(),
            api: answer.api_version.unwrap_or_default(),
        })
    }

    /// Asks for an image. None: the engine does not have it.
    pub async fn image(&self, image: &ImageReference) -> Result<Option<Image>, EngineError> {
        self.find_image(&image.asked()).await
    }

    /// Asks for an image by what it is. None: the engine does not have it.
    pub async fn image_of(&self, digest: &Digest) -> Result<Option<Image>, EngineError> {
        self.find_image(digest.as_str()).await
    }

    async fn find_image(&self, name: &str) -> Result<Option<Image>, EngineError> {
        match self.call("describe an image", self.docker().inspect_image(name)).await {
            Ok(answer) => Ok(Image::read(answer)),
            Err(EngineError::Answer { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.0.docker
    }

    /// Makes a call that does little.
    pub(super) async fn call<T>(
        &self,
        what: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        self.call_within(Duration::from_millis(CALL_MS), what, call).await
    }

    /// Makes a call that may take so long.
    pub(super) async fn call_within<T>(
        &self,
        limit: Duration,
        what: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(limit, call).await {
            Ok(answer) => answer.map_err(|error| self.error(error)),
            Err(_) => {
                Err(EngineError::TimedOut { engine: self.name().clone(), what, seconds: limit.as_secs() })
            }
        }
    }

    /// What went wrong, before it is known for what it was asked.
    pub(super) fn error(&self, error: Error) -> EngineError {
        let unreachable = |why: String| EngineError::Unreachable { engine: self.name().clone(), why };
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                EngineError::Answer { status: status_code, why: message.trim().to_owned() }
            }
            Error::DockerStreamError { error } => {
                EngineError::Answer { status: 0, why: error.trim().to_owned() }
            }
            Error::IOError { err } => unreachable(err.to_string()),
            Error::HyperResponseError { err } => unreachable(err.to_string()),
            Error::RequestTimeoutError => unreachable("it does not answer".into()),
            other => EngineError::Answer { status: 0, why: other.to_string() },
        }
    }
}

impl Image {
    fn read(answer: ImageInspect) -> Option<Self> {
        let parse = |list: Option<Vec<String>>| {
            list.into_iter().flatten().filter_map(|text| text.parse().ok()).collect()
        };
        let config = answer.config.unwrap_or_default();
        let ports = config.exposed_ports.unwrap_or_default();
        let ports: Vec<u16> =
            ports.iter().filter_map(|port| port.strip_suffix("/tcp")?.parse().ok()).collect();
        Some(Self {
            digest: answer.id?.parse().ok()?,
            pinned: parse(answer.repo_digests),
            tags: parse(answer.repo_tags),
            bytes: answer.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            stop_signal: config.stop_signal.and_then(|text| text.parse().ok()),
            only_port: if let [port] = ports[..] { Some(port) } else { None },
        })
    }
}
