//! The explanation of one request, as the API answers it.

use serde::{Deserialize, Serialize};

use super::{
    tester::TesterReport,
    word::{BucketSource, CookieChange, PinState, Rule, TrackName},
};
use crate::rollout::{
    assign::Reason,
    blend::Blend,
    last_failure::LastFailure,
    record::{LeaveReason, Tenure},
    release::ReleaseId,
    table::AppRoutes,
    target::ReleaseIndex,
};

/// Why one request goes where it goes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Findings))]
#[serde(default)]
pub struct Explanation {
    /// The seq of the record that this router routes by.
    pub seq: u64,
    /// The blend that it is explained at, in percent.
    pub blend: Blend,
    /// Whether the app is sticky.
    pub sticky: bool,
    /// Whether it counts as a top-level navigation.
    pub navigation: bool,
    /// Whether its path is that of a fingerprinted asset.
    pub asset: bool,
    /// What decided.
    pub rule: Rule,
    /// The status of the router's own answer: 503 where no release is routed, 400, 403, 404 or 410 where a tester's preview or
    /// header leads nowhere; null where the request goes to an endpoint.
    pub status: Option<u16>,
    /// The reason of the assignment, as in metrics and the access log; null: there is no assignment.
    pub reason: Option<Reason>,
    /// The release that gets the request; null: none.
    pub release: Option<ReleaseSummary>,
    /// The endpoint that gets the request; null: none.
    pub endpoint: Option<EndpointReport>,
    /// With what the endpoints of that release last failed requests of this router.
    pub failures: Vec<EndpointFailure>,
    /// What a tester's preview or header says.
    pub tester: TesterReport,
    /// What its pin says.
    pub pin: PinReport,
    /// Where its bucket lies.
    pub bucket: BucketReport,
    /// What the response does with the pin.
    pub cookie: CookieReport,
    /// Whether stable would answer, should the candidate fail.
    pub shielded: bool,
    /// Header lines that do not go to the endpoint, since their names have `_`.
    pub headers_dropped: Vec<String>,
    /// Every routed release, with its health.
    pub releases: Vec<ReleaseReport>,
    /// The whole explanation in sentences.
    pub why: Vec<String>,
}

/// A release, with its name and what it is to the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ReleaseSummary {
    /// Its id, `apps/<segment>/containers`.
    pub id: ReleaseId,
    /// Its own name, such as `1.0.1`.
    pub release: String,
    /// The number of this stay on tracks.
    pub tenure: Tenure,
    /// What it is to the app.
    pub track: TrackName,
}

/// An endpoint, and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndpointReport {
    /// Its address, `ip:port`.
    pub address: String,
    /// The name that stands for it, `name:port`; left out: it was registered by its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether this router sees it serving, and it does not drain.
    pub serves: bool,
    /// Whether it is the endpoint that the pin names.
    pub pinned: bool,
    /// Whether all requests like this one go there as long as it serves: by the pin, the preview, or what the client is
    /// known by. Otherwise a serving endpoint is drawn for each request.
    pub kept: bool,
}

impl EndpointReport {
    /// Its address, with its name if it has one.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.address),
            None => self.address.clone(),
        }
    }
}

/// With what an endpoint last failed a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EndpointFailure {
    /// Its address, `ip:port`.
    pub address: String,
    #[serde(flatten)]
    #[allow(missing_docs, reason = "its fields are the object's own")]
    pub failure: LastFailure,
}

/// What the pin cookie says, after verification.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PinReport {
    /// What is known of it: `unread` in an app that is not sticky or knows its clients by something else, and where a
    /// tester chose the release.
    pub found: PinState,
    /// How many cookies bear the pin's name.
    pub values: usize,
    /// The contents of a valid pin; its fields are missing where there is none.
    #[serde(flatten)]
    pub contents: Option<PinContents>,
}

/// The contents of a valid pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct PinContents {
    /// The tenure it is pinned to.
    pub tenure: Tenure,
    /// The release of that tenure; null: it is not routed any more.
    pub release: Option<ReleaseSummary>,
    /// Why that tenure ended; null: it did not.
    pub left: Option<LeaveReason>,
    /// Whether the tenure is newer than this router's table.
    pub ahead: bool,
    /// The address of the pinned endpoint, `ip:port`; null: the release does not list it.
    pub endpoint: Option<String>,
    /// How many moves the pin counts on its move day.
    pub moves: u8,
    /// Whether `shielded` or `fallback` moved the client off the candidate.
    pub left_candidate: bool,
}

/// The arithmetic of the bucket: it is the candidate's if `place` is below `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct BucketReport {
    /// The client's bucket, 0 to 9999.
    pub bucket: u16,
    /// Where it comes from: `pin`, `header` or `address` (what the client is known by), `next` (what this router would draw
    /// for its next new client), or `any` (every request draws, or what the client is known by is not given).
    pub from: BucketSource,
    /// The hash of the candidate's tenure, 0 to 9999; 0 without a candidate.
    pub offset: u16,
    /// `(bucket + offset) mod 10000`.
    pub place: u16,
    /// The blend in hundredths of a percent.
    pub threshold: u16,
    /// Whether there is a candidate and the place is below the threshold.
    pub candidate: bool,
}

/// What the response does with the pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CookieReport {
    /// What becomes of the pin.
    pub change: CookieChange,
    /// Whether this response sets the cookie.
    pub set: bool,
}

/// A routed release, with its health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ReleaseReport {
    #[serde(flatten)]
    #[allow(missing_docs, reason = "its fields are the object's own")]
    pub summary: ReleaseSummary,
    /// How many endpoints it lists.
    pub endpoints: usize,
    /// How many of them serve and do not drain.
    pub serving: usize,
    /// How many of them were told to drain.
    pub draining_endpoints: usize,
    /// Whether it drains and `drainseconds` have passed, so that its clients move with their next navigation.
    pub drain_over: bool,
    /// When it retires, Unix ms; null: it does not drain.
    pub until: Option<u64>,
}

impl ReleaseSummary {
    /// The summary of a release of an app.
    pub fn of(app: &AppRoutes, index: ReleaseIndex) -> Self {
        let release = app.release(index);
        Self {
            id: release.id.clone(),
            release: app.names().name_of(&release.id).to_owned(),
            tenure: release.tenure,
            track: release.standing.into(),
        }
    }
}
