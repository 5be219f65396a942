//! `stop`: an app is stopped with a page, or the containers of a deployment, which are kept.

use std::time::Duration;

use clap::Args;
use reqwest::Method;

use super::{
    change::state_lines,
    client::Request,
    connect::{AppChoice, Connection},
    deployment_change::{DeploymentChange, DeploymentChoice},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
};
use crate::schema::change::StopRequest;

/// Stop an app with a page (`--message`), or the containers of a deployment, and keep them
///
/// A stopped app answers 503 with the message until `resume`. A deployment is not stopped while its release is on a track.
///
/// Examples:
///   rolling-router stop --message "Back at 10:00"
///   rolling-router stop 1.0.0
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The deployment's id, or the name of its release
    #[arg(value_name = "DEPLOYMENT", required_unless_present = "message", conflicts_with = "message")]
    id: Option<String>,

    /// Stop the app, and say this on the page
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,

    /// Why the app is stopped, for the history
    #[arg(long, value_name = "TEXT", requires = "message")]
    reason: Option<String>,

    /// How long to wait until the deployment is stopped (exit code 6 if it is not by then)
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "2m")]
    timeout: Duration,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { id, message, reason, timeout, app, connection } = arguments;
    let Some(id) = id else {
        let session = Session::open(&connection, app, printer)?;
        return stop_app(&session, StopRequest { message, reason }, printer).await;
    };
    let change = DeploymentChange {
        method: Method::POST,
        call: Some("stop"),
        body: None,
        query: Vec::new(),
        is_done: |now| now.is_none_or(|it| it.state == "stopped"),
        done: "is stopped",
    };
    DeploymentChoice::new(id, timeout, app, connection).ask(change, printer).await
}

async fn stop_app(session: &Session<'_>, request: StopRequest, printer: &Printer) -> Result<Exit, Failure> {
    let app = session.app().await?;
    let call = Request::new(Method::POST, &["api", "v1", "apps", &app, "stop"]);
    let answer = session.client.send(call.json(&request)).await?;
    let done = "stopped: requests get the page until `resume`";
    let lines = if printer.is_json() { vec![answer.text()] } else { state_lines(&answer, done, printer)? };
    lines.into_iter().for_each(|line| printer.line(line));
    Ok(Exit::of_status(answer.status))
}
