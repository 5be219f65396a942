//! The store's address: given as such, or in a file of its own, which keeps its password out of process lists.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{error::ConfigError, origin::Origin, parsers, raw::RawConfig, setting, store::StoreAddress};

/// Permission bits by which others than the owner read or write.
const OPEN_TO_OTHERS: u32 = 0o066;

/// The store's address, the file that holds it, and what an operator should know about how it was given.
pub(super) fn read(raw: &RawConfig) -> Result<(StoreAddress, Option<PathBuf>, Vec<String>), ConfigError> {
    let file = raw.optional(&setting::STORE_FILE, parsers::path)?;
    let Some(file) = file.filter(|_| !is_overruled(raw)) else {
        let store: StoreAddress = raw.required(&setting::STORE, str::parse)?;
        let is_shown = store.has_login() && matches!(raw.origin(&setting::STORE), Some(Origin::Flag(_)));
        let warning = is_shown.then(|| {
            "the store's password stands on the command line, where other users see it; put the address into a file, and \
             name that as --store-file"
                .to_owned()
        });
        return Ok((store, None, warning.into_iter().collect()));
    };
    if raw.origin(&setting::STORE).is_some()
        && rank(raw.origin(&setting::STORE)) == rank(raw.origin(&setting::STORE_FILE))
    {
        let text =
            "`store` and `store_file` are both given; each says what the store is, so give one of them";
        return Err(ConfigError::Contradiction(text.into()));
    }
    let (store, warnings) = read_file(&file)?;
    Ok((store, Some(file), warnings))
}

/// Whether the address itself was given in a place that counts before that of the file.
fn is_overruled(raw: &RawConfig) -> bool {
    rank(raw.origin(&setting::STORE)) > rank(raw.origin(&setting::STORE_FILE))
}

fn rank(origin: Option<&Origin>) -> u8 {
    match origin {
        Some(Origin::Flag(_)) => 3,
        Some(Origin::Environment(_)) => 2,
        Some(Origin::File(_)) => 1,
        Some(Origin::Default) | None => 0,
    }
}

fn read_file(path: &Path) -> Result<(StoreAddress, Vec<String>), ConfigError> {
    let fault = |fault: String| ConfigError::StoreFile { path: path.into(), fault };
    let text = fs::read_to_string(path).map_err(|error| fault(format!("it cannot be read: {error}")))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(fault("it must have one line, which is the address of a store".into()));
    };
    let store = line.parse().map_err(|_| {
        fault(format!("its line is not the address of a store\n  allowed: {}", setting::STORE.allowed))
    })?;
    let mode = fs::metadata(path).map_or(0, |found| found.permissions().mode() & 0o777);
    let warning = (mode & OPEN_TO_OTHERS != 0).then(|| {
        format!("the store file {} is open to others (mode {mode:o}); `chmod 600` it", path.display())
    });
    Ok((store, warning.into_iter().collect()))
}
