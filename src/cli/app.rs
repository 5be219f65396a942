//! `app add|remove|default`: making and ending apps, and which one hosts lead to that nobody claims.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    change::{Change, ChangeOptions, ask},
    client::{Request, fields},
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
    waiting::applied,
};
use crate::schema::{
    app::{Apps, Removal},
    change::{AppRequest, ReasonRequest},
};

/// Make or remove an app, or say which one is the default
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: AppVerb,
}

#[derive(Debug, Subcommand)]
enum AppVerb {
    /// Make an app, which has no release yet
    ///
    /// The first app is the default: it serves every host that no app claims, and it stays the default when others are
    /// made. A further app serves the hosts that it claims.
    ///
    /// Example: rolling-router app add shop --host shop.example --host '*.shop.example'
    #[command(verbatim_doc_comment)]
    Add(AddArguments),

    /// Remove an app with its record, history, settings and previews
    ///
    /// Its endpoints stay registered. An app that routes requests is removed with --force only.
    #[command(verbatim_doc_comment)]
    Remove(RemoveArguments),

    /// Say which app serves the hosts that no app claims; without a name: show it
    ///
    /// A router that was started with --app keeps to that one.
    #[command(verbatim_doc_comment)]
    Default(DefaultArguments),
}

#[derive(Debug, Args)]
struct AddArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// A host that leads to it, exact or with `*.` in front; may be given several times
    #[arg(long = "host", value_name = "HOST", value_delimiter = ',')]
    hosts: Option<Vec<String>>,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// Also while it routes requests
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct DefaultArguments {
    /// The app that is to be the default
    #[arg(value_name = "NAME", conflicts_with = "none")]
    name: Option<String>,

    /// No app: a host that nobody claims gets 421, unless there is only one app
    #[arg(long)]
    none: bool,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        AppVerb::Add(arguments) => add(arguments, printer).await,
        AppVerb::Remove(arguments) => remove(arguments, printer).await,
        AppVerb::Default(arguments) => make_default(arguments, printer).await,
    }
}

async fn add(arguments: AddArguments, printer: &Printer) -> Result<Exit, Failure> {
    let AddArguments { name, hosts, options, connection } = arguments;
    let session = open(&connection, printer)?;
    let request = AppRequest { hosts, reason: None };
    let done = format!("{name} is made");
    let seen = seq_of(&session.apps().await?, &name);
    ask(&session, &name, seen, Change::new(Method::PUT, "", &request, done), &options).await
}

async fn remove(arguments: RemoveArguments, printer: &Printer) -> Result<Exit, Failure> {
    let RemoveArguments { name, force, options, connection } = arguments;
    let session = open(&connection, printer)?;
    let request = ReasonRequest { reason: options.reason.clone() };
    let mut call = Request::new(Method::DELETE, &["api", "v1", "apps", &name]).json(&fields(&request));
    call.if_match = options.if_match.or(seq_of(&session.apps().await?, &name));
    if force {
        call.query.push(("force", "true".into()));
    }
    options.waiting.ask(&mut call);
    let answer = session.client.send(call).await?;
    if printer.is_json() {
        printer.line(answer.text());
    } else {
        let removal: Removal = answer.read()?;
        printer.line(format!("{} is removed{}", removal.app, applied(removal.applied.as_ref())));
    }
    Ok(Exit::of_status(answer.status))
}

async fn make_default(arguments: DefaultArguments, printer: &Printer) -> Result<Exit, Failure> {
    let DefaultArguments { name, none, options, connection } = arguments;
    let session = open(&connection, printer)?;
    let known = session.apps().await?;
    let request = ReasonRequest::default();
    match (name, none, known.default_app.clone()) {
        (Some(name), _, _) => {
            let done = format!("{name} serves every host that no app claims");
            let (change, seen) = (Change::new(Method::PUT, "default", &request, done), seq_of(&known, &name));
            ask(&session, &name, seen, change, &options).await
        }
        (None, true, Some(default)) => {
            let done = "no app serves the hosts that no app claims";
            let change = Change::new(Method::DELETE, "default", &request, done);
            ask(&session, &default, seq_of(&known, &default), change, &options).await
        }
        (None, _, default) => {
            let shown = serde_json::json!({ "default_app": default });
            let said =
                default.map_or("no app is the default".to_owned(), |app| format!("{app} is the default app"));
            printer.line(if printer.is_json() { shown.to_string() } else { said });
            Ok(Exit::Done)
        }
    }
}

/// The seq that an app was seen at.
fn seq_of(known: &Apps, name: &str) -> Option<u64> {
    known.apps.iter().find(|app| app.app == name).map(|app| app.seq)
}

fn open<'a>(connection: &Connection, printer: &'a Printer) -> Result<Session<'a>, Failure> {
    Session::open(connection, AppChoice { app: None }, printer)
}
