//! `sticky`: whether clients are pinned.

use clap::Args;
use reqwest::Method;

use super::{
    change::{Change, ChangeArguments},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::change::StickyRequest;

/// Pin clients to their release and endpoint, or draw anew for every request
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// on: clients stay where they were sent; off: every request is drawn by the blend
    #[arg(value_name = "on|off", value_parser = ["on", "off"])]
    sticky: String,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let request = StickyRequest { sticky: arguments.sticky == "on", reason: None };
    let done = format!("sticky is {}", arguments.sticky);
    arguments.change.ask_as_seen(|_| Change::new(Method::PUT, "sticky", &request, done), printer).await
}
