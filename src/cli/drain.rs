//! `drain finish|endpoint|lift`: ends drains, and drains single endpoints.

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments, part_of_path},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
};
use crate::schema::{
    change::{FinishDrainRequest, ReasonRequest},
    endpoint::EndpointDrainRequest,
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
    change: ChangeArguments,
}

/// One endpoint of a release.
#[derive(Debug, Args)]
struct EndpointChoice {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    /// The endpoint, `ip:port` or `unix:/path`
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
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
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct LiftArguments {
    #[command(flatten)]
    choice: EndpointChoice,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        DrainVerb::Finish(arguments) => finish(arguments, printer).await,
        DrainVerb::Endpoint(arguments) => endpoint(arguments, printer).await,
        DrainVerb::Lift(arguments) => lift(arguments, printer).await,
    }
}

async fn finish(arguments: FinishArguments, printer: &Printer) -> Result<Exit, Failure> {
    let done = match &arguments.release {
        Some(release) => format!("{release} is retired; its clients go to stable"),
        None => "every draining release is retired; their clients go to stable".to_owned(),
    };
    let request = FinishDrainRequest { release: arguments.release, ..FinishDrainRequest::default() };
    let change = Change::new(Method::POST, "drain/finish", &request, done);
    arguments.change.ask_as_seen(|_| change, printer).await
}

async fn endpoint(arguments: EndpointArguments, printer: &Printer) -> Result<Exit, Failure> {
    let EndpointArguments { choice, within, force, change } = arguments;
    let seconds = within.map(|within| within.as_secs());
    let request = EndpointDrainRequest { seconds, force: force.then_some(true), reason: None };
    let done = format!("{} gets no new requests", choice.endpoint);
    let drain = Change::new(Method::PUT, &choice.path(), &request, done);
    change.ask_as_seen(|_| drain, printer).await
}

async fn lift(arguments: LiftArguments, printer: &Printer) -> Result<Exit, Failure> {
    let LiftArguments { choice, change } = arguments;
    let done = format!("{} takes requests again", choice.endpoint);
    let lift = Change::new(Method::DELETE, &choice.path(), &ReasonRequest::default(), done);
    change.ask_as_seen(|_| lift, printer).await
}

impl EndpointChoice {
    /// What follows the app in the path; a release's id stands there without its slashes.
    fn path(&self) -> String {
        let Self { release, endpoint } = self;
        format!("releases/{}/endpoints/{}/drain", ReleaseChoice::in_path(release), part_of_path(endpoint))
    }
}
