//! Ids of deployments. An id begins with the name of the app that it is of, so that an old script, which knows no apps, finds
//! its deployment by the id alone.

use std::{fmt, str::FromStr, sync::Arc};

use crate::rollout::{app::AppName, text_form::serde_as_text};

/// The longest id, in bytes: with a service and a port it must fit the segment of a release.
pub const DEPLOYMENT_ID_BYTES_MAX: usize = 120;

/// The id of a deployment: the app's name, or that, a `-`, and more. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(Arc<str>);

/// A text is not the id of a deployment. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a deployment's id is a letter or digit, then letters, digits, `.`, `_`, `-` and `+`, at most {DEPLOYMENT_ID_BYTES_MAX} \
     of them, and begins with the name of its app, as in `shop-20261119-1430`"
)]
pub struct DeploymentIdError;

impl DeploymentId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The apps that it may be of by its text, the longest name first.
    pub fn possible_apps(&self) -> impl Iterator<Item = AppName> {
        let ends = self.0.rmatch_indices('-').map(|(at, _)| at);
        [self.0.len()].into_iter().chain(ends).filter_map(|end| self.0[..end].parse().ok())
    }

    /// The app that it is of: the longest name among those that there are. Where there is none yet, what stands before the
    /// first part that begins with a digit, since scripts put the time there.
    pub fn app(&self, exists: impl Fn(&AppName) -> bool) -> Option<AppName> {
        self.possible_apps().find(exists).or_else(|| {
            let starts_number =
                |at: &usize| self.0.as_bytes().get(at + 1).is_some_and(|byte| byte.is_ascii_digit());
            let ends = self.0.match_indices('-').map(|(at, _)| at);
            let end = ends.into_iter().find(starts_number).unwrap_or(self.0.len());
            self.0[..end].parse().ok()
        })
    }
}

impl FromStr for DeploymentId {
    type Err = DeploymentIdError;

    fn from_str(text: &str) -> Result<Self, DeploymentIdError> {
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
        if !starts || text.len() > DEPLOYMENT_ID_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(DeploymentIdError);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(DeploymentId, DeploymentId::as_str);

#[cfg(test)]
mod tests {
    use super::*;

    fn app_of(id: &str, apps: &[&str]) -> Option<String> {
        let id: DeploymentId = id.parse().unwrap();
        id.app(|app| apps.contains(&app.as_str())).map(|app| app.to_string())
    }

    #[test]
    fn the_longest_app_that_there_is_has_the_deployment() {
        for (id, apps, app) in [
            ("shop-eu-20261119-1430", &["shop", "shop-eu", "other"][..], Some("shop-eu")),
            ("shop-eu-20261119-1430", &["shop"], Some("shop")),
            ("shop", &["shop"], Some("shop")),
            ("shop-eu-20261119-1430", &[], Some("shop-eu")),
            ("shopping-1", &["shop"], Some("shopping")),
            ("meow-deploy", &[], Some("meow-deploy")),
            ("a+b", &[], None),
            ("null-1", &[], None),
        ] {
            assert_eq!(app_of(id, apps).as_deref(), app, "{id} among {apps:?}");
        }
    }

    #[test]
    fn what_could_be_something_else_in_a_key_is_refused() {
        let long = "a".repeat(DEPLOYMENT_ID_BYTES_MAX + 1);
        for refused in ["", "rolling/null", "-a", ".", "..", "a b", "a\n", "\u{e4}", "%2e", "{", &long] {
            assert_eq!(refused.parse::<DeploymentId>(), Err(DeploymentIdError), "{refused:?}");
        }
    }
}
