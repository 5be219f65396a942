//! The file of the keys that encrypt the secrets of the store.

use std::path::Path;

use keyvalues::sealed::SecretsKeys;

use crate::control::shared::private_file;

/// The longest file that is read, in bytes: sixteen keys, and a page of remarks.
const FILE_BYTES_MAX: u64 = 64 << 10;

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
    let file = private_file::read(path, FILE_BYTES_MAX).map_err(|error| refuse(&error.to_string()))?;
    let keys = SecretsKeys::parse(&file.text).map_err(|error| refuse(&error.to_string()))?;
    let warning = file.warning.map(|warning| format!("the secrets key file {}: {warning}", path.display()));
    Ok(KeyFile { keys, warning })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

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
