//! The file of the keys that encrypt the secrets of the store.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use keyvalues::sealed::SecretsKeys;

use crate::control::shared::private_file::{change_by_others, reading_by_others};

/// The longest file that is read, in bytes: sixteen keys, and a page of remarks.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What tells one content of a file from another: which file, how long, last changed when.
pub type Stamp = Option<[i64; 4]>;

/// A file of keys, as it was read.
#[derive(Debug)]
pub struct KeyFile {
    pub keys: SecretsKeys,
    /// What should be mended, though the keys count.
    pub warning: Option<String>,
}

/// Reads it. An error says that none of it counts, and repeats no key.
pub fn read(path: &Path) -> Result<KeyFile, String> {
    let refuse = |problem: &str| format!("the secrets key file {} is not used: {problem}", path.display());
    let failed = |error: std::io::Error| refuse(&error.to_string());
    let file = File::open(path).map_err(failed)?;
    // Of the open file, so that nobody puts another one there in between.
    let metadata = file.metadata().map_err(failed)?;
    if let Some(problem) = change_by_others(path, &metadata) {
        return Err(refuse(&problem));
    }
    let mut text = String::new();
    let longest = FILE_BYTES_MAX + 1;
    let length = file.take(longest).read_to_string(&mut text).map_err(failed)?;
    if length as u64 == longest {
        return Err(refuse(&format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    let keys = SecretsKeys::parse(&text).map_err(|error| refuse(&error.to_string()))?;
    let warning = reading_by_others(&metadata);
    let warning = warning.map(|warning| format!("the secrets key file {}: {warning}", path.display()));
    Ok(KeyFile { keys, warning })
}

/// What it is now; none: there is none.
pub fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some([found.ino().cast_signed(), found.len().cast_signed(), found.mtime(), found.mtime_nsec()])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const KEY: &str = "one:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";

    #[test]
    fn a_file_that_others_can_change_holds_no_key_and_one_that_they_can_read_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let written = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        assert!(read(&path).unwrap_err().contains("No such file"));
        assert!(written(KEY, 0o600).unwrap().warning.is_none());
        assert!(written(KEY, 0o644).unwrap().warning.unwrap().contains("others can read"));
        for (text, mode, said) in [
            (KEY, 0o660, "others can write it"),
            ("one:c2hvcnQ=\n", 0o600, "32 bytes"),
            ("# none\n", 0o600, "no key"),
            (&"#\n".repeat(40_000), 0o600, "longer than"),
        ] {
            let error = written(text, mode).unwrap_err();
            assert!(error.contains(said) && !error.contains("c2hvcnQ"), "{error}");
        }
    }
}
