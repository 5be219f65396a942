//! `hook list|show|add|pause|resume|test|remove`: addresses that releases and alarms are sent to; and `hook in`.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    hook_in,
    hook_lines::{delivery_line, hook_line, state_line, test_line},
    printer::Printer,
};
use crate::{
    clock::Clock,
    schema::hook::{HeaderOfHook, Hook, HookRemoval, HookRequest, HookState, HookTest, Hooks},
};

/// Tell a chat or a pipeline of releases and alarms, by a signed POST
///
/// A hook is sent what happens from now on, in order, at least once. Operators may look, admins may change.
///
/// Examples:
///   rolling-router hook add chat https://chat.example/hooks/releases --event promote --event rollback
///   rolling-router hook test chat
///   rolling-router hook show chat          its address, its last deliveries, what went wrong
///   rolling-router hook pause chat         what happens meanwhile is kept for it
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
    Show(HookChoice),
    /// Make a hook, or write one anew; its secret stays, and one that the router makes is printed this once
    Add(Add),
    /// Send it nothing until it is resumed; what happens meanwhile is kept for it
    Pause(HookChoice),
    /// Send it what was kept for it, and what happens from now on
    Resume(HookChoice),
    /// Send a test, and show what the receiver answers (exit code 4 if it does not answer 2xx)
    Test(HookChoice),
    /// Remove a hook
    Remove(HookChoice),
    In(hook_in::Arguments),
}

#[derive(Debug, Args)]
struct HookChoice {
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

    /// Where its messages are sent, http or https
    #[arg(value_name = "URL")]
    url: String,

    /// An app whose events it is sent; may be repeated; without it all apps
    #[arg(long = "app", value_name = "APP")]
    apps: Vec<String>,

    /// An event that it is sent, such as promote; may be repeated; without it all events
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,

    /// The secret that signs its messages (whsec_...); safer in the environment. Without it the router makes one
    #[arg(long, value_name = "SECRET", env = "ROLLING_ROUTER_HOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// Have the router make another secret
    #[arg(long, conflicts_with = "secret")]
    new_secret: bool,

    /// A further header of its messages, as `Name: value`; safer in the environment. Without it the hook keeps its header
    #[arg(long, value_name = "HEADER", env = "ROLLING_ROUTER_HOOK_HEADER", hide_env_values = true)]
    header: Option<String>,

    /// Send no further header any more
    #[arg(long, conflicts_with = "header")]
    no_header: bool,

    /// Send it nothing yet
    #[arg(long)]
    paused: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        HookVerb::List { connection } => list(&connection, printer).await,
        HookVerb::Show(choice) => show(&choice, printer).await,
        HookVerb::Add(add) => write(add, printer).await,
        HookVerb::Pause(choice) => pause(&choice, true, printer).await,
        HookVerb::Resume(choice) => pause(&choice, false, printer).await,
        HookVerb::Test(choice) => test(&choice, printer).await,
        HookVerb::Remove(choice) => remove(&choice, printer).await,
        HookVerb::In(arguments) => hook_in::run(arguments, printer).await,
    }
}

async fn list(connection: &Connection, printer: &Printer) -> Result<Exit, Failure> {
    let lines = |known: Hooks| match known.hooks.as_slice() {
        [] => vec!["there is no hook; `hook add` makes one".into()],
        hooks => hooks.iter().map(|hook| state_line(hook, printer)).collect(),
    };
    ask(&open(connection, printer)?, printer, Request::get(&["api", "v1", "hooks"]), lines).await
}

async fn show(choice: &HookChoice, printer: &Printer) -> Result<Exit, Failure> {
    let lines = |hook: HookState| {
        let now = Clock::system().wall_ms();
        let deliveries = match &hook {
            HookState::Readable(hook) => &hook.deliveries,
            HookState::Unreadable(hook) => &hook.deliveries,
        };
        let deliveries = deliveries.iter().map(|delivery| delivery_line(delivery, now, printer));
        [state_line(&hook, printer)].into_iter().chain(deliveries).collect()
    };
    ask(&open(&choice.connection, printer)?, printer, Request::get(&path(&choice.name)), lines).await
}

async fn write(add: Add, printer: &Printer) -> Result<Exit, Failure> {
    let listed = |names: Vec<String>| (!names.is_empty()).then_some(names);
    let header = add.header.as_deref().map(header_of).transpose()?;
    let hook = HookRequest {
        header,
        no_header: Some(add.no_header),
        url: add.url,
        apps: listed(add.apps),
        events: listed(add.events),
        paused: Some(add.paused),
        secret: add.secret,
        new_secret: Some(add.new_secret),
    };
    let lines = |hook: Hook| {
        let shown =
            |secret: &String| format!("{secret}   (the secret of its signatures: it is shown this once)");
        [hook_line(&hook, printer)].into_iter().chain(hook.secret.as_ref().map(shown)).collect()
    };
    ask(&open(&add.connection, printer)?, printer, put(&add.name, &hook), lines).await
}

/// Writes the hook anew as it was, if nobody changed it meanwhile.
async fn pause(choice: &HookChoice, paused: bool, printer: &Printer) -> Result<Exit, Failure> {
    let client = open(&choice.connection, printer)?;
    let known: Hook = client.send(Request::get(&path(&choice.name))).await?.read_exact()?;
    let Hook { url, apps, events, revision, .. } = known;
    let hook = HookRequest {
        url,
        apps,
        events,
        paused: Some(paused),
        secret: None,
        new_secret: None,
        header: None,
        no_header: None,
    };
    let mut request = put(&choice.name, &hook);
    request.if_match = Some(revision);
    ask(&client, printer, request, |hook| vec![hook_line(&hook, printer)]).await
}

/// `Name: value`; what is allowed of both is the router's to say.
fn header_of(text: &str) -> Result<HeaderOfHook, Failure> {
    let (name, value) = text.split_once(':').ok_or_else(|| {
        Failure::usage(
            "--header has no colon; allowed is a name and a value, such as `Authorization: Bearer TOKEN`",
        )
    })?;
    Ok(HeaderOfHook { name: name.trim().to_owned(), value: value.trim().to_owned() })
}

async fn test(choice: &HookChoice, printer: &Printer) -> Result<Exit, Failure> {
    let [api, v1, hooks, name] = path(&choice.name);
    let request = Request::new(Method::POST, &[api, v1, hooks, name, "test"]);
    let answer = open(&choice.connection, printer)?.send(request).await?;
    let test: HookTest = answer.read()?;
    printer.line(if printer.is_json() { answer.text() } else { test_line(&test, printer) });
    Ok(if test.delivered { Exit::Done } else { Exit::Refused })
}

async fn remove(choice: &HookChoice, printer: &Printer) -> Result<Exit, Failure> {
    let request = Request::new(Method::DELETE, &path(&choice.name));
    let done = |_: HookRemoval| vec![format!("{} is removed", choice.name)];
    ask(&open(&choice.connection, printer)?, printer, request, done).await
}

fn path(name: &str) -> [&str; 4] {
    ["api", "v1", "hooks", name]
}

fn put(name: &str, hook: &HookRequest) -> Request {
    Request::new(Method::PUT, &path(name)).json(hook)
}
