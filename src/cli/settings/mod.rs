//! `settings get|set|diff`: the settings of an app.

mod diff;
mod get;
mod known;
mod set;
mod value;

use clap::{Args, Subcommand};

use super::{
    exit::{Exit, Failure},
    printer::Printer,
};

/// Show and change the settings of an app
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: SettingsVerb,
}

#[derive(Debug, Subcommand)]
enum SettingsVerb {
    Get(get::Arguments),
    Set(set::Arguments),
    Diff(diff::Arguments),
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        SettingsVerb::Get(arguments) => get::run(arguments, printer).await,
        SettingsVerb::Set(arguments) => set::run(arguments, printer).await,
        SettingsVerb::Diff(arguments) => diff::run(arguments, printer).await,
    }
}
