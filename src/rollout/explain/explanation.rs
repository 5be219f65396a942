//! The explanation of one request, as the API answers it.

use serde::Serialize;

use super::tester::TesterReport;
use crate::rollout::{
    blend::Blend,
    record::{LeftReason, Tenure},
    release::ReleaseId,
    table::AppRoutes,
};

/// Why one request goes where it goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The seq of the record that routes it.
    pub seq: u64,
    /// The blend it is explained at.
    pub blend: Blend,
    /// Whether the app is sticky.
    pub sticky: bool,
    /// Whether it counts as a top-level navigation.
    pub navigation: bool,
    /// Whether its path is that of a fingerprinted asset.
    pub asset: bool,
    /// `override`, `pin`, `bucket`, or `none` when no release is routed.
    pub rule: &'static str,
    /// The status of the router's own answer; none where the request goes to an endpoint.
    pub status: Option<u16>,
    /// The reason of the assignment; none where there is none.
    pub reason: Option<&'static str>,
    /// The release that gets the request.
    pub release: Option<ReleaseSummary>,
    /// The endpoint that gets the request.
    pub endpoint: Option<EndpointReport>,
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
    /// Every routed release, with its health.
    pub releases: Vec<ReleaseReport>,
    /// The whole explanation in sentences.
    pub why: Vec<String>,
}

/// A release, with its name and what it is to the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseSummary {
    /// The release.
    pub id: ReleaseId,
    /// Its short name.
    pub release: String,
    /// Its tenure.
    pub tenure: Tenure,
    /// `stable`, `candidate` or `draining`.
    pub track: &'static str,
}

/// An endpoint, and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointReport {
    /// Its address.
    pub address: String,
    /// Whether this router sees it serving, and it does not drain.
    pub serves: bool,
    /// Whether it is the endpoint that the pin names.
    pub pinned: bool,
    /// Whether all requests like this one go there as long as it serves: by the pin, the preview, or what the client is
    /// known by. Otherwise a serving endpoint is drawn for each request.
    pub kept: bool,
}

/// What the pin cookie says, after verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinReport {
    /// `none`, `valid`, `forged`, `foreign-key`, or `unread`: in an app that is not sticky or knows its clients by
    /// something else, and where a tester chose the release.
    pub found: &'static str,
    /// How many cookies bear the pin's name.
    pub values: usize,
    /// The contents of a valid pin.
    #[serde(flatten)]
    pub contents: Option<PinContents>,
}

/// The contents of a valid pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinContents {
    /// The tenure it is pinned to.
    pub tenure: Tenure,
    /// The release of that tenure, while it is routed.
    pub release: Option<ReleaseSummary>,
    /// Why that tenure ended, if it did.
    pub left: Option<LeftReason>,
    /// Whether the tenure is newer than this router's table.
    pub ahead: bool,
    /// The address of the pinned endpoint, while the release lists it.
    pub endpoint: Option<String>,
    /// How many moves the pin counts on its move day.
    pub moves: u8,
    /// Whether `shielded` or `fallback` moved the client off the candidate.
    pub left_candidate: bool,
}

/// The arithmetic of the bucket: it is the candidate's if `place` is below `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BucketReport {
    /// The client's bucket, 0..10,000.
    pub bucket: u16,
    /// `pin`, `header` or `address` (what the client is known by), `next` (what this router would draw for its next new
    /// client), or `any` (every request draws, or nothing was said of what the client is known by).
    pub from: &'static str,
    /// The hash of the candidate's tenure, 0..10,000; 0 without a candidate.
    pub offset: u16,
    /// `(bucket + offset) mod 10000`.
    pub place: u16,
    /// The blend in hundredths of a percent.
    pub threshold: u16,
    /// Whether there is a candidate and the place is below the threshold.
    pub candidate: bool,
}

/// What the response does with the pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CookieReport {
    /// `keep`, `first`, `replace` or `refresh`.
    pub change: &'static str,
    /// Whether this response carries it.
    pub set: bool,
}

/// A routed release, with its health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// When it retires, Unix ms, if it drains.
    pub until: Option<u64>,
}

impl ReleaseSummary {
    /// The summary of a release of an app, by its index.
    pub fn of(app: &AppRoutes, index: usize) -> Self {
        let release = &app.releases[index];
        Self {
            id: release.id.clone(),
            release: release.id.name().to_owned(),
            tenure: release.tenure,
            track: release.standing.as_str(),
        }
    }
}
