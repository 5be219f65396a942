//! What a token is limited to beside its role: the fourth field of its line, `apps=shop,blog;raw=no`.
//!
//! A token that is for some apps neither reads nor changes anything of the others, by whatever door it comes. Which
//! calls it may make at all is decided here, by their paths, and whatever is not named here is refused: a call that is
//! added later is closed to such a token until somebody has thought of it. What an allowed call then tells of several
//! apps is cut down where it is told (`api::visible`).

use std::{collections::BTreeSet, net::IpAddr, str::FromStr};

use percent_encoding::percent_decode_str;

use crate::rollout::{app::AppName, network::Network};

/// What the fourth field of a line is, for errors.
pub const SCOPE_ALLOWED: &str = "apps=APP,APP;raw=no";

/// Calls about no app or about all of them, whose answers leave out what the token is not for.
const SHARED_CALLS: [&str; 12] = [
    "/api/openapi.json",
    "/api/pool/schedule_recycle",
    "/api/stats",
    "/api/v1/apps",
    "/api/v1/fleet",
    "/api/v1/hooks",
    "/api/v1/hooks-in",
    "/api/v1/router",
    "/api/v1/session",
    "/api/v1/sessions",
    "/api/v1/stream",
    "/api/v1/whoami",
];

/// A session of a browser, which is seen by its own token and by admins of all apps.
const SESSION_ROOT: &str = "/api/v1/sessions/";

/// Raw keyvalues, below both of their roots.
const RAW_ROOTS: [&str; 2] = ["/api/kv", "/v1/kv"];
/// The store as other routers use it, which is rawer than raw keyvalues.
const STORE_ROOT: &str = "/api/v1/store";
const APP_ROOT: &str = "/api/v1/apps/";
const HOOK_ROOTS: [&str; 2] = ["/api/v1/hooks/", "/api/v1/hooks-in/"];
/// The API of old scripts, which knows apps by the ids of their deployments alone.
const OLD_ROOTS: [&str; 2] = ["/api/v2/deployments", "/api/v2/containers"];

/// What a token may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The apps that it is for; none: all.
    apps: Option<BTreeSet<AppName>>,
    /// Whether it may use raw keyvalues.
    raw: bool,
    /// Where it may come from; none: from anywhere.
    networks: Option<Vec<Network>>,
    /// When it ends, Unix ms; none: when somebody takes it back.
    ends_at: Option<u64>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { apps: None, raw: true, networks: None, ends_at: None }
    }
}

impl Scope {
    /// For one app alone, and not for raw keyvalues.
    pub fn of_app(app: AppName) -> Self {
        Self { apps: Some([app].into()), raw: false, ..Self::default() }
    }

    /// For these apps (none: all), with raw keyvalues or without.
    pub fn of(apps: Option<BTreeSet<AppName>>, raw: bool) -> Self {
        Self { apps, raw, ..Self::default() }
    }

    /// The same from these networks alone (none: from anywhere), until then (Unix ms; none: for good).
    pub fn within(self, networks: Option<Vec<Network>>, ends_at: Option<u64>) -> Self {
        Self { networks, ends_at, ..self }
    }

    /// Whether it may come from this address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.networks.as_ref().is_none_or(|networks| networks.iter().any(|network| network.contains(address)))
    }

    /// Where it may come from; none: from anywhere.
    pub fn networks(&self) -> Option<&[Network]> {
        self.networks.as_deref()
    }

    /// When it ends, Unix ms; none: when somebody takes it back.
    pub fn ends_at(&self) -> Option<u64> {
        self.ends_at
    }

    /// Whether it is for every app.
    pub fn has_all_apps(&self) -> bool {
        self.apps.is_none()
    }

    /// Whether it is for this app.
    pub fn has_app(&self, app: &AppName) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(app))
    }

    /// Whether it is for all of these apps; `None` stands for every app there is.
    pub fn has_each(&self, apps: Option<&BTreeSet<AppName>>) -> bool {
        match (&self.apps, apps) {
            (None, _) => true,
            (Some(own), Some(apps)) => apps.is_subset(own),
            (Some(_), None) => false,
        }
    }

    /// The apps that it is for, by name; none: all.
    pub fn apps(&self) -> Option<Vec<String>> {
        self.apps.as_ref().map(|apps| apps.iter().map(ToString::to_string).collect())
    }

    /// Whether it may use raw keyvalues.
    pub fn may_use_raw(&self) -> bool {
        self.raw
    }

    /// Why a call with this path is not for such a token; `None`: it is, as far as the path tells.
    pub fn refusal(&self, path: &str) -> Option<String> {
        let is_store = is_below(path, STORE_ROOT);
        if !self.raw && (is_store || is_raw(path)) {
            return Some("may not use raw keyvalues (`raw=no`)".to_owned());
        }
        let Some(apps) = &self.apps else { return None };
        let names: Vec<&str> = apps.iter().map(AppName::as_str).collect();
        let own = names.join(", ");
        if let Some(rest) = path.strip_prefix(APP_ROOT) {
            let segment = rest.split('/').next().unwrap_or_default();
            let named = percent_decode_str(segment).decode_utf8_lossy();
            let is_own = named.parse::<AppName>().is_ok_and(|app| apps.contains(&app));
            return (!is_own).then(|| format!("is for {own} only, and this is `{}`", named.escape_debug()));
        }
        let is_old = OLD_ROOTS.iter().any(|root| is_below(path, root));
        let is_hook = HOOK_ROOTS.iter().any(|root| path.starts_with(root));
        let is_shared = SHARED_CALLS.contains(&path) || is_hook || is_raw(path) || is_old;
        let is_shared = is_shared || path.starts_with(SESSION_ROOT);
        (!is_shared).then(|| format!("is for {own} only, and this is about more than that"))
    }
}

fn is_raw(path: &str) -> bool {
    RAW_ROOTS.iter().any(|root| is_below(path, root))
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut scope = Self::default();
        let mut is_raw_said = false;
        for part in text.split(';') {
            match part.split_once('=') {
                Some(("apps", names)) if scope.apps.is_none() => scope.apps = Some(parse_apps(names)?),
                Some(("raw", word @ ("yes" | "no"))) if !is_raw_said => {
                    (scope.raw, is_raw_said) = (word == "yes", true);
                }
                _ => {
                    let shown = part.escape_debug();
                    return Err(format!(
                        "`{shown}` is no limit of a token; allowed is `{SCOPE_ALLOWED}`, either part once"
                    ));
                }
            }
        }
        Ok(scope)
    }
}

fn parse_apps(names: &str) -> Result<BTreeSet<AppName>, String> {
    let parse =
        |name: &str| name.parse().map_err(|error| format!("apps: `{}`: {error}", name.escape_debug()));
    names.split(',').map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a_field_says_apps_and_raw_each_at_most_once() {
        assert_eq!(scope("raw=yes"), Scope::default());
        assert_eq!(scope("apps=shop,blog;raw=no"), scope("raw=no;apps=blog,shop"));
        assert!(scope("apps=shop").may_use_raw() && !scope("raw=no").may_use_raw());
        assert!(scope("raw=no").has_all_apps() && !scope("apps=shop").has_all_apps());
        for refused in [
            "",
            "apps",
            "apps=",
            "apps=shop,",
            "apps=a;apps=b",
            "raw=maybe",
            "raw=no;raw=no",
            "app=shop",
            "apps=a;",
            "apps=a b",
            "apps=null",
        ] {
            assert!(refused.parse::<Scope>().is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_token_for_some_apps_reaches_their_paths_and_what_is_shared() {
        let shop = scope("apps=shop");
        for allowed in [
            "/api/v1/apps/shop",
            "/api/v1/apps/shop/promote",
            "/api/v1/apps/sho%70/promote",
            "/api/v1/apps",
            "/api/v1/stream",
            "/api/v1/whoami",
            "/api/v1/hooks/x/test",
            "/api/v1/hooks-in",
            "/api/v1/hooks-in/x",
            "/api/kv/rolling/shop/stable/id",
            "/api/v2/deployments/shop-1",
        ] {
            assert_eq!(shop.refusal(allowed), None, "{allowed}");
        }
        for refused in [
            "/api/v1/apps/blog",
            "/api/v1/apps/blog/promote",
            "/api/v1/apps/shop2",
            "/api/v1/apps/",
            "/api/v1/apps/shop%2F..%2Fblog",
            "/api/v1/apps/%ff",
            "/api/v1/store",
            "/api/v1/store/commit",
            "/api/v1/store/accept",
            "/api/v1/tokens",
            "/api/v1/fleet/rotate-keys",
            "/api/v1/fleet/remove-gone",
            "/api/v1/fleet/some-node",
            "/api/v1/something-new",
            "/api/v2/kv",
        ] {
            assert!(shop.refusal(refused).is_some(), "{refused}");
        }
    }

    #[test]
    fn without_raw_neither_keyvalues_nor_the_store_are_reached() {
        let api_only = scope("raw=no");
        for refused in ["/api/kv/a", "/v1/kv/a", "/api/kv", "/api/v1/store/get", "/api/v1/store"] {
            assert!(api_only.refusal(refused).is_some(), "{refused}");
        }
        assert_eq!(api_only.refusal("/api/v1/apps/blog/promote"), None);
        assert_eq!(api_only.refusal("/api/v1/tokens"), None);
    }

    #[test]
    fn it_is_for_all_of_some_apps_or_not() {
        let set =
            |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<BTreeSet<AppName>>();
        let both = scope("apps=shop,blog");
        assert!(both.has_each(Some(&set(&["shop"]))) && both.has_each(Some(&set(&["shop", "blog"]))));
        assert!(!both.has_each(Some(&set(&["shop", "other"]))) && !both.has_each(None));
        assert!(Scope::default().has_each(None));
    }
}
