//! Batches of lines on their way to the file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use super::line::{DateText, Line, LogFormat};

/// A batch is handed over when it has grown to this, in bytes: some 200 lines, so that a write is rare and never large.
const BATCH_BYTES: usize = 64 * 1024;
/// Batches that may wait for the disk before they are dropped: 16 MiB in all.
const BATCHES_WAITING_MAX: usize = 256;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Appended to this file, opened again on [`AccessLog::reopen`].
    File(PathBuf),
    /// The process's standard output.
    Stdout,
}

/// The writing thread. Dropping the handle, after every [`WorkerLog`] is gone, writes what is left and ends it.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    batches: Option<SyncSender<Vec<u8>>>,
    reopen: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl AccessLog {
    /// Opens the target and starts the thread.
    pub fn start(target: LogTarget, format: LogFormat) -> io::Result<Self> {
        let file = open(&target)?;
        let (batches, waiting) = sync_channel(BATCHES_WAITING_MAX);
        let reopen = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&reopen);
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_batches(&waiting, &target, file, &flag))?;
        Ok(Self { format, batches: Some(batches), reopen, thread: Some(thread) })
    }

    /// Opens the file again before the next batch is written. Log rotation asks for this with SIGHUP.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Relaxed);
        if let Some(batches) = &self.batches {
            // If the queue is full, another batch comes anyway.
            let _ = batches.try_send(Vec::new());
        }
    }

    /// The log of one worker.
    pub fn worker(&self) -> WorkerLog {
        WorkerLog {
            format: self.format,
            batches: self.batches.clone().expect("taken only when dropped"),
            batch: Vec::new(),
            lines: 0,
            date: DateText::default(),
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic there.
            let _ = thread.join();
        }
    }
}

/// One worker's batch.
#[derive(Debug)]
pub struct WorkerLog {
    format: LogFormat,
    batches: SyncSender<Vec<u8>>,
    batch: Vec<u8>,
    lines: u64,
    date: DateText,
}

/// What became of a batch that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlushCounts {
    /// Lines on their way to the file.
    pub written: u64,
    /// Lines dropped, since the disk could not keep up.
    pub dropped: u64,
}

impl WorkerLog {
    /// Adds a line, and hands the batch over if it is full.
    pub fn push(&mut self, line: &Line<'_>) -> FlushCounts {
        if self.batch.capacity() == 0 {
            self.batch.reserve_exact(BATCH_BYTES + BATCH_BYTES / 8);
        }
        line.write(self.format, &mut self.date, &mut self.batch);
        self.lines += 1;
        if self.batch.len() >= BATCH_BYTES { self.flush() } else { FlushCounts::default() }
    }

    /// Hands the batch over. The worker calls it a few times a second, so that a log with few lines is up to date too.
    pub fn flush(&mut self) -> FlushCounts {
        if self.batch.is_empty() {
            return FlushCounts::default();
        }
        let lines = std::mem::take(&mut self.lines);
        match self.batches.try_send(std::mem::take(&mut self.batch)) {
            Ok(()) => FlushCounts { written: lines, dropped: 0 },
            Err(TrySendError::Full(mut batch) | TrySendError::Disconnected(mut batch)) => {
                batch.clear();
                self.batch = batch;
                FlushCounts { written: 0, dropped: lines }
            }
        }
    }
}

impl Drop for WorkerLog {
    fn drop(&mut self) {
        // At the end of a worker there is time to wait for the disk.
        let _ = self.batches.send(std::mem::take(&mut self.batch));
    }
}

fn open(target: &LogTarget) -> io::Result<Option<File>> {
    match target {
        LogTarget::File(path) => OpenOptions::new().create(true).append(true).open(path).map(Some),
        LogTarget::Stdout => Ok(None),
    }
}

fn write_batches(
    waiting: &Receiver<Vec<u8>>,
    target: &LogTarget,
    mut file: Option<File>,
    reopen: &AtomicBool,
) {
    let mut failing = false;
    while let Ok(batch) = waiting.recv() {
        if reopen.swap(false, Ordering::Relaxed) {
            match open(target) {
                Ok(opened) => file = opened,
                Err(error) => {
                    tracing::error!(%error, ?target, "the access log cannot be opened again: writing on")
                }
            }
        }
        let written = match &mut file {
            Some(file) => file.write_all(&batch),
            None => io::stdout().write_all(&batch),
        };
        match written {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, ?target, "the access log cannot be written: lines are lost until it can");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push_one(log: &mut WorkerLog, target: &[u8]) -> FlushCounts {
        let client = [127, 0, 0, 1].into();
        log.push(&Line { method: b"GET", host: b"h", target, ..Line::empty(0, client, client, 200) })
    }

    #[test]
    fn every_line_reaches_the_file_also_across_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let log = AccessLog::start(LogTarget::File(path.clone()), LogFormat::Common).unwrap();
        let mut worker = log.worker();
        push_one(&mut worker, b"/first");
        assert_eq!(worker.flush(), FlushCounts { written: 1, dropped: 0 });
        std::fs::rename(&path, &rotated).unwrap();
        log.reopen();
        push_one(&mut worker, b"/second");
        drop(worker);
        drop(log);
        let lines = |path| std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!(lines(&rotated) + lines(&path), 2);
        assert!(std::fs::read_to_string(&path).unwrap().contains("/second"));
    }
}
