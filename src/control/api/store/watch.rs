//! `POST /api/v1/store/watch`: a line of JSON for each item, for as long as the other router listens.
//!
//! The watch is a position in the store's own log, so a client that reads slowly costs its connection and no queue.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use keyvalues::{
    Watch,
    wire::{WatchCall, WatchForm},
};
use tokio::sync::OwnedSemaphorePermit;

use super::call::Call;
use crate::control::{
    limits::STORE_WATCHES_MAX,
    shared::{
        access::live_tokens::Pass,
        core::Core,
        error::{ApiError, Kind},
    },
};

pub async fn follow(
    State(core): State<Core>,
    Extension(pass): Extension<Pass>,
    call: Call<WatchCall>,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&core.served_store.watches).try_acquire_owned().map_err(|_| {
        let message = format!("{STORE_WATCHES_MAX} watches of the store run already");
        ApiError::new(Kind::Busy, message)
    })?;
    let prefixes: Vec<&str> = call.asked.prefixes.iter().map(String::as_str).collect();
    let watch = core.store.watch(&prefixes, call.asked.after).await?;
    let follower = Follower { core, watch, pass, over: false, _place: place };
    let lines = stream::unfold(follower, |mut follower| async move {
        let line = follower.next().await?;
        Some((Ok::<_, Infallible>(line), follower))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// One watch of another router.
struct Follower {
    core: Core,
    watch: Box<dyn Watch>,
    pass: Pass,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next line; `None` when there is none any more, this router stops, or the token is gone.
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        let item = tokio::select! {
            item = self.watch.next() => item,
            () = self.core.lifecycle.closing_ports() => return None,
            () = self.pass.ended() => return None,
        };
        self.over = item.is_err();
        Some(match item {
            Ok(item) => WatchForm::from(item).line(),
            Err(error) => WatchForm::Error(error.to_string()).line(),
        })
    }
}
