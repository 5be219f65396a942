//! What the releases of an app did over the last minutes or hours.

use serde::{Deserialize, Serialize};

/// What the releases of an app did over the last minutes or hours, in steps. Steps without a request are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Past {
    /// The app.
    pub app: String,
    /// When the first step begins, Unix ms.
    pub from: u64,
    /// When the last step ends, Unix ms: the present, up to a minute.
    pub until: u64,
    /// How long a step is, in seconds.
    pub step_seconds: u64,
    /// Since when this router counts, Unix ms: what was before, it does not know.
    pub known_since: u64,
    /// Each release that was asked for anything, ordered by id.
    pub releases: Vec<PastRelease>,
}

/// What one release did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PastRelease {
    /// Its id, `apps/<segment>/containers`.
    pub id: String,
    /// Its own name, such as `1.0.1`.
    pub release: String,
    /// The steps, oldest first.
    pub steps: Vec<PastStep>,
    /// How long its answers took over all of them: buckets of a quarter of a doubling, the shortest first. Empty ones are left out.
    pub latency: Vec<LatencyBucket>,
}

/// Answers that took about as long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LatencyBucket {
    /// The longest time from when the release was asked to the last byte of its answer, in ms.
    pub up_to_ms: f64,
    /// How many answers took so long, and longer than the bucket before.
    pub answers: u64,
}

/// What one release did within one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PastStep {
    /// When it begins, Unix ms.
    pub at: u64,
    /// Answers.
    pub requests: u64,
    /// Answers by status class: 1xx, 2xx, 3xx, 4xx, 5xx. Cut exchanges are among the last.
    pub statuses: [u64; 5],
    /// Median time from when the release was asked to the last byte of its answer, in ms; null without one.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the same, in ms.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the same, in ms.
    pub p99_ms: Option<f64>,
}
