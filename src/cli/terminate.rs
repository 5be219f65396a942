//! `terminate`: a deployment goes, with its containers and endpoints.

use clap::Args;
use reqwest::Method;

use super::{
    deployment_change::{DeploymentChange, DeploymentChoice},
    exit::{Exit, Failure},
    printer::Printer,
};

/// Remove a deployment with its containers and endpoints; refused while an app routes its release
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choice: DeploymentChoice,

    /// Forget it without asking its engine, which no router has any more or which is lost: what runs there stays there
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let change = DeploymentChange {
        method: Method::DELETE,
        call: None,
        body: None,
        query: if arguments.force { vec![("force", "true".to_owned())] } else { Vec::new() },
        is_done: |now| now.is_none(),
        done: "is removed",
    };
    arguments.choice.ask(change, printer).await
}
