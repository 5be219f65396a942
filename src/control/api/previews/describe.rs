//! A preview as the API shows it, never with its token.

use crate::{
    rollout::{
        app::AppName,
        preview::Preview,
        record::{Record, Stay},
    },
    schema::preview::Preview as PreviewAnswer,
};

/// A preview of an app with this record.
pub(super) fn describe(app: &AppName, preview: &Preview, record: Option<&Record>) -> PreviewAnswer {
    let stands = |stay: &Option<Stay>| stay.as_ref().is_some_and(|stay| stay.tenure == preview.tenure);
    let track = match record {
        Some(record) if stands(&record.stable) => "stable",
        Some(record) if stands(&record.candidate) => "candidate",
        _ => "draining",
    };
    PreviewAnswer {
        app: app.to_string(),
        id: preview.id.to_string(),
        release: preview.release.to_string(),
        tenure: preview.tenure,
        track: track.to_owned(),
        expires: preview.expires,
        note: preview.note.clone(),
        by: preview.by.clone(),
        at: preview.at,
        path: None,
        applied: None,
    }
}
