//! The entries of the store itself, the routers' own among them: for admins.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{
        client::{Client, Request},
        exit::Failure,
    },
    raw::decode,
};

/// A listing of the store itself.
#[derive(Debug, Deserialize)]
struct Listing {
    entries: Vec<StoredEntry>,
}

/// One entry of it.
#[derive(Debug, Deserialize)]
pub(super) struct StoredEntry {
    pub(super) key: String,
    value: String,
    pub(super) modified: u64,
    #[serde(default)]
    pub(super) lease: Option<u64>,
}

impl StoredEntry {
    /// The value's bytes.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        decode(&self.key, &self.value)
    }
}

/// All entries of the store.
pub(super) async fn list(client: &Client) -> Result<Vec<StoredEntry>, Failure> {
    let request = Request::new(Method::POST, &["api", "v1", "store", "list"]);
    let listing: Listing = client.send(request.json(&json!({ "prefixes": [""] }))).await?.read_exact()?;
    Ok(listing.entries)
}

/// Where the store's epoch is.
pub(super) const EPOCH: &str = "rolling/router/epoch";

/// Where an import says to which epoch it leads.
pub(super) const SUCCESSION: &str = "rolling/router/succession";

/// Where a store says by which key its secrets are encrypted. A file has them as they are.
pub(super) const SECRETS: &str = "rolling/router/secrets";

/// What a file with secrets says of the router that it was taken from. It is in no store.
pub(super) const BACKUP: &str = "rolling/router/backup";

/// Whether a key belongs to one store and is never taken to another: its epoch, who uses it, and how it is encrypted.
pub(super) fn is_of_the_store(key: &str) -> bool {
    [EPOCH, SUCCESSION, BACKUP, SECRETS].contains(&key)
        || ["members/", "followed/"]
            .iter()
            .any(|own| key.strip_prefix("rolling/router/").is_some_and(|rest| rest.starts_with(own)))
}
