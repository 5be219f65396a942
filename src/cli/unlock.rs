//! `unlock`: let pipelines go on.

use clap::Args;
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::change::ReasonRequest;

/// Let pipelines go on, after a lock or a rollback
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let unlock = Change::new(Method::DELETE, "lock", &ReasonRequest::default(), "unlocked");
    arguments.change.ask_as_seen(|_| unlock, printer).await
}
