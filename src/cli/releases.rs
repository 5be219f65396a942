//! `releases`: what could be set as candidate.

use clap::Args;

use super::{
    ask::ask_app,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::{Printer, Style},
};
use crate::schema::release::{KnownRelease, KnownReleases, TrackName};

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

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let about = (arguments.app, &arguments.connection);
    let query = if arguments.all { vec![("all", "true".to_owned())] } else { Vec::new() };
    ask_app(about, printer, "releases", query, |known| lines(&known, printer)).await
}

fn lines(known: &KnownReleases, printer: &Printer) -> Vec<String> {
    if known.releases.is_empty() {
        let key = "apps/<app>-<release>-<port>/containers/<id>";
        return vec![format!("there is no release yet: one appears with its first key {key}")];
    }
    let width = known.releases.iter().map(|known| known.release.len()).max().unwrap_or(0);
    let line = |release: &KnownRelease| {
        let track = release.track.map_or("", TrackName::as_str);
        let id = printer.styled(Style::Faint, &release.id);
        format!("{:<width$}   {:>3} endpoints   {track:<9}   {id}", release.release, release.endpoints)
    };
    known.releases.iter().map(line).collect()
}
