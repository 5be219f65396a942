//! `store accept|restore`: what becomes of a store that fell, was emptied or swapped.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{Body, Request},
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
};

/// Settle a store that is not the one the router's table came from
///
/// A router whose store was emptied, swapped, or fell back to an older state serves its last good table and answers
/// commands with 409 `store_diverged`, until somebody with an admin token decides. `status` says why it is so.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: StoreVerb,
}

#[derive(Debug, Subcommand)]
enum StoreVerb {
    /// Take the store as it is; what the router knew beyond that is forgotten
    Accept {
        #[command(flatten)]
        connection: Connection,
    },
    /// Write the router's last good state back into the store
    ///
    /// Endpoints, records, settings, old keys and pin keys become what this router served last, so that no client
    /// moves; what else stands below apps/ and rolling/ is deleted. Of the history the store keeps what it has. Other
    /// routers of the fleet then see a new epoch and need `store accept`.
    ///
    /// Examples:
    ///   rolling-router store restore --dry-run
    ///   rolling-router store restore
    #[command(verbatim_doc_comment)]
    Restore {
        /// Only say what would be written
        #[arg(long)]
        dry_run: bool,
        /// Also into a store of another epoch, which may belong to other routers
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Deserialize)]
struct Settled {
    written: u64,
    deleted: u64,
    unchanged: u64,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        StoreVerb::Accept { connection } => {
            let answer = ask("accept", Body::None, &connection, printer).await?;
            printer.line(if printer.is_json() { answer.text() } else { "the store counts as it is".into() });
        }
        StoreVerb::Restore { dry_run, replace, connection } => {
            let body = Body::Json(json!({ "dry_run": dry_run, "replace": replace }));
            let answer = ask("restore", body, &connection, printer).await?;
            if printer.is_json() {
                printer.line(answer.text());
                return Ok(Exit::Done);
            }
            let Settled { written, deleted, unchanged } = answer.read()?;
            let done = if dry_run { "would be " } else { "" };
            printer.line(format!(
                "{written} keys {done}written, {deleted} {done}deleted, {unchanged} as they are"
            ));
        }
    }
    Ok(Exit::Done)
}

async fn ask(
    what: &str,
    body: Body,
    connection: &Connection,
    printer: &Printer,
) -> Result<super::client::Answer, Failure> {
    printer.expect_json(connection.json);
    let mut request = Request::new(Method::POST, &["api", "v1", "store", what]);
    request.body = body;
    connection.client()?.send(request).await
}
