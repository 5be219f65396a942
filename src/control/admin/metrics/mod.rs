//! `/metrics` in the Prometheus text format (version 0.0.4): live state and counters, read when asked.
//!
//! Series of a release end with it. Labels are names that were parsed, or escaped. The page is written while it is sent,
//! and has at most `limits.metrics_series_max` series: of apps that have more, the finest are left out first, a group at a
//! time, and the page says so.

mod endpoints;
mod own;
mod page;
mod process;
mod releases;
mod row;
mod verdicts;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use self::{page::Page, row::rows};
use crate::control::shared::{
    body_stream::{BodyError, Parts, stream_body},
    core::Core,
};

/// `GET /metrics`
pub async fn read(State(core): State<Core>) -> Response {
    let threads = core.calls.threads().clone();
    let body = stream_body(&threads, |parts| write(core, parts));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body).into_response()
}

/// The whole page, what matters most first.
async fn write(core: Core, parts: Parts) -> Result<(), BodyError> {
    let series_max = usize::try_from(core.options.limits.metrics_series_max).unwrap_or(usize::MAX);
    let mut page = Page::new(parts, series_max);
    own::write(&mut page, &core);
    process::write(&mut page, &core);
    let published = core.live.load_full();
    let apps: Vec<_> = published.table.all_routes().collect();
    let rows = rows(&apps, &published);
    releases::apps(&mut page, &apps, &published.table).await?;
    releases::shares(&mut page, &core);
    verdicts::verdicts(&mut page, &core);
    releases::requests(&mut page, &rows).await?;
    endpoints::drains(&mut page, &core, &published, &rows).await?;
    releases::moves(&mut page, &rows).await?;
    releases::durations(&mut page, &rows).await?;
    endpoints::endpoints(&mut page, &published, &rows).await?;
    endpoints::durations(&mut page, &published, &rows).await?;
    page.finish().await
}
