//! `man`: the manual pages, as packages have them.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{
    exit::{Exit, Failure},
    printer::Printer,
};

/// Write the manual pages into a folder
///
/// One page for the program and one for each verb, for `man rolling-router` and `man rolling-router-serve`.
///
/// Examples:
///   rolling-router man /usr/local/share/man/man1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Where; it is made if it is missing
    folder: PathBuf,
}

pub(super) fn run(arguments: Arguments, printer: &Printer, command: clap::Command) -> Result<Exit, Failure> {
    let folder = &arguments.folder;
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    written.map_err(|error| {
        Failure::here(format!("manual pages cannot be written to {}: {error}", folder.display()))
    })?;
    printer.line(format_args!("manual pages are in {}", folder.display()));
    Ok(Exit::Done)
}
