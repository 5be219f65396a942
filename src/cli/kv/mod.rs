//! `kv get|put|list|delete`: raw keyvalues, as old scripts see them; `kv export|import`: all of them as a file.

mod export;
mod file;
mod import;

use std::io::Read;

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;

use self::import::Import;
use super::{
    client::{Body, Client, Request},
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
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
    /// A JSON object of keys to values, without the routers' own keys: an admin may take the pin keys along, so that
    /// pins hold at the routers of another store. The file has mode 0600.
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
    /// Make a store what a file says; needs an admin's token
    ///
    /// An empty store, unless --replace is given. Each app is one commit, refused if somebody changes it meanwhile.
    Import {
        /// As `kv export` wrote it; `-` reads standard input
        file: String,
        /// Also if the store holds keys below apps/ and rolling/ already; those that the file has not are deleted
        #[arg(long)]
        replace: bool,
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

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value", default)]
    value: Option<String>,
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
        KvVerb::Import { file, replace, dry_run, connection } => {
            let import = Import { file, replace, dry_run };
            import::run(import, &open(&connection, printer)?, printer).await
        }
        KvVerb::Delete { key, connection } => delete(&key, &open(&connection, printer)?, printer).await,
    }
}

fn open(connection: &Connection, printer: &Printer) -> Result<Client, Failure> {
    printer.expect_json(connection.json);
    connection.client()
}

async fn get(key: &str, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    let answer = client.send(request(Method::GET, key)?).await?;
    if printer.is_json() {
        printer.line(answer.text());
    }
    let entries: Vec<Entry> = if answer.text().is_empty() { Vec::new() } else { answer.read()? };
    let Some(entry) = entries.first() else {
        if printer.is_json() {
            return Ok(Exit::Refused);
        }
        return Err(Failure::new(Exit::Refused, format!("there is no key {key}")));
    };
    if !printer.is_json() {
        print_value(&decode(entry)?, printer);
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
        for entry in answer.read::<Vec<Entry>>()? {
            printer.line(format!("{}={}", entry.key, String::from_utf8_lossy(&decode(&entry)?)));
        }
    } else {
        for key in answer.read::<Vec<String>>()? {
            printer.line(key);
        }
    }
    Ok(Exit::Done)
}

/// What belongs to one store and is never taken to another: its epoch, and who uses it.
fn is_of_the_store(key: &str) -> bool {
    key == "rolling/router/epoch"
        || ["members/", "followed/"]
            .iter()
            .any(|own| key.strip_prefix("rolling/router/").is_some_and(|rest| rest.starts_with(own)))
}

/// A request for one key or prefix. A segment `.` or `..` would be taken out of the URL on the way, and another
/// key asked for, so it is refused here.
fn request(method: Method, key: &str) -> Result<Request, Failure> {
    if key.split('/').any(|segment| matches!(segment, "." | "..")) || key.starts_with('/') {
        return Err(Failure::usage(format!("`{key}` is no key; a key is like rolling/hello/stable/id")));
    }
    let mut request = Request::new(method, &["api", "kv"]);
    request.path.extend(key.split('/').map(str::to_owned));
    Ok(request)
}

fn read_input() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure::here(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}

fn decode(entry: &Entry) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(entry.value.as_deref().unwrap_or_default()).map_err(|error| {
        Failure::new(Exit::Unreachable, format!("the value of {} is no base64: {error}", entry.key))
    })
}

/// The value as it is for a pipe, with a line's end for a person.
fn print_value(value: &[u8], printer: &Printer) {
    printer.bytes(value);
    if printer.to_terminal() && !value.ends_with(b"\n") {
        printer.line("");
    }
}

fn done(answer: String, printer: &Printer) -> Result<Exit, Failure> {
    printer.line(if printer.is_json() { answer } else { "done".into() });
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_become_another_is_refused() {
        for key in ["a/../b", "./a", "/a", ".."] {
            assert_eq!(request(Method::GET, key).unwrap_err().exit, Exit::Usage, "{key}");
        }
        assert_eq!(request(Method::GET, "apps/").unwrap().path, ["api", "kv", "apps", ""]);
    }
}
