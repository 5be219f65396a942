//! What the program is started with: flags, each of which is a variable of the environment too.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, ValueEnum, builder::FalseyValueParser};
use tracing::Level;

use crate::release::APP_LABEL;

/// Keep the endpoints of releases in rolling-router as the EndpointSlices of Kubernetes say
///
/// It follows the EndpointSlices that --selector chooses. The labels of a Service are copied to its EndpointSlices, and say
/// whose endpoints they have:
///
///   rolling-router/app      the app
///   rolling-router/release  the release
///   rolling-router/port     the name of the port, where there are several
///
/// What is ready and does not end is an endpoint of the release. A release without such an address keeps its last endpoints.
/// Which release is stable or the candidate is left to people and pipelines.
///
/// Kubernetes is found by KUBECONFIG or ~/.kube/config, else by the service account of the pod.
///
/// Example:
///   rolling-router-k8s --api http://rolling-router-admin:8080 --token-file /etc/rolling-router-k8s/token
#[derive(Debug, Parser)]
#[command(name = "rolling-router-k8s", version, verbatim_doc_comment, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) router: RouterArguments,

    #[command(flatten)]
    pub(crate) kubernetes: KubernetesArguments,

    /// How often everything is written again, in seconds: 1 to 86400
    #[arg(long, value_name = "SECONDS", env = "ROLLING_ROUTER_K8S_RESYNC", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    resync: u64,

    /// How much is told on standard error: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", env = "ROLLING_ROUTER_K8S_LOG", default_value = "info")]
    pub(crate) log: Level,

    /// Lines for people, or a JSON object for each entry
    #[arg(long, value_name = "FORMAT", env = "ROLLING_ROUTER_K8S_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// Where rolling-router is, and who asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "rolling-router")]
pub(crate) struct RouterArguments {
    /// The admin port of rolling-router, such as http://rolling-router-admin:8080
    #[arg(long, value_name = "URL", env = "ROLLING_ROUTER_K8S_API")]
    pub(crate) api: String,

    /// A file whose first word is the token; read for each write, so that a new one needs no restart
    #[arg(long, value_name = "FILE", env = "ROLLING_ROUTER_K8S_TOKEN_FILE")]
    pub(crate) token_file: PathBuf,

    /// A PEM file of certificates that the router's own may come from, in place of those that this machine trusts
    #[arg(long, value_name = "FILE", env = "ROLLING_ROUTER_K8S_CA")]
    pub(crate) ca: Option<PathBuf>,
}

/// What is followed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
pub(crate) struct KubernetesArguments {
    /// The namespace whose EndpointSlices count; without it that of the service account or of the kubeconfig
    #[arg(
        long,
        value_name = "NAME",
        env = "ROLLING_ROUTER_K8S_NAMESPACE",
        conflicts_with = "all_namespaces"
    )]
    pub(crate) namespace: Option<String>,

    /// Those of all namespaces count; it takes a ClusterRole
    #[arg(long, env = "ROLLING_ROUTER_K8S_ALL_NAMESPACES", value_parser = FalseyValueParser::new())]
    pub(crate) all_namespaces: bool,

    /// Which EndpointSlices count, by their labels, as `kubectl get --selector` takes it
    #[arg(long, value_name = "SELECTOR", env = "ROLLING_ROUTER_K8S_SELECTOR", default_value = APP_LABEL)]
    pub(crate) selector: String,

    /// The port of EndpointSlices that have several and name none by a label
    #[arg(long, value_name = "NAME", env = "ROLLING_ROUTER_K8S_PORT_NAME")]
    pub(crate) port_name: Option<String>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per entry, on a line of its own.
    Json,
}

impl Arguments {
    /// How often everything is written again.
    pub(crate) fn resync(&self) -> Duration {
        Duration::from_secs(self.resync)
    }
}
