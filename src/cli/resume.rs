//! `resume`: requests of an app go on.

use clap::Args;
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::change::ReasonRequest;

/// Let the requests of an app go on, after `pause` or `stop --message`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let resume = Change::new(Method::POST, "resume", &ReasonRequest::default(), "resumed: requests go on");
    arguments.change.ask_as_seen(|_| resume.unguarded(), printer).await
}
