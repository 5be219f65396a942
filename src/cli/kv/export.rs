//! `kv export`: everything, as a file that `kv import` and `serve --keyvalues` read.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{
        client::{Body, Client, Request},
        exit::{Exit, Failure},
        printer::Printer,
    },
    Entry, decode,
    file::{self, Keyvalues},
    is_of_the_store, request,
};

/// A listing of the store itself.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) entries: Vec<Stored>,
}

/// One entry of it.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) key: String,
    value: String,
    pub(super) modified: u64,
    #[serde(default)]
    lease: Option<u64>,
}

impl Stored {
    /// The value's bytes.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        STANDARD.decode(&self.value).map_err(|error| {
            Failure::new(Exit::Unreachable, format!("the value of {} is no base64: {error}", self.key))
        })
    }
}

pub(super) async fn run(
    file: &str,
    with_secrets: bool,
    client: &Client,
    printer: &Printer,
) -> Result<Exit, Failure> {
    let keyvalues = if with_secrets { everything(client).await? } else { readable(client).await? };
    let text = file::render(&keyvalues);
    if file == "-" {
        printer.line(text);
        return Ok(Exit::Done);
    }
    // It may hold the fleet's pin keys.
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    written
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|error| Failure::here(format!("cannot write {file}: {error}")))?;
    printer.line(format!("{} keys in {file}", keyvalues.len()));
    Ok(Exit::Done)
}

/// What a viewer may see.
async fn readable(client: &Client) -> Result<Keyvalues, Failure> {
    let mut request = request(Method::GET, "")?;
    request.query.push(("recurse", "true".into()));
    let entries: Vec<Entry> = client.send(request).await?.read()?;
    entries.into_iter().map(|entry| Ok((entry.key.clone(), decode(&entry)?))).collect()
}

/// The fleet's own keys too, less what belongs to this one store: its epoch, its members, what ends with a lease.
async fn everything(client: &Client) -> Result<Keyvalues, Failure> {
    let stored = listed(client).await?;
    let kept = stored.into_iter().filter(|entry| entry.lease.is_none() && !is_of_the_store(&entry.key));
    kept.map(|entry| Ok((entry.key.clone(), entry.bytes()?))).collect()
}

/// All entries of the store, for admins.
pub(super) async fn listed(client: &Client) -> Result<Vec<Stored>, Failure> {
    let mut request = Request::new(Method::POST, &["api", "v1", "store", "list"]);
    request.body = Body::Json(json!({ "prefixes": [""] }));
    Ok(client.send(request).await?.read::<Listed>()?.entries)
}
