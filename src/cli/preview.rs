//! `preview create|list|revoke`: links that show a release to testers.

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;

use super::{
    client::{Body, Request},
    connect::{AppChoice, Connection},
    duration::{self, rough},
    exit::{Exit, Failure},
    printer::{Printer, Style},
    session::{Session, Waiting, applied, body},
    state::Applied,
};
use crate::clock::Clock;

/// Make, list and revoke preview links, which show a release to testers whatever the blend says
///
/// A link sets a cookie in the tester's browser. It ends when its time is over, when it is revoked, or when its release
/// is not routed any more.
///
/// Examples:
///   rolling-router preview create --for 2h --note "QA, ticket 4711" --site https://shop.example
///   rolling-router preview list
///   rolling-router preview revoke 5d0c2f6e8a41b7930e6d
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: PreviewVerb,
}

#[derive(Debug, Subcommand)]
enum PreviewVerb {
    /// Make a link, and print it: it is shown this once
    Create(Create),
    /// Show the links that live
    List {
        #[command(flatten)]
        app: AppChoice,
        #[command(flatten)]
        connection: Connection,
    },
    /// Take a link back: it ends at once, everywhere
    Revoke {
        /// As `list` shows it
        id: String,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        app: AppChoice,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// The track whose release is shown
    #[arg(long, value_name = "TRACK", value_parser = ["stable", "candidate"], default_value = "candidate")]
    track: String,

    /// The release that is shown, by name or id; it must be routed
    #[arg(long, value_name = "RELEASE", conflicts_with = "track")]
    release: Option<String>,

    /// How long the link lives, at most 30d; without it a day
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    length: Option<Duration>,

    /// For whom or what it is
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Where testers reach the site, to print a whole link and not only its path
    #[arg(long, value_name = "URL", default_value = "")]
    site: String,

    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Deserialize)]
struct Previews {
    previews: Vec<Preview>,
}

#[derive(Debug, Deserialize)]
struct Preview {
    id: String,
    release: String,
    #[serde(default)]
    track: String,
    expires: u64,
    #[serde(default)]
    note: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    path: String,
    /// How far a new one is applied, if that was asked.
    #[serde(default)]
    applied: Option<Applied>,
}

/// The answer to a revocation.
#[derive(Debug, Deserialize)]
struct Revoked {
    #[serde(default)]
    applied: Option<Applied>,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        PreviewVerb::Create(create) => make(create, printer).await,
        PreviewVerb::List { app, connection } => list(&Session::open(&connection, app, printer)?).await,
        PreviewVerb::Revoke { id, waiting, app, connection } => {
            revoke(&id, &waiting, &Session::open(&connection, app, printer)?).await
        }
    }
}

async fn make(create: Create, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&create.connection, create.app, printer)?;
    let app = session.app().await?;
    let shown = match create.release {
        Some(release) => ("release", release.into()),
        None => ("track", create.track.into()),
    };
    let seconds = create.length.map(|length| length.as_secs());
    let mut fields = body([shown, ("seconds", seconds.into()), ("note", create.note.into())]);
    fields.retain(|_, value| !value.is_null());
    let mut request = Request::new(Method::POST, &["api", "v1", "apps", &app, "previews"]);
    request.body = Body::Json(fields.into());
    create.waiting.ask(&mut request);
    let answer = session.client.send(request).await?;
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(Exit::of_status(answer.status));
    }
    let preview: Preview = answer.read()?;
    printer.line(format!("{}{}", create.site.trim_end_matches('/'), preview.path));
    printer.line(format!("{}{}", told(&preview, printer), applied(preview.applied.as_ref())));
    Ok(Exit::of_status(answer.status))
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let app = session.app().await?;
    let answer = session.client.send(Request::get(&["api", "v1", "apps", &app, "previews"])).await?;
    if session.printer.is_json() {
        session.printer.line(answer.text());
        return Ok(Exit::Done);
    }
    let live: Previews = answer.read()?;
    for preview in &live.previews {
        session.printer.line(told(preview, session.printer));
    }
    if live.previews.is_empty() {
        session.printer.line("no preview link lives; `preview create` makes one");
    }
    Ok(Exit::Done)
}

async fn revoke(id: &str, waiting: &Waiting, session: &Session<'_>) -> Result<Exit, Failure> {
    let app = session.app().await?;
    let mut request = Request::new(Method::DELETE, &["api", "v1", "apps", &app, "previews", id]);
    waiting.ask(&mut request);
    let answer = session.client.send(request).await?;
    if session.printer.is_json() {
        session.printer.line(answer.text());
    } else {
        let told: Revoked = answer.read()?;
        session.printer.line(format!("{id} is revoked{}", applied(told.applied.as_ref())));
    }
    Ok(Exit::of_status(answer.status))
}

/// One line about a link.
fn told(preview: &Preview, printer: &Printer) -> String {
    let id = printer.styled(Style::Bold, &preview.id);
    let left = rough(preview.expires.saturating_sub(Clock::system().wall_ms()));
    let note = if preview.note.is_empty() { String::new() } else { format!("   \"{}\"", preview.note) };
    let Preview { release, track, by, .. } = preview;
    format!("{id}   {track:<9}   {release}   ends in {left}   by {by}{note}")
}
