//! Reading one value: what each key may hold, and what stays if a value is not allowed.

use std::sync::Arc;

use super::{
    claims::Claims,
    contents::{AppKeys, Endpoints, Keyspace, PendingEndpoints, StoredEndpoint},
};
use crate::rollout::{
    adopt::OldKeys,
    app::AppName,
    blend::Blend,
    endpoint::{AddressPolicy, Endpoint, EndpointError},
    endpoint_set::{EndpointSet, PendingSet},
    freeze::{self, FreezeWindow},
    keys::{self, Meaning},
    pipeline_lock::PipelineLock,
    preview::Previews,
    record::Record,
    release::ReleaseId,
    settings::Settings,
};

/// A value that is allowed.
enum ParsedValue {
    Record(Box<Record>),
    Settings(Arc<Settings>),
    Previews(Arc<Previews>),
    PipelineLock(Arc<PipelineLock>),
    Endpoint(Endpoint),
    DefaultApp(Option<AppName>),
    FreezeWindows(Arc<Vec<FreezeWindow>>),
    Set,
    Old,
}

/// Where one of the four old keys is kept.
type OldPlace = fn(&mut OldKeys) -> &mut Option<String>;

impl Keyspace {
    /// Takes one value in. If it is not allowed, returns what is.
    pub(super) fn read(&mut self, meaning: Meaning, value: &[u8], modified: u64) -> Option<String> {
        if let Meaning::EndpointSet(release) = meaning {
            return self.read_set(release, value, modified);
        }
        let (reading, fault) = match parse(&meaning, value, &self.options.addresses) {
            Ok(reading) => (Some(reading), None),
            Err(allowed) => (None, Some(allowed)),
        };
        if let Some((name, place)) = old_key(&meaning) {
            // Kept as text, since adoption parses it.
            let text = String::from_utf8_lossy(value.trim_ascii()).into_owned();
            *place(&mut self.app(name).old) = Some(text);
            return fault;
        }
        match (meaning, reading) {
            (Meaning::Record(name), Some(ParsedValue::Record(record))) => {
                let app = self.app(&name);
                app.record = Some(*record);
                app.written(modified);
            }
            (Meaning::Settings(name), Some(ParsedValue::Settings(settings))) => {
                self.set_settings(&name, settings, modified).written(modified);
            }
            (Meaning::Previews(name), Some(ParsedValue::Previews(previews))) => {
                let app = self.app(&name);
                app.previews = previews;
                app.written(modified);
            }
            (Meaning::PipelineLock(name), Some(ParsedValue::PipelineLock(lock))) => {
                self.app(&name).pipeline_lock = Some(lock);
            }
            (Meaning::Endpoint(release, container), Some(ParsedValue::Endpoint(endpoint))) => {
                self.note_changed(&release, modified);
                let endpoints = self.releases.entry(release).or_default();
                endpoints.insert(container, StoredEndpoint { endpoint, modified });
            }
            (Meaning::DefaultApp, Some(ParsedValue::DefaultApp(app))) => self.default_app = app,
            (Meaning::FreezeWindows, Some(ParsedValue::FreezeWindows(windows))) => {
                self.freeze_windows = windows
            }
            // The last good address of this endpoint is no longer right, so the endpoint is dropped.
            (Meaning::Endpoint(release, container), None) => {
                self.drop_endpoint(release, &container, modified)
            }
            // All else keeps its last good reading.
            _ => {}
        }
        fault
    }

    /// Takes in what of a set of endpoints is allowed, as of keys of their own.
    fn read_set(&mut self, release: ReleaseId, value: &[u8], modified: u64) -> Option<String> {
        let set = match EndpointSet::parse(value) {
            Ok(set) => set,
            Err(allowed) => return Some(allowed),
        };
        let fault = check_pending(&set, &self.options.addresses).err();
        self.set_pending(release, set.pending, modified);
        fault
    }

    /// Takes a deletion in.
    pub(super) fn forget(&mut self, meaning: Meaning, revision: u64) {
        if let Some((name, place)) = old_key(&meaning) {
            *place(&mut self.app(name).old) = None;
            return;
        }
        match meaning {
            Meaning::Record(name) => {
                let app = self.app(&name);
                app.record = None;
                app.written(revision);
            }
            Meaning::Settings(name) => {
                self.set_settings(&name, Arc::default(), 0).written(revision);
            }
            Meaning::Previews(name) => {
                let app = self.app(&name);
                app.previews = Arc::default();
                app.written(revision);
            }
            Meaning::PipelineLock(name) => self.app(&name).pipeline_lock = None,
            Meaning::Endpoint(release, container) => self.drop_endpoint(release, &container, revision),
            Meaning::DefaultApp => self.default_app = None,
            Meaning::FreezeWindows => self.freeze_windows = Arc::default(),
            Meaning::EndpointSet(release) => self.set_pending(release, None, revision),
            _ => {}
        }
    }

    /// What is allowed, if this value is not.
    pub(super) fn fault_of(&self, meaning: &Meaning, value: &[u8]) -> Option<String> {
        match (meaning, parse(meaning, value, &self.options.addresses)) {
            (_, Err(allowed)) => Some(allowed),
            (Meaning::Settings(name), Ok(ParsedValue::Settings(settings))) => {
                self.claims.refusal(name, &settings)
            }
            _ => None,
        }
    }

    fn drop_endpoint(&mut self, release: ReleaseId, container: &str, revision: u64) {
        if let Some(endpoints) = self.releases.get_mut(&release) {
            endpoints.remove(container);
            if endpoints.is_empty() {
                self.releases.remove(&release);
            }
        }
        self.note_changed(&release, revision);
    }

    /// The endpoints of a release that count until their keys are written; none: the keys count. An address that is not
    /// allowed is left out.
    fn set_pending(&mut self, release: ReleaseId, pending: Option<PendingSet>, modified: u64) {
        if pending.is_none() && !self.pending.contains_key(&release) {
            return;
        }
        self.changed_releases.insert(release.clone(), modified);
        let Some(PendingSet { by, endpoints }) = pending else {
            self.pending.remove(&release);
            return;
        };
        let valid = endpoints.into_iter().filter_map(|(container, text)| {
            let endpoint = self.options.addresses.parse_endpoint(&text).ok()?;
            Some((container, StoredEndpoint { endpoint, modified }))
        });
        let endpoints: Endpoints = valid.collect();
        self.pending.insert(release, PendingEndpoints { endpoints, by });
    }

    /// Notes that the endpoints of a release have changed, unless others count instead of them.
    fn note_changed(&mut self, release: &ReleaseId, revision: u64) {
        if !self.pending.contains_key(release) {
            self.changed_releases.insert(release.clone(), revision);
        }
    }

    fn set_settings(&mut self, name: &AppName, settings: Arc<Settings>, modified: u64) -> &mut AppKeys {
        self.claims_stale |= Claims::differ(&settings, &self.app(name).settings);
        let app = self.app(name);
        app.settings = settings;
        app.settings_modified = modified;
        app
    }

    /// The keys of an app that is written.
    fn app(&mut self, name: &AppName) -> &mut AppKeys {
        if !self.touched.contains(name) {
            self.touched.insert(name.clone());
        }
        if !self.apps.contains_key(name) {
            self.apps.insert(name.clone(), AppKeys::default());
        }
        self.apps.get_mut(name).expect("inserted above")
    }
}

impl AppKeys {
    /// Notes that something was written that the app's routes depend on.
    fn written(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
        self.compiled = None;
    }
}

/// An old key's app, and where its value is kept.
fn old_key(meaning: &Meaning) -> Option<(&AppName, OldPlace)> {
    match meaning {
        Meaning::StableId(app) => Some((app, |old| &mut old.stable)),
        Meaning::CandidateId(app) => Some((app, |old| &mut old.candidate)),
        Meaning::BlendPercent(app) => Some((app, |old| &mut old.blend)),
        Meaning::Stickyness(app) => Some((app, |old| &mut old.sticky)),
        _ => None,
    }
}

fn parse(meaning: &Meaning, value: &[u8], addresses: &AddressPolicy) -> Result<ParsedValue, String> {
    let text = || std::str::from_utf8(value).map(str::trim_ascii);
    match meaning {
        Meaning::Record(_) => Record::parse(value).map(Box::new).map(ParsedValue::Record),
        Meaning::Settings(_) => {
            let settings = Settings::read(value).map_err(|error| error.to_string())?;
            Ok(ParsedValue::Settings(Arc::new(settings)))
        }
        Meaning::Previews(_) => Previews::parse(value).map(Arc::new).map(ParsedValue::Previews),
        Meaning::PipelineLock(_) => PipelineLock::parse(value).map(Arc::new).map(ParsedValue::PipelineLock),
        Meaning::Endpoint(..) => {
            let text = text().map_err(|_| EndpointError::Malformed.to_string())?;
            addresses.parse_endpoint(text).map(ParsedValue::Endpoint).map_err(|error| error.to_string())
        }
        Meaning::FreezeWindows => freeze::parse_list(value).map(Arc::new).map(ParsedValue::FreezeWindows),
        Meaning::DefaultApp => match text() {
            Ok(keys::NO_DEFAULT) => Ok(ParsedValue::DefaultApp(None)),
            Ok(name) if name.parse::<AppName>().is_ok() => Ok(ParsedValue::DefaultApp(name.parse().ok())),
            _ => Err("the name of an app, or `-` for none".to_owned()),
        },
        Meaning::EndpointSet(_) => {
            let set = EndpointSet::parse(value)?;
            check_pending(&set, addresses).map(|()| ParsedValue::Set)
        }
        old => {
            let text = text().map_err(|_| "text in UTF-8".to_owned())?;
            check_old(old, text).map(|()| ParsedValue::Old)
        }
    }
}

/// Finds an address that is not allowed.
fn check_pending(set: &EndpointSet, addresses: &AddressPolicy) -> Result<(), String> {
    let pending = set.pending.iter().flat_map(|pending| pending.endpoints.values());
    let faulty =
        pending.map(|text| (text, addresses.parse_endpoint(text))).find(|(_, parsed)| parsed.is_err());
    match faulty {
        Some((address, Err(error))) => Err(format!("`{}`: {error}", address.escape_debug())),
        _ => Ok(()),
    }
}

fn check_old(meaning: &Meaning, text: &str) -> Result<(), String> {
    match meaning {
        Meaning::StableId(_) | Meaning::CandidateId(_) => {
            let allowed = |error| format!("{error}, or `rolling/null` for none");
            ReleaseId::parse_nullable(text).map(drop).map_err(allowed)
        }
        Meaning::BlendPercent(_) => text.parse::<Blend>().map(drop).map_err(|error| error.to_string()),
        Meaning::Stickyness(_) if !matches!(text, "0" | "1") => {
            Err("stickyness is `1` (clients are pinned) or `0`".to_owned())
        }
        _ => Ok(()),
    }
}
