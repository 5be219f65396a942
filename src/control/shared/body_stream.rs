//! Bodies that are made while they are sent: one part at a time, and the next one only when the last has been taken.
//!
//! So an answer of any length costs two parts of memory, and one that nobody reads costs no more.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

/// Where the parts of a body go.
#[derive(Debug, Clone)]
pub struct Parts(mpsc::Sender<Bytes>);

/// Why a body ends before it is whole: the connection is then cut, so that nobody takes a part for the whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

impl Parts {
    /// Waits until the last part has been taken, and sends the next.
    pub async fn send(&self, part: impl Into<Bytes>) -> Result<(), BodyError> {
        self.0.send(part.into()).await.map_err(|_| BodyError("nobody reads".to_owned()))
    }
}

/// The task that makes a body. It ends when nobody reads the body any more.
#[derive(Debug)]
struct Work {
    parts: mpsc::Receiver<Bytes>,
    task: JoinHandle<Result<(), BodyError>>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A body whose parts are made on these threads.
pub fn stream_body<W>(threads: &Handle, work: impl FnOnce(Parts) -> W) -> Body
where
    W: Future<Output = Result<(), BodyError>> + Send + 'static,
{
    let (sender, parts) = mpsc::channel(1);
    let task = threads.spawn(work(Parts(sender)));
    Body::from_stream(stream::unfold(Some(Work { parts, task }), |work| async move {
        let mut work = work?;
        if let Some(part) = work.parts.recv().await {
            return Some((Ok(part), Some(work)));
        }
        match (&mut work.task).await {
            Ok(Ok(())) => None,
            Ok(Err(broken)) => Some((Err(io::Error::other(broken)), None)),
            Err(panicked) => Some((Err(io::Error::other(panicked)), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_whole_or_broken() {
        let threads = Handle::current();
        let whole = stream_body(&threads, |parts| async move {
            parts.send("one ").await?;
            parts.send("two").await
        });
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "one two");
        let broken = stream_body(&threads, |parts| async move {
            parts.send("one ").await?;
            Err(BodyError("the store went away".to_owned()))
        });
        assert!(broken.collect().await.is_err());
    }

    #[tokio::test]
    async fn the_work_waits_for_its_reader_and_ends_with_it() {
        let (told, mut made) = mpsc::unbounded_channel();
        let mut body = stream_body(&Handle::current(), |parts| async move {
            for number in 0_u8.. {
                let _ = told.send(number);
                parts.send(vec![number]).await?;
            }
            Ok(())
        });
        body.frame().await.unwrap().unwrap();
        for number in 0..3 {
            assert_eq!(made.recv().await, Some(number));
        }
        assert!(made.try_recv().is_err(), "one part is taken, one waits, and one is ready to be sent");
        drop(body);
        assert_eq!(made.recv().await, None);
    }
}
