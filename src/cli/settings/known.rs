//! The settings of an app as a router tells them: which there are, what each is now, and where that comes from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::{
    client::{Answer, Client, Request},
    exit::{Exit, Failure},
    nearest::nearest,
};
use crate::schema::settings::{EffectiveSettings, SettingSource, by_path};

/// Letters that a name may differ by and still be taken for a slip of another one.
const SLIPS_MAX: usize = 3;

/// The settings of an app, by their paths, such as `health.fall`.
#[derive(Debug)]
pub(super) struct KnownSettings {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) defaults: BTreeMap<String, Value>,
    sources: BTreeMap<String, SettingSource>,
}

/// Asks a router for what counts for an app.
pub(super) async fn ask(client: &Client, app: &str) -> Result<Answer, Failure> {
    let mut request = Request::get(&["api", "v1", "apps", app, "settings"]);
    request.query.push(("effective", "true".into()));
    client.send(request).await
}

impl KnownSettings {
    pub(super) fn new(answer: EffectiveSettings) -> Self {
        let EffectiveSettings { values, defaults, sources } = answer;
        Self { values: by_path(&values), defaults: by_path(&defaults), sources }
    }

    pub(super) async fn read(client: &Client, app: &str) -> Result<Self, Failure> {
        Ok(Self::new(ask(client, app).await?.read_exact()?))
    }

    /// Where a value comes from, in a word.
    pub(super) fn source(&self, path: &str) -> &'static str {
        self.sources.get(path).map_or("", |source| source.as_str())
    }

    /// The names of one setting, or of all those of a group.
    pub(super) fn names(&self, name: &str) -> Result<Vec<&str>, Failure> {
        let group = format!("{name}.");
        let known = self.values.keys().map(String::as_str);
        let found: Vec<&str> = known.filter(|path| *path == name || path.starts_with(&group)).collect();
        if found.is_empty() { Err(self.unknown(name)) } else { Ok(found) }
    }

    /// The settings of a document, by their paths; each must be one that there is.
    pub(super) fn of_document(
        &self,
        document: &Map<String, Value>,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let mut found = by_path(document);
        // Null for a group is its defaults.
        found.retain(|path, value| !value.is_null() || self.values.contains_key(path));
        match found.keys().find(|path| !self.values.contains_key(*path)) {
            Some(path) => Err(self.unknown(path)),
            None => Ok(found),
        }
    }

    /// That there is no setting of a name.
    fn unknown(&self, name: &str) -> Failure {
        let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
        let same_end = || known.iter().copied().find(|known| known.rsplit('.').next() == Some(name));
        let nearest = same_end().or_else(|| nearest(name, known.iter().copied(), SLIPS_MAX));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        let message = format!("there is no setting `{name}`{hint}\n  allowed are {}", known.join(", "));
        Failure::new(Exit::Refused, message)
    }
}

/// Three settings, of which one is set.
#[cfg(test)]
pub(super) fn sample() -> KnownSettings {
    let defaults = serde_json::json!({ "pinseconds": 86_400, "health": { "fall": 3, "path": null } });
    let answer = serde_json::json!({
        "pinseconds": 600, "health": { "fall": 3, "path": null }, "defaults": defaults,
        "sources": { "pinseconds": "app", "health.fall": "default", "health.path": "default" },
    });
    KnownSettings::new(serde_json::from_value(answer).expect("it is such an answer"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_a_setting_or_a_group_of_them() {
        assert_eq!(sample().names("pinseconds").unwrap(), ["pinseconds"]);
        assert_eq!(sample().names("health").unwrap(), ["health.fall", "health.path"]);
        assert_eq!((sample().source("pinseconds"), sample().source("health.fall")), ("app", "default"));
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest_and_all_that_there_are() {
        for (name, said) in [
            ("pin_second", "there is no setting `pin_second`; did you mean pinseconds?"),
            ("health.fal", "there is no setting `health.fal`; did you mean health.fall?"),
            ("path", "there is no setting `path`; did you mean health.path?"),
            ("weather", "there is no setting `weather`"),
            ("", "there is no setting ``"),
        ] {
            let failure = sample().names(name).unwrap_err();
            let allowed = "allowed are health.fall, health.path, pinseconds";
            assert_eq!((failure.message, failure.exit), (format!("{said}\n  {allowed}"), Exit::Refused));
        }
    }

    #[test]
    fn a_document_has_known_settings_only() {
        let of = |document: Value| sample().of_document(document.as_object().unwrap());
        let found = of(json!({ "health": { "fall": 5, "path": null }, "pinseconds": 60 })).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["health.fall", "health.path", "pinseconds"]);
        assert!(of(json!({ "health": { "fal": 5 } })).unwrap_err().message.contains("health.fall"));
    }
}
