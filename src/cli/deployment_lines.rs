//! Deployments as people read them.

use super::printer::Printer;
use crate::schema::deployment::{Deployment, DeploymentStep};

/// Whether nothing more comes of a deployment by itself: it serves, or has failed and is cleaned up.
pub(super) fn is_over(deployment: &Deployment) -> bool {
    match deployment.state.as_str() {
        "serving" | "stopped" => true,
        "failed" => deployment.containers.is_empty(),
        _ => false,
    }
}

/// Prints one step of a deployment.
pub(super) fn print_step(printer: &Printer, id: &str, step: &DeploymentStep) {
    let DeploymentStep { number, at, state, text } = step;
    let json = || {
        serde_json::json!({ "deployment": id, "number": number, "at": at, "state": state, "step": text })
            .to_string()
    };
    printer.line(if printer.is_json() { json() } else { format!("{state:>9}  {text}") });
}

/// A table of deployments.
pub(super) fn table(deployments: &[Deployment]) -> Vec<String> {
    if deployments.is_empty() {
        return vec!["no deployments".to_owned()];
    }
    let width = deployments.iter().map(|it| it.id.len()).max().unwrap_or_default();
    let line = |it: &Deployment| {
        let engine = it.engine.as_deref().unwrap_or("-");
        let serving = it.containers.iter().filter(|container| container.address.is_some()).count();
        let why = it.failure.as_ref().map(|failure| format!("  {}", failure.reason)).unwrap_or_default();
        format!("{:width$}  {:<9} {serving}/{} on {engine}  {}{why}", it.id, it.state, it.replicas, it.image)
    };
    deployments.iter().map(line).collect()
}
