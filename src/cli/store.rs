//! `store accept|restore`: what becomes of a store that lost changes, was emptied or swapped.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::{
    app::DoneAnswer,
    store::{AppDifference, AppSide, Restoration, RestoreRequest},
};

/// Decide about a store that is not the one the router's table came from
///
/// A router whose store was emptied, swapped, or fell back to an older state serves its last good table and answers
/// commands with 409 `store_diverged`, until somebody with an admin token decides. `status` says what is wrong.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: StoreVerb,
}

#[derive(Debug, Subcommand)]
enum StoreVerb {
    /// Accept the store as it is; the router forgets what it knew beyond that
    Accept {
        #[command(flatten)]
        connection: Connection,
    },
    /// Write the router's last good state back into the store
    ///
    /// Endpoints, records, settings, old keys and pin keys become what this router served last, so that no client
    /// moves; what else stands below apps/ and rolling/ is deleted. Of the history the store keeps what it has. Other
    /// routers of the fleet then see a new epoch and need `store accept`. Where others decided something else in that store
    /// meanwhile, their approvals and the gate count, unless --force says otherwise.
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
        /// Also if approvals are missing, or the endpoints of what would become stable fail the health check
        #[arg(long, requires = "reason")]
        force: bool,
        /// Why, for the history of the apps that are replaced by force
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        StoreVerb::Accept { connection } => {
            let done = |_: DoneAnswer| vec!["the store is accepted as it is".into()];
            ask(&open(&connection, printer)?, printer, call("accept"), done).await
        }
        StoreVerb::Restore { dry_run, replace, force, reason, connection } => {
            let (dry_run_asked, replace, force) = (Some(dry_run), Some(replace), force.then_some(true));
            let request = RestoreRequest { dry_run: dry_run_asked, replace, force, reason };
            let request = call("restore").json(&request);
            ask(&open(&connection, printer)?, printer, request, |done| lines(&done, dry_run)).await
        }
    }
}

fn call(name: &str) -> Request {
    Request::new(Method::POST, &["api", "v1", "store", name])
}

fn lines(done: &Restoration, dry_run: bool) -> Vec<String> {
    let Restoration { written, deleted, unchanged, .. } = done;
    let verb = if dry_run { "would be " } else { "" };
    let counts = format!("{written} keys {verb}written, {deleted} {verb}deleted, {unchanged} unchanged");
    done.apps.iter().map(difference).chain([counts]).collect()
}

/// `shop: served with 1.1.0 on stable (change 12); in the store 1.0.0 on stable (change 9)`.
fn difference(differing: &AppDifference) -> String {
    let AppDifference { app, served, stored } = differing;
    format!("{app}: served {}; in the store {}", side(served.as_ref()), side(stored.as_ref()))
}

fn side(side: Option<&AppSide>) -> String {
    let Some(AppSide { seq, stable, candidate, blend }) = side else { return "not at all".to_owned() };
    let stable = stable.as_deref().unwrap_or("nothing");
    let candidate = candidate.as_ref().map(|candidate| format!(", {candidate} as candidate at {blend} %"));
    format!("with {stable} on stable{} (change {seq})", candidate.unwrap_or_default())
}
