//! `deployments`: the deployments of an app, and how far each is.

use clap::Args;

use super::{
    ask::ask,
    client::Request,
    connect::{AppChoice, Connection},
    deployment_lines::table,
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
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
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let request = Request::get(&["api", "v1", "apps", &app, "deployments"]);
    ask(&session.client, printer, request, |known: Deployments| table(&known.deployments)).await
}
