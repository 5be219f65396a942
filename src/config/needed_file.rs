//! A file that a router needs beside its store.

use std::path::{Path, PathBuf};

/// What a router needs beside its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededFile {
    /// The setting that names it.
    pub setting: String,
    /// Where it is. None: the value stands in the environment.
    pub path: Option<PathBuf>,
}

impl NeededFile {
    /// The file that a setting names, as it is found from any folder. Without a folder to start from it stays as it was written.
    pub(super) fn of(setting: &str, path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { setting: setting.to_owned(), path: Some(path) }
    }
}
