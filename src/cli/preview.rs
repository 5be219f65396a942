//! `preview create|list|revoke`: links that show a release to testers.

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::ask,
    client::Request,
    connect::{AppChoice, Connection},
    duration::{self, rough},
    exit::{Exit, Failure},
    printer::{Printer, Style},
    session::Session,
    waiting::{WaitOptions, applied},
};
use crate::{
    clock::Clock,
    schema::{
        app::App,
        preview::{Preview, PreviewRequest, PreviewRevocation, PreviewTrack, Previews},
    },
};

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
    /// Make a link, and print it: it is never shown again
    Create(Create),
    /// Show the links that have not ended
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
        waiting: WaitOptions,
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
    waiting: WaitOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
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
    let App { app, seq, .. } = session.state().await?;
    let track = if create.track == "stable" { PreviewTrack::Stable } else { PreviewTrack::Candidate };
    let asked = PreviewRequest {
        track: create.release.is_none().then_some(track),
        release: create.release,
        seconds: create.length.map(|length| length.as_secs()),
        note: create.note,
    };
    let mut request = Request::new(Method::POST, &["api", "v1", "apps", &app, "previews"]).json(&asked);
    request.if_match = Some(seq);
    create.waiting.ask(&mut request);
    let made = |preview: Preview| {
        let path = preview.path.as_deref().unwrap_or_default();
        let link = format!("{}{path}", create.site.trim_end_matches('/'));
        vec![link, format!("{}{}", line(&preview, printer), applied(preview.applied.as_ref()))]
    };
    ask(&session.client, printer, request, made).await
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let app = session.app().await?;
    let request = Request::get(&["api", "v1", "apps", &app, "previews"]);
    let lines = |known: Previews| match known.previews.as_slice() {
        [] => vec!["there is no preview link; `preview create` makes one".into()],
        previews => previews.iter().map(|preview| line(preview, session.printer)).collect(),
    };
    ask(&session.client, session.printer, request, lines).await
}

async fn revoke(id: &str, waiting: &WaitOptions, session: &Session<'_>) -> Result<Exit, Failure> {
    let App { app, seq, .. } = session.state().await?;
    let mut request = Request::new(Method::DELETE, &["api", "v1", "apps", &app, "previews", id]);
    request.if_match = Some(seq);
    waiting.ask(&mut request);
    let done =
        |answer: PreviewRevocation| vec![format!("{id} is revoked{}", applied(answer.applied.as_ref()))];
    ask(&session.client, session.printer, request, done).await
}

/// One line about a link.
fn line(preview: &Preview, printer: &Printer) -> String {
    let id = printer.styled(Style::Bold, &preview.id);
    let left = rough(preview.expires.saturating_sub(Clock::system().wall_ms()));
    let note = if preview.note.is_empty() { String::new() } else { format!("   \"{}\"", preview.note) };
    let Preview { release, track, by, .. } = preview;
    format!("{id}   {track:<9}   {release}   ends in {left}   by {by}{note}")
}
