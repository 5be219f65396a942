//! What containers write.

use std::{pin::pin, time::Duration};

use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::{
    engines::Engine,
    error::EngineError,
    limits::{CALL_MS, LAST_WORDS_BYTES_MAX},
    name::ContainerName,
};

/// Which part of what a container writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Whether to go on with what it will write.
    pub follow: bool,
    /// From this time on, in Unix seconds.
    pub since: Option<u64>,
    /// At most so many of the last lines before now.
    pub tail: Option<usize>,
}

impl Engine {
    /// What a container writes to its standard output and error, in the order in which the engine took it.
    pub fn logs(
        &self,
        name: &ContainerName,
        options: LogOptions,
    ) -> impl Stream<Item = Result<Bytes, EngineError>> + Send + use<> {
        let engine = self.clone();
        let lines = self.docker().logs(name.as_str(), Some(options.query()));
        lines.map(move |line| {
            line.map(bollard::container::LogOutput::into_bytes).map_err(|error| engine.error(error))
        })
    }

    /// The last lines that a container wrote, at most 64 KiB of them.
    pub async fn last_words(&self, name: &ContainerName, lines: usize) -> Result<String, EngineError> {
        let mut log = pin!(self.logs(name, LogOptions { tail: Some(lines), ..LogOptions::default() }));
        let limit = Duration::from_millis(CALL_MS);
        let mut words = Vec::new();
        let reading = async {
            while let Some(part) = log.next().await.transpose()? {
                words.extend_from_slice(&part);
                let surplus = words.len().saturating_sub(LAST_WORDS_BYTES_MAX);
                words.drain(..surplus);
            }
            Ok::<(), EngineError>(())
        };
        match tokio::time::timeout(limit, reading).await {
            Ok(read) => read?,
            Err(_) => {
                let (engine, seconds) = (self.name().clone(), limit.as_secs());
                return Err(EngineError::TimedOut { engine, what: "show a log", seconds });
            }
        }
        Ok(String::from_utf8_lossy(&words).into_owned())
    }
}

impl LogOptions {
    fn query(self) -> LogsOptions {
        let tail = self.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let since = self.since.map_or(0, |seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
        LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(self.follow)
            .since(since)
            .tail(&tail)
            .build()
    }
}
