//! `pause`: requests of an app wait.

use std::time::Duration;

use clap::Args;
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::{schema::change::PauseRequest, span::in_words};

/// Let the requests of an app wait, as while a migration runs, until `resume`
///
/// None fails: each goes on when the app is resumed. Those that have waited for the whole length get 503, and so do later ones.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How long at most, up to 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse, default_value = "30s")]
    length: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let seconds = u32::try_from(arguments.length.as_secs()).unwrap_or(u32::MAX);
    let request = PauseRequest { seconds: Some(seconds), reason: None };
    let done = format!("paused for {} at most: requests wait until `resume`", in_words(seconds.into()));
    arguments.change.ask_as_seen(|_| Change::new(Method::POST, "pause", &request, done), printer).await
}
