//! Problems: stored values that are not allowed, for the person who has to correct them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{claims::ClaimProblem, contents::Keyspace};
use crate::rollout::{
    adopt::{self, OldKey},
    app::AppName,
    keys,
    release::ReleaseId,
};

/// How many characters of a value are shown: enough to recognise it.
const SHOWN_CHARS: usize = 120;

/// A stored value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Problem {
    /// The key.
    pub key: String,
    /// Its value, shortened and escaped.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl Problem {
    pub(super) fn new(key: &str, value: &[u8], allowed: String) -> Self {
        Self { key: key.to_owned(), value: shown(value), allowed }
    }
}

impl Keyspace {
    /// Every value that is not allowed, ordered by key. Claims of two apps are found by [`Keyspace::build`].
    pub fn problems(&self) -> Vec<Problem> {
        let faults = self.faulty.iter().filter_map(|key| {
            let stored = self.values.get(key)?;
            Some(Problem::new(key, &stored.raw, stored.fault.clone()?))
        });
        // Only old keys that differ from the record can wait for an endpoint.
        let unsettled: BTreeSet<&AppName> = self.unsettled.iter().chain(&self.touched).collect();
        let waiting = unsettled.iter().filter_map(|name| self.waiting_stable(name));
        let held = unsettled.iter().filter_map(|name| self.held_null(name));
        let claims = self.claims.problems().iter().map(|ClaimProblem { app, claim, allowed }| {
            Problem::new(&keys::settings(app), claim.as_bytes(), allowed.clone())
        });
        let shared = self.shared_releases().into_iter().chain(self.shared_addresses());
        let mut problems: Vec<Problem> =
            faults.chain(waiting).chain(held).chain(claims).chain(shared).collect();
        problems.sort_by(|one, other| one.key.cmp(&other.key));
        problems
    }

    /// The old key whose null is not adopted, since it would leave the app without a release.
    fn held_null(&self, name: &AppName) -> Option<Problem> {
        let app = self.apps.get(name)?;
        let held = adopt::held_null(app.record.as_ref(), &app.old, &|release| self.endpoints(release))?;
        let allowed = match held {
            OldKey::Candidate => {
                "a release: this candidate is all that the app has. `abort` drops it all the same"
            }
            _ => {
                "a release: new clients would get 503 without the one that is stable. It stays; `stable clear --force` \
                 takes the app off line all the same"
            }
        };
        let text = app.old.get(held).unwrap_or_default();
        Some(Problem::new(&held.key(name), text.as_bytes(), allowed.to_owned()))
    }

    /// The releases that several apps route: a request of one of them may be answered by what another one registered.
    fn shared_releases(&self) -> Vec<Problem> {
        let routes = |app: &AppName, release: &ReleaseId| {
            let record = self.apps.get(app).and_then(|app| app.record.as_ref());
            record.is_some_and(|record| record.routed().any(|(routed, _)| routed == release))
        };
        let several = self.listed_by.iter().filter(|(_, apps)| apps.len() > 1);
        let shared = several.filter_map(|(release, apps)| {
            let apps: Vec<&str> =
                apps.iter().filter(|app| routes(app, release)).map(AppName::as_str).collect();
            let allowed = "a release of one app only: give each app releases of its own. While both route it, its \
                           endpoints are changed only with `force`";
            (apps.len() > 1)
                .then(|| Problem::new(release.as_str(), apps.join(", ").as_bytes(), allowed.to_owned()))
        });
        shared.collect()
    }

    /// Checks a value that a raw write through the API is about to store. Keys without a meaning may hold anything.
    ///
    /// # Errors
    /// The value is not allowed.
    pub fn check(&self, key: &str, value: &[u8]) -> Result<(), Problem> {
        let fault = keys::routed_meaning(key).and_then(|meaning| self.fault_of(&meaning, value));
        fault.map_or(Ok(()), |allowed| Err(Problem::new(key, value, allowed)))
    }

    /// The release in `stable/id` that is not adopted yet, since it has no endpoint.
    fn waiting_stable(&self, name: &AppName) -> Option<Problem> {
        let app = self.apps.get(name)?;
        let text = app.old.stable.as_deref()?;
        let release = ReleaseId::parse_nullable(text).ok()??;
        let stable = app.record.as_ref().and_then(|record| record.stable.as_ref());
        if stable.is_some_and(|stay| stay.release == release) || self.endpoints(&release) > 0 {
            return None;
        }
        let allowed = format!(
            "a release with an endpoint; this one becomes stable as soon as a key {release}/<container id> holds `ip:port` or `name:port`"
        );
        Some(Problem::new(&keys::stable_id(name), text.as_bytes(), allowed))
    }
}

/// A value that may be shown anywhere: shortened, without control characters.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(&value[..value.len().min(SHOWN_CHARS * 4)]);
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().count() > SHOWN_CHARS || value.len() > SHOWN_CHARS * 4 {
        shown.push('…');
    }
    shown
}
