//! Releases: the key prefix that lists the endpoints of one deployed version of an app.

use std::{fmt, str::FromStr, sync::Arc};

use super::{app::AppName, text_form::serde_as_text};

/// What an old script writes instead of a release where it means none.
pub const NULL: &str = "rolling/null";

/// The longest segment, in bytes.
pub const SEGMENT_BYTES_MAX: usize = 200;

/// A release: `apps/<segment>/containers`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(Arc<str>);

/// A text is not the id of a release. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a release is `apps/<app>-<release>-<port>/containers`; between the slashes are allowed letters, digits, `.`, `_`, `-` \
     and `+`, at most {SEGMENT_BYTES_MAX} of them, a letter or digit first"
)]
pub struct ReleaseIdError;

/// A text is not the name of a release. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a release's name is made of letters, digits, `.`, `_`, `-` and `+`, and has at most {SEGMENT_BYTES_MAX} of them \
     together with the app's name and the port"
)]
pub struct ReleaseNameError;

impl ReleaseId {
    /// Parses a value that may also mean "none": `rolling/null`, or what an old GUI wrote for it,
    /// `apps/app-rolling/null-<port>/containers`.
    pub fn parse_nullable(text: &str) -> Result<Option<Self>, ReleaseIdError> {
        if text == NULL || is_old_null(text) { Ok(None) } else { text.parse().map(Some) }
    }

    /// The id of a new release of an app: `apps/<app>-<release>-<port>/containers`. So no two apps share one.
    pub fn of_app(app: &AppName, release: &str, port: u16) -> Result<Self, ReleaseNameError> {
        if release.is_empty() {
            return Err(ReleaseNameError);
        }
        format!("apps/{app}-{release}-{port}/containers").parse().map_err(|_| ReleaseNameError)
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

    /// The service as an app sees it: the app itself if the segment begins with its name.
    pub fn service_in<'a>(&'a self, app: &'a AppName) -> &'a str {
        self.rest_in(app).map_or_else(|| self.service(), |_| app.as_str())
    }

    /// The release's own name as an app sees it. App names may contain `-`, so the segment alone does not tell where the name
    /// of the app ends: the app that asks does.
    pub fn name_in(&self, app: &AppName) -> &str {
        let Some(rest) = self.rest_in(app) else { return self.name() };
        let Some(_) = self.port() else { return rest };
        rest.rsplit_once('-').map_or(self.segment(), |(name, _)| name)
    }

    /// What follows the app's name in the segment, if the segment begins with it.
    fn rest_in(&self, app: &AppName) -> Option<&str> {
        self.segment().strip_prefix(app.as_str())?.strip_prefix('-')
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
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
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

serde_as_text!(ReleaseId, ReleaseId::as_str);

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
    fn an_app_splits_the_segments_that_begin_with_its_name() {
        let app = |name: &str| name.parse::<AppName>().unwrap();
        let seen = |id: &str, by: &str| {
            let (id, by): (ReleaseId, AppName) = (format!("apps/{id}/containers").parse().unwrap(), app(by));
            (id.service_in(&by).to_owned(), id.name_in(&by).to_owned())
        };
        let pair = |service: &str, name: &str| (service.to_owned(), name.to_owned());
        assert_eq!(seen("hello-world-1.0.1-80", "hello-world"), pair("hello-world", "1.0.1"));
        assert_eq!(seen("hello-world-1.0.1-80", "hello"), pair("hello", "world-1.0.1"));
        assert_eq!(seen("hello-world-1.0.1-80", "shop"), pair("hello", "world-1.0.1"));
        assert_eq!(seen("shop-80", "shop"), pair("shop", "shop-80"));
        assert_eq!(seen("shop-1.0", "shop"), pair("shop", "1.0"));
    }

    #[test]
    fn the_id_of_a_new_release_begins_with_its_app() {
        let app: AppName = "my-shop".parse().unwrap();
        let id = ReleaseId::of_app(&app, "1.0.0-rc.1+build.7", 8080).unwrap();
        assert_eq!(id.as_str(), "apps/my-shop-1.0.0-rc.1+build.7-8080/containers");
        assert_eq!((id.name_in(&app), id.port()), ("1.0.0-rc.1+build.7", Some(8080)));
        for refused in ["", "a/b", "a b", "a\n", "\u{e4}", "%2e", &"a".repeat(SEGMENT_BYTES_MAX)] {
            assert_eq!(ReleaseId::of_app(&app, refused, 80), Err(ReleaseNameError), "{refused:?}");
        }
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
