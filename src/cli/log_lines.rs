//! Lines of the log on their way to standard error. Whoever reads it may stop reading: then lines wait here, and beyond a limit
//! they are lost and counted. The router never waits for a reader.
//!
//! A line is written at once while standard error takes it, in parts that a pipe takes whole. What waits is written before the
//! next line. Deliberately absent: a thread of its own, and a descriptor that does not block, which other processes may share.

use std::{
    collections::VecDeque,
    io::{self, Write as _},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use tracing_subscriber::fmt::{
    MakeWriter,
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

use crate::config::LogFormat;

/// Lines that may wait: some 300 KiB.
const LINES_WAITING_MAX: usize = 2_000;
/// What a pipe takes whole when it says that it takes something (PIPE_BUF, pipe(7)).
const PART_BYTES: usize = 4_096;
/// How often the end of a process looks whether the reader goes on, and how long it rests in between.
const END_LOOKS: u32 = 50;
const END_REST: Duration = Duration::from_millis(10);

/// Lines on their way to standard error. All copies share what waits.
#[derive(Debug, Clone)]
pub(super) struct LogLines {
    waiting: Arc<Mutex<WaitingLines>>,
}

#[derive(Debug)]
struct WaitingLines {
    lines: VecDeque<Vec<u8>>,
    lost: u64,
    /// How the line is written that says what was lost.
    format: LogFormat,
}

/// Something that lines are written to.
trait Outlet {
    /// Whether a part could be written without waiting for a reader.
    fn is_ready(&self) -> bool;
    /// Writes a part; how much of it went.
    fn write(&self, part: &[u8]) -> io::Result<usize>;
}

struct StandardError;

impl Outlet for StandardError {
    fn is_ready(&self) -> bool {
        let stderr = io::stderr();
        let mut asked = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
        matches!(poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(ready) if ready > 0)
    }

    fn write(&self, part: &[u8]) -> io::Result<usize> {
        io::stderr().write(part)
    }
}

impl LogLines {
    /// Lines of this format.
    pub(super) fn new(format: LogFormat) -> Self {
        Self { waiting: Arc::new(Mutex::new(WaitingLines::new(format))) }
    }

    /// Gives what waits a last chance, at the end of the process.
    pub(super) fn finish(&self) {
        for _ in 0..END_LOOKS {
            if self.lock().write_on(&StandardError) {
                return;
            }
            std::thread::park_timeout(END_REST);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WaitingLines> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingLines {
    fn new(format: LogFormat) -> Self {
        Self { lines: VecDeque::new(), lost: 0, format }
    }

    fn push(&mut self, line: &[u8]) {
        if self.lines.len() < LINES_WAITING_MAX {
            self.lines.push_back(line.to_vec());
        } else {
            self.lost += 1;
        }
    }

    /// Writes what the outlet takes now. `true` when nothing is left.
    fn write_on(&mut self, outlet: &impl Outlet) -> bool {
        loop {
            let Some(line) = self.lines.front_mut() else {
                if self.lost == 0 {
                    return true;
                }
                let lost = std::mem::take(&mut self.lost);
                self.push(lost_line(self.format, lost).as_bytes());
                continue;
            };
            if !outlet.is_ready() {
                return false;
            }
            match outlet.write(&line[..line.len().min(PART_BYTES)]) {
                Ok(written) if written < line.len() => drop(line.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nobody will read it, if it failed.
                Ok(_) | Err(_) => drop(self.lines.pop_front()),
            }
        }
    }
}

/// The line that says what was lost.
fn lost_line(format: LogFormat, lost: u64) -> String {
    let message = format!("{lost} lines of the log were lost: nobody read them");
    match format {
        LogFormat::Text => message + "\n",
        LogFormat::Json => {
            let mut now = String::new();
            // Writing to a string cannot fail.
            let _ = SystemTime.format_time(&mut Writer::new(&mut now));
            format!("{}\n", json!({ "timestamp": now, "level": "WARN", "message": message }))
        }
    }
}

impl io::Write for &LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lock();
        waiting.push(line);
        waiting.write_on(&StandardError);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// A pipe that takes so many parts, and three bytes of each at most.
    #[derive(Default)]
    struct Pipe {
        room: Cell<usize>,
        read: RefCell<Vec<u8>>,
    }

    impl Outlet for Pipe {
        fn is_ready(&self) -> bool {
            self.room.get() > 0
        }

        fn write(&self, part: &[u8]) -> io::Result<usize> {
            self.room.set(self.room.get() - 1);
            let part = &part[..part.len().min(3)];
            self.read.borrow_mut().extend_from_slice(part);
            Ok(part.len())
        }
    }

    #[test]
    fn lines_wait_for_their_reader_and_are_counted_when_there_are_too_many() {
        let (pipe, mut waiting) = (Pipe::default(), WaitingLines::new(LogFormat::Text));
        (0..LINES_WAITING_MAX + 7).for_each(|_| waiting.push(b"abcd\n"));
        assert!(!waiting.write_on(&pipe) && pipe.read.borrow().is_empty());
        pipe.room.set(1);
        assert!(!waiting.write_on(&pipe));
        assert_eq!(*pipe.read.borrow(), b"abc");
        pipe.room.set(usize::MAX);
        assert!(waiting.write_on(&pipe));
        let text = String::from_utf8(pipe.read.take()).unwrap();
        assert_eq!(text.matches("abcd\n").count(), LINES_WAITING_MAX);
        assert!(text.ends_with("7 lines of the log were lost: nobody read them\n"), "{}", text.len());
    }

    #[test]
    fn what_was_lost_is_said_in_the_format_of_the_log() {
        let said: serde_json::Value = serde_json::from_str(&lost_line(LogFormat::Json, 7)).unwrap();
        assert_eq!((&said["level"], said["timestamp"].is_string()), (&json!("WARN"), true), "{said}");
        assert_eq!(said["message"], "7 lines of the log were lost: nobody read them");
    }
}
