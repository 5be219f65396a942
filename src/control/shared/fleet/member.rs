//! What members write about themselves: values below `rolling/router/` from which no table is built.
//!
//! Each member writes only its own keys. Fields that are missing or unknown are no fault, so that versions mix.

use std::{collections::BTreeMap, net::SocketAddr};

use imbl::OrdMap;
use keyvalues::Revision;
use serde::{Deserialize, Serialize};

use crate::{
    live::sketch::SketchTotal,
    rollout::{
        address::Address,
        app::AppName,
        record::Tenure,
        release::ReleaseId,
        table::{AppRoutes, ReleaseKey},
    },
};

/// The kinds of values a member writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// That it is a member. It is durable: only a graceful exit or an operator removes it.
    Entry,
    /// What it serves.
    Report,
    /// That it lives. It is bound to a lease.
    SignOfLife,
    /// What it still carries on draining releases.
    Load,
    /// What it has counted of candidates.
    Evidence,
    /// What its releases did in the last minute.
    Past,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Entry, Self::Report, Self::SignOfLife, Self::Load, Self::Evidence, Self::Past];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Entry => "rolling/router/members/",
            Self::Report => "rolling/router/reports/",
            Self::SignOfLife => "rolling/router/heard/",
            Self::Load => "rolling/router/loads/",
            Self::Evidence => "rolling/router/evidence/",
            Self::Past => "rolling/router/past/",
        }
    }

    /// The key of a member's value.
    pub fn key(self, node: &str) -> String {
        format!("{}{node}", self.prefix())
    }

    /// What a key is, and whose.
    pub fn of(key: &str) -> Option<(Self, &str)> {
        Self::ALL.iter().find_map(|kind| {
            let node = key.strip_prefix(kind.prefix())?;
            (!node.is_empty() && !node.contains('/')).then_some((*kind, node))
        })
    }
}

/// A member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// What people call it (`--node`), or its id.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// The number of the newest pin format that it reads; a member of an older version does not say.
    #[serde(skip_serializing_if = "is_first")]
    pub pin_format: u8,
    /// Where it listens, at each address of its machine; a member of an older version does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<SocketAddr>,
    /// The marks of the keys for the store's secrets that its file lists, the newest first; none: it has no such file, or is of
    /// an older version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets_keys: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(time: &u64) -> bool {
    *time == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_first(format: &u8) -> bool {
    *format < 2
}

/// What a member routes by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The store's epoch: revisions compare only within it.
    pub epoch: String,
    /// The revision of the pin keys it uses.
    pub pin_keys: Revision,
    /// Of each app: the seq of the record that its routes come from, and the newest revision among the app's keys.
    pub apps: ServedApps,
}

/// The seq and the revision at which each app is served.
pub type ServedApps = OrdMap<AppName, (u64, Revision)>;

impl Report {
    /// This report with other routes of some apps: name, as they were, as they are.
    #[must_use]
    pub fn with<'a>(
        &self,
        apps: impl Iterator<Item = (&'a AppName, Option<&'a AppRoutes>, Option<&'a AppRoutes>)>,
    ) -> Self {
        let mut report = self.clone();
        for (name, _, routes) in apps {
            match routes {
                Some(routes) => drop(report.apps.insert(name.clone(), (routes.seq, routes.revision))),
                None => drop(report.apps.remove(name)),
            }
        }
        report
    }

    /// Whether this app's routes come from that seq and revision, or later ones.
    pub fn has(&self, app: &AppName, seq: u64, revision: Revision) -> bool {
        self.apps.get(app).is_some_and(|served| served.0 >= seq && served.1 >= revision)
    }
}

/// A sign of life. That the store still has it says that the member lives; it is written anew when what it says changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignOfLife {
    /// The member's wall clock, Unix ms.
    pub at: u64,
    /// Since when that clock goes on without a step (Unix ms): when the member started, or the clock was set. 0: the member
    /// does not say.
    #[serde(skip_serializing_if = "is_zero")]
    pub clock_since: u64,
    /// The store revision up to which it serves.
    pub revision: Revision,
    /// Time since its last confirmed read, in ms; null before the first.
    pub staleness_ms: Option<u64>,
    /// What is open, at that revision or later, at endpoints that get no new requests; `None` if the member does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<Vec<OpenAt>>,
}

/// What is open at the address of an endpoint that drains or was taken out of its release, in all releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAt {
    pub address: Address,
    /// Requests and WebSockets.
    pub in_flight: u32,
    /// WebSockets among them.
    #[serde(default)]
    pub open_sockets: u32,
    /// Somebody was there lately who may come back, since the endpoint drains softly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_used: bool,
}

/// What one member still carries on draining releases, and what it pulls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    pub releases: Vec<ReleaseLoad>,
    /// How far it is with the images that it pulls, for people, by the key of each deployment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pulls: BTreeMap<String, String>,
}

/// What one member still carries on one draining release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseLoad {
    pub app: AppName,
    pub release: ReleaseId,
    pub tenure: Tenure,
    pub open_requests: u64,
    pub open_sockets: u64,
    /// Nobody is left there.
    #[serde(default)]
    pub can_be_stopped: bool,
    /// The sketch of clients whose pins came back lately ([`SketchTotal::to_text`]).
    pub pinned: String,
}

impl ReleaseLoad {
    /// Whether this is the load of that stay.
    pub fn is_of(&self, key: &ReleaseKey) -> bool {
        self.app == key.app && self.release == key.release && self.tenure == key.tenure
    }

    /// The clients, if they can be read.
    pub fn clients(&self) -> Option<SketchTotal> {
        SketchTotal::from_text(&self.pinned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::shared::entries::decode;

    #[test]
    fn keys_name_kind_and_member() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&kind.key("n1")), Some((kind, "n1")));
        }
        for key in ["rolling/router/epoch", "rolling/router/members/", "rolling/router/members/a/b"] {
            assert_eq!(Kind::of(key), None, "{key}");
        }
    }

    #[test]
    fn another_versions_fields_are_no_fault() {
        let entry: Entry = decode(br#"{"name":"r1","rack":7}"#).unwrap();
        assert_eq!((entry.name.as_str(), entry.version.as_str()), ("r1", ""));
        assert_eq!(decode::<Entry>(b"garbage"), None);
    }

    #[test]
    fn a_report_has_what_is_at_least_as_new() {
        let app: AppName = "shop".parse().unwrap();
        let report = Report { apps: ServedApps::unit(app.clone(), (7, 40)), ..Report::default() };
        assert!(report.has(&app, 7, 40) && report.has(&app, 6, 39));
        assert!(!report.has(&app, 8, 40) && !report.has(&app, 7, 41));
        assert!(!report.has(&"other".parse().unwrap(), 0, 0));
    }
}
