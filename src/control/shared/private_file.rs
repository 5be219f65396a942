//! Who can change or read a file beside its owner.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Permission bits by which others than the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Permission bits by which others than the owner read.
const READABLE_BY_OTHERS: u32 = 0o044;
/// In a directory with this bit, only owners replace files.
const STICKY: u32 = 0o1000;

/// How somebody else than its owner can write or replace a file, or that another user owns it; none: nobody can.
pub fn change_by_others(path: &Path, file: &Metadata) -> Option<String> {
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
pub fn reading_by_others(file: &Metadata) -> Option<String> {
    let mode = file.mode() & 0o777;
    (mode & READABLE_BY_OTHERS != 0)
        .then(|| format!("others can read the file, whose mode is {mode:o}; `chmod 600` it"))
}

/// Whether a user may write what this router relies on: the one that it runs as, and root.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}
