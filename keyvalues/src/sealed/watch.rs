//! A watch whose values are opened.

use std::sync::Arc;

use async_trait::async_trait;

use super::seals::Seals;
use crate::contract::{StoreError, Watch, WatchItem};

pub(super) struct SealedWatch {
    inner: Box<dyn Watch>,
    seals: Arc<Seals>,
}

impl SealedWatch {
    pub(super) fn new(inner: Box<dyn Watch>, seals: Arc<Seals>) -> Self {
        Self { inner, seals }
    }
}

#[async_trait]
impl Watch for SealedWatch {
    async fn next(&mut self) -> Result<WatchItem, StoreError> {
        Ok(self.seals.open_item(self.inner.next().await?))
    }
}
