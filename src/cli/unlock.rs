//! `unlock`: let pipelines go on.

use clap::Args;
use reqwest::Method;
use serde_json::Map;

use super::{
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session},
};

/// Let pipelines go on, after a lock or a rollback
#[derive(Debug, Args)]
pub(super) struct Arguments {
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
    let change = Change {
        method: Method::DELETE,
        resource: "lock",
        body: Map::new(),
        seen: None,
        done: "unlocked".into(),
    };
    session.change(&app, change, &arguments.options).await
}
