//! Testers: which release the sender of a request chose, by a preview grant or by the override header
//! (docs/design.md section 5).
//!
//! This is part of the core and not of the data plane, so that explaining a request and routing it use the same code.

use super::{table::AppRoutes, target::ReleaseIndex};

/// The release that a preview grant leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewTarget {
    /// The release.
    pub release: ReleaseIndex,
    /// The same number for every request under this grant, so that all go to one endpoint of the release.
    pub affinity: u64,
    /// When the grant ends, Unix ms.
    pub expires: u64,
}

/// Why a preview token leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewFault {
    /// No key of this fleet signed it.
    Forged,
    /// Its time is over.
    Expired,
    /// Its grant was revoked.
    Revoked,
    /// The release it was made for is not routed any more.
    Left,
}

/// Why an override header leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// The request has it twice.
    Twice,
    /// It names no routed release, or more than one.
    UnknownRelease,
}

impl PreviewFault {
    /// The HTTP status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Forged => 403,
            Self::Expired | Self::Revoked | Self::Left => 410,
        }
    }
}

impl HeaderFault {
    /// The HTTP status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Twice => 400,
            Self::UnknownRelease => 404,
        }
    }
}

/// Finds the release that a preview token leads to at `now` (Unix ms).
///
/// # Errors
/// The token is not signed by this fleet, has expired, was revoked, or its release is not routed any more.
pub fn open_preview(app: &AppRoutes, token: &[u8], now: u64) -> Result<PreviewTarget, PreviewFault> {
    let token = app.previews.codec.decode(token).ok_or(PreviewFault::Forged)?;
    if now >= token.expires {
        return Err(PreviewFault::Expired);
    }
    let listed = app.previews.live.find(token.id).ok_or(PreviewFault::Revoked)?;
    let release = app.by_tenure(token.tenure).ok_or(PreviewFault::Left)?;
    let id = &app.release(release).id;
    // An entry that was edited by hand must not lead the token to another release than the one it was made for.
    if listed.tenure != token.tenure || listed.release != *id || !app.previews.codec.names(&token, id) {
        return Err(PreviewFault::Left);
    }
    Ok(PreviewTarget { release, affinity: token.id.affinity(), expires: token.expires })
}

/// Finds the release that the values of tester's cookies lead to at `now` (Unix ms). The first value that leads to a
/// release decides.
///
/// # Errors
/// No value leads to a release: the fault of the last one.
pub fn choose_by_preview<'a>(
    app: &AppRoutes,
    values: impl Iterator<Item = &'a [u8]>,
    now: u64,
) -> Result<PreviewTarget, PreviewFault> {
    let mut last = PreviewFault::Forged;
    for value in values {
        match open_preview(app, value, now) {
            Ok(target) => return Ok(target),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

/// Finds the release that the values of the override header name; `None` where there is no value.
///
/// # Errors
/// There are several values, or the one value does not name exactly one routed release.
pub fn choose_by_header<'a>(
    app: &AppRoutes,
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<ReleaseIndex>, HeaderFault> {
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderFault::Twice);
    }
    find_release(app, value).map(Some).ok_or(HeaderFault::UnknownRelease)
}

/// The routed release of this track, id, segment of an id, or name. A name that several releases have finds none.
fn find_release(app: &AppRoutes, value: &[u8]) -> Option<ReleaseIndex> {
    match value {
        b"stable" => return app.stable,
        b"candidate" => return app.candidate,
        _ => {}
    }
    let routed = || app.releases.iter().enumerate();
    let by_id = routed().find(|(_, release)| {
        [release.id.as_str(), release.id.segment()].iter().any(|id| id.as_bytes() == value)
    });
    let mut by_name = routed().filter(|(_, release)| release.id.name_in(&app.name).as_bytes() == value);
    match (by_id, by_name.next(), by_name.next()) {
        (Some((index, _)), ..) | (None, Some((index, _)), None) => Some(ReleaseIndex(index)),
        _ => None,
    }
}
