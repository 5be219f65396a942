//! `blend`: which share of new clients goes to the candidate.

use clap::Args;
use reqwest::Method;

use super::{
    app_lines::candidate_id,
    change::{Change, ChangeArguments, DryRunChoice},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::change::{Blend, BlendRequest};

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
    percent: Blend,

    /// The candidate that is meant; without it the one that is there now
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    #[command(flatten)]
    dry_run: DryRunChoice,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { percent, release, dry_run, change } = arguments;
    let blend = |app: &_| {
        let release = release.or_else(|| candidate_id(app));
        let request = BlendRequest { percent, release, reason: None };
        Change::new(Method::PUT, "blend", &request, format!("blend is {percent} %")).dry_run(&dry_run)
    };
    change.ask_as_seen(blend, printer).await
}

/// Reads a percentage: 0..=100, at most two decimals, a `%` after it allowed.
pub(super) fn parse_percent(text: &str) -> Result<Blend, String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = digits.parse::<f64>().ok().filter(|_| plain && decimals <= 2);
    let blend = percent.and_then(|percent| format!("{percent:.2}").parse().ok());
    blend.ok_or_else(|| "allowed is a percentage from 0 to 100 with at most two decimals".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_sent_as_they_were_written() {
        for text in ["0", "100", "12.5", "0.07", "99.99"] {
            assert_eq!(serde_json::to_string(&parse_percent(text).unwrap()).unwrap(), text);
        }
        assert_eq!(parse_percent("10%"), parse_percent("10.0"));
        assert_eq!(parse_percent(".5"), parse_percent("0.5"));
        for text in ["", "-1", "101", "1.234", "NaN", "inf", "1e1", "ten", "1.2.3", "."] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }
}
