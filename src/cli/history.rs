//! `history`: what was done to an app, newest first; `history show`: one change with all that it changed, and the receipt of an abort.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    app_lines::quoted,
    ask::ask_app,
    change::parse_seq,
    client::Request,
    connect::{AppChoice, Connection},
    duration::rough,
    exit::{Exit, Failure},
    history_diff::{self, short},
    printer::{Printer, Style},
    session::Session,
};
use crate::{
    clock::Clock,
    schema::history::{HistoryEvent, HistoryPage},
};

/// Show who changed what, when and why, newest first
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<HistoryVerb>,

    /// How many changes, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = parse_limit)]
    limit: u32,

    /// Only changes before this seq: the next page
    #[arg(long, value_name = "SEQ", value_parser = parse_seq)]
    before: Option<u64>,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum HistoryVerb {
    /// Show one change and all that it changed; of an abort also its receipt: who met a failure, the evidence, and what failed
    Show {
        /// Its seq
        #[arg(value_name = "SEQ", value_parser = parse_seq)]
        seq: u64,

        #[command(flatten)]
        app: AppChoice,
        #[command(flatten)]
        connection: Connection,
    },
}

/// The length of a page, as the API has it.
fn parse_limit(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok().filter(|limit| (1..=200).contains(limit));
    limit.ok_or_else(|| "allowed is a whole number from 1 to 200".to_owned())
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    if let Some(HistoryVerb::Show { seq, app, connection }) = arguments.verb {
        let session = Session::open(&connection, app, printer)?;
        let app = session.app().await?;
        return show(&session, &app, seq, printer).await;
    }
    let mut query = vec![("limit", arguments.limit.to_string())];
    query.extend(arguments.before.map(|seq| ("before", seq.to_string())));
    let about = (arguments.app, &arguments.connection);
    ask_app(about, printer, "history", query, |page| lines(&page, printer)).await
}

/// Shows the change that made a seq.
async fn show(session: &Session<'_>, app: &str, seq: u64, printer: &Printer) -> Result<Exit, Failure> {
    let mut request = Request::get(&["api", "v1", "apps", app, "history"]);
    request.query.push(("limit", "1".to_owned()));
    request.query.push(("before", seq.saturating_add(1).to_string()));
    let page: HistoryPage = session.client.send(request).await?.read()?;
    let Some(event) = page.events.iter().find(|event| event.seq == seq && event.number.is_none()) else {
        return Err(Failure::here(format!("{app} has no change with the seq {seq} in its history")));
    };
    if printer.is_json() {
        printer.line(serde_json::to_string(event).unwrap_or_default());
        return Ok(Exit::Done);
    }
    printer.line(line(event, printer, Clock::system().wall_ms()));
    let receipt = event.receipt.iter().flat_map(|receipt| receipt.lines());
    let below = history_diff::lines(&event.changed).into_iter().chain(receipt);
    below.for_each(|line| printer.line(format!("       {line}")));
    Ok(Exit::Done)
}

fn lines(page: &HistoryPage, printer: &Printer) -> Vec<String> {
    let now = Clock::system().wall_ms();
    let older = |next| printer.styled(Style::Faint, format!("older: rolling-router history --before {next}"));
    let events = page.events.iter().map(|event| line(event, printer, now));
    events.chain(page.next.map(older)).collect()
}

fn line(event: &HistoryEvent, printer: &Printer, now: u64) -> String {
    let changed: Vec<String> = event.changed.iter().filter_map(|(field, pair)| change(field, pair)).collect();
    let head = format!("{:>5}  {}", event.seq, printer.styled(Style::Bold, &event.command));
    let who =
        format!("{}, {} ago{}", event.actor, rough(now.saturating_sub(event.at)), quoted(&event.reason));
    let mut parts = vec![head];
    if !changed.is_empty() {
        parts.push(changed.join(", "));
    }
    parts.push(printer.styled(Style::Faint, who));
    parts.join("   ")
}

/// `blend 0 -> 10` for the fields a person follows; what happens inside (tenures, drains) stays out.
fn change(field: &str, pair: &Value) -> Option<String> {
    if field == "endpoints" {
        return Some(format!("endpoints {}", counts(pair)));
    }
    if !matches!(field, "stable" | "candidate" | "blend" | "sticky") {
        return None;
    }
    Some(format!("{field} {} -> {}", short(pair.get(0)?), short(pair.get(1)?)))
}

/// How many endpoints came and went: `+2 -1`.
fn counts(pair: &Value) -> String {
    let side = |at: usize| pair.get(at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let only =
        |there: usize, gone: usize| side(there).iter().filter(|entry| !side(gone).contains(entry)).count();
    format!("+{} -{}", only(1, 0), only(0, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_line() {
        let event: HistoryEvent = serde_json::from_str(
            r#"{"seq":7,"command":"promote","actor":"maria","reason":"green","at":1000,"changed":{
                "blend":[12.5,0],"tenures":[{},{}],
                "candidate":[{"release":"apps/hello-1.0.1-80/containers","tenure":2},null]}}"#,
        )
        .unwrap();
        assert_eq!(
            line(&event, &Printer::plain(), 121_000),
            "    7  promote   blend 12.5 -> 0, candidate hello-1.0.1-80 -> none   maria, 2 min ago: \"green\""
        );
    }
}
