//! The Kubernetes API: the EndpointSlices of a namespace or of all, by a list and a watch behind it.

use std::{fmt, pin::pin, time::Duration};

use futures_util::StreamExt as _;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{
    Api, Client, Config, Error,
    core::Status,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::sync::watch;

use crate::{
    arguments::KubernetesArguments,
    failure::{Failure, innermost, one_line},
    release::Wanted,
    slices::Slices,
};

/// How long the API may be silent: a watch of five minutes ends by itself before, a list that hangs does not.
const SILENCE: Duration = Duration::from_secs(300);

/// What is followed, and where.
pub(crate) struct Cluster {
    client: Client,
    /// None: all of them.
    namespace: Option<String>,
    selector: String,
    port_name: Option<String>,
}

impl Cluster {
    /// Finds Kubernetes by a kubeconfig or a service account. Nothing is asked yet.
    pub(crate) async fn connect(arguments: &KubernetesArguments) -> Result<Self, Failure> {
        let mut config = Config::infer().await.map_err(|error| {
            let why = one_line(&error.to_string());
            Failure::usage(format!(
                "no Kubernetes was found, neither by KUBECONFIG or ~/.kube/config nor by a service account: {why}"
            ))
        })?;
        config.read_timeout = Some(SILENCE);
        let own = config.default_namespace.clone();
        let refused =
            |error: Error| Failure::usage(format!("Kubernetes cannot be asked: {}", innermost(&error)));
        let client = Client::try_from(config).map_err(refused)?;
        let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let namespace = text(&arguments.namespace).unwrap_or(own);
        Ok(Self {
            client,
            namespace: (!arguments.all_namespaces).then_some(namespace),
            selector: arguments.selector.clone(),
            port_name: text(&arguments.port_name),
        })
    }

    /// Follows the EndpointSlices, and publishes what releases should have whenever all are known. It has no end.
    pub(crate) async fn follow(&self, wanted: watch::Sender<Option<Wanted>>) {
        let client = self.client.clone();
        let api: Api<EndpointSlice> = match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let config = watcher::Config::default().labels(&self.selector);
        let mut events = pin!(watcher(api, config).default_backoff());
        let mut slices = Slices::new(self.port_name.clone());
        let mut trouble = Trouble::default();
        while let Some(event) = events.next().await {
            match event {
                Err(error) => trouble.say(self.describe(&error)),
                Ok(event) => {
                    let is_list = matches!(event, watcher::Event::InitDone);
                    if !slices.take(event) {
                        continue;
                    }
                    trouble.end();
                    if is_list && slices.is_empty() {
                        tracing::warn!("there is no such thing as {self}: nothing is written until there is");
                    }
                    wanted.send_replace(Some(slices.wanted()));
                }
            }
        }
    }

    /// What went wrong, in words.
    fn describe(&self, error: &watcher::Error) -> String {
        match error {
            watcher::Error::InitialListFailed(error) => {
                format!("EndpointSlices cannot be listed: {}", self.cause(error))
            }
            watcher::Error::WatchStartFailed(error) => {
                format!("EndpointSlices cannot be watched: {}", self.cause(error))
            }
            watcher::Error::WatchError(status) if status.code == 410 => {
                "Kubernetes does not know any more where the watch was (410): everything is listed again"
                    .into()
            }
            watcher::Error::WatchError(status) => format!("the watch was ended: {}", self.refusal(status)),
            watcher::Error::WatchFailed(error) => {
                format!("the watch broke off, and goes on from where it was: {}", self.cause(error))
            }
            watcher::Error::NoResourceVersion => one_line(&error.to_string()),
        }
    }

    fn cause(&self, error: &Error) -> String {
        match error {
            Error::Api(status) => self.refusal(status),
            other => innermost(other),
        }
    }

    /// What the API refused, and what to do about it.
    fn refusal(&self, status: &Status) -> String {
        let hint = match status.code {
            400 => format!("; --selector is `{}`", self.selector),
            401 => "; the token of the service account, or of the kubeconfig, is not accepted".into(),
            403 => "; a Role has to allow get, list and watch on endpointslices of discovery.k8s.io".into(),
            _ => String::new(),
        };
        format!("{} {}{hint}", status.code, one_line(&status.message))
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(out, "EndpointSlices of the namespace `{namespace}`")?,
            None => write!(out, "EndpointSlices of all namespaces")?,
        }
        write!(out, " with the labels `{}`", self.selector)
    }
}

/// What went wrong last. While it stays the same it is told once.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn say(&mut self, why: String) {
        if self.0.as_ref() != Some(&why) {
            tracing::warn!("{why}");
            self.0 = Some(why);
        }
    }

    fn end(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("Kubernetes is followed again");
        }
    }
}
