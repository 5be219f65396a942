//! `lock`: hold pipelines back.

use std::time::Duration;

use clap::Args;
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};
use crate::clock::Clock;

/// Hold pipelines back: `ci` tokens may do nothing but abort
///
/// Examples:
///   rolling-router lock --reason "release freeze"
///   rolling-router lock --reason "incident 4711" --for 2h
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// How long; without it until `unlock`
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    length: Option<Duration>,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    if arguments.options.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage("a lock needs a --reason: it is shown to everyone it holds back"));
    }
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let until = arguments.length.map(|length| {
        Clock::system().wall_ms().saturating_add(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
    });
    let change = Change {
        method: Method::PUT,
        resource: "lock",
        body: body([("until", until.into())]),
        seen: None,
        done: "locked".into(),
    };
    session.change(&app, change, &arguments.options).await
}
