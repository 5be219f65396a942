//! `certificates`: those in files and those of a CA, and the key of the account with it.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    duration::rough,
    exit::{Exit, Failure},
    printer::Printer,
    table::table,
};
use crate::{
    clock::Clock,
    schema::certificate::{AccountKeyRollover, Certificate, Certificates},
};

/// Show the certificates: what each is for, when it ends, when it is renewed, what went wrong
///
/// Examples:
///   rolling-router certificates             those in files of the router that is asked, and those of a CA
///   rolling-router certificates roll-key    for admins: a new key for the account with the CA
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<CertificatesVerb>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum CertificatesVerb {
    /// Give the account with the CA a new key; certificates and orders stay
    RollKey(RollArguments),
}

#[derive(Debug, Args)]
struct RollArguments {
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let path = ["api", "v1", "certificates"];
    match arguments.verb {
        None => {
            let client = open(&arguments.connection, printer)?;
            let now = Clock::system().wall_ms();
            ask(&client, printer, Request::get(&path), |known: Certificates| lines(&known, now)).await
        }
        Some(CertificatesVerb::RollKey(arguments)) => {
            let client = open(&arguments.connection, printer)?;
            let request = Request::new(Method::POST, &[&path[..], &["account-key"]].concat());
            ask(&client, printer, request, |done: AccountKeyRollover| {
                vec![format!("the account with {} has a new key", done.directory)]
            })
            .await
        }
    }
}

fn lines(known: &Certificates, now: u64) -> Vec<String> {
    if known.certificates.is_empty() {
        return vec!["no certificates".to_owned()];
    }
    let rows: Vec<[String; 6]> = known.certificates.iter().map(|one| row(one, now)).collect();
    let mut lines = table(["NAME", "SOURCE", "STATE", "ENDS", "RENEWED", "APP"], &rows);
    for one in &known.certificates {
        lines.extend(one.error.as_ref().map(|error| format!("  {}: {error}", name(one))));
    }
    lines
}

fn row(one: &Certificate, now: u64) -> [String; 6] {
    let at = |time: Option<u64>| time.map_or_else(|| "-".to_owned(), |time| relative(time, now));
    let app = one.app.clone().unwrap_or_else(|| "-".to_owned());
    [name(one), one.source.clone(), one.state.clone(), at(one.ends_at), at(one.renew_at), app]
}

fn name(one: &Certificate) -> String {
    match &one.names[..] {
        [] => one.file.clone().unwrap_or_else(|| "-".to_owned()),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn relative(time: u64, now: u64) -> String {
    match time.checked_sub(now) {
        Some(left) => format!("in {}", rough(left)),
        None => format!("{} ago", rough(now - time)),
    }
}
