//! `sticky`: whether clients are pinned.

use clap::Args;
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};

/// Pin clients to their release and endpoint, or draw anew for every request
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// on: clients stay where they were sent; off: every request is drawn by the blend
    #[arg(value_name = "on|off", value_parser = ["on", "off"])]
    sticky: String,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let sticky = arguments.sticky == "on";
    let change = Change {
        method: Method::PUT,
        resource: "sticky",
        body: body([("sticky", sticky.into())]),
        seen: None,
        done: format!("sticky is {}", arguments.sticky),
    };
    session.change(&app, change, &arguments.options).await
}
