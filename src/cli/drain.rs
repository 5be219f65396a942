//! `drain finish|endpoint|lift`: ends drains, and drains single endpoints.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value};

use super::{
    connect::{AppChoice, Connection},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};

/// End drains, or drain a single endpoint before it is stopped
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: DrainVerb,
}

#[derive(Debug, Subcommand)]
enum DrainVerb {
    /// Retire draining releases now: their clients go to stable at once
    ///
    /// Examples:
    ///   rolling-router drain finish             every release that drains
    ///   rolling-router drain finish 1.0.0       this one
    #[command(verbatim_doc_comment)]
    Finish(FinishArguments),

    /// Send no new request to one endpoint of a release, so that it can be stopped
    ///
    /// Its clients go on at another endpoint of the release with their next request. What is open there goes on until
    /// it ends, or until the time is over. `status` says when it can be stopped.
    ///
    /// Example: rolling-router drain endpoint 1.0.1 10.0.0.6:3000 --within 10m
    #[command(verbatim_doc_comment)]
    Endpoint(EndpointArguments),

    /// Let an endpoint that drains take requests again
    Lift(LiftArguments),
}

#[derive(Debug, Args)]
struct FinishArguments {
    /// The release; without it every one that drains
    #[arg(value_name = "RELEASE")]
    release: Option<String>,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

/// One endpoint of a release.
#[derive(Debug, Args)]
struct EndpointChoice {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    /// The endpoint, `ip:port`
    #[arg(value_name = "ENDPOINT")]
    endpoint: SocketAddr,
}

#[derive(Debug, Args)]
struct EndpointArguments {
    #[command(flatten)]
    choice: EndpointChoice,

    /// When what is still open there ends; without it after the app's `drainmaxseconds`
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    within: Option<Duration>,

    /// Also where no other endpoint of the release is left
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct LiftArguments {
    #[command(flatten)]
    choice: EndpointChoice,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        DrainVerb::Finish(arguments) => finish(arguments, printer).await,
        DrainVerb::Endpoint(arguments) => endpoint(arguments, printer).await,
        DrainVerb::Lift(arguments) => lift(arguments, printer).await,
    }
}

async fn finish(arguments: FinishArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let state = session.state().await?;
    let done = match &arguments.release {
        Some(release) => format!("{release} is retired; its clients go to stable"),
        None => "every draining release is retired; their clients go to stable".to_owned(),
    };
    let said = body([("release", arguments.release.into())]);
    let change =
        Change { method: Method::POST, resource: "drain/finish", body: said, seen: Some(state.seq), done };
    session.change(&state.app, change, &arguments.options).await
}

async fn endpoint(arguments: EndpointArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let state = session.state().await?;
    let seconds = arguments.within.map(|within| within.as_secs());
    let force = arguments.force.then_some(true);
    let change = Change {
        method: Method::PUT,
        resource: &arguments.choice.resource(),
        body: body([("seconds", seconds.into()), ("force", force.map_or(Value::Null, Value::from))]),
        seen: Some(state.seq),
        done: format!("{} gets no new requests", arguments.choice.endpoint),
    };
    session.change(&state.app, change, &arguments.options).await
}

async fn lift(arguments: LiftArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let state = session.state().await?;
    let change = Change {
        method: Method::DELETE,
        resource: &arguments.choice.resource(),
        body: Map::new(),
        seen: Some(state.seq),
        done: format!("{} takes requests again", arguments.choice.endpoint),
    };
    session.change(&state.app, change, &arguments.options).await
}

impl EndpointChoice {
    /// What follows the app in the path; a release's id stands there without its slashes.
    fn resource(&self) -> String {
        let Self { release, endpoint } = self;
        let segment = release.strip_prefix("apps/").and_then(|id| id.strip_suffix("/containers"));
        format!("releases/{}/endpoints/{endpoint}/drain", segment.unwrap_or(release))
    }
}
