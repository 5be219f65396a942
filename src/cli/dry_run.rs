//! `--dry-run`: who would move, and nothing done.

use clap::Args;
use reqwest::Method;
use serde::Deserialize;

use super::{
    client::{Body, Request},
    exit::{Exit, Failure},
    session::{Change, ChangeOptions, Session},
};

/// Only look.
#[derive(Debug, Args)]
#[command(next_help_heading = "Change")]
pub(super) struct DryRun {
    /// Say which clients would move, and change nothing; refused where the change would be
    #[arg(long)]
    dry_run: bool,
}

/// The part of the answer that is printed.
#[derive(Debug, Deserialize)]
struct Foretold {
    #[serde(default)]
    words: Vec<String>,
}

impl DryRun {
    /// Makes the change, or foretells it.
    pub(super) async fn change(
        &self,
        session: &Session<'_>,
        app: &str,
        change: Change<'_>,
        options: &ChangeOptions,
    ) -> Result<Exit, Failure> {
        if !self.dry_run {
            return session.change(app, change, options).await;
        }
        let answer = session.client.send(request(app, change, options)).await?;
        if session.printer.is_json() {
            session.printer.line(answer.text());
            return Ok(Exit::Done);
        }
        let foretold: Foretold = answer.read()?;
        session.printer.line("dry run, nothing is changed:");
        for line in foretold.words {
            session.printer.line(format!("  {line}"));
        }
        Ok(Exit::Done)
    }
}

fn request(app: &str, change: Change<'_>, options: &ChangeOptions) -> Request {
    let mut request = Request::new(Method::POST, &["api", "v1", "apps", app, "who-moves"]);
    let mut body = change.body;
    body.insert("command".into(), change.resource.into());
    body.retain(|_, value| !value.is_null());
    request.body = Body::Json(body.into());
    request.if_match = options.if_match.or(change.seen);
    request
}
