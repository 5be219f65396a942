//! `hook in list|show|deliveries|add|test|remove`: what other systems may tell the router.

use std::{fs, io::Read as _, path::PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::{ask, open},
    blend,
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    hook_in_lines::{delivery_line, hook_line, state_line, test_lines},
    printer::Printer,
};
use crate::{
    clock::Clock,
    schema::change::Blend,
    schema::hook_in::{HookIn, HookInRemoval, HookInRequest, HookInState, HookInTestRequest, HooksIn},
};

/// Let GitHub, GitLab or another system set a candidate or deploy an image, by a signed POST
///
/// A hook in acts on one app, with the rights of a `ci` token for it. Operators may look, admins may change.
///
/// Examples:
///   rolling-router hook in add shop --sender github --app shop --tag 'v*' --release '{/ref|last}' --endpoint 10.0.0.7:3000
///   rolling-router hook in add shop --sender gitlab --app shop --image 'registry.example/shop:{/ref|last}' --release '{/ref|last}'
///   rolling-router hook in test shop --event push payload.json     what it would do; nothing is done
///   rolling-router hook in deliveries shop                         what came, and what came of it
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: HookInVerb,
}

#[derive(Debug, Subcommand)]
enum HookInVerb {
    /// Show all hooks in and what came last
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Show one hook in with its last deliveries
    Show(HookInChoice),
    /// Show what was delivered to one hook in, newest first
    Deliveries(HookInChoice),
    /// Make a hook in, or write one anew; its secret stays, and one that the router makes is printed this once
    Add(Box<Add>),
    /// Show what it would do with a payload; nothing is done (exit code 4 if it would ignore it)
    Test(Test),
    /// Remove a hook in
    Remove(HookInChoice),
}

#[derive(Debug, Args)]
struct HookInChoice {
    /// The hook's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct Test {
    /// The hook's name
    #[arg(value_name = "NAME")]
    name: String,

    /// A file with the payload; `-` for standard input
    #[arg(value_name = "FILE")]
    payload: PathBuf,

    /// The event that it is about, such as push; without it what the payload says
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct Add {
    /// The hook's name, which ends the address that the sender posts to: /hooks/in/NAME
    #[arg(value_name = "NAME")]
    name: String,

    /// Who sends, and so how it proves itself: github, gitlab, standard (Standard Webhooks) or token
    #[arg(long, value_name = "SENDER")]
    sender: String,

    /// The app that it acts on
    #[arg(long, value_name = "APP")]
    app: String,

    /// The release that becomes the candidate, filled from the payload: `{/ref|last}`, `{/release/tag_name}`
    #[arg(long, value_name = "TEMPLATE")]
    release: String,

    /// Deploy this image, filled from the payload: `registry.example/shop:{/ref|last}`; without it the release only becomes the
    /// candidate
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["endpoints", "reason"])]
    image: Option<String>,

    /// How many containers of that image
    #[arg(long, value_name = "COUNT", requires = "image")]
    replicas: Option<u32>,

    /// The path of their health check
    #[arg(long, value_name = "PATH", requires = "image")]
    health_path: Option<String>,

    /// A variable of their environment, filled from the payload: `COMMIT={/after|short}`; may be repeated. It is shown, so it is no
    /// place for a secret
    #[arg(long = "env", value_name = "NAME=TEMPLATE", requires = "image", value_parser = variable)]
    variables: Vec<(String, String)>,

    /// The port in the id of a new release, and in its containers
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// One of the release's endpoints, filled from the payload; may be repeated; without it they stay
    #[arg(long = "endpoint", value_name = "TEMPLATE")]
    endpoints: Vec<String>,

    /// Percent of new clients that go to it
    #[arg(long, value_name = "PERCENT", value_parser = blend::parse_percent)]
    blend: Option<Blend>,

    /// The plan by which its blend rises
    #[arg(long, value_name = "PLAN", conflicts_with = "blend")]
    plan: Option<String>,

    /// Why, for the history, filled from the payload
    #[arg(long, value_name = "TEMPLATE")]
    reason: Option<String>,

    /// An event that counts, such as push; may be repeated; without it all
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,

    /// A branch that counts, `*` for anything; may be repeated
    #[arg(long = "branch", value_name = "PATTERN")]
    branches: Vec<String>,

    /// A tag that counts, such as 'v*'; may be repeated
    #[arg(long = "tag", value_name = "PATTERN")]
    tags: Vec<String>,

    /// What else the payload must have, such as /repository/full_name=acme/shop; may be repeated
    #[arg(long = "match", value_name = "POINTER=PATTERN")]
    matches: Vec<String>,

    /// A network that the sender may come from; may be repeated; without it any
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,

    /// The secret that the sender has; safer in the environment. Without it the router makes one
    #[arg(long, value_name = "SECRET", env = "ROLLING_ROUTER_HOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// Have the router make another secret
    #[arg(long, conflicts_with = "secret")]
    new_secret: bool,

    /// Take nothing yet
    #[arg(long)]
    paused: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        HookInVerb::List { connection } => list(&connection, printer).await,
        HookInVerb::Show(choice) => show(&choice, true, printer).await,
        HookInVerb::Deliveries(choice) => show(&choice, false, printer).await,
        HookInVerb::Add(add) => write(*add, printer).await,
        HookInVerb::Test(test) => try_out(test, printer).await,
        HookInVerb::Remove(choice) => remove(&choice, printer).await,
    }
}

async fn list(connection: &Connection, printer: &Printer) -> Result<Exit, Failure> {
    let now = Clock::system().wall_ms();
    let lines = |known: HooksIn| match known.hooks.is_empty() {
        true => vec!["there are no hooks in; `hook in add` makes one".to_owned()],
        false => known.hooks.iter().map(|hook| state_line(hook, now, printer)).collect(),
    };
    ask(&open(connection, printer)?, printer, Request::get(&["api", "v1", "hooks-in"]), lines).await
}

async fn show(choice: &HookInChoice, with_hook: bool, printer: &Printer) -> Result<Exit, Failure> {
    let now = Clock::system().wall_ms();
    let lines = |hook: HookInState| {
        let deliveries = match &hook {
            HookInState::Readable(hook) => &hook.deliveries[..],
            HookInState::Unreadable(_) => &[],
        };
        let deliveries = deliveries.iter().map(|delivery| delivery_line(delivery, now, printer));
        with_hook.then(|| state_line(&hook, now, printer)).into_iter().chain(deliveries).collect()
    };
    ask(&open(&choice.connection, printer)?, printer, Request::get(&path(&choice.name)), lines).await
}

async fn write(add: Add, printer: &Printer) -> Result<Exit, Failure> {
    let listed = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
    let hook = HookInRequest {
        sender: add.sender,
        app: add.app,
        networks: listed(add.networks),
        events: listed(add.events),
        branches: listed(add.branches),
        tags: listed(add.tags),
        matches: listed(add.matches),
        action: add.image.is_some().then(|| "deploy".to_owned()),
        image: add.image,
        replicas: add.replicas,
        health_path: add.health_path,
        environment: (!add.variables.is_empty()).then(|| add.variables.into_iter().collect()),
        release: add.release,
        port: add.port,
        endpoints: listed(add.endpoints),
        blend: add.blend,
        plan: add.plan,
        reason: add.reason,
        paused: Some(add.paused),
        secret: add.secret,
        new_secret: Some(add.new_secret),
    };
    let lines = |hook: HookIn| {
        let secret =
            |secret: &String| format!("{secret}   (the secret for the sender: it is shown this once)");
        let address = format!("the sender posts to {} at the admin port, or at --hooks-listen", hook.path);
        [hook_line(&hook, printer), address].into_iter().chain(hook.secret.as_ref().map(secret)).collect()
    };
    let request = Request::new(Method::PUT, &path(&add.name)).json(&hook);
    ask(&open(&add.connection, printer)?, printer, request, lines).await
}

async fn try_out(test: Test, printer: &Printer) -> Result<Exit, Failure> {
    let cannot =
        |error| Failure::usage(format!("cannot read the payload {}: {error}", test.payload.display()));
    let payload = match test.payload.as_os_str() == "-" {
        true => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text).map_err(cannot)?
        }
        false => fs::read_to_string(&test.payload).map_err(cannot)?,
    };
    let [api, v1, hooks, name] = path(&test.name);
    let body = HookInTestRequest { payload, event: test.event };
    let request = Request::new(Method::POST, &[api, v1, hooks, name, "test"]).json(&body);
    let answer = open(&test.connection, printer)?.send(request).await?;
    let tested: crate::schema::hook_in::HookInTest = answer.read()?;
    match printer.is_json() {
        true => printer.line(answer.text()),
        false => test_lines(&tested).into_iter().for_each(|line| printer.line(line)),
    }
    Ok(if tested.would == "ignore" { Exit::Refused } else { Exit::Done })
}

async fn remove(choice: &HookInChoice, printer: &Printer) -> Result<Exit, Failure> {
    let request = Request::new(Method::DELETE, &path(&choice.name));
    let done = |_: HookInRemoval| vec![format!("{} is removed", choice.name)];
    ask(&open(&choice.connection, printer)?, printer, request, done).await
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("allowed is NAME=TEMPLATE, such as COMMIT={/after|short}")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn path(name: &str) -> [&str; 4] {
    ["api", "v1", "hooks-in", name]
}
