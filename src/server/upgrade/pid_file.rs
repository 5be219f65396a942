//! The file that says which process serves, and how an upgrade of it went: `pid` in the state directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    time::SystemTime,
};

use crate::control::replace;

const NAME: &str = "pid";

/// The file, as the process that serves writes it.
#[derive(Debug, Clone)]
pub struct PidFile(PathBuf);

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The process that serves.
    pub pid: i32,
    /// Why its last upgrade failed.
    pub failure: Option<String>,
}

impl PidFile {
    /// The file of a state directory.
    pub fn of(state: &Path) -> Self {
        Self(state.join(NAME))
    }

    /// Says that this process serves, and why it could not be upgraded. Only `upgrade` needs the file.
    pub fn say(&self, failure: Option<&str>) {
        if let Err(error) = self.write(failure) {
            tracing::warn!("the file `pid` of the state directory cannot be written: {error}");
        }
    }

    fn write(&self, failure: Option<&str>) -> io::Result<()> {
        let failure = failure.map(|why| why.escape_debug().to_string()).unwrap_or_default();
        replace(&self.0, format!("{}\n{failure}\n", process::id()).as_bytes())
    }

    /// Removes the file, if it still names this process.
    pub fn remove(&self) {
        if self.read().is_some_and(|running| u32::try_from(running.pid) == Ok(process::id())) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// When it was written last.
    pub fn written(&self) -> Option<SystemTime> {
        fs::metadata(&self.0).and_then(|file| file.modified()).ok()
    }

    /// What it says. None: there is none, or it is no such file.
    pub fn read(&self) -> Option<Running> {
        let text = fs::read_to_string(&self.0).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.parse().ok().filter(|pid| *pid > 0)?;
        let failure = lines.next().filter(|why| !why.is_empty()).map(str::to_owned);
        Some(Running { pid, failure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_this_process_until_another_one_serves() {
        let state = tempfile::tempdir().unwrap();
        let file = PidFile::of(state.path());
        assert_eq!(file.read(), None);
        file.write(None).unwrap();
        let pid = i32::try_from(process::id()).unwrap();
        assert_eq!(file.read(), Some(Running { pid, failure: None }));
        file.write(Some("no\nstore")).unwrap();
        assert_eq!(file.read().unwrap().failure.as_deref(), Some(r"no\nstore"));
        file.remove();
        assert_eq!(file.read(), None);
        fs::write(state.path().join(NAME), "1\n").unwrap();
        file.remove();
        assert_eq!(file.read().unwrap().pid, 1, "another process serves");
    }
}
