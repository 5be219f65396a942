//! `scale`: how many containers a deployment has.

use clap::Args;
use reqwest::Method;

use super::{
    deployment_change::{DeploymentChange, DeploymentChoice},
    exit::{Exit, Failure},
    printer::Printer,
};

/// Change how many containers a deployment has; those that go leave the endpoints first
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choice: DeploymentChoice,

    /// How many containers
    #[arg(long, value_name = "COUNT")]
    replicas: u32,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let change = DeploymentChange {
        method: Method::POST,
        call: Some("scale"),
        body: Some(serde_json::json!({ "replicas": arguments.replicas })),
        query: Vec::new(),
        is_done: |now| {
            let all = now.map(|it| (it.replicas as usize, it.containers.len()));
            let all_are_endpoints =
                now.is_some_and(|it| it.containers.iter().all(|one| one.address.is_some()));
            all_are_endpoints && all.is_some_and(|(wanted, there)| wanted == there)
        },
        done: "has as many containers",
    };
    arguments.choice.ask(change, printer).await
}
