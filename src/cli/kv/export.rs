//! `kv export`: everything, as a file that `kv import` and `serve --keyvalues` read.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use reqwest::Method;

use super::{
    super::{
        client::Client,
        exit::{Exit, Failure},
        printer::Printer,
    },
    file::{self, Keyvalues},
    raw::{bytes, request},
    stored::{self, is_of_the_store},
};
use crate::schema::keyvalue::Keyvalue;

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
    let entries: Vec<Keyvalue> = client.send(request).await?.read()?;
    entries.into_iter().map(|entry| Ok((entry.key.clone(), bytes(&entry)?))).collect()
}

/// The fleet's own keys too, less what belongs to this one store: its epoch, its members, what ends with a lease.
async fn everything(client: &Client) -> Result<Keyvalues, Failure> {
    let entries = stored::list(client).await?;
    let kept = entries.into_iter().filter(|entry| entry.lease.is_none() && !is_of_the_store(&entry.key));
    kept.map(|entry| Ok((entry.key.clone(), entry.bytes()?))).collect()
}
