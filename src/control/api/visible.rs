//! What a token that is for some apps is shown of an answer about all of them: its own apps, and nothing of the others.
//!
//! Releases that belong to no app are shown to everybody: a pipeline registers them before an app routes them.

use crate::{
    control::{
        commands::ownership::owners,
        fleet::alarms::AlarmKind,
        shared::{
            access::{caller::Caller, scope::Scope},
            core::Core,
            error::ApiError,
            reading::StoreReading,
        },
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        owners::Owners,
        release::ReleaseId,
    },
    schema::{fleet::Fleet, router::Router},
};

/// The router, without the problems of other apps.
pub fn router(mut facts: Router, scope: &Scope, reading: &StoreReading) -> Router {
    if !scope.has_all_apps() {
        let keys = VisibleKeys::of(scope, reading);
        facts.problems.retain(|problem| keys.has(&problem.key));
    }
    facts
}

/// The fleet, without what it says of other apps.
pub fn fleet(mut facts: Fleet, scope: &Scope) -> Fleet {
    if scope.has_all_apps() {
        return facts;
    }
    let is_own = |name: &str| name.parse().is_ok_and(|app| scope.has_app(&app));
    for member in &mut facts.members {
        member.differs.retain(|app, _| is_own(app));
        if let Some(apps) = &mut member.apps {
            apps.retain(|app, _| is_own(app));
        }
    }
    // These name apps and hooks.
    let names_others = [AlarmKind::Behind, AlarmKind::Hook].map(AlarmKind::as_str);
    facts.alarms.retain(|alarm| !names_others.contains(&alarm.kind.as_str()));
    facts
}

/// The keys that a token may read and write raw, as far as apps are concerned.
pub struct VisibleKeys<'a> {
    scope: &'a Scope,
    owners: Owners<'a>,
}

impl<'a> VisibleKeys<'a> {
    /// By what this router has read.
    pub fn of(scope: &'a Scope, reading: &'a StoreReading) -> Self {
        let owners = if scope.has_all_apps() { Owners::default() } else { owners(reading) };
        Self { scope, owners }
    }

    /// Whether a key is of an app that the token is for, or of nobody's release.
    pub fn has(&self, key: &str) -> bool {
        if self.scope.has_all_apps() {
            return true;
        }
        if let Some(rest) = key.strip_prefix(keys::ROLLING) {
            let app = rest.split_once('/').and_then(|(app, _)| app.parse().ok());
            return app.is_some_and(|app| self.scope.has_app(&app));
        }
        release_of(key).is_some_and(|release| self.has_release(&release))
    }

    /// Whether a release is of an app that the token is for, or nobody's.
    pub fn has_release(&self, release: &ReleaseId) -> bool {
        let owners = self.owners.owners(release);
        owners.is_empty() || owners.iter().any(|app| self.scope.has_app(app))
    }

    /// Whether a release is of no app that the token is not for: what is changed there concerns nobody else.
    pub fn may_change(&self, release: &ReleaseId) -> bool {
        self.owners.owners(release).iter().all(|app| self.scope.has_app(app))
    }
}

/// Refuses a change of the endpoints of a release of some app that the caller's token is not for.
pub fn check_registration(
    core: &Core,
    caller: &Caller,
    app: &AppName,
    release: &ReleaseId,
) -> Result<(), ApiError> {
    if caller.scope.has_all_apps() {
        return Ok(());
    }
    let reading = core.replica.reading.load();
    let mut owners = owners(&reading);
    // It may be about to be made.
    owners.add(app, None);
    if (VisibleKeys { scope: &caller.scope, owners }).may_change(release) {
        return Ok(());
    }
    let why = format!("is for some apps only, and `{release}` is not theirs alone");
    Err(caller.out_of_scope(&why).field("endpoints"))
}

/// The release that a key below `apps/` is of, whatever follows its id.
fn release_of(key: &str) -> Option<ReleaseId> {
    if let Some(Meaning::Endpoint(release, _)) = keys::meaning(key) {
        return Some(release);
    }
    let segment = key.strip_prefix(keys::APPS)?.split('/').next()?;
    format!("apps/{segment}/containers").parse().ok()
}
