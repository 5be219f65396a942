//! The list of an app's live preview grants, as it is stored.

use serde::{Deserialize, Serialize};

use super::id::PreviewId;
use crate::{
    limits::{PREVIEW_NOTE_BYTES_MAX, PREVIEWS_MAX},
    rollout::{record::Tenure, release::ReleaseId},
};

/// The most bytes of JSON that are read as a list of grants.
pub(super) const LIST_BYTES_MAX: usize = 256 * 1024;

/// One live preview grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Its id.
    pub id: PreviewId,
    /// The release it shows.
    pub release: ReleaseId,
    /// The tenure of that release. The grant ends with it.
    pub tenure: Tenure,
    /// When it ends, Unix ms.
    pub expires: u64,
    /// For whom or what the grant is, in the words of its author.
    #[serde(default)]
    pub note: String,
    /// The name of the API token that made it.
    pub by: String,
    /// When it was made, Unix ms.
    pub at: u64,
}

/// An app's live preview grants, stored as JSON at `rolling/<app>/previews`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Previews {
    /// The grants, oldest first.
    pub previews: Vec<Preview>,
}

impl Previews {
    /// Parses and checks the stored JSON; the error says what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        if json.len() > LIST_BYTES_MAX {
            return Err(format!(
                "a list of previews of at most {LIST_BYTES_MAX} bytes; this value has {}",
                json.len()
            ));
        }
        let list: Self =
            serde_json::from_slice(json).map_err(|error| format!("a list of previews as JSON: {error}"))?;
        if list.previews.len() > PREVIEWS_MAX {
            return Err(format!("at most {PREVIEWS_MAX} previews; this list has {}", list.previews.len()));
        }
        if let Some(preview) = list.previews.iter().find(|each| each.note.len() > PREVIEW_NOTE_BYTES_MAX) {
            let (id, bytes) = (preview.id, preview.note.len());
            return Err(format!(
                "a note of at most {PREVIEW_NOTE_BYTES_MAX} bytes; that of preview {id} has {bytes}"
            ));
        }
        Ok(list)
    }

    /// The grant of this id.
    pub fn find(&self, id: PreviewId) -> Option<&Preview> {
        self.previews.iter().find(|preview| preview.id == id)
    }

    /// Drops the grants that have ended by `now` (Unix ms), and those for a tenure that is not routed.
    pub fn retain(&mut self, now: u64, routed: impl Fn(Tenure) -> bool) {
        self.previews.retain(|preview| now < preview.expires && routed(preview.tenure));
    }
}
