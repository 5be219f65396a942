//! Signing in by a proxy's header: which headers, from where, and what people may do.

use std::path::PathBuf;

use super::{
    error::ConfigError,
    fault::Fault,
    parsers,
    raw::RawConfig,
    setting::Setting,
    sso_settings::{
        ADMIN_SSO_GROUPS_HEADER, ADMIN_SSO_HEADER, ADMIN_SSO_NETWORKS, ADMIN_SSO_ROLES, ADMIN_SSO_SECRET_FILE,
    },
};
use crate::rollout::{command::Role, network::Network};

/// Headers that mean something else.
const TAKEN: [&str; 8] = [
    "authorization",
    "cookie",
    "host",
    "origin",
    "x-forwarded-for",
    "forwarded",
    "x-rolling-router-sso-secret",
    "sec-fetch-site",
];

/// Signing in by a proxy's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sso {
    /// The header with the name, in lower case.
    pub header: String,
    /// The header with the groups, in lower case. None: there are no groups.
    pub groups_header: Option<String>,
    /// Where the proxy connects from; at least one.
    pub networks: Vec<Network>,
    /// The file with what it is known by.
    pub secret_file: PathBuf,
    /// What people may do; at least one.
    pub roles: Vec<(SsoWho, Role)>,
}

/// Whom a role is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SsoWho {
    /// One person.
    Name(String),
    /// Whoever is in a group.
    Group(String),
    /// Everybody else.
    Others,
}

impl Sso {
    /// None: nobody signs in so.
    pub(super) fn from_raw(raw: &RawConfig) -> Result<Option<Self>, ConfigError> {
        let header = raw.optional(&ADMIN_SSO_HEADER, header_name)?;
        let groups_header = raw.optional(&ADMIN_SSO_GROUPS_HEADER, header_name)?;
        let networks = raw.list(&ADMIN_SSO_NETWORKS, parsers::network)?;
        let secret_file = raw.optional(&ADMIN_SSO_SECRET_FILE, parsers::path)?;
        let roles = raw.list(&ADMIN_SSO_ROLES, role)?;
        let given: [(&Setting, bool); 4] = [
            (&ADMIN_SSO_GROUPS_HEADER, groups_header.is_some()),
            (&ADMIN_SSO_NETWORKS, !networks.is_empty()),
            (&ADMIN_SSO_SECRET_FILE, secret_file.is_some()),
            (&ADMIN_SSO_ROLES, !roles.is_empty()),
        ];
        let Some(header) = header else {
            return match given.iter().find(|(_, given)| *given) {
                Some((setting, _)) => Err(ConfigError::Contradiction(format!(
                    "`{}` is set, and `admin_sso_header` is missing: nobody signs in by a proxy",
                    setting.name
                ))),
                None => Ok(None),
            };
        };
        let needed = |setting: &Setting| {
            ConfigError::Contradiction(format!(
                "`admin_sso_header` is set, and `{}` is missing: a header alone proves nothing",
                setting.name
            ))
        };
        if let Some((setting, _)) = given[1..].iter().find(|(_, given)| !given) {
            return Err(needed(setting));
        }
        if groups_header.as_ref() == Some(&header) {
            let text = "`admin_sso_header` and `admin_sso_groups_header` name the same header";
            return Err(ConfigError::Contradiction(text.into()));
        }
        let secret_file = secret_file.ok_or_else(|| needed(&ADMIN_SSO_SECRET_FILE))?;
        Ok(Some(Self { header, groups_header, networks, secret_file, roles }))
    }
}

fn header_name(text: &str) -> Result<String, Fault> {
    let name = text.to_ascii_lowercase();
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if name.is_empty() || name.len() > 64 || !is_name {
        return Err(format!("`{text}` is no header's name").into());
    }
    if TAKEN.contains(&name.as_str()) {
        return Err(format!("`{text}` has another meaning").into());
    }
    Ok(name)
}

fn role(text: &str) -> Result<(SsoWho, Role), Fault> {
    let (who, role) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` has no `=`"))?;
    let (who, role) = (who.trim(), role.trim());
    let known = Role::of(role).filter(|role| *role != Role::Router);
    let known =
        known.ok_or_else(|| format!("`{role}` is no role for people; one of viewer, ci, operator, admin"))?;
    let who = match who.strip_prefix("group:") {
        Some("") => return Err(format!("`{text}` names nobody").into()),
        Some(group) => SsoWho::Group(group.to_owned()),
        None if who.is_empty() => return Err(format!("`{text}` names nobody").into()),
        None if who == "*" => SsoWho::Others,
        None => SsoWho::Name(who.to_owned()),
    };
    if who == SsoWho::Others && known == Role::Admin {
        return Err("everybody would be an admin: name them, or a group".into());
    }
    Ok((who, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&'static Setting, &str)]) -> Result<Option<Sso>, String> {
        let mut raw = RawConfig::default();
        values.iter().for_each(|(setting, text)| raw.set_flag(setting, *text));
        Sso::from_raw(&raw).map_err(|error| error.to_string())
    }

    const WHOLE: [(&Setting, &str); 4] = [
        (&ADMIN_SSO_HEADER, "X-Forwarded-User"),
        (&ADMIN_SSO_NETWORKS, "10.0.0.7"),
        (&ADMIN_SSO_SECRET_FILE, "secret"),
        (&ADMIN_SSO_ROLES, "maria=admin, group:ops=operator, *=viewer"),
    ];

    #[test]
    fn all_of_it_or_none() {
        assert_eq!(read(&[]), Ok(None));
        let sso = read(&WHOLE).unwrap().unwrap();
        assert_eq!(sso.header, "x-forwarded-user");
        let expected = [
            (SsoWho::Name("maria".into()), Role::Admin),
            (SsoWho::Group("ops".into()), Role::Operator),
            (SsoWho::Others, Role::Viewer),
        ];
        assert_eq!(sso.roles, expected);
        for left_out in 0..4 {
            let mut some = WHOLE.to_vec();
            some.remove(left_out);
            assert!(read(&some).unwrap_err().contains("is missing"), "{left_out}");
        }
    }

    #[test]
    fn nobody_is_an_admin_by_default_and_no_header_has_two_meanings() {
        for (setting, text, said) in [
            (&ADMIN_SSO_ROLES, "*=admin", "everybody would be an admin"),
            (&ADMIN_SSO_ROLES, "r2=router", "no role for people"),
            (&ADMIN_SSO_ROLES, "maria", "no `=`"),
            (&ADMIN_SSO_ROLES, "group:=viewer", "names nobody"),
            (&ADMIN_SSO_ROLES, "=viewer", "names nobody"),
            (&ADMIN_SSO_HEADER, "Cookie", "another meaning"),
            (&ADMIN_SSO_HEADER, "X-Rolling-Router-Sso-Secret", "another meaning"),
            (&ADMIN_SSO_HEADER, "x user", "no header's name"),
            (&ADMIN_SSO_GROUPS_HEADER, "x-forwarded-user", "the same header"),
        ] {
            let mut values = WHOLE.to_vec();
            values.push((setting, text));
            let error = read(&values).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
