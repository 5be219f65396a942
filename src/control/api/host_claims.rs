//! Claims of hosts and path prefixes, checked before settings are stored: a claim that another app has would be without effect.

use crate::{
    control::shared::{core::Core, error::ApiError},
    rollout::{app::AppName, hosts::shown, settings::Settings},
};

/// Refuses what another app claims already, and prefixes on a host whose app does not share it.
pub(super) fn refuse_claimed(core: &Core, app: &AppName, settings: &Settings) -> Result<(), ApiError> {
    refuse_held(core, app, settings)?;
    match unsharing_owners(core, app, settings).first() {
        None => Ok(()),
        Some((host, owner)) => {
            let message = format!(
                "`{host}` is claimed by the app `{owner}`; another app may claim path prefixes there once the setting \
                 `share_host` of `{owner}` names it, or if an admin does it"
            );
            Err(ApiError::value("paths", message))
        }
    }
}

/// Refuses hosts and prefixes on them that another app claims already. The first claim keeps.
pub(super) fn refuse_held(core: &Core, app: &AppName, settings: &Settings) -> Result<(), ApiError> {
    let reading = core.replica.reading.load();
    for (other, other_reading) in reading.apps.iter().filter(|(other, _)| *other != app) {
        let theirs = &other_reading.settings;
        let prefix = settings.prefixes().find(|prefix| theirs.prefixes().any(|their| their == *prefix));
        let Some(prefix) = prefix else { continue };
        let host = match settings.hosts.iter().find(|host| theirs.hosts.contains(host)) {
            Some(host) => host.as_str(),
            None if settings.hosts.is_empty() && theirs.hosts.is_empty() && prefix != "/" => "*",
            None => continue,
        };
        let field = if prefix == "/" { "hosts" } else { "paths" };
        let message = format!("`{}` is claimed by the app `{other}`", shown(host, prefix));
        return Err(ApiError::value(field, message));
    }
    Ok(())
}

/// The hosts of these settings that belong to another app which does not share them, each with that app. What the app has
/// there already it keeps.
pub(super) fn unsharing_owners<'s>(
    core: &Core,
    app: &AppName,
    settings: &'s Settings,
) -> Vec<(&'s str, AppName)> {
    let table = &core.live.load().table;
    let reading = core.replica.reading.load();
    let unshared = settings.hosts.iter().filter_map(|host| {
        let has = |prefix: &str| table.holder(host, prefix).is_some_and(|holder| holder.name == *app);
        if settings.prefixes().all(has) {
            return None;
        }
        // An app without a rollout is in no table, and has its hosts all the same.
        let owner = table.owner(host).map(|owner| &owner.name).or_else(|| {
            let mut claiming = reading.apps.iter().filter(|(_, other)| other.settings.hosts.contains(host));
            claiming.find(|(other, _)| *other != app).map(|(other, _)| other)
        })?;
        let shares = reading.apps.get(owner).is_some_and(|owner| owner.settings.shares_host_with(app));
        (owner != app && !shares).then(|| (host.as_str(), owner.clone()))
    });
    unshared.collect()
}
