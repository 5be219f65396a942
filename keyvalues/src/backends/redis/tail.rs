//! The task that reads the change log, with the search for foreign writes beside it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redis::{RedisError, aio::MultiplexedConnection};
use tokio::time::Instant;

use super::{link::Link, meaning::meaning, reply, sweep};
use crate::{
    backends::remote::{CONFIRM_EVERY, Feeder},
    contract::{Revision, StoreError},
};

/// Entries of the log read at once.
const READ_MAX: usize = 128;

/// Why the task ends.
enum Stop {
    Gap,
    Error(StoreError),
}

impl From<RedisError> for Stop {
    fn from(error: RedisError) -> Self {
        Self::Error(meaning(&error))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

/// Feeds until something breaks.
pub(super) async fn run(link: Arc<Link>, feeder: Feeder) {
    let stop = tokio::select! {
        stop = follow(&link, &feeder) => stop,
        error = sweep::run(&link) => error.into(),
    };
    match stop {
        Stop::Gap => feeder.gap(),
        Stop::Error(error) => feeder.broken(error),
    }
}

async fn follow(link: &Link, feeder: &Feeder) -> Stop {
    let (mut connection, at) = match link.connect().await {
        Ok(connected) => connected,
        Err(error) => return error.into(),
    };
    tokio::select! {
        stop = read_on(link, feeder, &mut connection) => stop,
        moved = link.moved(&at) => moved.into(),
    }
}

async fn read_on(link: &Link, feeder: &Feeder, connection: &mut MultiplexedConnection) -> Stop {
    let mut epoch = None;
    loop {
        if let Err(stop) = step(link, feeder, connection, &mut epoch).await {
            return stop;
        }
    }
}

/// Reads up to where the log is, which proves the feed current, and waits a while for more.
async fn step(
    link: &Link,
    feeder: &Feeder,
    connection: &mut MultiplexedConnection,
    epoch: &mut Option<String>,
) -> Result<(), Stop> {
    let asked = Instant::now();
    let tick = link.command("tick");
    let (revision, compacted, found): (Revision, Revision, String) =
        link.unless_dead(Duration::ZERO, tick.invoke(connection)).await?;
    // Revisions compare only within one epoch.
    let is_same = *epoch.get_or_insert_with(|| found.clone()) == found;
    if !is_same || feeder.head() > revision || feeder.head() < compacted {
        return Err(Stop::Gap);
    }
    while feeder.head() < revision {
        read(link, feeder, connection, None).await?;
    }
    feeder.confirm(revision, asked);
    read(link, feeder, connection, Some(CONFIRM_EVERY)).await
}

type Streams = Option<Vec<(String, Vec<(String, Vec<(Bytes, Bytes)>)>)>>;

async fn read(
    link: &Link,
    feeder: &Feeder,
    connection: &mut MultiplexedConnection,
    wait: Option<Duration>,
) -> Result<(), Stop> {
    let mut command = redis::cmd("XREAD");
    command.arg("COUNT").arg(READ_MAX);
    if let Some(wait) = wait {
        command.arg("BLOCK").arg(wait.as_millis() as u64);
    }
    command.arg("STREAMS").arg(link.log()).arg(format!("{}-1", feeder.head()));
    let asked = command.query_async(connection);
    let found: Streams = link.unless_dead(wait.unwrap_or_default(), asked).await?;
    let entries = found.into_iter().flatten().flat_map(|(_, entries)| entries).collect::<Vec<_>>();
    if entries.is_empty() && wait.is_none() {
        return Err(Stop::Gap);
    }
    for entry in entries {
        let batch = reply::batch(entry)?;
        if batch.revision != feeder.head() + 1 {
            return Err(Stop::Gap);
        }
        feeder.push(batch);
    }
    Ok(())
}
