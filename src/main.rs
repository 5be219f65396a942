//! Parses the command line, runs the verb, and exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    rolling_router::cli::run()
}
