//! Parses the command line, follows Kubernetes, and exits with a code.

use std::process::ExitCode;

fn main() -> ExitCode {
    rolling_router_k8s::run()
}
