//! Problems: stored values that are not allowed, for the person who has to correct them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::contents::Keyspace;
use crate::rollout::{app::AppName, keys, release::ReleaseId};

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
    fn new(key: &str, value: &[u8], allowed: String) -> Self {
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
        let waiting = unsettled.into_iter().filter_map(|name| self.waiting_stable(name));
        let refused = self.claims.refused();
        let claims = refused
            .map(|(name, claim, allowed)| Problem::new(&keys::settings(name), claim.as_bytes(), allowed));
        let mut problems: Vec<Problem> = faults.chain(waiting).chain(claims).collect();
        problems.sort_by(|one, other| one.key.cmp(&other.key));
        problems
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
            "a release with an endpoint; this one becomes stable as soon as a key {release}/<container id> holds `ip:port`"
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
