//! A request for a token, checked: its name, its rights, and that they are no more than those of whoever asks.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use crate::{
    control::shared::{
        access::{
            caller::Caller,
            known_token::Digest,
            limits::{TOKEN_NAME_CHARS_MAX, TOKEN_NETWORKS_MAX, TOKEN_SECONDS_MAX},
            scope::Scope,
            stored_tokens::StoredToken,
        },
        error::{ApiError, Kind},
    },
    rollout::{app::AppName, command::Role, network::Network},
    schema::token::TokenRequest,
};

/// A token that is to be made.
#[derive(Debug)]
pub(super) struct NewToken {
    pub name: String,
    pub role: Role,
    apps: Option<BTreeSet<AppName>>,
    raw: bool,
    networks: Option<Vec<Network>>,
    ends_at: Option<u64>,
}

impl NewToken {
    /// What is asked for. `now`: Unix ms.
    pub(super) fn check(request: TokenRequest, now: u64) -> Result<Self, ApiError> {
        let role = Role::of(&request.role).ok_or_else(|| {
            let shown = request.role.escape_debug();
            ApiError::value("role", format!("`{shown}` is no role; allowed is one of {}", Role::ALLOWED))
        })?;
        Ok(Self {
            name: check_name(request.name)?,
            role,
            apps: list("apps", request.apps)?.map(BTreeSet::from_iter),
            raw: request.raw.unwrap_or(true),
            networks: list("networks", request.networks)?,
            ends_at: request.for_seconds.map(check_seconds).transpose()?.map(|ms| now + ms),
        })
    }

    /// What it is limited to beside its role.
    pub(super) fn scope(&self) -> Scope {
        Scope::of(self.apps.clone(), self.raw).within(self.networks.clone(), self.ends_at)
    }

    /// Refuses a token that could do what whoever makes it cannot.
    pub(super) fn refuse_excess(&self, maker: &Caller) -> Result<(), ApiError> {
        let (own, new) = (&maker.scope, self.scope());
        let refuse = |field: &'static str, why: String| {
            let message = format!("the token `{}` {why}: it makes no token that may do more", maker.name);
            Err(ApiError::new(Kind::Forbidden, message).field(field))
        };
        if !own.has_each(self.apps.as_ref()) {
            return refuse("apps", "is for some apps only".to_owned());
        }
        if !own.may_use_raw() && new.may_use_raw() {
            return refuse("raw", "may not use raw keyvalues".to_owned());
        }
        if let Some(own) = own.networks()
            && !new.networks().is_some_and(|new| new.iter().all(|new| is_within(*new, own)))
        {
            let own: Vec<String> = own.iter().map(ToString::to_string).collect();
            return refuse("networks", format!("is for {} only", own.join(", ")));
        }
        if let Some(own) = own.ends_at()
            && new.ends_at().is_none_or(|new| new > own)
        {
            return refuse("for_seconds", "ends before that".to_owned());
        }
        Ok(())
    }

    /// As it is stored.
    pub(super) fn stored(&self, digest: &Digest, by: &str, at: u64) -> StoredToken {
        StoredToken {
            digest: StoredToken::encode_digest(digest),
            role: self.role,
            apps: self.apps.clone(),
            raw: self.raw,
            networks: self.networks.clone(),
            ends_at: self.ends_at,
            by: by.to_owned(),
            at,
        }
    }
}

/// Names stand in histories, logs, terminals and keys.
pub(super) fn check_name(name: String) -> Result<String, ApiError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.len() <= TOKEN_NAME_CHARS_MAX && name.bytes().all(is_plain) {
        return Ok(name);
    }
    let message = format!(
        "`{}` is no name of a token; allowed are 1 to {TOKEN_NAME_CHARS_MAX} letters, digits, `-`, `_`, `.` and `@`, a letter or \
         digit first",
        name.escape_debug()
    );
    Err(ApiError::value("name", message))
}

fn check_seconds(seconds: u64) -> Result<u64, ApiError> {
    if (1..=TOKEN_SECONDS_MAX).contains(&seconds) {
        return Ok(seconds * 1_000);
    }
    let message = format!("it is {seconds}; allowed are 1 to {TOKEN_SECONDS_MAX}");
    Err(ApiError::value("for_seconds", message))
}

fn list<T: FromStr<Err: Display>>(
    field: &str,
    texts: Option<Vec<String>>,
) -> Result<Option<Vec<T>>, ApiError> {
    let Some(texts) = texts else { return Ok(None) };
    if !(1..=TOKEN_NETWORKS_MAX).contains(&texts.len()) {
        let message = format!(
            "there are {}; allowed are 1 to {TOKEN_NETWORKS_MAX}, or none of this field for all",
            texts.len()
        );
        return Err(ApiError::value(field, message));
    }
    let parse = |(index, text): (usize, &String)| {
        let refused = |error| format!("`{}`: {error}", text.escape_debug());
        text.parse().map_err(|error| ApiError::value(format!("{field}[{index}]"), refused(error)))
    };
    texts.iter().enumerate().map(parse).collect::<Result<Vec<T>, ApiError>>().map(Some)
}

fn is_within(network: Network, outer: &[Network]) -> bool {
    outer.iter().any(|outer| outer.bits() <= network.bits() && outer.contains(network.address()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn request(role: &str) -> TokenRequest {
        TokenRequest { name: "ci-main".into(), role: role.into(), ..TokenRequest::default() }
    }

    fn maker(scope: Scope) -> Caller {
        Caller { name: "root".into(), token: [0; 32], role: Role::Admin, scope: Arc::new(scope) }
    }

    #[test]
    fn a_bad_field_is_named() {
        let refused =
            |request: TokenRequest| NewToken::check(request, 0).unwrap_err().field_name().to_owned();
        assert_eq!(refused(request("boss")), "role");
        for name in ["", "a b", "-a", "a/b", "\u{e4}", &"x".repeat(64)] {
            assert_eq!(refused(TokenRequest { name: name.into(), ..request("ci") }), "name", "{name}");
        }
        let with = |change: fn(&mut TokenRequest)| {
            let mut request = request("ci");
            change(&mut request);
            refused(request)
        };
        assert_eq!(with(|it| it.apps = Some(vec![])), "apps");
        assert_eq!(with(|it| it.apps = Some(vec!["shop".into(), "a b".into()])), "apps[1]");
        assert_eq!(with(|it| it.networks = Some(vec!["10.0.0.1/8".into()])), "networks[0]");
        assert_eq!(with(|it| it.for_seconds = Some(0)), "for_seconds");
        assert_eq!(with(|it| it.for_seconds = Some(u64::MAX)), "for_seconds");
    }

    #[test]
    fn nobody_makes_a_token_that_may_do_more() {
        let networks = |text: &str| Some(vec![text.parse().unwrap()]);
        let all = Scope::default();
        let limited = [
            (Scope::of(Some(["shop".parse().unwrap()].into()), true), "apps"),
            (Scope::of(None, false), "raw"),
            (all.clone().within(networks("10.0.0.0/8"), None), "networks"),
            (all.clone().within(None, Some(5_000)), "for_seconds"),
        ];
        let free = NewToken::check(request("admin"), 0).unwrap();
        free.refuse_excess(&maker(all)).unwrap();
        for (scope, name) in limited {
            let refused = free.refuse_excess(&maker(scope)).unwrap_err();
            assert_eq!(refused.field_name(), name);
        }
        let own = Scope::of(None, false).within(networks("10.0.0.0/8"), Some(5_000));
        for (network, seconds, allowed) in [
            ("10.1.0.0/16", 5, true),
            ("10.0.0.0/8", 1, true),
            ("10.0.0.0/7", 5, false),
            ("192.0.2.0/24", 5, false),
            ("10.1.0.0/16", 6, false),
        ] {
            let asked = TokenRequest {
                raw: Some(false),
                networks: Some(vec![network.into()]),
                for_seconds: Some(seconds),
                ..request("ci")
            };
            let new = NewToken::check(asked, 0).unwrap();
            assert_eq!(new.refuse_excess(&maker(own.clone())).is_ok(), allowed, "{network} {seconds}");
        }
    }
}
