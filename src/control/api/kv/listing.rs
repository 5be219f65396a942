//! Listings of raw keyvalues: read from the store a page at a time and sent as they are read, so that one of any length, and
//! one that nobody reads, costs a page.
//!
//! Without `limit` everything is listed, in the shape that old scripts know. A listing that fits one page is of one
//! revision; a longer one may have been written to in between.

use std::sync::Arc;

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keyvalues::{Entry, Key};

use super::own::{is_own, refuse_own};
use crate::{
    control::{
        api::{query::Query, visible::VisibleKeys},
        commands::release_endpoints::written_out,
        limits::{LISTED_MAX, LISTING_PART_BYTES},
        shared::{
            access::{caller::Caller, scope::Scope},
            body_stream::{BodyError, Parts, stream_body},
            core::Core,
            error::{ApiError, Kind},
            pages::Pages,
            reading::StoreReading,
        },
    },
    rollout::{
        keys::{self, Meaning},
        release::ReleaseId,
    },
    schema::keyvalue::Keyvalue,
};

/// What is listed of each keyvalue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Its key.
    Key,
    /// All of it.
    Whole,
}

/// Answers with what is below a prefix (and the key itself, if it is one), less what is the router's own or not for
/// the caller.
pub async fn list(
    core: &Core,
    caller: &Caller,
    text: &str,
    form: Form,
    query: &mut Query,
) -> Result<Response, ApiError> {
    let base = text.trim_end_matches('/');
    if !base.is_empty() {
        refuse_own(Key::new(base)?.as_str())?;
    }
    let limit = query.number_in("limit", 1..=LISTED_MAX)?;
    let after = query.take("after").map(|key| Key::new(&key)).transpose();
    let after = after.map_err(|error| ApiError::new(Kind::Malformed, error.to_string()).field("after"))?;
    let set = match set_beside(base).map(|key| Key::new(&key)).transpose()? {
        Some(key) => core.store.get(&key).await?,
        None => None,
    };
    let mut listing = KeyListing {
        pages: Pages::new(&core.store, base, after.clone()),
        base: base.to_owned(),
        after,
        held: Vec::new(),
        set,
        scope: Arc::clone(&caller.scope),
        reading: core.replica.reading.load_full(),
        left: limit,
    };
    // What the store refuses is still answered with a status.
    let first = listing.pages.next().await?;
    let body = stream_body(core.calls.threads(), move |parts| send(listing, first, form, parts));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn send(mut listing: KeyListing, first: Vec<Entry>, form: Form, parts: Parts) -> Result<(), BodyError> {
    let mut page = first;
    let mut part = String::from("[");
    let mut is_first = true;
    loop {
        let is_last = page.is_empty();
        for entry in listing.keep(page) {
            if !std::mem::take(&mut is_first) {
                part.push(',');
            }
            part.push_str(&shown(&entry, form));
            if part.len() >= LISTING_PART_BYTES {
                parts.send(std::mem::take(&mut part)).await?;
            }
        }
        if is_last || listing.left == Some(0) {
            return parts.send(part + "]").await;
        }
        page = listing.pages.next().await.map_err(|error| BodyError(error.to_string()))?;
    }
}

fn shown(entry: &Entry, form: Form) -> String {
    let json = match form {
        Form::Key => serde_json::to_string(entry.key.as_str()),
        Form::Whole => serde_json::to_string(&describe(entry)),
    };
    // Texts and numbers have a JSON form.
    json.unwrap_or_default()
}

/// A keyvalue as old scripts know it.
pub fn describe(entry: &Entry) -> Keyvalue {
    Keyvalue {
        key: entry.key.as_str().to_owned(),
        value: Some(BASE64_STANDARD.encode(&entry.value)),
        create_index: entry.created,
        modify_index: entry.modified,
        lock_index: 0,
        flags: 0,
    }
}

/// What of the store is listed.
struct KeyListing {
    pages: Pages,
    base: String,
    after: Option<Key>,
    /// The endpoints of the release that the last page ended with: the set that may count instead of them comes behind them.
    held: Vec<Entry>,
    /// Such a set that stands beside what is listed.
    set: Option<Entry>,
    scope: Arc<Scope>,
    /// What the caller's apps are told by.
    reading: Arc<StoreReading>,
    /// How many more are to be shown; none: all.
    left: Option<u64>,
}

impl KeyListing {
    /// What of a page is shown, which counts; an empty page is the end. Sets of endpoints are seen as if they were
    /// written out.
    fn keep(&mut self, page: Vec<Entry>) -> Vec<Entry> {
        let is_last = page.is_empty();
        let mut entries = std::mem::take(&mut self.held);
        entries.extend(page);
        if is_last {
            entries.extend(self.set.take());
        } else if let Some(release) = entries.last().and_then(release_of) {
            let others = entries.iter().rposition(|entry| release_of(entry).as_ref() != Some(&release));
            self.held = entries.split_off(others.map_or(0, |last| last + 1));
        }
        let visible = VisibleKeys::of(&self.scope, &self.reading);
        let mut entries = written_out(entries);
        entries.retain(|entry| {
            let key = entry.key.as_str();
            let is_behind = self.after.as_ref().is_none_or(|after| entry.key > *after);
            is_behind && is_inside(&self.base, key) && !is_own(key) && visible.has(key)
        });
        if let Some(left) = &mut self.left {
            entries.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= entries.len() as u64;
        }
        entries
    }
}

/// The release that a key names an endpoint of.
fn release_of(entry: &Entry) -> Option<ReleaseId> {
    match keys::meaning(entry.key.as_str())? {
        Meaning::Endpoint(release, _) => Some(release),
        _ => None,
    }
}

/// Whether a key is a base or below it.
pub fn is_inside(base: &str, key: &str) -> bool {
    base.is_empty() || key.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The set that may count instead of keys below this prefix, where the prefix does not cover it.
pub fn set_beside(base: &str) -> Option<String> {
    let segment = base.strip_prefix(keys::APPS)?.split('/').next()?;
    let release: ReleaseId = format!("apps/{segment}/containers").parse().ok()?;
    base.starts_with(release.as_str()).then(|| keys::endpoint_set(&release))
}
