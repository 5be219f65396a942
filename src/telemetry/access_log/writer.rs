//! Batches of lines on their way to the file.

use std::io;

use super::{
    super::log_file::{LogFile, LogOptions, LogSender, LogTarget},
    line::{DateText, Line, LogFormat},
};

/// A batch is handed over when it has grown to this, in bytes: some 200 lines, so that a write is rare and never large.
const BATCH_BYTES: usize = 64 * 1024;
/// Batches that may wait for the disk before they are dropped: 16 MiB in all.
const BATCHES_WAITING_MAX: usize = 256;
/// The permissions of a log that is made, less the umask: as other servers' access logs.
const MODE: u32 = 0o666;

/// The access log. Dropping it, after every [`WorkerLog`] is gone, writes what is left.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    file: LogFile,
}

impl AccessLog {
    /// Opens the target and starts the thread that writes it.
    pub fn start(target: LogTarget, format: LogFormat) -> io::Result<Self> {
        let options = LogOptions { name: "access log", target, mode: MODE, waiting_max: BATCHES_WAITING_MAX };
        Ok(Self { format, file: LogFile::start(options)? })
    }

    /// Opens the file again before the next batch is written. Log rotation asks for this with SIGHUP or SIGUSR1.
    pub fn reopen(&self) {
        self.file.reopen();
    }

    /// The log of one worker.
    pub fn worker(&self) -> WorkerLog {
        WorkerLog {
            format: self.format,
            file: self.file.sender(),
            batch: Vec::new(),
            lines: 0,
            overcounted: 0,
            date: DateText::default(),
        }
    }
}

/// One worker's batch.
#[derive(Debug)]
pub struct WorkerLog {
    format: LogFormat,
    file: LogSender,
    batch: Vec<u8>,
    lines: u64,
    /// Lines that were counted as written when they were handed over, and were lost after that.
    overcounted: u64,
    date: DateText,
}

/// What became of a batch that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlushCounts {
    /// Lines on their way to the file.
    pub written: u64,
    /// Lines lost, since the disk could not keep up or the file could not be written.
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
        let failed = self.file.take_failed();
        self.overcounted += failed;
        if self.batch.is_empty() {
            return FlushCounts { written: 0, dropped: failed };
        }
        let lines = std::mem::take(&mut self.lines);
        match self.file.send(std::mem::take(&mut self.batch), lines) {
            Ok(()) => {
                // Counts never fall, so what was counted too early is not counted again.
                let counted = self.overcounted.min(lines);
                self.overcounted -= counted;
                FlushCounts { written: lines - counted, dropped: failed }
            }
            Err(mut batch) => {
                batch.clear();
                self.batch = batch;
                FlushCounts { written: 0, dropped: failed + lines }
            }
        }
    }
}

impl Drop for WorkerLog {
    fn drop(&mut self) {
        self.file.send_last(std::mem::take(&mut self.batch), self.lines);
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
    fn a_file_that_takes_nothing_costs_its_lines() {
        let log = AccessLog::start(LogTarget::File("/dev/full".into()), LogFormat::Common).unwrap();
        let mut worker = log.worker();
        let (mut written, mut dropped) = (0, 0);
        for _ in 0..20 {
            push_one(&mut worker, b"/lost");
            let mut tries = 0;
            let before = dropped;
            while dropped == before && tries < 1_000_000 {
                let flushed = worker.flush();
                (written, dropped) = (written + flushed.written, dropped + flushed.dropped);
                tries += 1;
                std::thread::yield_now();
            }
        }
        assert!(written <= 1 && dropped >= 19, "{written} written, {dropped} dropped");
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
