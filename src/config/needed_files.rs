//! What a router needs beside its store: a backup of the store does not hold it.

use std::path::{Path, PathBuf};

use super::{setting, values::Config};

/// What a router needs beside its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededFile {
    /// The setting that names it.
    pub setting: &'static str,
    /// Where it is. None: the value stands in the environment.
    pub path: Option<PathBuf>,
}

impl Config {
    /// The files that the settings name and a router reads, the one with the settings first. A log is none of them.
    pub fn needed_files(&self) -> Vec<NeededFile> {
        let of = |setting, path: Option<&Path>| path.map(|path| (setting, absolute(path)));
        let named = [
            of("config", self.file.as_deref()),
            of(setting::STORE_FILE.name, self.store_file.as_deref()),
            of(setting::TOKEN_FILE.name, self.token_file.as_deref()),
            of(setting::KEYVALUES.name, self.keyvalues.as_ref().map(|keyvalues| keyvalues.path())),
        ];
        let pairs = self.tls.iter().flat_map(|tls| &tls.pairs).flat_map(|pair| {
            [
                (setting::TLS_CERTIFICATE.name, absolute(&pair.certificate)),
                (setting::TLS_KEY.name, absolute(&pair.key)),
            ]
        });
        let of_store = self.store.files().into_iter().map(|path| (setting::STORE.name, absolute(&path)));
        let files = named.into_iter().flatten().chain(pairs).chain(of_store);
        let files = files.map(|(setting, path)| NeededFile { setting, path: Some(path) });
        let token = self.token.as_ref().map(|_| NeededFile { setting: setting::TOKEN.name, path: None });
        files.chain(token).collect()
    }
}

/// A path as it is from any folder. Without a folder to start from it stays as it was written.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
