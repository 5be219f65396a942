//! The layout of the keyvalues: which key means what (docs/design.md section 3).

use super::{app::AppName, deployment::id::DeploymentId, release::ReleaseId};

/// The placeholder key; its presence says that a store has been set up.
pub const NULL: &str = "rolling/null";
/// The prefix of everything a routing table is built from, besides [`APPS`].
pub const ROLLING: &str = "rolling/";
/// The prefix of all endpoints.
pub const APPS: &str = "apps/";
/// The prefix of the router's own keys, closed to the raw key API.
pub const ROUTER: &str = "rolling/router/";

/// Which app unknown hosts lead to: its name, or [`NO_DEFAULT`]. Stored, so that all routers agree, and so that a second app
/// never takes the first one off line.
pub const DEFAULT_APP: &str = "rolling/default-app";
/// What [`DEFAULT_APP`] holds where several apps are and none of them is the default.
pub const NO_DEFAULT: &str = "-";

/// The freeze windows of all apps, as a list of lines.
pub const FREEZE_WINDOWS: &str = "rolling/freeze-windows";

/// A key with a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// `rolling/null`.
    Null,
    /// `rolling/<app>/stable/id`.
    StableId(AppName),
    /// `rolling/<app>/candidate/id`.
    CandidateId(AppName),
    /// `rolling/<app>/blendpercent`.
    BlendPercent(AppName),
    /// `rolling/<app>/stickyness`.
    Stickyness(AppName),
    /// `rolling/<app>/rollout`.
    Record(AppName),
    /// `rolling/<app>/events/<seq>`.
    Event(AppName, u64),
    /// `rolling/<app>/endpoint-events/<number>`.
    EndpointEvent(AppName, u64),
    /// `rolling/<app>/settings`.
    Settings(AppName),
    /// `rolling/<app>/previews`.
    Previews(AppName),
    /// `rolling/<app>/pipeline-lock`.
    PipelineLock(AppName),
    /// `rolling/<app>/deployments/<id>`.
    Deployment(AppName, DeploymentId),
    /// `rolling/default-app`.
    DefaultApp,
    /// `rolling/freeze-windows`.
    FreezeWindows,
    /// `rolling/router/...`.
    Router,
    /// `apps/<segment>/containers/<container id>`: one endpoint of a release.
    Endpoint(ReleaseId, String),
    /// `apps/<segment>/set`: how often the endpoints of a release were changed, and those that are still to be written.
    EndpointSet(ReleaseId),
}

/// What a key means; `None` for keys that mean nothing to the router.
pub fn meaning(key: &str) -> Option<Meaning> {
    if let Some(rest) = key.strip_prefix(ROLLING) {
        return rolling_meaning(rest);
    }
    let rest = key.strip_prefix(APPS)?;
    if let Some(segment) = rest.strip_suffix("/set") {
        return format!("apps/{segment}/containers").parse().ok().map(Meaning::EndpointSet);
    }
    let (segment, container) = rest.split_once("/containers/")?;
    if container.is_empty() || container.contains('/') {
        return None;
    }
    let release = format!("apps/{segment}/containers").parse().ok()?;
    Some(Meaning::Endpoint(release, container.to_owned()))
}

/// What a key means, if a route can depend on its value.
pub(super) fn routed_meaning(key: &str) -> Option<Meaning> {
    let unrouted = |meaning: &Meaning| {
        matches!(
            meaning,
            Meaning::Null
                | Meaning::Event(..)
                | Meaning::EndpointEvent(..)
                | Meaning::Deployment(..)
                | Meaning::Router
        )
    };
    meaning(key).filter(|meaning| !unrouted(meaning))
}

fn rolling_meaning(rest: &str) -> Option<Meaning> {
    match rest {
        "null" => return Some(Meaning::Null),
        "default-app" => return Some(Meaning::DefaultApp),
        "freeze-windows" => return Some(Meaning::FreezeWindows),
        _ => {}
    }
    let (app, rest) = rest.split_once('/')?;
    if app == "router" {
        return Some(Meaning::Router);
    }
    let app: AppName = app.parse().ok()?;
    match rest {
        "stable/id" => Some(Meaning::StableId(app)),
        "candidate/id" => Some(Meaning::CandidateId(app)),
        "blendpercent" => Some(Meaning::BlendPercent(app)),
        "stickyness" => Some(Meaning::Stickyness(app)),
        "rollout" => Some(Meaning::Record(app)),
        "settings" => Some(Meaning::Settings(app)),
        "previews" => Some(Meaning::Previews(app)),
        "pipeline-lock" => Some(Meaning::PipelineLock(app)),
        _ => {
            if let Some(id) = rest.strip_prefix("deployments/") {
                return id.parse().ok().map(|id| Meaning::Deployment(app, id));
            }
            let twelve_digits =
                |text: &&str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = |prefix: &str| rest.strip_prefix(prefix).filter(twelve_digits)?.parse().ok();
            match number("events/") {
                Some(seq) => Some(Meaning::Event(app, seq)),
                None => Some(Meaning::EndpointEvent(app, number("endpoint-events/")?)),
            }
        }
    }
}

/// `rolling/<app>/stable/id`.
pub fn stable_id(app: &AppName) -> String {
    format!("rolling/{app}/stable/id")
}

/// `rolling/<app>/candidate/id`.
pub fn candidate_id(app: &AppName) -> String {
    format!("rolling/{app}/candidate/id")
}

/// `rolling/<app>/blendpercent`.
pub fn blendpercent(app: &AppName) -> String {
    format!("rolling/{app}/blendpercent")
}

/// `rolling/<app>/stickyness`.
pub fn stickyness(app: &AppName) -> String {
    format!("rolling/{app}/stickyness")
}

/// `rolling/<app>/rollout`: the rollout record.
pub fn record(app: &AppName) -> String {
    format!("rolling/{app}/rollout")
}

/// `rolling/<app>/settings`.
pub fn settings(app: &AppName) -> String {
    format!("rolling/{app}/settings")
}

/// `rolling/<app>/previews`: the live preview grants.
pub fn previews(app: &AppName) -> String {
    format!("rolling/{app}/previews")
}

/// `rolling/<app>/pipeline-lock`: the lock of the app's pipelines. It is renewed all the time, so it is no part of the
/// record, whose changes are counted.
pub fn pipeline_lock(app: &AppName) -> String {
    format!("rolling/{app}/pipeline-lock")
}

/// `rolling/<app>/deployments/<id>`.
pub fn deployment(app: &AppName, id: &DeploymentId) -> String {
    format!("rolling/{app}/deployments/{id}")
}

/// `rolling/<app>/events/<seq, 12 digits>`.
pub fn event(app: &AppName, seq: u64) -> String {
    format!("rolling/{app}/events/{seq:012}")
}

/// `rolling/<app>/endpoint-events/<number, 12 digits>`.
pub fn endpoint_event(app: &AppName, number: u64) -> String {
    format!("rolling/{app}/endpoint-events/{number:012}")
}

/// `apps/<segment>/set`.
pub fn endpoint_set(release: &ReleaseId) -> String {
    format!("apps/{}/set", release.segment())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let app: AppName = "Shop-1.eu".parse().unwrap();
        for (key, meant) in [
            (stable_id(&app), Meaning::StableId(app.clone())),
            (candidate_id(&app), Meaning::CandidateId(app.clone())),
            (blendpercent(&app), Meaning::BlendPercent(app.clone())),
            (stickyness(&app), Meaning::Stickyness(app.clone())),
            (record(&app), Meaning::Record(app.clone())),
            (settings(&app), Meaning::Settings(app.clone())),
            (previews(&app), Meaning::Previews(app.clone())),
            (pipeline_lock(&app), Meaning::PipelineLock(app.clone())),
            (event(&app, 4_711), Meaning::Event(app.clone(), 4_711)),
            (endpoint_event(&app, 12), Meaning::EndpointEvent(app.clone(), 12)),
            (
                deployment(&app, &"Shop-1.eu-7".parse().unwrap()),
                Meaning::Deployment(app.clone(), "Shop-1.eu-7".parse().unwrap()),
            ),
            (NULL.to_owned(), Meaning::Null),
            (DEFAULT_APP.to_owned(), Meaning::DefaultApp),
            (FREEZE_WINDOWS.to_owned(), Meaning::FreezeWindows),
            ("rolling/router/pin-keys".to_owned(), Meaning::Router),
        ] {
            assert_eq!(meaning(&key), Some(meant), "{key}");
        }
        assert_eq!(event(&app, 1), "rolling/Shop-1.eu/events/000000000001");
    }

    #[test]
    fn only_keys_directly_below_containers_are_endpoints() {
        let release: ReleaseId = "apps/shop-a-80/containers".parse().unwrap();
        let endpoint = Meaning::Endpoint(release, "c:1".into());
        assert_eq!(meaning("apps/shop-a-80/containers/c:1"), Some(endpoint));
        let release: ReleaseId = "apps/shop-a-80/containers".parse().unwrap();
        assert_eq!(meaning(&endpoint_set(&release)), Some(Meaning::EndpointSet(release)));
        for key in [
            "apps/shop-a-80/containers",
            "apps/shop-a-80/containers/",
            "apps/shop-a-80/containers/c/x",
            "apps/shop-a-80/c",
            "apps/a/b/containers/c",
            "apps//containers/c",
            "apps//set",
            "apps/a/b/set",
            "apps/set",
        ] {
            assert_eq!(meaning(key), None, "{key}");
        }
    }

    #[test]
    fn strangers_mean_nothing() {
        for key in [
            "",
            "rolling",
            "rolling/",
            "rolling/shop",
            "rolling/shop/",
            "rolling/shop/id",
            "rolling/null/stable/id",
            "rolling/-shop/stable/id",
            "rolling/shop/deployments/",
            "rolling/shop/deployments/a/b",
            "rolling/shop/events/1",
            "rolling/shop/events/+00000000001",
            "Rolling/shop/stable/id",
        ] {
            assert_eq!(meaning(key), None, "{key}");
        }
    }
}
