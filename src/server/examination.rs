//! What `serve` would say of its settings, found without serving: `check` tells it.

use std::{
    fs::{self, OpenOptions},
    path::Path,
};

use rustix::fs::{Access, access};

use crate::{
    clock::Clock,
    config::{self, Config, LogDestination, expiry},
    control::Tokens,
};

/// What an operator should mend.
#[derive(Debug, Default)]
pub struct Examination {
    /// Why the router would not start.
    pub refusals: Vec<String>,
    /// What it would serve without.
    pub faults: Vec<String>,
    /// What it would warn of.
    pub warnings: Vec<String>,
}

/// Looks at everything that settings name, makes nothing and connects to nothing.
pub fn examine(config: &Config) -> Examination {
    let mut found = Examination { warnings: config.warnings.clone(), ..Examination::default() };
    if let Err(error) = keyvalues::check_address(&config.store.url()) {
        found.refusals.push(format!("{error} (--store)"));
    }
    for (what, destination) in [("--access-log", &config.access_log), ("--audit-log", &config.audit_log)] {
        if let LogDestination::File(path) = destination
            && let Err(why) = can_append(path)
        {
            found.refusals.push(format!("{} cannot be opened: {why} ({what})", path.display()));
        }
    }
    let folders =
        [("the store's folder", config.store.folder()), ("the state directory", config.state.as_deref())];
    for (what, folder) in folders {
        if let Some(Err(why)) = folder.map(can_make) {
            let folder = folder.unwrap_or(Path::new("")).display();
            found.refusals.push(format!("{what} {folder} cannot be used: {why}"));
        }
    }
    let token = config.token.as_ref().map(config::Secret::expose);
    let (faults, warnings) = Tokens::examine(config.token_file.as_deref(), token);
    found.faults.extend(faults);
    found.warnings.extend(warnings);
    if let Some(tls) = &config.tls {
        match tls.read() {
            Ok(certificate) => found.faults.extend(
                expiry(&certificate, Clock::system().wall_ms())
                    .map(|fault| format!("{}: {fault}", tls.certificate.display())),
            ),
            Err(error) => found.refusals.push(error.to_string()),
        }
    }
    found
}

/// Whether a file can be appended to, or made.
fn can_append(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err("it is a folder".to_owned()),
        Ok(found) if found.is_file() => {
            OpenOptions::new().append(true).open(path).map(drop).map_err(|error| error.to_string())
        }
        // A pipe or a device, which opening may change something about.
        Ok(_) => access(path, Access::WRITE_OK).map_err(|error| error.to_string()),
        Err(_) => {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            access(folder, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| format!("the folder {}: {error}", folder.display()))
        }
    }
}

/// Whether files can be made in a folder, once it is made itself.
fn can_make(folder: &Path) -> Result<(), String> {
    let nearest = folder.ancestors().find(|known| known.as_os_str().is_empty() || known.exists());
    let nearest = nearest.filter(|known| !known.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Err(format!("{} is no folder", nearest.display()));
    }
    access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("{}: {error}", nearest.display()))
}
