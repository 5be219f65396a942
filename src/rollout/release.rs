//! Releases: the key prefix that lists the endpoints of one deployed version of an app.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What an old script writes instead of a release where it means none.
pub const NULL: &str = "rolling/null";

/// The longest segment, in bytes.
pub const SEGMENT_BYTES_MAX: usize = 200;

/// A release: `apps/<segment>/containers`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(Arc<str>);

/// A text is not the id of a release. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a release is `apps/<service>-<release>-<port>/containers`")]
pub struct ReleaseIdError;

impl ReleaseId {
    /// Parses a value that may also mean "none": `rolling/null`, or what an old GUI wrote for it,
    /// `apps/app-rolling/null-<port>/containers`.
    pub fn parse_nullable(text: &str) -> Result<Option<Self>, ReleaseIdError> {
        if text == NULL || is_old_null(text) { Ok(None) } else { text.parse().map(Some) }
    }

    /// From the parts a person gives: `apps/<service>-<release>-<port>/containers`.
    pub fn from_parts(service: &str, release: &str, port: u16) -> Result<Self, ReleaseIdError> {
        format!("apps/{service}-{release}-{port}/containers").parse()
    }

    /// The whole id, which is also the key prefix of its endpoints (less the last slash).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `<segment>` of the id.
    pub fn segment(&self) -> &str {
        let inner = self.0.strip_prefix("apps/").and_then(|rest| rest.strip_suffix("/containers"));
        inner.expect("checked when parsed")
    }

    /// The service: what stands before the first `-`.
    pub fn service(&self) -> &str {
        self.segment().split_once('-').map_or(self.segment(), |(service, _)| service)
    }

    /// The port at the end (`-<digits>`), if there is one.
    pub fn port(&self) -> Option<u16> {
        self.segment().rsplit_once('-').and_then(|(_, port)| port.parse().ok())
    }

    /// The release's own name: between service and port; the whole segment if there is nothing between.
    pub fn name(&self) -> &str {
        let segment = self.segment();
        let after = segment.split_once('-').map_or(segment, |(_, rest)| rest);
        let Some(_) = self.port() else { return after };
        after.rsplit_once('-').map_or(segment, |(name, _)| name)
    }
}

/// `apps/app-rolling/null-<port>/containers`, whatever the service and the port.
fn is_old_null(text: &str) -> bool {
    text.strip_prefix("apps/")
        .and_then(|rest| rest.strip_suffix("/containers"))
        .is_some_and(|middle| middle.contains("-rolling/null-") || middle.ends_with("-rolling/null"))
}

impl FromStr for ReleaseId {
    type Err = ReleaseIdError;

    fn from_str(text: &str) -> Result<Self, ReleaseIdError> {
        let segment = text.strip_prefix("apps/").and_then(|rest| rest.strip_suffix("/containers"));
        let segment = segment.ok_or(ReleaseIdError)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let starts = segment.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !starts || segment.len() > SEGMENT_BYTES_MAX || !segment.bytes().all(allowed) {
            return Err(ReleaseIdError);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ReleaseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReleaseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_segment_for_display() {
        let id: ReleaseId = "apps/docker-hello-world-20261119-1430-8080/containers".parse().unwrap();
        assert_eq!((id.service(), id.name(), id.port()), ("docker", "hello-world-20261119-1430", Some(8080)));
        let bare: ReleaseId = "apps/hello/containers".parse().unwrap();
        assert_eq!((bare.service(), bare.name(), bare.port()), ("hello", "hello", None));
    }

    #[test]
    fn reads_both_spellings_of_null() {
        assert_eq!(ReleaseId::parse_nullable("rolling/null"), Ok(None));
        assert_eq!(ReleaseId::parse_nullable("apps/app-rolling/null-80/containers"), Ok(None));
    }

    #[test]
    fn refuses_what_is_no_release() {
        for text in
            ["", "apps//containers", "apps/a/b/containers", "apps/a", "x/a/containers", "apps/../containers"]
        {
            assert!(ReleaseId::parse_nullable(text).is_err(), "{text}");
        }
    }
}
