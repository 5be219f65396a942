//! `start`: the containers of a deployment that was stopped run again.

use clap::Args;
use reqwest::Method;

use super::{
    deployment_change::{DeploymentChange, DeploymentChoice},
    exit::{Exit, Failure},
    printer::Printer,
};

/// Start the containers of a deployment again, and register them once they are well
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choice: DeploymentChoice,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let change = DeploymentChange {
        method: Method::POST,
        call: Some("start"),
        body: None,
        query: Vec::new(),
        is_done: |now| now.is_some_and(|it| it.state == "serving"),
        done: "serves",
    };
    arguments.choice.ask(change, printer).await
}
