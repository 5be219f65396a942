//! The app of a request, looked up in a table by its host and its path.

use std::sync::Arc;

use super::{
    client_policy::ClientPolicy,
    host_paths::AmbiguousPath,
    hosts,
    table::{AppRoutes, RoutingTable},
};
use crate::authority::Authority;

/// The app that a request leads to.
#[derive(Debug, Clone, Copy)]
pub struct AppMatch<'a> {
    /// The app.
    pub app: &'a Arc<AppRoutes>,
    /// How many bytes of the target, as it was sent, are the prefix by which it was found.
    pub prefix_bytes: usize,
}

impl RoutingTable {
    /// The app for an authority (in any case) and a target: the one that claims host and path, else the default.
    ///
    /// # Errors
    /// The path can be read in several ways, which lead to different places.
    #[inline]
    pub fn app_for(
        &self,
        authority: Authority<'_>,
        target: &[u8],
    ) -> Result<Option<AppMatch<'_>>, AmbiguousPath> {
        if let Some(found) = self.hosts.find(authority, target)? {
            let app = self.app_slots.get(found.slot);
            return Ok(app.map(|app| AppMatch { app, prefix_bytes: found.prefix_bytes }));
        }
        let Some(app) = &self.default_app else { return Ok(None) };
        let prefix_bytes = match &self.default_paths {
            None => Some(0),
            Some(paths) => paths.find(target)?.map(|found| found.prefix_bytes),
        };
        Ok(prefix_bytes.map(|prefix_bytes| AppMatch { app, prefix_bytes }))
    }

    /// Whether other paths of this host lead to an app.
    #[cold]
    pub fn knows_host(&self, authority: Authority<'_>) -> bool {
        self.default_paths.is_some() || self.hosts.has_paths(authority)
    }

    /// What a handshake for this host asks for, and so what a request for it belongs to. Of several authorities those of the app
    /// that has the whole host count, else those of the first prefix.
    pub fn client_policy(&self, authority: Authority<'_>) -> Option<Arc<ClientPolicy>> {
        if self.asking.is_empty() {
            return None;
        }
        let apps: Vec<&Arc<AppRoutes>> = self.apps_at(authority).collect();
        let asked = apps.iter().find_map(|app| app.client_policy.as_ref())?;
        if asked.is_required && apps.iter().any(|app| app.client_policy.as_ref() != Some(asked)) {
            return Some(Arc::new(asked.optional()));
        }
        Some(Arc::clone(asked))
    }

    /// The apps to which paths of a host lead.
    fn apps_at(&self, authority: Authority<'_>) -> impl Iterator<Item = &Arc<AppRoutes>> {
        let (slots, is_whole) = self.hosts.leading_from(authority);
        let rest = self.default_app.iter().filter(move |_| !is_whole);
        slots.into_iter().filter_map(|slot| self.app_slots.get(slot)).chain(rest)
    }

    /// The app that has a host, as it is claimed, with exactly this prefix.
    pub fn holder(&self, host: &str, prefix: &str) -> Option<&AppRoutes> {
        self.app_slots.get(self.hosts.holder(host, prefix)?).map(|app| &**app)
    }

    /// The app that a host belongs to, as it is claimed.
    pub fn owner(&self, host: &str) -> Option<&AppRoutes> {
        self.app_slots.get(self.hosts.owner(host)?).map(|app| &**app)
    }

    /// The hosts that lead to an app, with their prefixes: those that it has claimed first, and `*` for all that nobody claims.
    pub fn hosts_of(&self, app: &AppRoutes) -> Vec<String> {
        let mut hosts = self.hosts.leading_to(&app.settings, app.slot);
        if self.default_app.as_ref().is_some_and(|default| default.name == app.name) {
            let prefixes = app.settings.prefixes().map(|prefix| hosts::shown("*", prefix));
            hosts.extend(prefixes.filter(|host| !hosts.contains(host)).collect::<Vec<_>>());
        }
        hosts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rollout::{
        endpoint::AddressPolicy,
        keyspace::{Keyspace, KeyspaceOptions},
        pin::{PinFormat, PinKey, PinKeys},
    };

    /// A table of apps (a letter each) with these hosts.
    fn table(default_app: Option<&str>, claims: &[(&str, &str)]) -> RoutingTable {
        keyspace(default_app, claims).build(2)
    }

    fn keyspace(default_app: Option<&str>, claims: &[(&str, &str)]) -> Keyspace {
        let current = PinKey { id: 1, secret: [0; 16] };
        let mut keyspace = Keyspace::new(KeyspaceOptions {
            default_app: default_app.map(|name| name.parse().unwrap()),
            addresses: AddressPolicy::default(),
            pin_keys: PinKeys { next: None, current, previous: None },
            pin_format: PinFormat::Two,
            https: false,
        });
        for (name, hosts) in claims {
            let record = br#"{"seq":1,"stable":null,"candidate":null,"blend":0,"sticky":true,"previous":null,
                "draining":[],"tenures":{"last":0,"left":[]},"lock":null,"command":"","actor":"","reason":"","at":0}"#;
            keyspace.put(&format!("rolling/{name}/rollout"), record, 1);
            let hosts: Vec<&str> = hosts.split_whitespace().collect();
            let settings = serde_json::json!({ "hosts": hosts }).to_string();
            keyspace.put(&format!("rolling/{name}/settings"), settings.as_bytes(), 2);
        }
        keyspace
    }

    fn found<'a>(table: &'a RoutingTable, host: &str) -> &'a str {
        at(table, host, "/")
    }

    fn at<'a>(table: &'a RoutingTable, host: &str, target: &str) -> &'a str {
        match table.app_for(Authority::split(host), target.as_bytes()) {
            Ok(found) => found.map_or("none", |found| found.app.name.as_str()),
            Err(AmbiguousPath) => "ambiguous",
        }
    }

    #[test]
    fn finds_exact_then_the_longest_wildcard_then_the_default() {
        let claims =
            [("A", "shop.example"), ("B", "*.shop.example *.example"), ("C", "*.eu.shop.example"), ("D", "")];
        let with_default = table(Some("D"), &claims);
        let without = table(None, &claims);
        for (host, app) in [
            ("shop.example", "A"),
            ("SHOP.Example:8080", "A"),
            ("shop.example.", "A"),
            ("www.shop.example", "B"),
            ("a.b.shop.example:80", "B"),
            ("x.example", "B"),
            ("www.eu.shop.example", "C"),
            ("eu.shop.example", "B"),
        ] {
            assert_eq!((found(&with_default, host), found(&without, host)), (app, app), "{host}");
        }
        let long = "a.".repeat(5_000);
        for host in ["example", "", ".", ":80", "[::1]:80", "[::1]", "127.0.0.1:80", &long, "\u{e4}.b\u{130}"]
        {
            assert_eq!((found(&with_default, host), found(&without, host)), ("D", "none"), "{host}");
        }
    }

    #[test]
    fn an_empty_table_knows_nobody() {
        assert_eq!(found(&RoutingTable::default(), "shop.example"), "none");
    }

    /// A table of apps with these settings.
    fn table_of(default_app: Option<&str>, apps: &[(&str, serde_json::Value)]) -> RoutingTable {
        let named: Vec<(&str, &str)> = apps.iter().map(|(name, _)| (*name, "")).collect();
        let mut keyspace = keyspace(default_app, &named);
        for (name, settings) in apps {
            keyspace.put(&format!("rolling/{name}/settings"), settings.to_string().as_bytes(), 3);
        }
        keyspace.build(3)
    }

    #[test]
    fn host_and_prefix_lead_to_an_app() {
        let apps = [
            ("A", json!({ "hosts": ["shop.example"], "share_host": ["B"] })),
            ("B", json!({ "hosts": ["shop.example", "b.example"], "paths": ["/api", "/a/b"] })),
            ("C", json!({ "paths": ["/api", "/c"] })),
            ("D", json!({})),
            ("E", json!({ "hosts": ["*.example"], "paths": ["/e"] })),
        ];
        let with_default = table_of(Some("D"), &apps);
        let without = table_of(None, &apps);
        for (host, target, app, other) in [
            ("shop.example", "/api/x", "B", "B"),
            ("shop.example", "/a/b?c", "B", "B"),
            ("shop.example", "/a", "A", "A"),
            ("shop.example", "/c", "A", "A"),
            ("shop.example", "/e", "A", "A"),
            ("b.example", "/api", "B", "B"),
            ("b.example", "/e/1", "E", "E"),
            ("b.example", "/c", "C", "C"),
            ("b.example", "/", "D", "none"),
            ("x.example", "/api", "C", "C"),
            ("unknown", "/api/", "C", "C"),
            ("unknown", "/apis", "D", "none"),
            ("", "*", "D", "none"),
            ("shop.example", "/api/../c", "ambiguous", "ambiguous"),
            ("unknown", "/x/../api", "ambiguous", "ambiguous"),
        ] {
            assert_eq!(
                (at(&with_default, host, target), at(&without, host, target)),
                (app, other),
                "{host}{target}"
            );
        }
        let leading =
            |name: &str| with_default.hosts_of(with_default.routes_of(&name.parse().unwrap()).unwrap());
        assert_eq!(leading("A"), ["shop.example"]);
        assert_eq!(leading("B"), ["b.example/a/b", "b.example/api", "shop.example/a/b", "shop.example/api"]);
        assert_eq!(leading("C"), ["*/api", "*/c"]);
        assert_eq!(leading("D"), ["*"]);
        let known = |host: &str| without.knows_host(Authority::split(host));
        assert!(known("b.example") && known("unknown"), "some of their paths lead to an app");
    }

    #[test]
    fn a_default_app_with_prefixes_gets_only_these() {
        let table = table_of(
            Some("A"),
            &[("A", json!({ "hosts": ["a.example"], "paths": ["/a"] })), ("B", json!({}))],
        );
        for (host, target, app) in
            [("a.example", "/a/1", "A"), ("a.example", "/b", "none"), ("x", "/a", "A"), ("x", "/b", "none")]
        {
            assert_eq!(at(&table, host, target), app, "{host}{target}");
        }
        assert_eq!(table.hosts_of(table.routes_of(&"A".parse().unwrap()).unwrap()), ["a.example/a", "*/a"]);
    }
}
