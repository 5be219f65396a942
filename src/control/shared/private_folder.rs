//! Folders that are the router's alone: 0700 whatever the umask.
//!
//! One that exists is made private only where nobody else loses by it, since every file in it is private already. An operator
//! may have named a folder that others need, such as the working directory; then the log says so.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

/// Nobody else may list it, or reach what is in it.
const PRIVATE: u32 = 0o700;

/// The mark of a folder that everybody is meant to use.
const STICKY: u32 = 0o1000;

/// Makes a folder, and those above it, for this router alone.
pub fn make_private(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    let existed = folder.is_dir();
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    if !existed {
        // The umask may have taken something away.
        return fs::set_permissions(folder, Permissions::from_mode(PRIVATE));
    }
    let mode = fs::metadata(folder)?.permissions().mode() & 0o1777;
    if mode & !PRIVATE == 0 {
        return Ok(());
    }
    let path = folder.display();
    let is_shared = mode & STICKY != 0 || !holds_only_private_files(folder)?;
    if !is_shared && fs::set_permissions(folder, Permissions::from_mode(PRIVATE)).is_ok() {
        tracing::warn!("the folder {path} was open to others (mode {mode:o}) and is private now (700)");
    } else {
        tracing::warn!("the folder {path} is open to others (mode {mode:o}); `chmod 700` it");
    }
    Ok(())
}

/// Whether nobody else has anything in it: every file is for its owner alone, as all of the router's are.
fn holds_only_private_files(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let found = fs::symlink_metadata(entry?.path())?;
        if !found.is_file() || found.permissions().mode() & 0o077 != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_of_the_routers_own_is_made_private_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("state/inner");
        make_private(&own).unwrap();
        assert_eq!((mode(&own), mode(own.parent().unwrap())), (0o700, 0o700));
        fs::write(own.join("tokens"), "").unwrap();
        fs::set_permissions(own.join("tokens"), Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        make_private(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
        fs::write(own.join("notes.txt"), "").unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        make_private(&own).unwrap();
        assert_eq!(mode(&own), 0o755, "somebody else uses it");
    }
}
