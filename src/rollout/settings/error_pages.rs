//! An app's own pages for what the router answers itself.

use serde::{Deserialize, Serialize};

use super::error::SettingsError;

/// The longest page, in bytes: what goes out in one buffer.
const PAGE_BYTES_MAX: usize = 16 * 1024;

/// Pages of HTML by status. Browsers get them in place of the router's; who asks for JSON or plain text does not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorPages {
    /// The request is malformed.
    #[serde(rename = "400")]
    pub bad_request: Option<Box<str>>,
    /// A preview is not allowed.
    #[serde(rename = "403")]
    pub forbidden: Option<Box<str>>,
    /// A preview leads nowhere.
    #[serde(rename = "404")]
    pub not_found: Option<Box<str>>,
    /// The request came too slowly.
    #[serde(rename = "408")]
    pub request_timeout: Option<Box<str>>,
    /// The request's body is larger than the app takes.
    #[serde(rename = "413")]
    pub content_too_large: Option<Box<str>>,
    /// No endpoint could be reached, or its answer was no answer.
    #[serde(rename = "502")]
    pub bad_gateway: Option<Box<str>>,
    /// The app, or the router, has no room or no release.
    #[serde(rename = "503")]
    pub unavailable: Option<Box<str>>,
    /// The app did not answer in time.
    #[serde(rename = "504")]
    pub gateway_timeout: Option<Box<str>>,
}

impl ErrorPages {
    /// The page for this status.
    pub fn of(&self, status: u16) -> Option<&str> {
        self.all().into_iter().find(|(own, _)| *own == status).and_then(|(_, page)| page.as_deref())
    }

    fn all(&self) -> [(u16, &Option<Box<str>>); 8] {
        [
            (400, &self.bad_request),
            (403, &self.forbidden),
            (404, &self.not_found),
            (408, &self.request_timeout),
            (413, &self.content_too_large),
            (502, &self.bad_gateway),
            (503, &self.unavailable),
            (504, &self.gateway_timeout),
        ]
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (status, page) in self.all() {
            if let Some(page) = page.as_deref()
                && !(1..=PAGE_BYTES_MAX).contains(&page.len())
            {
                return Err(SettingsError::value(&format!("error_pages.{status}"), page));
            }
        }
        Ok(())
    }
}
