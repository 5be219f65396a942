//! Reading what is below a prefix of the store a page at a time, each of about the same number of bytes.

use keyvalues::{Entry, Key, StoreError};

use super::store::StoreHandle;
use crate::control::limits::{LISTING_PAGE_BYTES, LISTING_PAGE_FIRST, LISTING_PAGE_MAX};

/// Where the reading is.
#[derive(Debug)]
pub struct Pages {
    store: StoreHandle,
    prefix: String,
    after: Option<Key>,
    /// Entries to ask for.
    size: usize,
}

impl Pages {
    /// What starts with a prefix and comes behind a key, if one is given.
    pub fn new(store: &StoreHandle, prefix: &str, after: Option<Key>) -> Self {
        Self { store: store.clone(), prefix: prefix.to_owned(), after, size: LISTING_PAGE_FIRST }
    }

    /// The next page; an empty one is the end.
    pub async fn next(&mut self) -> Result<Vec<Entry>, StoreError> {
        let page = self.store.page(&self.prefix, self.after.as_ref(), self.size).await?.entries;
        if let Some(last) = page.last() {
            self.after = Some(last.key.clone());
            let bytes: usize = page.iter().map(|entry| entry.value.len() + 1).sum();
            self.size = (LISTING_PAGE_BYTES * page.len() / bytes).clamp(1, LISTING_PAGE_MAX);
        }
        Ok(page)
    }
}
