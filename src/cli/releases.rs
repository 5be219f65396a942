//! `releases`: what could be set as candidate.

use clap::Args;
use serde::Deserialize;

use super::{
    client::Request,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::{Printer, Style},
    session::Session,
};

/// List the releases known from the store, with their endpoints counted
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Releases of every service, not only of the app's own
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Deserialize)]
struct Releases {
    releases: Vec<Known>,
}

#[derive(Debug, Deserialize)]
struct Known {
    id: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    endpoints: u64,
    #[serde(default)]
    track: Option<String>,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let mut request = Request::get(&["api", "v1", "apps", &app, "releases"]);
    if arguments.all {
        request.query.push(("all", "true".into()));
    }
    let answer = session.client.send(request).await?;
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(Exit::Done);
    }
    let known: Releases = answer.read()?;
    let width = known.releases.iter().map(|known| known.release.len()).max().unwrap_or(0);
    for known in &known.releases {
        let track = known.track.as_deref().unwrap_or("");
        let id = printer.styled(Style::Faint, &known.id);
        printer.line(format!(
            "{:<width$}   {:>3} endpoints   {track:<9}   {id}",
            known.release, known.endpoints
        ));
    }
    if known.releases.is_empty() {
        printer.line(
            "no release yet: one appears with its first key apps/<service>-<release>-<port>/containers/<id>",
        );
    }
    Ok(Exit::Done)
}
