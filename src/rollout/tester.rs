//! Testers: which release the sender of a request chose, by a preview grant or by the override header
//! (docs/design.md section 5).
//!
//! Here and not in the data plane, so that whoever explains a request reads it with the same eyes as whoever routes it.

use super::{
    preview::{PreviewFault, Previewed},
    table::{AppRoutes, Standing},
};

/// Why an override header leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// It stands there twice.
    Twice,
    /// It names no release that is routed, or more than one.
    UnknownRelease,
}

impl HeaderFault {
    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Twice => 400,
            Self::UnknownRelease => 404,
        }
    }
}

impl PreviewFault {
    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Forged => 403,
            Self::Expired | Self::Revoked | Self::Left => 410,
        }
    }
}

/// Where these values of tester's cookies lead at `now` (Unix ms): of several, the first that leads anywhere decides.
pub fn by_grant<'a>(
    app: &AppRoutes,
    values: impl Iterator<Item = &'a [u8]>,
    now: u64,
) -> Result<Previewed, PreviewFault> {
    let mut last = PreviewFault::Forged;
    for value in values {
        match app.previewed(value, now) {
            Ok(previewed) => return Ok(previewed),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

/// The release (by index) that these values of the override header name; `None` where there is none.
pub fn by_header<'a>(
    app: &AppRoutes,
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<usize>, HeaderFault> {
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderFault::Twice);
    }
    named(app, value).map(Some).ok_or(HeaderFault::UnknownRelease)
}

/// The routed release that a track, an id or a name stands for; a name that several have stands for none.
fn named(app: &AppRoutes, value: &[u8]) -> Option<usize> {
    match value {
        b"stable" => return app.stable,
        b"candidate" => return app.candidate,
        _ => {}
    }
    let routed =
        || app.releases.iter().enumerate().filter(|(_, release)| release.standing != Standing::Previous);
    let by_id = routed().find(|(_, release)| release.id.as_str().as_bytes() == value);
    let mut by_name = routed().filter(|(_, release)| release.id.name().as_bytes() == value);
    match (by_id, by_name.next(), by_name.next()) {
        (Some((index, _)), ..) | (None, Some((index, _)), None) => Some(index),
        _ => None,
    }
}
