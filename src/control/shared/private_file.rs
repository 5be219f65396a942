//! A file that its owner alone may change: tokens, keys, secrets. Who else can change or read it.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Permission bits by which others than the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Permission bits by which others than the owner read.
const READABLE_BY_OTHERS: u32 = 0o044;
/// In a directory with this bit, only owners replace files.
const STICKY: u32 = 0o1000;

/// Why nothing of a file counts.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Others can change it.
    #[error("{0}")]
    Unsafe(String),
    /// It is longer than so many bytes.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
}

/// What such a file holds.
#[derive(Debug)]
pub struct PrivateFile {
    pub text: String,
    /// That others can read it; none: they cannot.
    pub warning: Option<String>,
}

/// Reads a file of at most so many bytes.
pub fn read(path: &Path, bytes_max: u64) -> Result<PrivateFile, PrivateFileError> {
    let file = File::open(path)?;
    // Of the open file, so that nobody puts another one there in between.
    let metadata = file.metadata()?;
    if let Some(problem) = change_by_others(path, &metadata) {
        return Err(PrivateFileError::Unsafe(problem));
    }
    let mut text = String::new();
    let length = file.take(bytes_max.saturating_add(1)).read_to_string(&mut text)?;
    if length as u64 > bytes_max {
        return Err(PrivateFileError::TooLong(bytes_max));
    }
    Ok(PrivateFile { text, warning: reading_by_others(&metadata) })
}

/// How somebody else than its owner can write or replace a file, or that another user owns it; none: nobody can.
fn change_by_others(path: &Path, file: &Metadata) -> Option<String> {
    let mode = file.mode() & 0o777;
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Some(format!("others can write it, since its mode is {mode:o}; `chmod 600` it"));
    }
    if !is_trusted(file.uid()) {
        return Some(format!("it belongs to the user {}, who can write it", file.uid()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::metadata(folder).ok()?;
    if folder.mode() & WRITABLE_BY_OTHERS != 0 && folder.mode() & STICKY == 0 {
        let mode = folder.mode() & 0o777;
        return Some(format!("others can replace it, since its folder has mode {mode:o}"));
    }
    None
}

/// That others can read a file; none: they cannot.
fn reading_by_others(file: &Metadata) -> Option<String> {
    let mode = file.mode() & 0o777;
    (mode & READABLE_BY_OTHERS != 0)
        .then(|| format!("others can read the file, whose mode is {mode:o}; `chmod 600` it"))
}

/// Whether a user may write what this router relies on: the one that it runs as, and root.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}
