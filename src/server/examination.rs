//! What `serve` would say of its settings, found without serving: `check` tells it.

use std::{
    fs::{self, OpenOptions},
    path::Path,
};

use keyvalues::OpenError;
use rustix::fs::{Access, access};

use super::addresses::unusable_addresses;
use crate::{
    clock::Clock,
    config::{self, Config, LogDestination, StoreAddress, expiry},
    control::{SecretsOptions, Tokens, read_secrets},
};

/// What an operator should mend.
#[derive(Debug, Default)]
pub struct Examination {
    /// What of the settings keeps the router from starting.
    pub refusals: Vec<String>,
    /// What this machine refuses, so that the router does not start either.
    pub obstacles: Vec<String>,
    /// What it would serve without.
    pub faults: Vec<String>,
    /// What it would warn of.
    pub warnings: Vec<String>,
}

/// Looks at everything that settings name, makes nothing and connects to nothing.
pub fn examine(config: &Config) -> Examination {
    let mut found = Examination { warnings: config.warnings.clone(), ..Examination::default() };
    found.obstacles.extend(unusable_addresses(config));
    found.examine_store(&config.store, config.served_before());
    for (what, destination) in [("--access-log", &config.access_log), ("--audit-log", &config.audit_log)] {
        if let LogDestination::File(path) = destination
            && let Err(why) = can_append(path)
        {
            found.refusals.push(format!("{} cannot be opened: {why} ({what})", path.display()));
        }
    }
    // What a store in memory has is gone with it, so nothing is kept beside it.
    let state = config.state.as_deref().filter(|_| config.store != StoreAddress::Memory);
    if let Some(state) = state
        && let Err(why) = can_make(state)
    {
        found.refusals.push(format!("the state directory {} cannot be used: {why}", state.display()));
    }
    let token = config.token.as_ref().map(config::Secret::expose);
    let (faults, warnings) = Tokens::examine(config.token_file.as_deref(), token);
    found.faults.extend(faults);
    found.warnings.extend(warnings);
    if let Some(file) = &config.secrets_key_file {
        let (fault, warning) = SecretsOptions::examine(file);
        // What is encrypted is not read without it, and what was read last is served.
        let faults = if config.served_before() { &mut found.faults } else { &mut found.refusals };
        faults.extend(fault.map(|fault| format!("{fault} (--secrets-key-file)")));
        found.warnings.extend(warning);
    }
    if let Some(sso) = &config.sso {
        match read_secrets(&sso.secret_file) {
            Ok((_, warning)) => found.warnings.extend(warning),
            Err(why) => {
                let faults = if config.served_before() { &mut found.faults } else { &mut found.refusals };
                faults.push(format!("{why} (--admin-sso-secret-file)"));
            }
        }
    }
    for pair in config.tls.iter().flat_map(|tls| &tls.pairs) {
        match pair.read() {
            Ok(certificate) => found.faults.extend(
                expiry(&certificate, Clock::system().wall_ms())
                    .map(|fault| format!("{}: {fault}", pair.certificate.display())),
            ),
            // Plain http is served all the same by a router that served before.
            Err(error) if config.served_before() => found.faults.push(error.to_string()),
            Err(error) => found.refusals.push(error.to_string()),
        }
    }
    found
}

impl Examination {
    fn examine_store(&mut self, store: &StoreAddress, served_before: bool) {
        if let Err(error) = keyvalues::check_address(&store.url()) {
            // A file that is gone or wrong is waited for, if there is something to serve.
            let waits = served_before && matches!(error, OpenError::File(_));
            let found = if waits { &mut self.faults } else { &mut self.refusals };
            found.push(format!("{error} (--store)"));
        }
        let StoreAddress::Embedded(file) = store else { return };
        if !file.exists() {
            let folder = store.folder().unwrap_or(Path::new("."));
            if let Err(why) = can_make(folder) {
                self.refusals.push(format!("the store's folder {} cannot be used: {why}", folder.display()));
            }
            return;
        }
        match keyvalues::begins_as_store(file) {
            Ok(true) => {}
            Ok(false) => {
                self.faults.push(format!("the file of the store {store} is damaged: it is no store's"))
            }
            Err(why) => {
                // What was served last is served again, whatever the store says.
                let found = if served_before { &mut self.faults } else { &mut self.refusals };
                found.push(format!("the file of the store {store} cannot be used: {why}"));
            }
        }
    }
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
