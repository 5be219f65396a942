//! The one way in which a verb changes an app.
//!
//! A verb says what it asks for and what to print when it is done ([`Change`]); everything else is done here for all of
//! them: which router and app, the reason, the seq that was seen, waiting for the fleet, the dry run, printing, the exit
//! code.

use clap::Args;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    app_lines,
    client::{Answer, Request, fields},
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
    waiting::{WaitOptions, applied},
};
use crate::schema::{
    app::{App, Outcome},
    dry_run::DryRun,
};

/// What every change takes besides what it is about.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    #[command(flatten)]
    pub(super) options: ChangeOptions,
    #[command(flatten)]
    pub(super) app: AppChoice,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// What may be said of every change.
#[derive(Debug, Args)]
#[command(next_help_heading = "Change")]
pub(super) struct ChangeOptions {
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,

    /// Only if the app is still at this seq (exit code 4 if not)
    #[arg(long, value_name = "SEQ", value_parser = parse_seq)]
    pub(super) if_match: Option<u64>,

    #[command(flatten)]
    pub(super) waiting: WaitOptions,
}

/// Only look.
#[derive(Debug, Args)]
#[command(next_help_heading = "Change")]
pub(super) struct DryRunChoice {
    /// Say which clients would move, and change nothing; refused where the change would be
    #[arg(long)]
    dry_run: bool,
}

/// Whether an app may be made by a change.
#[derive(Debug, Args)]
#[command(next_help_heading = "Change")]
pub(super) struct NewChoice {
    /// Make the app if there is none of that name
    #[arg(long)]
    new: bool,
}

impl NewChoice {
    /// Whether it may be made.
    pub(super) fn is_new(&self) -> bool {
        self.new
    }
}

/// What stands for a `/` inside of a part of a change's path.
const SLASH: &str = "%2F";

/// A text as one part of a change's path.
pub(super) fn part_of_path(text: &str) -> String {
    text.replace('/', SLASH)
}

/// One change to an app, as a verb asks for it.
#[derive(Debug, Clone)]
pub(super) struct Change {
    method: Method,
    /// What follows the app in the path, such as `promote` or `drain/finish`; empty for the app itself.
    path: String,
    /// What is asked for, less the reason.
    fields: Map<String, Value>,
    /// What to print when it is done.
    done: String,
    /// Whether it is refused if the app has changed since the verb looked at it.
    guarded: bool,
    dry_run: bool,
}

impl Change {
    /// A change by this call; the request has no reason.
    pub(super) fn new(method: Method, path: &str, request: &impl Serialize, done: impl Into<String>) -> Self {
        let (path, done) = (path.to_owned(), done.into());
        Self { method, path, fields: fields(request), done, guarded: true, dry_run: false }
    }

    /// Also if the app has changed since the verb looked at it.
    pub(super) fn unguarded(self) -> Self {
        Self { guarded: false, ..self }
    }

    /// As a dry run, if that was chosen.
    pub(super) fn dry_run(self, choice: &DryRunChoice) -> Self {
        Self { dry_run: choice.dry_run, ..self }
    }

    /// The call for it, with the seq that was seen (or the count, where endpoints are changed).
    pub(super) fn request(self, app: &str, seen: Option<u64>, options: &ChangeOptions) -> Request {
        let mut fields = self.fields;
        let mut request = Request::new(self.method, &["api", "v1", "apps", app]);
        if self.dry_run {
            request.method = Method::POST;
            request.path.push("who-moves".to_owned());
            fields.insert("command".into(), self.path.into());
        } else {
            let parts = self.path.split('/').filter(|part| !part.is_empty());
            request.path.extend(parts.map(|part| part.replace(SLASH, "/")));
            fields.extend(options.reason.clone().map(|reason| ("reason".to_owned(), reason.into())));
            fields.extend(options.waiting.gate().map(|time| ("wait".to_owned(), time.as_secs().into())));
            options.waiting.ask(&mut request);
        }
        request.if_match = options.if_match.or(seen.filter(|_| self.guarded));
        request.json(&fields)
    }
}

impl ChangeArguments {
    /// Asks for a change that makes the app if it is not there, which must be meant: a name with a slip in it would make an
    /// app that nobody wants.
    pub(super) async fn ask_to_begin(
        self,
        change: Change,
        choice: &NewChoice,
        printer: &Printer,
    ) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection, self.app, printer)?;
        let (app, seen) = session.app_to_begin(choice.new).await?;
        ask(&session, &app, seen, change, &self.options).await
    }

    /// Asks for a change that is answered with something else than the app's state, and prints it. The seq that the app has
    /// goes along.
    pub(super) async fn ask_for(
        self,
        change: Change,
        lines: impl FnOnce(&Answer) -> Result<Vec<String>, Failure>,
        printer: &Printer,
    ) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection, self.app, printer)?;
        let seen = session.state().await?;
        let answer = session.client.send(change.request(&seen.app, Some(seen.seq), &self.options)).await?;
        let lines = if printer.is_json() { vec![answer.text()] } else { lines(&answer)? };
        lines.into_iter().for_each(|line| printer.line(line));
        Ok(Exit::of_status(answer.status))
    }

    /// Asks for a change that rests on what the app is now, and prints what came of it. The seq that was seen goes along,
    /// so that a change that somebody else makes in between is not overwritten.
    pub(super) async fn ask_as_seen(
        self,
        change: impl FnOnce(&App) -> Change,
        printer: &Printer,
    ) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection, self.app, printer)?;
        let seen = session.state().await?;
        let change = change(&seen);
        ask(&session, &seen.app, Some(seen.seq), change, &self.options).await
    }
}

/// Asks for a change, and prints what came of it.
pub(super) async fn ask(
    session: &Session<'_>,
    app: &str,
    seen: Option<u64>,
    change: Change,
    options: &ChangeOptions,
) -> Result<Exit, Failure> {
    let (done, dry_run) = (change.done.clone(), change.dry_run);
    let answer = session.client.send(change.request(app, seen, options)).await?;
    let lines = match (session.printer.is_json(), dry_run) {
        (true, _) => vec![answer.text()],
        (false, true) => dry_run_lines(&answer)?,
        (false, false) => state_lines(&answer, &done, session.printer)?,
    };
    lines.into_iter().for_each(|line| session.printer.line(line));
    Ok(Exit::of_status(answer.status))
}

fn dry_run_lines(answer: &Answer) -> Result<Vec<String>, Failure> {
    let dry_run: DryRun = answer.read()?;
    let words = dry_run.words.into_iter().map(|line| format!("  {line}"));
    Ok(["dry run, nothing is changed:".to_owned()].into_iter().chain(words).collect())
}

/// What was done, and what the app is now.
pub(super) fn state_lines(answer: &Answer, done: &str, printer: &Printer) -> Result<Vec<String>, Failure> {
    let state: App = answer.read()?;
    let headline = if state.result == Some(Outcome::Unchanged) { "nothing to do" } else { done };
    let made =
        if state.created == Some(true) { format!("; the app {} is new", state.app) } else { String::new() };
    let headline = format!("{headline}{made}{}", applied(state.applied.as_ref()));
    Ok([headline].into_iter().chain(app_lines::now(&state, printer)).collect())
}

/// A seq, as `status` shows it.
pub(super) fn parse_seq(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "allowed is a whole number, as `status` and `history` show it".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{cli::client::Body, schema::change::PromoteRequest};

    fn promote() -> Change {
        let request =
            PromoteRequest { release: Some("apps/a-1-80/containers".into()), ..PromoteRequest::default() };
        Change::new(Method::POST, "promote", &request, "")
    }

    fn options() -> ChangeOptions {
        ChangeOptions { reason: Some("green".into()), if_match: None, waiting: WaitOptions::none() }
    }

    fn sent(request: &Request) -> &Value {
        let Body::Json(sent) = &request.body else { panic!("{request:?}") };
        sent
    }

    #[test]
    fn a_change_carries_what_was_seen_and_nothing_that_was_not_said() {
        let request = promote().request("hello", Some(7), &options());
        assert_eq!(*sent(&request), json!({ "release": "apps/a-1-80/containers", "reason": "green" }));
        assert_eq!(
            (request.path.join("/").as_str(), request.if_match),
            ("api/v1/apps/hello/promote", Some(7))
        );
        assert_eq!(promote().unguarded().request("hello", Some(7), &options()).if_match, None);
    }

    #[test]
    fn a_dry_run_asks_who_moves_and_changes_nothing() {
        let request =
            promote().dry_run(&DryRunChoice { dry_run: true }).request("hello", Some(7), &options());
        assert_eq!(*sent(&request), json!({ "command": "promote", "release": "apps/a-1-80/containers" }));
        assert_eq!(request.path.join("/"), "api/v1/apps/hello/who-moves");
        assert_eq!((request.method, request.if_match), (Method::POST, Some(7)));
    }
}
