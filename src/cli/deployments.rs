//! `deployments`: the deployments of an app, and how far each is.

use clap::Args;

use super::{
    ask::ask_app,
    connect::{AppChoice, Connection},
    deployment_lines::table,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::deployment::Deployments;

/// Show the deployments of an app: how far each is, and what runs in it
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let about = (arguments.app, &arguments.connection);
    let lines = |known: Deployments| table(&known.deployments);
    ask_app(about, printer, "deployments", Vec::new(), lines).await
}
