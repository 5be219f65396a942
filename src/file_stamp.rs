//! Whether a file is another one than before, without reading it.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

/// What tells one content of a file from another: which file, how long, last changed when; none: there is no file.
pub type Stamp = Option<[i64; 4]>;

/// The stamp of the file at a path now.
pub fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    let changed = found.ctime().wrapping_mul(1_000_000_000).wrapping_add(found.ctime_nsec());
    Some([found.ino().cast_signed(), found.len().cast_signed(), found.mtime_nsec(), changed])
}
