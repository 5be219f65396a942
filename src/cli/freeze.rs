//! `freeze show|set|end`: the times in which pipelines change no app.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::freeze::{FreezeWindows, FreezeWindowsRequest};

const PATH: [&str; 3] = ["api", "v1", "freeze-windows"];

/// Show or set the freeze windows of all apps; those of one app are its setting `freeze_windows`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: FreezeVerb,
}

#[derive(Debug, Subcommand)]
enum FreezeVerb {
    /// Show them
    Show {
        #[command(flatten)]
        connection: Connection,
    },

    /// Set them: all that are named, in the place of those before
    ///
    /// Examples:
    ///   rolling-router freeze set "Fri 16:00 - Mon 08:00 Europe/Berlin" "12-20 00:00 - 01-07 00:00 UTC"
    ///   rolling-router freeze set "22:00 - 06:00 UTC" --reason "nobody is on call"
    #[command(verbatim_doc_comment)]
    Set {
        /// A window: from a time to another one, of every day, week or year, and a time zone of the IANA
        #[arg(value_name = "WINDOW", required = true)]
        windows: Vec<String>,

        #[command(flatten)]
        change: FreezeChange,
    },

    /// End all of them
    End {
        #[command(flatten)]
        change: FreezeChange,
    },
}

#[derive(Debug, Args)]
struct FreezeChange {
    /// Why, for the log and the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        FreezeVerb::Show { connection } => {
            let client = open(&connection, printer)?;
            ask(&client, printer, Request::get(&PATH), |windows| lines(&windows)).await
        }
        FreezeVerb::Set { windows, change } => change.send(windows, printer).await,
        FreezeVerb::End { change } => change.send(Vec::new(), printer).await,
    }
}

impl FreezeChange {
    /// Sends the windows, unless somebody sets others meanwhile.
    async fn send(self, windows: Vec<String>, printer: &Printer) -> Result<Exit, Failure> {
        let client = open(&self.connection, printer)?;
        let seen: FreezeWindows = client.send(Request::get(&PATH)).await?.read()?;
        let body = FreezeWindowsRequest { windows, reason: self.reason };
        let mut request = Request::new(Method::PUT, &PATH).json(&body);
        request.if_match = Some(seen.version);
        ask(&client, printer, request, |windows| lines(&windows)).await
    }
}

fn lines(windows: &FreezeWindows) -> Vec<String> {
    match windows.windows.as_slice() {
        [] => vec!["there is no freeze window of all apps".to_owned()],
        windows => windows.to_vec(),
    }
}
