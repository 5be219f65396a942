//! `endpoint list|test|add|remove`: which endpoints a release has, and what they answer.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::ask,
    change::{Change, ChangeArguments, part_of_path},
    client::{Answer, Request},
    connect::{AppChoice, Connection},
    endpoint_change::EndpointChange,
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
    session::Session,
    waiting::applied,
};
use crate::schema::{
    app::Outcome,
    endpoint::{EndpointAnswer, TestEndpointsRequest, TestedEndpoints},
    registration::{AddEndpointRequest, RegisteredEndpoints, RemoveEndpointsRequest},
};

/// Add endpoints to a release, remove them, or ask them how they are
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: EndpointVerb,
}

#[derive(Debug, Subcommand)]
enum EndpointVerb {
    /// List the endpoints that are registered for a release
    List(ListArguments),

    /// Ask the endpoints of a release now, as a promote would; nothing is changed
    ///
    /// Exits 4 unless the release could become stable. With --endpoint those are asked, whether they are registered or not.
    ///
    /// Examples:
    ///   rolling-router endpoint test 1.0.1
    ///   rolling-router endpoint test 1.0.1 --endpoint 10.0.0.7:3000
    #[command(verbatim_doc_comment)]
    Test(TestArguments),

    /// Add an endpoint to a release: a replica calls this when it is ready
    ///
    /// Doing it again changes nothing. With --container, a replica that comes back under another address replaces its old one.
    ///
    /// Examples:
    ///   rolling-router endpoint add 1.0.1 10.0.0.7:3000
    ///   rolling-router endpoint add 1.0.1 10.0.0.7:3000 --container web-3
    #[command(verbatim_doc_comment)]
    Add(AddArguments),

    /// Remove an endpoint of a release; what is open there goes on until it ends
    ///
    /// Example: rolling-router endpoint remove 1.0.1 web-3
    #[command(verbatim_doc_comment)]
    Remove(RemoveArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct TestArguments {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    /// An endpoint, `ip:port`, `name:port` or `unix:/path`, instead of those that are registered; may be repeated
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Vec<String>,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    /// The endpoint, `ip:port`, `name:port` or `unix:/path`
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,

    /// The id of the container; without it the endpoint is named by its address
    #[arg(long, value_name = "ID")]
    container: Option<String>,

    /// Also if another app routes the release
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,

    /// The endpoint, `ip:port`, `name:port` or `unix:/path`, or the id of its container
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,

    /// Also the last one of a release on a track, or one of a release that another app routes
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        EndpointVerb::List(arguments) => list(arguments, printer).await,
        EndpointVerb::Test(arguments) => test(arguments, printer).await,
        EndpointVerb::Add(arguments) => add(arguments, printer).await,
        EndpointVerb::Remove(arguments) => remove(arguments, printer).await,
    }
}

async fn list(arguments: ListArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let release = ReleaseChoice::in_path(&arguments.release);
    let request = Request::get(&["api", "v1", "apps", &app, "releases", release, "endpoints"]);
    ask(&session.client, printer, request, |endpoints| lines(&endpoints)).await
}

async fn test(arguments: TestArguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let release = ReleaseChoice::in_path(&arguments.release);
    let endpoints = Some(arguments.endpoint).filter(|endpoints| !endpoints.is_empty());
    let request = Request::new(Method::POST, &["api", "v1", "apps", &app, "releases", release, "test"])
        .json(&TestEndpointsRequest { endpoints });
    let answer = session.client.send(request).await?;
    let tested: TestedEndpoints = answer.read()?;
    let lines = if printer.is_json() { vec![answer.text()] } else { test_lines(&tested) };
    lines.into_iter().for_each(|line| printer.line(line));
    Ok(if tested.passes { Exit::Done } else { Exit::Refused })
}

/// A line for each endpoint, and what follows from them.
fn test_lines(tested: &TestedEndpoints) -> Vec<String> {
    let line = |asked: &EndpointAnswer| match &asked.detail {
        None => format!("  {}   passes", asked.address),
        Some(detail) => format!("  {}   {detail}", asked.address),
    };
    let verdict = tested.refusal.clone().unwrap_or_else(|| format!("{} could become stable", tested.id));
    tested.endpoints.iter().map(line).chain([verdict]).collect()
}

async fn add(arguments: AddArguments, printer: &Printer) -> Result<Exit, Failure> {
    let AddArguments { release, endpoint, container, force, change } = arguments;
    let done = format!("{endpoint} is an endpoint of {release}");
    let wanted = Some(endpoint.clone());
    let (name, address) = match container {
        Some(container) => (container, Some(endpoint)),
        None => (endpoint, None),
    };
    let request = AddEndpointRequest { address, force: force.then_some(true), reason: None };
    let asked = Change::new(Method::PUT, &path(&release, &name)?, &request, done.clone());
    let asked = EndpointChange { release, endpoint: Some(name), address: wanted, change: asked };
    asked.ask(change, |answer| answer_lines(answer, &done), printer).await
}

async fn remove(arguments: RemoveArguments, printer: &Printer) -> Result<Exit, Failure> {
    let RemoveArguments { release, endpoint, force, change } = arguments;
    let done = format!("{endpoint} is no endpoint of {release} any more");
    let request = RemoveEndpointsRequest { force: force.then_some(true), reason: None };
    let asked = Change::new(Method::DELETE, &path(&release, &endpoint)?, &request, done.clone());
    let asked = EndpointChange { release, endpoint: Some(endpoint), address: None, change: asked };
    asked.ask(change, |answer| answer_lines(answer, &done), printer).await
}

/// What follows the app in the path.
fn path(release: &str, endpoint: &str) -> Result<String, Failure> {
    if endpoint.is_empty() || endpoint.contains('/') && !endpoint.starts_with("unix:/") {
        return Err(Failure::usage(format!(
            "the endpoint `{endpoint}` is neither `ip:port` nor `name:port` nor `unix:/path` nor a container's id"
        )));
    }
    Ok(format!("releases/{}/endpoints/{}", ReleaseChoice::in_path(release), part_of_path(endpoint)))
}

/// What came of a change, and the endpoints then.
pub(super) fn answer_lines(answer: &Answer, done: &str) -> Result<Vec<String>, Failure> {
    let endpoints: RegisteredEndpoints = answer.read()?;
    let headline = if endpoints.result == Some(Outcome::Unchanged) { "nothing to do" } else { done };
    let headline = format!("{headline}{}", applied(endpoints.applied.as_ref()));
    Ok([headline].into_iter().chain(lines(&endpoints)).collect())
}

fn lines(endpoints: &RegisteredEndpoints) -> Vec<String> {
    if endpoints.endpoints.is_empty() {
        return vec![format!("  {} has no endpoint", endpoints.id)];
    }
    let width = endpoints.endpoints.iter().map(|endpoint| endpoint.address.len()).max().unwrap_or(0);
    let line = |address: &str, container: &str| {
        let line = format!("  {address:<width$}   {}", if container == address { "" } else { container });
        line.trim_end().to_owned()
    };
    endpoints.endpoints.iter().map(|endpoint| line(&endpoint.address, &endpoint.container)).collect()
}
