//! `token create|list|revoke`: who may use the admin port.

use clap::{Args, Subcommand};
use reqwest::Method;
use std::time::Duration;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    duration::{self, rough},
    exit::{Exit, Failure},
    printer::Printer,
    table::table,
};
use crate::{
    clock::Clock,
    schema::token::{Token, TokenRequest, TokenRevocation, TokenSource, Tokens},
};

const PATH: [&str; 3] = ["api", "v1", "tokens"];

/// Make, list and take back tokens, which every router of the fleet knows
///
/// They stand in the store by their digests, beside the lines of each router's token file. For admins.
///
/// Examples:
///   rolling-router token create ci-shop --role ci --app shop --no-raw --for 90d
///   rolling-router token create office --role viewer --network 10.0.0.0/8
///   rolling-router token revoke ci-shop
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Make a token and print it, this once
    Create(Create),
    /// Show all tokens: role, limits, last use, never the tokens themselves
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Take a token back: every router refuses it within a second, and ends its streams
    Revoke {
        /// The token's name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Its name, which stands in histories and logs
    #[arg(value_name = "NAME")]
    name: String,

    /// What it may do: viewer, ci, operator, admin or router
    #[arg(long, value_name = "ROLE")]
    role: String,

    /// An app that it is for; may be repeated; without it all
    #[arg(long = "app", value_name = "APP")]
    apps: Vec<String>,

    /// A network that it may come from; may be repeated; without it any
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,

    /// How long it lasts, such as 90d; without it until it is taken back
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasts: Option<Duration>,

    /// Without raw keyvalues
    #[arg(long)]
    no_raw: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        TokenVerb::Create(create) => make(create, printer).await,
        TokenVerb::List { connection } => list(&connection, printer).await,
        TokenVerb::Revoke { name, connection } => {
            let request = Request::new(Method::DELETE, &[&PATH[..], &[&name]].concat());
            let done = |_: TokenRevocation| vec![format!("the token {name} is taken back")];
            ask(&open(&connection, printer)?, printer, request, done).await
        }
    }
}

async fn make(create: Create, printer: &Printer) -> Result<Exit, Failure> {
    let listed = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
    let body = TokenRequest {
        name: create.name,
        role: create.role,
        apps: listed(create.apps),
        raw: create.no_raw.then_some(false),
        networks: listed(create.networks),
        for_seconds: create.lasts.map(|lasts| lasts.as_secs()),
    };
    let client = open(&create.connection, printer)?;
    let lines = |made: Token| {
        let about = format!("{} ({}): the token is shown this once", made.name, made.role);
        made.token.into_iter().chain([about]).collect()
    };
    ask(&client, printer, Request::new(Method::POST, &PATH).json(&body), lines).await
}

async fn list(connection: &Connection, printer: &Printer) -> Result<Exit, Failure> {
    let now = Clock::system().wall_ms();
    let lines = |known: Tokens| {
        let rows: Vec<[String; 6]> = known.tokens.iter().map(|token| row(token, now)).collect();
        table(["NAME", "ROLE", "LIMITS", "ENDS", "LAST USED", "STANDS IN"], &rows)
    };
    ask(&open(connection, printer)?, printer, Request::get(&PATH), lines).await
}

fn row(token: &Token, now: u64) -> [String; 6] {
    let ends = match token.ends_at {
        None => "-".to_owned(),
        Some(end) if end > now => format!("in {}", rough(end - now)),
        Some(end) => format!("{} ago", rough(now - end)),
    };
    let used = token
        .used_at
        .map_or_else(|| "-".to_owned(), |used| format!("{} ago", rough(now.saturating_sub(used))));
    let place = match (token.source, &token.by) {
        (Some(TokenSource::Store), Some(by)) => format!("the store, by {by}"),
        (Some(TokenSource::Store), None) => "the store".to_owned(),
        (Some(TokenSource::Router), _) => "this router's token file or environment".to_owned(),
        (Some(TokenSource::Proxy), _) => "signed in by a proxy".to_owned(),
        (None, _) => "-".to_owned(),
    };
    [token.name.clone(), token.role.clone(), limits(token), ends, used, place]
}

fn limits(token: &Token) -> String {
    let apps = token.apps.as_ref().map(|apps| format!("apps {}", apps.join(",")));
    let networks = token.networks.as_ref().map(|networks| format!("from {}", networks.join(",")));
    let raw = (token.raw == Some(false)).then(|| "no raw keyvalues".to_owned());
    let all: Vec<String> = [apps, networks, raw].into_iter().flatten().collect();
    if all.is_empty() { "-".to_owned() } else { all.join("; ") }
}
