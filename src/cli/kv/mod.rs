//! `kv get|put|list|delete`: raw keyvalues, as old scripts see them; `kv export|import`: all of them as a file.

mod admission;
mod beside;
mod export;
mod file;
mod import;
mod plan;
mod raw;
mod replacement;
mod stored;

use clap::{Args, Subcommand};
use reqwest::Method;

use self::{
    admission::Overrule,
    file::read_input,
    import::Import,
    raw::{bytes, request},
};
use super::{
    ask::open,
    client::{Body, Client},
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::{
    printable::{escaped, escaped_lines},
    schema::keyvalue::Keyvalue,
};

/// Read and write raw keyvalues
///
/// Writes to the keys of a rollout (rolling/<app>/stable/id and so on) follow the rules for old scripts, with the
/// role of the token and the lock. The router's own keys cannot be reached.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: KvVerb,
}

#[derive(Debug, Subcommand)]
enum KvVerb {
    /// Print a value; exit code 4 if there is no such key
    Get {
        /// Such as rolling/hello/blendpercent
        key: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Write a value
    ///
    /// Example: rolling-router kv put apps/hello-1.0.1-80/containers/c1 10.0.0.6:3000
    #[command(verbatim_doc_comment)]
    Put {
        /// Such as rolling/hello/blendpercent
        key: String,
        /// The value; `-` reads standard input
        value: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Print the keys below a prefix
    List {
        /// Such as apps/ or rolling/hello/
        #[arg(default_value = "")]
        prefix: String,
        /// With their values
        #[arg(long)]
        values: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Write everything to a file
    ///
    /// The file is a JSON object of keys and values, without the routers' own keys. An admin may take the pin keys along,
    /// so that pins hold at the routers of another store: that is a backup. It names the files that the router's settings
    /// name, such as token file and certificate, which a restore needs and no store holds. The file has mode 0600; with the routers' own keys it is always a
    /// new one, and nothing is written where its name is that of a link or a device.
    ///
    /// Example: rolling-router kv export keyvalues.json --with-secrets
    #[command(verbatim_doc_comment)]
    Export {
        /// Where to; `-` prints it
        #[arg(default_value = "-")]
        file: String,
        /// With the routers' own keys, the pin keys among them; needs an admin's token
        #[arg(long)]
        with_secrets: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Write a file's keyvalues into a store; needs an admin's token
    ///
    /// An empty store, unless --replace is given. Each app is one commit, refused if somebody changes it meanwhile. What --replace
    /// does to an app is held to its approvals, and a release that would become stable to the gate, before anything is written.
    ///
    /// Examples:
    ///   rolling-router kv import keyvalues.json
    ///   rolling-router kv import keyvalues.json --replace --force --reason "back to Monday, ticket 4711"
    #[command(verbatim_doc_comment)]
    Import {
        /// As `kv export` wrote it; `-` reads standard input
        file: String,
        /// Also if the store already holds keys below apps/ and rolling/; those that are not in the file are deleted
        #[arg(long)]
        replace: bool,
        /// Also if approvals are missing, or the endpoints of what would become stable fail the health check
        #[arg(long, requires = "reason")]
        force: bool,
        /// Why, for the history of the apps that are replaced by force
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Delete a key
    Delete {
        /// Such as apps/hello-1.0.1-80/containers/c1
        key: String,
        #[command(flatten)]
        connection: Connection,
    },
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        KvVerb::Get { key, connection } => get(&key, &open(&connection, printer)?, printer).await,
        KvVerb::Put { key, value, connection } => {
            put(&key, value, &open(&connection, printer)?, printer).await
        }
        KvVerb::List { prefix, values, connection } => {
            list(&prefix, values, &open(&connection, printer)?, printer).await
        }
        KvVerb::Export { file, with_secrets, connection } => {
            export::run(&file, with_secrets, &open(&connection, printer)?, printer).await
        }
        KvVerb::Import { file, replace, force, reason, dry_run, connection } => {
            let import = Import { file, replace, dry_run, overrule: Overrule { force, reason } };
            import::run(import, &open(&connection, printer)?, printer).await
        }
        KvVerb::Delete { key, connection } => delete(&key, &open(&connection, printer)?, printer).await,
    }
}

async fn get(key: &str, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    let answer = client.send(request(Method::GET, key)?).await?;
    if printer.is_json() {
        printer.line(answer.text());
    }
    let entries: Vec<Keyvalue> = if answer.text().is_empty() { Vec::new() } else { answer.read_exact()? };
    let Some(entry) = entries.first() else {
        if printer.is_json() {
            return Ok(Exit::Refused);
        }
        return Err(Failure::new(Exit::Refused, format!("there is no key {key}")));
    };
    if !printer.is_json() {
        print_value(&bytes(entry)?, printer);
    }
    Ok(Exit::Done)
}

async fn put(key: &str, value: String, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    let bytes = if value == "-" { read_input()? } else { value.into_bytes() };
    let mut request = request(Method::PUT, key)?;
    request.body = Body::Raw(bytes);
    done(client.send(request).await?.text(), printer)
}

async fn delete(key: &str, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    done(client.send(request(Method::DELETE, key)?).await?.text(), printer)
}

async fn list(prefix: &str, values: bool, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    let mut request = request(Method::GET, prefix)?;
    request.query.push((if values { "recurse" } else { "keys" }, "true".into()));
    let answer = client.send(request).await?;
    if printer.is_json() || answer.text().is_empty() {
        printer.line(answer.text());
    } else if values {
        for entry in answer.read::<Vec<Keyvalue>>()? {
            let value = bytes(&entry)?;
            printer.line(format!("{}={}", entry.key, escaped(&String::from_utf8_lossy(&value))));
        }
    } else {
        for key in answer.read::<Vec<String>>()? {
            printer.line(key);
        }
    }
    Ok(Exit::Done)
}

/// The value as it is for a pipe; for a person with a line's end, and nothing that a terminal acts on.
fn print_value(value: &[u8], printer: &Printer) {
    if !printer.to_terminal() {
        return printer.bytes(value);
    }
    let text = String::from_utf8_lossy(value);
    printer.line(escaped_lines(text.strip_suffix('\n').unwrap_or(&text)));
}

fn done(answer: String, printer: &Printer) -> Result<Exit, Failure> {
    printer.line(if printer.is_json() { answer } else { "done".into() });
    Ok(Exit::Done)
}
