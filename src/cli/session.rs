//! One verb's conversation with a router: which app is meant, what state it is in, and one change to it.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value};

use super::{
    client::{self, Answer, Body, Client, Request},
    connect::{AppChoice, Connection},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    state::{AppState, Applied, Apps},
    status,
};

/// A conversation about one app.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) client: Client,
    pub(super) printer: &'a Printer,
    app: Option<String>,
}

/// What every change may be told besides itself.
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
    pub(super) waiting: Waiting,
}

/// A seq, as `status` shows it.
pub(super) fn parse_seq(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a seq is a whole number, as `status` and `history` show it".to_owned())
}

/// For whom an answer waits.
#[derive(Debug, Args)]
pub(super) struct Waiting {
    /// Wait until every router applies it (exit code 6 if some have not said so in time)
    #[arg(long, value_name = "WHOM", value_parser = ["fleet"])]
    wait: Option<String>,

    /// How long to wait for them
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
}

impl Waiting {
    /// Asks for an answer that waits, and waits for it.
    pub(super) fn ask(&self, request: &mut Request) {
        if let Some(whom) = &self.wait {
            request.query.push(("wait", whom.clone()));
            request.query.push(("timeout", duration::seconds(self.timeout)));
            request.timeout = client::ANSWER + self.timeout;
        }
    }
}

/// One change to one app.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) method: Method,
    /// What follows the app in the path, such as `promote` or `drain/finish`.
    pub(super) resource: &'a str,
    /// What is said besides the reason; absent values are left out.
    pub(super) body: Map<String, Value>,
    /// The seq that was seen.
    pub(super) seen: Option<u64>,
    /// What to say when it is done, and when there was nothing to do.
    pub(super) done: String,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        connection: &Connection,
        app: AppChoice,
        printer: &'a Printer,
    ) -> Result<Self, Failure> {
        printer.expect_json(connection.json);
        let app = app.app.filter(|app| !app.is_empty());
        Ok(Self { client: connection.client()?, printer, app })
    }

    /// The app that was named, if one was.
    pub(super) fn named_app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// The name of the app that is meant.
    pub(super) async fn app(&self) -> Result<String, Failure> {
        match &self.app {
            Some(app) => Ok(app.clone()),
            None => Ok(self.apps().await?.meant()?.app),
        }
    }

    /// All apps.
    pub(super) async fn apps(&self) -> Result<Apps, Failure> {
        self.client.send(Request::get(&["api", "v1", "apps"])).await?.read()
    }

    /// The state of the app that is meant.
    pub(super) async fn state(&self) -> Result<AppState, Failure> {
        match &self.app {
            Some(app) => self.client.send(Request::get(&["api", "v1", "apps", app])).await?.read(),
            None => self.apps().await?.meant(),
        }
    }

    /// Makes a change, and prints what came of it.
    pub(super) async fn change(
        &self,
        app: &str,
        change: Change<'_>,
        options: &ChangeOptions,
    ) -> Result<Exit, Failure> {
        let answer = self.client.send(request(app, &change, options)).await?;
        let exit = Exit::of_status(answer.status);
        if self.printer.is_json() {
            self.printer.line(answer.text());
        } else {
            self.tell(&answer, &change)?;
        }
        Ok(exit)
    }

    fn tell(&self, answer: &Answer, change: &Change<'_>) -> Result<(), Failure> {
        let state: AppState = answer.read()?;
        let unchanged = state.result.as_deref() == Some("unchanged");
        let headline = if unchanged { "nothing to do" } else { &change.done };
        self.printer.line(format!("{headline}{}", applied(state.applied.as_ref())));
        status::print(&state, self.printer);
        Ok(())
    }
}

fn request(app: &str, change: &Change<'_>, options: &ChangeOptions) -> Request {
    let mut request = Request::new(change.method.clone(), &["api", "v1", "apps", app]);
    request.path.extend(change.resource.split('/').map(str::to_owned));
    let mut body = change.body.clone();
    body.retain(|_, value| !value.is_null());
    if let Some(reason) = &options.reason {
        body.insert("reason".into(), reason.as_str().into());
    }
    request.body = Body::Json(body.into());
    request.if_match = options.if_match.or(change.seen);
    options.waiting.ask(&mut request);
    request
}

/// How far it is applied, if that was asked.
pub(super) fn applied(applied: Option<&Applied>) -> String {
    match applied {
        Some(applied) if applied.text.is_empty() => {
            format!(", applied {} of {}", applied.applied, applied.members)
        }
        Some(applied) => format!(", {}", applied.text),
        None => String::new(),
    }
}

/// The body of a change, from names and values; null where there is none.
pub(super) fn body<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_carries_what_was_seen_and_nothing_that_was_not_said() {
        let change = Change {
            method: Method::POST,
            resource: "promote",
            body: body([("release", "apps/a-1-80/containers".into()), ("force", Value::Null)]),
            seen: Some(7),
            done: String::new(),
        };
        let waiting = Waiting { wait: Some("fleet".into()), timeout: Duration::from_secs(90) };
        let options = ChangeOptions { reason: Some("green".into()), if_match: None, waiting };
        let request = request("hello", &change, &options);
        let Body::Json(sent) = &request.body else { panic!("{request:?}") };
        assert_eq!(*sent, serde_json::json!({ "release": "apps/a-1-80/containers", "reason": "green" }));
        assert_eq!(request.if_match, Some(7));
        assert_eq!(request.query, [("wait", "fleet".into()), ("timeout", "90s".to_owned())]);
        assert_eq!(request.timeout, client::ANSWER + Duration::from_secs(90));
    }
}
