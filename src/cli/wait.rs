//! `wait`: block a script until something is so.

use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::{
    client::{self, Request},
    connect::{AppChoice, Connection},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
};
use crate::schema::wait::{Goal, Waited};

/// The longest time that one call waits; a longer wait is several calls, so that no proxy between cuts it.
const CALL_MAX: Duration = Duration::from_secs(25);

/// Between two calls.
const PAUSE: Duration = Duration::from_millis(200);

/// Wait until a release is healthy, live, drained or can be stopped, every router applied the last change, or a plan is at a step
///
/// Exit code 6 when the time has passed; what is still missing is printed. Exit code 4 at once for a release that nobody
/// knows, and where no plan runs. Of what can be stopped, the release that a rollback goes to is named.
///
/// Examples:
///   rolling-router wait --for healthy --release 1.0.1 --timeout 2m
///   rolling-router wait --for can-be-stopped --release 1.0.0 --timeout 1h
///   rolling-router wait --for plan-step --step 2 --timeout 1h
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// What to wait for: healthy, live, drained, can-be-stopped, applied or plan-step
    #[arg(long = "for", value_name = "WHAT")]
    goal: Goal,

    /// The release; without it the candidate, else stable, and of what drains every one
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Of plan-step: the number of the step, from 1
    #[arg(long, value_name = "NUMBER")]
    step: Option<usize>,

    /// How long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { goal, release, step, timeout, app, connection } = arguments;
    let session = Session::open(&connection, app, printer)?;
    let app = session.app().await?;
    let begun = Instant::now();
    loop {
        let left = timeout.saturating_sub(begun.elapsed());
        let mut request = request(&app, goal, release.as_deref(), left.min(CALL_MAX));
        request.query.extend(step.map(|step| ("step", step.to_string())));
        let answer = session.client.send(request).await?;
        let exit = Exit::of_status(answer.status);
        if exit == Exit::NotEverywhere && begun.elapsed() < timeout {
            // An answer may come at once, where nobody expects the missing router back.
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let lines = if printer.is_json() { vec![answer.text()] } else { lines(&answer.read()?) };
        lines.into_iter().for_each(|line| printer.line(line));
        return Ok(exit);
    }
}

fn request(app: &str, goal: Goal, release: Option<&str>, time: Duration) -> Request {
    let mut request = Request::get(&["api", "v1", "apps", app, "wait"]);
    request.query.push(("for", goal.as_str().to_owned()));
    request.query.push(("timeout", format!("{}ms", time.as_millis())));
    request.query.extend(release.map(|release| ("release", release.to_owned())));
    request.timeout = client::ANSWER + time;
    request
}

fn lines(waited: &Waited) -> Vec<String> {
    let whom = match waited.releases.as_slice() {
        [] => waited.app.clone(),
        releases => format!("{} {}", waited.app, releases.join(", ")),
    };
    let goal = waited.goal.as_str();
    let Waited { met, waiting_for, way_back, .. } = waited;
    let headline =
        if *met { format!("{whom}: {goal}") } else { format!("{whom}: not {goal} yet; still waits for") };
    let missing = waiting_for.iter().map(|missing| format!("  {missing}"));
    let way_back =
        way_back.iter().map(|name| format!("  {name} is the way back: a rollback needs its endpoints"));
    [headline].into_iter().chain(missing).chain(way_back).collect()
}
