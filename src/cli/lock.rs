//! `lock`: hold pipelines back, or all but one.

use std::{ffi::OsString, time::Duration};

use clap::Args;

use super::{
    change::{parse_seq, state_lines},
    connect::{AppChoice, Connection},
    duration,
    exit::{Exit, Failure},
    lock_call::LockCall,
    lock_command,
    printer::Printer,
    session::Session,
    waiting::parse_fleet_or_time,
};
use crate::schema::change::LockRequest;

/// How long a lock stands that is renewed while a command runs: a pipeline that has died holds up others that long at most.
const RENEWED_LENGTH: Duration = Duration::from_secs(60);

/// Hold pipelines back: `ci` tokens may do nothing but abort
///
/// A `ci` token takes the lock for itself, with an end; other `ci` tokens, and other runs with the same one, are held back then.
/// With a command behind `--` the lock is renewed while that runs, and ends with it. The exit code is 1 if the command fails.
///
/// Examples:
///   rolling-router lock --reason "release freeze"
///   rolling-router lock --reason "incident 4711" --for 2h
///   rolling-router lock --reason "build 77" --wait 30m -- ./deploy.sh
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// How long; without it until `unlock`, or while COMMAND runs
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    length: Option<Duration>,

    /// Take the lock for this run of a pipeline alone; the same name renews it
    #[arg(long, value_name = "RUN")]
    holder: Option<String>,

    /// Hold the lock for this run while the command runs
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    /// Why; everyone whom the lock holds back is shown it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Only if the app is still at this seq (exit code 4 if not)
    #[arg(long, value_name = "SEQ", value_parser = parse_seq)]
    if_match: Option<u64>,

    /// A time such as 30m: queue that long for the lock. `fleet`: wait until every router knows it. Both can be given
    #[arg(long, value_name = "WHAT", value_parser = parse_fleet_or_time)]
    wait: Vec<Option<Duration>>,

    /// How long to wait for the routers
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { length, mut holder, command, reason, if_match, wait, timeout, app, connection } =
        arguments;
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let reason = reason.ok_or_else(|| {
        Failure::usage("--reason is missing: a lock needs one, which is shown to everyone whom it holds back")
    })?;
    let session = Session::open(&connection, app, printer)?;
    // What one run holds for itself it takes and renews whatever the app is at; else the seq that was seen goes along.
    let (app, seen) = if holder.is_some() || !command.is_empty() || wait.iter().any(Option::is_some) {
        (session.app().await?, None)
    } else {
        let seen = session.state().await?;
        (seen.app, Some(seen.seq))
    };
    let if_match = if_match.or(seen);
    let mut length = length;
    if !command.is_empty() {
        length.get_or_insert(RENEWED_LENGTH);
        holder.get_or_insert_with(lock_command::name_of_this_run);
    }
    let request = LockRequest {
        reason,
        until: None,
        seconds: length.map(|length| length.as_secs()),
        holder,
        wait: None,
    };
    let fleet = wait.contains(&None).then_some(timeout);
    let patience = wait.into_iter().flatten().max().unwrap_or_default();
    let call = LockCall { session: &session, app, request, if_match, fleet };
    let answer = call.take(patience).await?;
    if let Some(length) = length.filter(|_| !command.is_empty()) {
        return lock_command::run(&call, length, command).await;
    }
    let lines =
        if printer.is_json() { vec![answer.text()] } else { state_lines(&answer, "locked", printer)? };
    lines.into_iter().for_each(|line| printer.line(line));
    Ok(Exit::of_status(answer.status))
}
