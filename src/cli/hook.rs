//! `hook list|show|add|pause|resume|test|remove`: addresses that are told of releases and alarms.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Answer, Body, Request},
    connect::Connection,
    duration::rough,
    exit::{Exit, Failure},
    printer::{Printer, Style},
};
use crate::clock::Clock;

/// Tell a chat or a pipeline of releases and alarms, by a signed POST
///
/// A hook is told what happens from now on, in order, at least once. Operators look, admins change.
///
/// Examples:
///   rolling-router hook add chat https://chat.example/hooks/releases --event promote --event rollback
///   rolling-router hook test chat
///   rolling-router hook show chat          where it leads, what it was told, what went wrong
///   rolling-router hook pause chat         what happens meanwhile waits
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: HookVerb,
}

#[derive(Debug, Subcommand)]
enum HookVerb {
    /// Show all hooks and how they do
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Show one hook with its last deliveries
    Show(Named),
    /// Make a hook, or say anew all of one but its secret; a secret that the router makes is printed this once
    Add(Add),
    /// Tell it nothing until it is resumed; what happens meanwhile waits
    Pause(Named),
    /// Tell it what waits, and what happens from now on
    Resume(Named),
    /// Send a test, and show what the receiver answers (exit code 4 if it does not take it)
    Test(Named),
    /// Remove a hook
    Remove(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The hook's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct Add {
    /// The hook's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Where it leads, http or https
    #[arg(value_name = "URL")]
    url: String,

    /// An app that it is told of; may be repeated; without it all apps
    #[arg(long = "app", value_name = "APP")]
    apps: Vec<String>,

    /// An event that it is told of, such as promote; may be repeated; without it all events
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,

    /// The secret that signs its messages (whsec_...); better given in the environment. Without it the router makes one
    #[arg(long, value_name = "SECRET", env = "ROLLING_ROUTER_HOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// Have the router make another secret
    #[arg(long, conflicts_with = "secret")]
    new_secret: bool,

    /// Tell it nothing yet
    #[arg(long)]
    paused: bool,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Deserialize)]
struct Hooks {
    hooks: Vec<Hook>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hook {
    name: String,
    url: String,
    apps: Option<Vec<String>>,
    events: Option<Vec<String>>,
    paused: bool,
    state: String,
    fault: Option<String>,
    waiting: BTreeMap<String, u64>,
    deliveries: Vec<Delivery>,
    secret: Option<String>,
    revision: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    #[serde(rename = "type")]
    kind: String,
    app: Option<String>,
    seq: Option<u64>,
    at: u64,
    attempt: u32,
    outcome: String,
    status: Option<u16>,
    ms: u64,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tested {
    delivered: bool,
    ms: u64,
    error: Option<String>,
    answer: String,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        HookVerb::List { connection } => list(&connection, printer).await,
        HookVerb::Show(named) => show(&named, printer).await,
        HookVerb::Add(add) => write(add, printer).await,
        HookVerb::Pause(named) => pause(&named, true, printer).await,
        HookVerb::Resume(named) => pause(&named, false, printer).await,
        HookVerb::Test(named) => test(&named, printer).await,
        HookVerb::Remove(named) => remove(&named, printer).await,
    }
}

async fn list(connection: &Connection, printer: &Printer) -> Result<Exit, Failure> {
    let answer = send(connection, printer, Request::get(&["api", "v1", "hooks"])).await?;
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(Exit::Done);
    }
    let hooks: Hooks = answer.read()?;
    hooks.hooks.iter().for_each(|hook| printer.line(told(hook, printer)));
    if hooks.hooks.is_empty() {
        printer.line("there is no hook; `hook add` makes one");
    }
    Ok(Exit::Done)
}

async fn show(named: &Named, printer: &Printer) -> Result<Exit, Failure> {
    let answer = send(&named.connection, printer, Request::get(&path(&named.name))).await?;
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(Exit::Done);
    }
    let hook: Hook = answer.read()?;
    printer.line(told(&hook, printer));
    let now = Clock::system().wall_ms();
    hook.deliveries.iter().for_each(|delivery| printer.line(sent(delivery, now, printer)));
    Ok(Exit::Done)
}

async fn write(add: Add, printer: &Printer) -> Result<Exit, Failure> {
    let named = |names: Vec<String>| if names.is_empty() { Value::Null } else { json!(names) };
    let body = json!({
        "url": add.url,
        "apps": named(add.apps),
        "events": named(add.events),
        "secret": add.secret,
        "new_secret": add.new_secret,
        "paused": add.paused,
    });
    let answer = send(&add.connection, printer, put(&add.name, body, None)).await?;
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(Exit::of_status(answer.status));
    }
    let hook: Hook = answer.read()?;
    printer.line(told(&hook, printer));
    if let Some(secret) = &hook.secret {
        printer.line(format!("{secret}   (the secret of its signatures: it is shown this once)"));
    }
    Ok(Exit::of_status(answer.status))
}

/// All of the hook is said anew as it was, if nobody changed it meanwhile.
async fn pause(named: &Named, paused: bool, printer: &Printer) -> Result<Exit, Failure> {
    let answer = send(&named.connection, printer, Request::get(&path(&named.name))).await?;
    let hook: Hook = answer.read()?;
    let body = json!({ "url": hook.url, "apps": hook.apps, "events": hook.events, "paused": paused });
    let answer = send(&named.connection, printer, put(&named.name, body, Some(hook.revision))).await?;
    printer.line(if printer.is_json() { answer.text() } else { told(&answer.read()?, printer) });
    Ok(Exit::of_status(answer.status))
}

async fn test(named: &Named, printer: &Printer) -> Result<Exit, Failure> {
    let [api, v1, hooks, name] = path(&named.name);
    let request = Request::new(Method::POST, &[api, v1, hooks, name, "test"]);
    let answer = send(&named.connection, printer, request).await?;
    let tested: Tested = answer.read()?;
    let exit = if tested.delivered { Exit::Done } else { Exit::Refused };
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(exit);
    }
    let said = if tested.answer.is_empty() { String::new() } else { format!(": {}", tested.answer) };
    printer.line(match &tested.error {
        None => printer.styled(Style::Good, format!("delivered in {}{said}", rough(tested.ms))),
        Some(error) => printer.styled(Style::Bad, format!("not delivered: {error}{said}")),
    });
    Ok(exit)
}

async fn remove(named: &Named, printer: &Printer) -> Result<Exit, Failure> {
    let request = Request::new(Method::DELETE, &path(&named.name));
    let answer = send(&named.connection, printer, request).await?;
    printer.line(if printer.is_json() { answer.text() } else { format!("{} is removed", named.name) });
    Ok(Exit::of_status(answer.status))
}

fn path(name: &str) -> [&str; 4] {
    ["api", "v1", "hooks", name]
}

fn put(name: &str, body: Value, seen: Option<u64>) -> Request {
    let mut request = Request::new(Method::PUT, &path(name));
    request.body = Body::Json(body);
    request.if_match = seen;
    request
}

async fn send(connection: &Connection, printer: &Printer, request: Request) -> Result<Answer, Failure> {
    printer.expect_json(connection.json);
    connection.client()?.send(request).await
}

/// One line about a hook.
fn told(hook: &Hook, printer: &Printer) -> String {
    let name = printer.styled(Style::Bold, &hook.name);
    if let Some(fault) = &hook.fault {
        return format!("{name}   {}", printer.styled(Style::Bad, format!("cannot be read: {fault}")));
    }
    let all = |names: &Option<Vec<String>>, what: &str| {
        names.as_ref().map_or(format!("all {what}"), |names| names.join(", "))
    };
    let state = match hook.state.as_str() {
        "delivered" => printer.styled(Style::Good, "delivered"),
        "failed" | "dropped" => printer.styled(Style::Bad, &hook.state),
        "new" => "told nothing yet".into(),
        state => state.into(),
    };
    let waiting: u64 = hook.waiting.values().sum();
    let waiting = if waiting == 0 { String::new() } else { format!("   {waiting} to be told") };
    let paused = if hook.paused && hook.state != "paused" { "   paused" } else { "" };
    format!(
        "{name}   {}   {}   {}   {state}{paused}{waiting}",
        hook.url,
        all(&hook.apps, "apps"),
        all(&hook.events, "events")
    )
}

/// One line about a delivery.
fn sent(delivery: &Delivery, now: u64, printer: &Printer) -> String {
    let ago = rough(now.saturating_sub(delivery.at));
    let about = match (&delivery.app, delivery.seq) {
        (Some(app), Some(seq)) => format!("{app} {seq}"),
        (Some(app), None) => app.clone(),
        (None, _) => "router".into(),
    };
    let status = delivery.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let outcome = match delivery.outcome.as_str() {
        "delivered" => printer.styled(Style::Good, "delivered"),
        outcome => printer.styled(Style::Bad, outcome),
    };
    let attempt =
        if delivery.attempt > 1 { format!("   attempt {}", delivery.attempt) } else { String::new() };
    let why = delivery.error.as_ref().map(|error| format!("   {error}")).unwrap_or_default();
    format!(
        "  {ago} ago   {}   {about}   {outcome}   {status}   {} ms{attempt}{why}",
        delivery.kind, delivery.ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_hook_and_what_it_was_told() {
        let hook: Hook = serde_json::from_str(
            r#"{"name":"chat","url":"https://chat.example/in","apps":null,"events":["promote","abort"],"paused":false,
                "state":"failed","waiting":{"hello":2,"blog":1},"deliveries":[
                {"type":"promote","app":"hello","seq":7,"at":1000,"attempt":2,"outcome":"failed","status":500,"ms":12,"error":"the receiver answered 500"},
                {"type":"test","app":null,"at":1000,"attempt":1,"outcome":"delivered","status":200,"ms":3,"error":null}]}"#,
        )
        .unwrap();
        let plain = Printer::plain();
        assert_eq!(
            told(&hook, &plain),
            "chat   https://chat.example/in   all apps   promote, abort   failed   3 to be told"
        );
        let lines: Vec<String> =
            hook.deliveries.iter().map(|delivery| sent(delivery, 9_000, &plain)).collect();
        assert_eq!(
            lines,
            [
                "  8 s ago   promote   hello 7   failed   500   12 ms   attempt 2   the receiver answered 500",
                "  8 s ago   test   router   delivered   200   3 ms",
            ]
        );
    }
}
