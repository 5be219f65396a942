//! What the releases of an app did over the last minutes or hours.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    request::{Read, app_name},
    snapshot::Snapshot,
};
use crate::{
    cell::{HistogramTotal, upper_bound_us},
    control::{
        commands::command::unknown_app,
        limits::{PAST_COARSE_SECONDS, PAST_MINUTES},
        shared::{core::Core, error::ApiError, past::Minutes, past_cell::PastCell},
    },
    rollout::release::ReleaseId,
    schema::past::{LatencyBucket, Past, PastRelease, PastStep},
};

/// What a page shows that asks for no span, in seconds.
const SPAN_DEFAULT: u64 = 15 * 60;
/// A minute, in ms.
const MINUTE_MS: u64 = 60_000;

/// `GET /api/v1/apps/{app}/past?seconds=900`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Read,
) -> Result<Json<Past>, ApiError> {
    let app = app_name(&app)?;
    let seconds = call.query.number_in("seconds", 60..=PAST_MINUTES * 60)?.unwrap_or(SPAN_DEFAULT);
    call.query.finish()?;
    Snapshot::of(&core).seq(&app).ok_or_else(|| unknown_app(&app))?;
    let step = if seconds > PAST_COARSE_SECONDS { 5 } else { 1 };
    let now = core.clock.wall_ms() / MINUTE_MS;
    // Whole steps, the one that is going on among them.
    let first = (now + 1).saturating_sub(seconds.div_ceil(60)) / step * step;
    let releases = core.past.since(&app, first);
    Ok(Json(Past {
        app: app.to_string(),
        from: first * MINUTE_MS,
        until: (now + 1) * MINUTE_MS,
        step_seconds: step * 60,
        known_since: core.past_since,
        releases: releases.iter().map(|(release, minutes)| describe(release, minutes, step)).collect(),
    }))
}

fn describe(release: &ReleaseId, minutes: &Minutes, step: u64) -> PastRelease {
    let mut cells: BTreeMap<u64, PastCell> = BTreeMap::new();
    for (minute, cell) in minutes {
        cells.entry(minute / step * step).or_default().add(cell);
    }
    let mut all = PastCell::default();
    cells.values().for_each(|cell| all.add(cell));
    PastRelease {
        id: release.to_string(),
        release: release.name().to_owned(),
        steps: cells.iter().map(|(minute, cell)| describe_step(*minute, cell)).collect(),
        latency: describe_latency(&all.latency()),
    }
}

#[allow(clippy::cast_precision_loss, reason = "durations far below 2^52 us")]
fn describe_latency(latency: &HistogramTotal) -> Vec<LatencyBucket> {
    let filled = latency.buckets.iter().enumerate().filter(|(_, answers)| **answers > 0);
    filled
        .map(|(bucket, answers)| LatencyBucket {
            up_to_ms: upper_bound_us(bucket) as f64 / 1_000.0,
            answers: *answers,
        })
        .collect()
}

fn describe_step(minute: u64, cell: &PastCell) -> PastStep {
    let latency = cell.latency();
    #[allow(clippy::cast_precision_loss, reason = "durations far below 2^52 us")]
    let ms = |quantile| latency.quantile_us(quantile).map(|us| us as f64 / 1_000.0);
    PastStep {
        at: minute * MINUTE_MS,
        requests: cell.requests(),
        statuses: cell.statuses,
        p50_ms: ms(0.5),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
    }
}
