//! `completions`: what a shell needs to complete verbs and flags.

use clap::Args;
use clap_complete::Shell;

use super::{
    exit::{Exit, Failure},
    printer::Printer,
};

/// Print a shell's completion script
///
/// Examples:
///   rolling-router completions bash > /etc/bash_completion.d/rolling-router
///   rolling-router completions zsh > "${fpath[1]}/_rolling-router"
///   rolling-router completions fish > ~/.config/fish/completions/rolling-router.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(
    arguments: Arguments,
    printer: &Printer,
    mut command: clap::Command,
) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "rolling-router", &mut script);
    printer.bytes(&script);
    Ok(Exit::Done)
}
