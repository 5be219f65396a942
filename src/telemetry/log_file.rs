//! A log and the thread that writes it.
//!
//! Whoever has lines hands over whole batches and never waits: what finds no room, or cannot be written, is lost and counted.
//! A line is written whole or not at all, as far as the target allows it: one that an error cut off is ended before the next
//! begins.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// How long the end of a log waits for a target that takes nothing: a disk recovers within it, and a pipe that nobody reads
/// keeps no process from ending.
const END_MAX: Duration = Duration::from_secs(2);
/// Between two looks whether it has.
const END_LOOK: Duration = Duration::from_millis(5);

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Appended to this file, opened again on [`LogFile::reopen`].
    File(PathBuf),
    /// The process's standard output.
    Stdout,
}

/// What a log is.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// What it is called, such as `access log`: in messages, and with `-` as the thread's name.
    pub name: &'static str,
    /// Where it goes.
    pub target: LogTarget,
    /// The permissions of a file that is made.
    pub mode: u32,
    /// Batches that may wait to be written before further ones are lost.
    pub waiting_max: usize,
}

/// The writing thread. Dropping the handle, after every [`LogSender`] is gone, writes what is left and ends it.
#[derive(Debug)]
pub struct LogFile {
    sender: Option<LogSender>,
    thread: Option<JoinHandle<()>>,
}

/// Lines that are handed over together.
#[derive(Debug)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

/// What the thread and its senders share.
#[derive(Debug, Default)]
struct LogState {
    reopen: AtomicBool,
    /// Lines that were handed over and could not be written, until somebody counts them.
    failed: AtomicU64,
}

/// Hands over batches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogSender {
    batches: SyncSender<Batch>,
    state: Arc<LogState>,
}

impl LogFile {
    /// Opens the target and starts the thread.
    pub fn start(options: LogOptions) -> io::Result<Self> {
        let file = open(&options)?;
        let (batches, waiting) = sync_channel(options.waiting_max);
        let state = Arc::new(LogState::default());
        let mut writer =
            Writer { options, file, state: Arc::clone(&state), is_torn: false, is_failing: false };
        let thread = thread::Builder::new()
            .name(writer.options.name.replace(' ', "-"))
            .spawn(move || writer.run(&waiting))?;
        Ok(Self { sender: Some(LogSender { batches, state }), thread: Some(thread) })
    }

    /// Opens the file again before the next batch is written, as log rotation asks for.
    pub fn reopen(&self) {
        let Some(sender) = &self.sender else { return };
        sender.state.reopen.store(true, Ordering::Relaxed);
        // If the queue is full, another batch comes anyway.
        let _ = sender.batches.try_send(Batch { bytes: Vec::new(), lines: 0 });
    }

    /// A way to hand over batches.
    pub fn sender(&self) -> LogSender {
        self.sender.clone().expect("taken only when dropped")
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        self.sender = None;
        let Some(thread) = self.thread.take() else { return };
        for _ in 0..END_MAX.as_millis() / END_LOOK.as_millis() {
            if thread.is_finished() {
                // The panic hook has reported a panic there.
                let _ = thread.join();
                return;
            }
            thread::park_timeout(END_LOOK);
        }
    }
}

impl LogSender {
    /// Hands a batch over, or gives its buffer back if there is no room.
    pub fn send(&self, bytes: Vec<u8>, lines: u64) -> Result<(), Vec<u8>> {
        self.batches.try_send(Batch { bytes, lines }).map_err(|error| match error {
            TrySendError::Full(batch) | TrySendError::Disconnected(batch) => batch.bytes,
        })
    }

    /// Hands the last batch over: at the end there is time to wait for room.
    pub fn send_last(&self, bytes: Vec<u8>, lines: u64) {
        let mut left = bytes;
        for _ in 0..END_MAX.as_millis() / END_LOOK.as_millis() {
            match self.send(left, lines) {
                Ok(()) => return,
                Err(bytes) => left = bytes,
            }
            thread::park_timeout(END_LOOK);
        }
    }

    /// How many lines that were handed over could not be written since this was last asked.
    pub fn take_failed(&self) -> u64 {
        self.state.failed.swap(0, Ordering::Relaxed)
    }
}

/// Opens a target. A pipe without a reader is refused rather than waited for.
fn open(options: &LogOptions) -> io::Result<Option<File>> {
    let LogTarget::File(path) = &options.target else { return Ok(None) };
    let mut file = OpenOptions::new();
    file.create(true).append(true).mode(options.mode);
    let file = file.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    fcntl_setfl(&file, fcntl_getfl(&file)? & !OFlags::NONBLOCK)?;
    Ok(Some(file))
}

/// The thread's side.
struct Writer {
    options: LogOptions,
    file: Option<File>,
    state: Arc<LogState>,
    /// The target ends in the middle of a line.
    is_torn: bool,
    is_failing: bool,
}

impl Writer {
    fn run(&mut self, waiting: &Receiver<Batch>) {
        let LogOptions { name, target, .. } = self.options.clone();
        while let Ok(batch) = waiting.recv() {
            if self.state.reopen.swap(false, Ordering::Relaxed) {
                match open(&self.options) {
                    Ok(opened) => (self.file, self.is_torn) = (opened, false),
                    Err(error) => {
                        tracing::error!(%error, ?target, "the {name} cannot be opened again: writing on");
                    }
                }
            }
            let Err(error) = self.write(&batch) else {
                self.is_failing = false;
                continue;
            };
            if !self.is_failing {
                self.is_failing = true;
                tracing::error!(%error, ?target, "the {name} cannot be written: lines are lost until it can");
            }
        }
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        match &mut self.file {
            Some(file) => write_lines(file, batch, &mut self.is_torn, &self.state.failed),
            None => write_lines(&mut io::stdout().lock(), batch, &mut self.is_torn, &self.state.failed),
        }
    }
}

/// Writes a batch, and counts the lines of it that are lost.
fn write_lines(
    out: &mut impl Write,
    batch: &Batch,
    is_torn: &mut bool,
    failed: &AtomicU64,
) -> io::Result<()> {
    let Batch { bytes, lines } = batch;
    if *is_torn && !bytes.is_empty() {
        let ended = out.write_all(b"\n");
        if ended.is_err() {
            failed.fetch_add(*lines, Ordering::Relaxed);
            return ended;
        }
        *is_torn = false;
    }
    let mut written = 0;
    let result = loop {
        if written == bytes.len() {
            break out.flush();
        }
        match out.write(&bytes[written..]) {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    if result.is_err() {
        let whole = bytes[..written].iter().filter(|byte| **byte == b'\n').count();
        failed.fetch_add(lines.saturating_sub(whole as u64), Ordering::Relaxed);
        *is_torn = written > 0 && bytes[written - 1] != b'\n';
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then refuses until it is emptied.
    struct Narrow {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_the_lines_that_did_not_fit_and_tears_no_other() {
        let (mut disk, failed) = (Narrow { room: 8, taken: Vec::new() }, AtomicU64::new(0));
        let mut is_torn = false;
        let mut write = |disk: &mut Narrow, text: &str| {
            let batch = Batch { bytes: text.into(), lines: text.lines().count() as u64 };
            write_lines(disk, &batch, &mut is_torn, &failed).is_ok()
        };
        assert!(!write(&mut disk, "first\nsecond\nthird\n"));
        assert!(!write(&mut disk, "fourth\n"));
        disk.room = 100;
        assert!(write(&mut disk, "fifth\n"));
        assert_eq!(String::from_utf8(disk.taken).unwrap(), "first\nse\nfifth\n");
        assert_eq!(failed.into_inner(), 3);
    }

    #[test]
    fn a_target_that_takes_nothing_holds_up_neither_the_start_nor_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let options = LogOptions {
            name: "some log",
            target: LogTarget::File(path.clone()),
            mode: 0o600,
            waiting_max: 2,
        };
        assert!(LogFile::start(options.clone()).is_err(), "nobody reads the pipe");
        let _reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let log = LogFile::start(options).unwrap();
        let sender = log.sender();
        // More than the pipe and the queue hold.
        let sent = (0..100).filter(|_| sender.send(vec![b'x'; 64 << 10], 1).is_ok()).count();
        assert!(sent < 100, "it must not wait");
        drop(sender);
        drop(log);
    }
}
