//! `freeze show|set|end`: the times in which pipelines change no app.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::ask,
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::freeze::{FreezeWindows, FreezeWindowsRequest};

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
    let path = ["api", "v1", "freeze-windows"];
    let (connection, request) = match arguments.verb {
        FreezeVerb::Show { connection } => (connection, Request::get(&path)),
        FreezeVerb::Set { windows, change } => change.into_request(windows),
        FreezeVerb::End { change } => change.into_request(Vec::new()),
    };
    printer.expect_json(connection.json);
    ask(&connection.client()?, printer, request, |windows| lines(&windows)).await
}

impl FreezeChange {
    fn into_request(self, windows: Vec<String>) -> (Connection, Request) {
        let request = FreezeWindowsRequest { windows, reason: self.reason };
        let call = Request::new(Method::PUT, &["api", "v1", "freeze-windows"]);
        (self.connection, call.json(&request))
    }
}

fn lines(windows: &FreezeWindows) -> Vec<String> {
    match windows.windows.as_slice() {
        [] => vec!["there is no freeze window of all apps".to_owned()],
        windows => windows.to_vec(),
    }
}
