//! The search for what other tools have written.
//!
//! All keys are gone through page by page, by one member of the fleet at a time, often enough that a foreign write is
//! seen within a second. That costs the server about 8 ms of its time per thousand keys of 1 KB. Where its operator
//! has switched keyspace notifications on, they tell at once which keys to look at, and the search is only what finds
//! a notification that was lost.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::{Msg, aio::PubSub};

use super::link::Link;
use crate::contract::StoreError;

/// Between the starts of two searches of the whole fleet.
const SEARCH_EVERY: Duration = Duration::from_millis(600);

/// The same where notifications tell of changes.
const SEARCH_EVERY_NOTIFIED: Duration = Duration::from_secs(10);

/// How often each member asks whether it is its turn to search.
const TURN_EVERY: Duration = Duration::from_millis(150);

/// Keys looked at in one call. Redis serves nobody else meanwhile: about 2 ms for values of 1 KB.
const PAGE: usize = 200;

/// Searches until the connection breaks.
pub(super) async fn run(link: &Link) -> StoreError {
    let notices = match link.notices().await {
        Ok(notices) => notices,
        Err(error) => return error,
    };
    let Some(notices) = notices else { return search(link, SEARCH_EVERY).await };
    tokio::select! {
        error = search(link, SEARCH_EVERY_NOTIFIED) => error,
        error = listen(link, notices) => error,
    }
}

async fn search(link: &Link, every: Duration) -> StoreError {
    loop {
        if let Err(error) = take_turn(link, every).await {
            return error;
        }
        tokio::time::sleep(TURN_EVERY).await;
    }
}

async fn take_turn(link: &Link, every: Duration) -> Result<(), StoreError> {
    let turn = link.command("turn").arg(every.as_millis() as u64);
    if link.read::<u8>(&turn).await? == 0 {
        return Ok(());
    }
    for pages in ["known", "new"] {
        let mut cursor = "0".to_owned();
        loop {
            cursor = link.read(&link.command(pages).arg(cursor).arg(PAGE).large()).await?;
            if cursor == "0" {
                break;
            }
        }
    }
    Ok(())
}

async fn listen(link: &Link, mut notices: PubSub) -> StoreError {
    // What arrives while a call is under way is looked at with the next one.
    let mut arrived = notices.on_message().ready_chunks(PAGE);
    loop {
        let Some(messages) = arrived.next().await else {
            return StoreError::Unreachable("the notifications have ended".into());
        };
        let mut names = messages.iter().filter_map(|message| name(link, message)).collect::<Vec<_>>();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            continue;
        }
        if let Err(error) = link.read::<u8>(&link.command("touch").arg(names)).await {
            return error;
        }
    }
}

/// The key's name in a channel `__keyspace@0__:<key>`; none for the store's own keys.
fn name(link: &Link, message: &Msg) -> Option<Vec<u8>> {
    let channel = message.get_channel::<Vec<u8>>().ok()?;
    let at = channel.windows(3).position(|part| part == b"__:")?;
    let name = channel[at + 3..].strip_prefix(link.prefix().as_bytes())?;
    (!name.is_empty() && !name.starts_with(b"/")).then(|| name.to_vec())
}
