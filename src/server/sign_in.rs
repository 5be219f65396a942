//! How people sign in by a proxy's header, as the settings say.

use axum::http::HeaderName;

use super::error::Error;
use crate::{
    config::{Config, sso::SsoWho},
    control::{ProxySignIn, SignInRoles, read_secrets},
};

/// None: nobody signs in so. A router that served before serves without, where the secret cannot be read.
pub fn sign_in(config: &Config) -> Result<Option<ProxySignIn>, Error> {
    let Some(sso) = &config.sso else { return Ok(None) };
    let (secrets, warning) = match read_secrets(&sso.secret_file) {
        Ok(read) => read,
        Err(why) if config.served_before() => {
            tracing::error!("nobody signs in by a proxy: {why}");
            return Ok(None);
        }
        Err(why) => return Err(Error::SignIn(why)),
    };
    warning.iter().for_each(|warning| tracing::warn!("{warning}"));
    let mut roles = SignInRoles::default();
    for (who, role) in &sso.roles {
        match who {
            SsoWho::Name(name) => drop(roles.names.insert(name.clone(), *role)),
            SsoWho::Group(group) => drop(roles.groups.insert(group.clone(), *role)),
            SsoWho::Others => roles.others = Some(*role),
        }
    }
    let name = |text: &str| {
        HeaderName::from_bytes(text.as_bytes()).map_err(|error| Error::SignIn(error.to_string()))
    };
    Ok(Some(ProxySignIn {
        header: name(&sso.header)?,
        groups_header: sso.groups_header.as_deref().map(name).transpose()?,
        networks: sso.networks.clone(),
        secrets,
        roles,
    }))
}
