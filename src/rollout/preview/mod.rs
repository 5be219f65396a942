//! Preview grants: what lets a tester see a release that the blend would not show them (docs/design.md section 5).
//!
//! A grant is two things that must agree: a signed [token](token), which only its holder has, and an entry in the list
//! of its app's live grants, which every router of a fleet reads. Taking the entry out revokes the token everywhere.
//! The list holds nothing that a token could be made from.

mod token;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::token::{Grant, PreviewCodec, TOKEN_CHARS};
use super::{record::Tenure, release::ReleaseId, settings::Settings, table::AppRoutes};
use crate::limits::{PREVIEW_NOTE_BYTES_MAX, PREVIEWS_MAX};

/// Where a link leads, on the front port: this path with `?token=` and the token, and perhaps `&to=` and a path.
pub const PREVIEW_PATH: &str = "/_rolling/preview";

/// What the name of the tester's cookie has behind the name of the pin cookie: apps that share a host differ in that.
pub const COOKIE_SUFFIX: &str = "_preview";

/// The length of an id, in bytes: no two of any number of grants are the same.
const ID_BYTES: usize = 10;

/// The most bytes of JSON that are read as a list of grants.
const LIST_BYTES_MAX: usize = 256 * 1024;

/// What a grant is called: 20 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PreviewId([u8; ID_BYTES]);

/// A text that is no id of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a preview's id is {} hexadecimal digits", ID_BYTES * 2)]
pub struct PreviewIdError;

/// One grant that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// What it is called.
    pub id: PreviewId,
    /// The release it shows.
    pub release: ReleaseId,
    /// The tenure of that release: it ends with it.
    pub tenure: Tenure,
    /// When it ends, Unix ms.
    pub expires: u64,
    /// For whom or what it is, in the words of whoever made it.
    #[serde(default)]
    pub note: String,
    /// Who made it: the token's name.
    pub by: String,
    /// When, Unix ms.
    pub at: u64,
}

/// An app's live grants, stored as JSON at `rolling/<app>/previews`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previews {
    /// In the order in which they were made.
    pub previews: Vec<Preview>,
}

/// What an app's routes know of its grants.
#[derive(Debug, Clone)]
pub struct PreviewRoutes {
    /// Those that live.
    pub live: Arc<Previews>,
    /// Verifies their tokens.
    pub codec: PreviewCodec,
    /// The attributes of the tester's cookie, made once: `; Path=/` and so on, without Max-Age.
    pub attributes: Box<str>,
    /// The same for the hosts of the admin port, which have no Domain in common with the app's and are served over
    /// plain http: `Secure` only where the settings insist.
    pub admin_attributes: Box<str>,
}

/// Where a good token leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previewed {
    /// Index into [`AppRoutes::releases`].
    pub release: usize,
    /// Random and the same for every request under this grant: which endpoint of the release it keeps to.
    pub affinity: u64,
    /// When it ends, Unix ms.
    pub expires: u64,
}

/// Why a token leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewFault {
    /// Nobody here has made it.
    Forged,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// The release it was made for is not routed any more.
    Left,
}

impl PreviewId {
    /// An id of random bytes.
    pub fn new(random: [u8; ID_BYTES]) -> Self {
        Self(random)
    }
}

impl Previews {
    /// Parses and checks the stored JSON; the error says what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        if json.len() > LIST_BYTES_MAX {
            return Err(format!("a list of previews has at most {LIST_BYTES_MAX} bytes"));
        }
        let list: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if list.previews.len() > PREVIEWS_MAX {
            return Err(format!("an app has at most {PREVIEWS_MAX} previews at a time"));
        }
        if list.previews.iter().any(|preview| preview.note.len() > PREVIEW_NOTE_BYTES_MAX) {
            return Err(format!("a preview's note has at most {PREVIEW_NOTE_BYTES_MAX} bytes"));
        }
        Ok(list)
    }

    /// The grant of this id.
    pub fn find(&self, id: PreviewId) -> Option<&Preview> {
        self.previews.iter().find(|preview| preview.id == id)
    }

    /// Drops what has ended by `now` (Unix ms), and what was made for a tenure that is not routed.
    pub fn retain(&mut self, now: u64, routed: impl Fn(Tenure) -> bool) {
        self.previews.retain(|preview| now < preview.expires && routed(preview.tenure));
    }
}

impl PreviewRoutes {
    /// For an app with these settings. `https`: http redirects to https.
    pub fn new(codec: PreviewCodec, live: Arc<Previews>, settings: &Settings, https: bool) -> Self {
        let cookie = &settings.cookie;
        let always =
            |secure: bool| format!("; HttpOnly; SameSite=Lax{}", if secure { "; Secure" } else { "" });
        let domain = cookie.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        Self {
            live,
            codec,
            attributes: format!("; Path=/{domain}{}", always(cookie.secure.unwrap_or(https))).into(),
            admin_attributes: format!("; Path=/{}", always(cookie.secure.unwrap_or(false))).into(),
        }
    }
}

impl AppRoutes {
    /// Where a token leads at `now` (Unix ms).
    pub fn previewed(&self, token: &[u8], now: u64) -> Result<Previewed, PreviewFault> {
        let grant = self.previews.codec.decode(token).ok_or(PreviewFault::Forged)?;
        if now >= grant.expires {
            return Err(PreviewFault::Expired);
        }
        let listed = self.previews.live.find(grant.id).ok_or(PreviewFault::Revoked)?;
        let release = self.by_tenure(grant.tenure).ok_or(PreviewFault::Left)?;
        let id = &self.releases[release].id;
        // A list that somebody edited by hand cannot lead a token elsewhere than where it was made for.
        if listed.tenure != grant.tenure || listed.release != *id || !self.previews.codec.names(&grant, id) {
            return Err(PreviewFault::Left);
        }
        let affinity = grant.id.0.iter().fold(0, |hash: u64, byte| hash.rotate_left(7) ^ u64::from(*byte));
        Ok(Previewed { release, affinity, expires: grant.expires })
    }
}

impl fmt::Display for PreviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PreviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PreviewId {
    type Err = PreviewIdError;

    fn from_str(text: &str) -> Result<Self, PreviewIdError> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != ID_BYTES * 2 || !text.bytes().all(digits) {
            return Err(PreviewIdError);
        }
        let mut id = [0; ID_BYTES];
        for (index, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| PreviewIdError)?;
        }
        Ok(Self(id))
    }
}

impl TryFrom<String> for PreviewId {
    type Error = PreviewIdError;

    fn try_from(text: String) -> Result<Self, PreviewIdError> {
        text.parse()
    }
}

impl From<PreviewId> for String {
    fn from(id: PreviewId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests;
