//! `stop`: the containers of a deployment are stopped, and kept.

use clap::Args;
use reqwest::Method;

use super::{
    deployment_change::{DeploymentChange, DeploymentChoice},
    exit::{Exit, Failure},
    printer::Printer,
};

/// Stop the containers of a deployment, and keep them; refused while its release is on a track
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choice: DeploymentChoice,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let change = DeploymentChange {
        method: Method::POST,
        call: Some("stop"),
        body: None,
        query: Vec::new(),
        is_done: |now| now.is_none_or(|it| it.state == "stopped"),
        done: "is stopped",
    };
    arguments.choice.ask(change, printer).await
}
