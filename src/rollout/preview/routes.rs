//! What an app's routes know of its preview grants.

use std::sync::Arc;

use super::{list::Previews, token::PreviewCodec};
use crate::rollout::settings::Settings;

/// An app's preview grants, ready for requests.
#[derive(Debug, Clone)]
pub struct PreviewRoutes {
    /// The live grants.
    pub live: Arc<Previews>,
    /// Verifies their tokens.
    pub codec: PreviewCodec,
    /// The attributes of the tester's cookie, made once: `; Path=/` and so on, without Max-Age.
    pub attributes: Box<str>,
    /// The same for hosts of the admin port. They share no Domain with the app's hosts and are served over plain http, so
    /// the cookie is `Secure` only if the settings say so.
    pub admin_attributes: Box<str>,
}

impl PreviewRoutes {
    /// The routes for an app with these settings. `https` says that plain http redirects to https.
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
