//! Folders that are the router's alone: 0700 whatever the umask.
//!
//! One that exists is made private only where everything in it is the router's. An operator may have named a folder that
//! others need, such as the working directory; then the log says so, and the files in it are private by themselves.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

/// Nobody else may list it, or reach what is in it.
const PRIVATE: u32 = 0o700;

/// What a router, or the process that it runs as, leaves in its folder.
const OURS: [&str; 7] = ["lock", "node", "table", "pinkeys", "tokens", "keyvalues.redb", "followed.redb"];

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
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    if mode & !PRIVATE == 0 {
        return Ok(());
    }
    let path = folder.display();
    if holds_only_ours(folder)? && fs::set_permissions(folder, Permissions::from_mode(PRIVATE)).is_ok() {
        tracing::warn!("the folder {path} was open to others (mode {mode:o}) and is private now (700)");
    } else {
        tracing::warn!("the folder {path} is open to others (mode {mode:o}); `chmod 700` it");
    }
    Ok(())
}

fn holds_only_ours(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = Path::new(&name);
        // A file that is being replaced.
        let ours = |known: &&str| name == Path::new(known) || name == Path::new(known).with_extension("new");
        if !OURS.iter().any(|known| ours(&known)) {
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
        fs::write(own.join("tokens.new"), "").unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        make_private(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
        fs::write(own.join("notes.txt"), "").unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        make_private(&own).unwrap();
        assert_eq!(mode(&own), 0o755, "somebody else uses it");
    }
}
