//! The state directory: node id, last good table and pin keys, kept for a start without the store.
//!
//! The folder is 0700. Files are 0600, replaced atomically and carry a checksum, so that a torn or edited file counts as none. The
//! directory is locked: two routers that wrote one last good table would each restore the other's.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use super::{
    hex::{hex, random_hex},
    private_folder::make_private,
};

/// A locked state directory. The lock ends with the value (or the process).
#[derive(Debug)]
pub struct StateDir {
    dir: PathBuf,
    /// None: another process may write there, and this one only reads.
    _lock: Option<File>,
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another process holds it.
    #[error("the state directory {0} is in use by another process; give each router its own (--state)")]
    InUse(PathBuf),
    /// The file system refused.
    #[error("the state directory {path} is not usable: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StateDir {
    /// Opens (or makes) and locks a directory.
    pub fn open(dir: &Path) -> Result<Self, StateDirError> {
        let failed = |source| StateDirError::Io { path: dir.to_owned(), source };
        make_private(dir).map_err(failed)?;
        let lock = private().create(true).truncate(false).open(dir.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(StateDirError::InUse(dir.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// A directory that another process has locked, to be read.
    pub fn of_another(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), _lock: None }
    }

    /// When a file was replaced last; none: there is none.
    pub fn changed_at(&self, name: &str) -> Option<SystemTime> {
        fs::metadata(self.dir.join(name)).and_then(|file| file.modified()).ok()
    }

    /// This router's id: made once, kept for good.
    pub fn node_id(&self) -> io::Result<String> {
        if let Some(bytes) = self.read("node") {
            let id = String::from_utf8_lossy(&bytes).into_owned();
            if !id.is_empty() {
                return Ok(id);
            }
        }
        let id = new_node_id()?;
        self.write("node", id.as_bytes())?;
        Ok(id)
    }

    /// A file's contents; `None` when it is missing, unreadable or fails its checksum (which is logged).
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a file of the state directory cannot be read");
                return None;
            }
        };
        let contents = verified(&bytes).map(<[u8]>::to_vec);
        if contents.is_none() {
            tracing::warn!(path = %path.display(), "a file of the state directory is damaged; it is ignored");
        }
        contents
    }

    /// Replaces a file: after a crash at any point it is the old one or the new one.
    pub fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        replace(&self.dir.join(name), &[checksum_line(contents).as_bytes(), contents].concat())
    }
}

/// Writes a private file beside the old one, syncs it and renames it into place.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // Its mode counts only when the file is made, so a left-over one is removed first.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().create_new(true).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

/// A random node id.
pub fn new_node_id() -> io::Result<String> {
    random_hex::<8>().map_err(io::Error::other)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn checksum_line(contents: &[u8]) -> String {
    format!("{}\n", hex(&Sha256::digest(contents)))
}

fn verified(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let (line, contents) = bytes.split_at(end);
    (line == checksum_line(contents).as_bytes()).then_some(contents)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_process_is_refused_while_the_first_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateDir::open(dir.path()).unwrap();
        assert!(matches!(StateDir::open(dir.path()), Err(StateDirError::InUse(_))));
        drop(first);
        assert!(StateDir::open(dir.path()).is_ok());
    }

    #[test]
    fn files_are_private_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.write("table", b"first\nlines").unwrap();
        state.write("table", b"second\nlines").unwrap();
        assert_eq!(state.read("table").unwrap(), b"second\nlines");
        let mode = fs::metadata(dir.path().join("table")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(state.node_id().unwrap(), state.node_id().unwrap());
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.write("table", b"contents").unwrap();
        let path = dir.path().join("table");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(state.read("table"), None);
        fs::write(&path, b"").unwrap();
        assert_eq!(state.read("table"), None);
    }
}
