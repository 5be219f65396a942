//! `approve`: an operator says that a release may become stable.

use clap::Args;
use reqwest::Method;

use super::{
    app_lines::{candidate_id, candidate_name},
    change::{Change, ChangeArguments},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::approval::ApprovalRequest;

/// Approve a release, where the setting `approvals` says that operators must before it becomes stable
///
/// An approval counts while the release has the endpoints and the tenure that it has now. A token counts once; that of
/// whoever put the release on its track does not count.
///
/// Examples:
///   rolling-router approve --reason "reviewed and tried out"          the candidate
///   rolling-router approve --release 1.0.1
///   rolling-router approve --withdraw                                 takes your own approval back
///   rolling-router approve --lower-to 0                               the setting `approvals` may be lowered to 0
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The release; without it the candidate
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Take your own approval back
    #[arg(long)]
    withdraw: bool,

    /// Approve a lower value of the setting `approvals`, not a release
    #[arg(long, value_name = "NUMBER", conflicts_with = "release", value_parser = clap::value_parser!(u64).range(0..=2))]
    lower_to: Option<u64>,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { release, withdraw, lower_to, change } = arguments;
    let approve = |app: &_| {
        let what = match (&release, lower_to) {
            (_, Some(to)) => format!("`approvals` at {to}"),
            (Some(release), None) => release.clone(),
            (None, None) => candidate_name(app).to_owned(),
        };
        let release = release.or_else(|| candidate_id(app)).filter(|_| lower_to.is_none());
        let request = ApprovalRequest { release, lower_to, reason: None };
        match withdraw {
            false => Change::new(Method::POST, "approvals", &request, format!("{what} is approved by you")),
            true => {
                Change::new(Method::DELETE, "approvals", &request, format!("{what} is not approved by you"))
            }
        }
    };
    change.ask_as_seen(approve, printer).await
}
