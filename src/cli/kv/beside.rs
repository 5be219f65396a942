//! What a restore needs beside the keyvalues: files that the settings of a router name, and pin keys. A file with secrets says
//! which there were, and an import which there are.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        client::{Client, Request},
        exit::{Exit, Failure},
    },
    file::Keyvalues,
    stored::BACKUP,
};
use crate::{
    printable::escaped,
    schema::router::{RouterFile, RouterFiles},
};

/// Where the pin keys are.
const PIN_KEYS: &str = "rolling/router/pinkeys";

/// What a file says of the router that it was taken from.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Backup {
    pub(super) files: Vec<BackedFile>,
}

/// A file that the backup does not hold.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BackedFile {
    setting: String,
    /// None: the value stood in the environment.
    path: Option<String>,
}

/// What a router needs beside its store. One of an older version does not say so.
pub(super) async fn files_of(client: &Client) -> Result<Vec<RouterFile>, Failure> {
    match client.send(Request::get(&["api", "v1", "router", "files"])).await {
        Ok(answer) => Ok(answer.read_exact::<RouterFiles>()?.files),
        Err(failure) if failure.exit == Exit::Refused => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

impl Backup {
    pub(super) fn of(files: &[RouterFile]) -> Self {
        let backed =
            |file: &RouterFile| BackedFile { setting: file.setting.clone(), path: file.path.clone() };
        Self { files: files.iter().map(backed).collect() }
    }

    /// Takes what a file says out of its keyvalues.
    pub(super) fn take(keyvalues: &mut Keyvalues) -> Self {
        let said = keyvalues.remove(BACKUP);
        said.and_then(|said| serde_json::from_slice(&said).ok()).unwrap_or_default()
    }

    /// Adds it to the keyvalues of a file.
    pub(super) fn put(&self, keyvalues: &mut Keyvalues) {
        // Settings and paths have a JSON form.
        keyvalues.insert(BACKUP.to_owned(), serde_json::to_vec(self).unwrap_or_default());
    }

    /// What to keep beside the file.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let head = "not in it, and needed by a restore too; keep these as well:".to_owned();
        [head].into_iter().chain(self.files.iter().map(|file| format!("  {}", file.shown()))).collect()
    }

    /// What a restore needs beside the file, and what the router has of it now.
    pub(super) fn lines_with(&self, now: &[RouterFile]) -> Vec<String> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let line = |file: &BackedFile| {
            let same = now.iter().filter(|there| there.setting == file.setting);
            let there = same.clone().find(|there| there.path == file.path).or_else(|| same.clone().next());
            format!("  {}: {}", file.shown(), state(there))
        };
        let head = "not in the file, and needed too:".to_owned();
        [head].into_iter().chain(self.files.iter().map(line)).collect()
    }
}

impl BackedFile {
    fn shown(&self) -> String {
        match &self.path {
            Some(path) => format!("{} {}", escaped(&self.setting), escaped(path)),
            None => format!("{} in the environment", escaped(&self.setting)),
        }
    }
}

/// What a router has of a setting.
fn state(there: Option<&RouterFile>) -> String {
    match there.map(|file| (file.path.as_deref(), file.found)) {
        None => "this router has no such setting".to_owned(),
        Some((None, _)) => "this router has it in its environment".to_owned(),
        Some((Some(path), true)) => format!("this router has {}", escaped(path)),
        Some((Some(path), false)) => format!("this router's {} is missing", escaped(path)),
    }
}

/// What a file without pin keys costs.
pub(super) fn warning_of_pins(keyvalues: &Keyvalues) -> Option<&'static str> {
    let warning = "there are no pin keys in the file, so a store that is made from it keeps no client's pin; an admin takes them along \
                   by `kv export --with-secrets`";
    (!keyvalues.contains_key(PIN_KEYS)).then_some(warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(setting: &str, path: Option<&str>, found: bool) -> RouterFile {
        RouterFile { setting: setting.into(), path: path.map(str::to_owned), found }
    }

    #[test]
    fn a_file_says_what_it_does_not_hold_and_an_import_what_is_there() {
        let then = [
            file("token_file", Some("/a/tokens"), true),
            file("tls_key", Some("/a/k"), true),
            file("token", None, true),
        ];
        let mut keyvalues = Keyvalues::new();
        Backup::of(&then).put(&mut keyvalues);
        let backup = Backup::take(&mut keyvalues);
        assert_eq!((&backup, keyvalues.len()), (&Backup::of(&then), 0));
        assert_eq!(
            backup.lines()[1..],
            ["  token_file /a/tokens", "  tls_key /a/k", "  token in the environment"]
        );
        let now = [file("token_file", Some("/b/tokens"), true), file("tls_key", Some("/b/k"), false)];
        assert_eq!(
            backup.lines_with(&now)[1..],
            [
                "  token_file /a/tokens: this router has /b/tokens",
                "  tls_key /a/k: this router's /b/k is missing",
                "  token in the environment: this router has no such setting",
            ]
        );
    }

    #[test]
    fn a_file_that_says_nothing_is_told_nothing_of() {
        let backup = Backup::take(&mut Keyvalues::new());
        assert!(backup.lines().is_empty() && backup.lines_with(&[file("token_file", None, true)]).is_empty());
        let odd = Keyvalues::from([(BACKUP.to_owned(), b"junk".to_vec())]);
        assert_eq!(Backup::take(&mut odd.clone()), Backup::default());
        assert!(warning_of_pins(&odd).is_some());
    }
}
