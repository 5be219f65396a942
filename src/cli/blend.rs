//! `blend`: which share of new clients goes to the candidate.

use clap::Args;
use reqwest::Method;

use super::{
    connect::{AppChoice, Connection},
    dry_run::DryRun,
    exit::{Exit, Failure},
    printer::Printer,
    session::{Change, ChangeOptions, Session, body},
};

/// Set the share of new clients that goes to the candidate
///
/// Pinned clients stay where they are. Raising the blend only adds clients, lowering it takes back exactly those.
///
/// Examples:
///   rolling-router blend 10
///   rolling-router blend 30 --dry-run                                    who would move
///   rolling-router blend 12.5 --release 1.0.1 --reason "build 1188"      refused if 1.0.1 is not the candidate
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// 0 to 100, with at most two decimals
    #[arg(value_name = "PERCENT", value_parser = parse_percent)]
    percent: f64,

    /// The candidate that is meant; without it the one that is there now
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let state = session.state().await?;
    let release = arguments.release.or_else(|| state.candidate_id());
    let change = Change {
        method: Method::PUT,
        resource: "blend",
        body: body([("percent", arguments.percent.into()), ("release", release.into())]),
        seen: Some(state.seq),
        done: format!("blend is {} %", arguments.percent),
    };
    arguments.dry_run.change(&session, &state.app, change, &arguments.options).await
}

/// Reads a percentage: 0..=100, at most two decimals, a `%` after it allowed.
pub(super) fn parse_percent(text: &str) -> Result<f64, String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = digits.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent
        .filter(|_| plain && decimals <= 2)
        .ok_or_else(|| "a blend is a percentage from 0 to 100 with at most two decimals".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_sent_as_they_were_written() {
        for text in ["0", "100", "12.5", "0.07", "99.99"] {
            let sent = serde_json::Value::from(parse_percent(text).unwrap()).to_string();
            assert_eq!(sent.trim_end_matches(".0"), text);
        }
        assert_eq!(parse_percent("10%"), Ok(10.0));
        for text in ["", "-1", "101", "1.234", "NaN", "inf", "1e1", "ten", "1.2.3", "."] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }
}
