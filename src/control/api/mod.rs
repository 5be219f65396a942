//! The JSON API below `/api/v1`: one handler per call, one table of errors (`error`), one shape of state (`state`).
//!
//! Reads answer from what this router serves, so they work while the store does not. Writes go to the store.

pub mod answer;
mod approvals;
pub mod apps;
mod audit;
pub mod body;
mod calls;
mod certificates;
pub mod deployments;
pub mod description;
pub mod drains;
pub mod dry_run;
mod effective_settings;
mod endpoint_test;
pub mod endpoints;
pub mod explain;
pub mod fleet;
mod follower;
pub mod freeze;
pub mod fuzz;
pub mod halts;
pub mod history;
pub mod hooks;
mod hooks_in;
mod host_claims;
mod json;
pub mod kv;
pub mod locks;
mod old_api;
pub mod past;
mod plans;
mod pool;
pub mod previews;
pub mod prune;
pub mod query;
pub mod registrations;
pub mod request;
pub mod router;
mod services;
mod sessions;
pub mod settings;
pub mod setup;
mod shadow;
pub mod snapshot;
mod state;
pub mod store;
pub mod stream;
mod tokens;
pub mod tracks;
mod verdict;
pub mod visible;
pub mod wait;
mod wait_for_plan;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};

use self::calls::Calls;
use crate::control::shared::{
    core::Core,
    error::{ApiError, Kind},
    old_api::is_old_api,
};

/// The routes of the API.
pub fn routes() -> Router<Core> {
    calls().into_router().merge(hooks_in::senders()).fallback(by_raw_path)
}

/// What a port has that is for senders to hooks in alone.
pub fn senders() -> Router<Core> {
    hooks_in::senders()
}

/// Every call but those of raw keyvalues.
fn calls() -> Calls {
    store::calls(deployments_of_apps(endpoints_of_releases(commands(apps(Calls::default())))))
        .get("/api/v1/stream", follower::of_all)
        .get("/api/v1/router", router::read)
        .get("/api/v1/router/files", router::files)
        .get("/api/v1/fleet", fleet::read)
        .post("/api/v1/fleet/remove-gone", fleet::remove_gone)
        .post("/api/v1/fleet/rotate-keys", fleet::rotate_keys)
        .delete("/api/v1/fleet/{member}", fleet::remove)
        .get("/api/v1/hooks", hooks::list)
        .get("/api/v1/hooks/{hook}", hooks::read)
        .put("/api/v1/hooks/{hook}", hooks::write)
        .delete("/api/v1/hooks/{hook}", hooks::remove)
        .post("/api/v1/hooks/{hook}/test", hooks::test)
        .get("/api/v1/hooks-in", hooks_in::list)
        .get("/api/v1/hooks-in/{hook}", hooks_in::read)
        .put("/api/v1/hooks-in/{hook}", hooks_in::write)
        .delete("/api/v1/hooks-in/{hook}", hooks_in::remove)
        .post("/api/v1/hooks-in/{hook}/test", hooks_in::test)
        .get("/api/v1/whoami", tokens::whoami)
        .get("/api/v1/session", sessions::own)
        .post("/api/v1/session", sessions::begin)
        .delete("/api/v1/session", sessions::end_own)
        .get("/api/v1/sessions", sessions::list)
        .delete("/api/v1/sessions/{session}", sessions::end_one)
        .get("/api/v1/tokens", tokens::list)
        .post("/api/v1/tokens", tokens::create)
        .delete("/api/v1/tokens/{token}", tokens::revoke)
        .get("/api/v1/audit", audit::read)
        .get("/api/openapi.json", description::read)
}

/// What is known of apps, and what stands beside their records.
fn apps(calls: Calls) -> Calls {
    calls
        .get("/api/v1/apps", apps::list)
        .get("/api/v1/apps/{app}", apps::read)
        .put("/api/v1/apps/{app}", setup::add)
        .delete("/api/v1/apps/{app}", apps::remove)
        .put("/api/v1/apps/{app}/default", setup::make_default)
        .delete("/api/v1/apps/{app}/default", setup::end_default)
        .get("/api/v1/apps/{app}/releases", apps::releases)
        .get("/api/v1/apps/{app}/history", history::read)
        .get("/api/v1/apps/{app}/verdict", verdict::read)
        .get("/api/v1/apps/{app}/shadow", shadow::read)
        .get("/api/v1/apps/{app}/past", past::read)
        .get("/api/v1/apps/{app}/wait", wait::wait)
        .get("/api/v1/freeze-windows", freeze::read)
        .put("/api/v1/freeze-windows", freeze::write)
        .post("/api/v1/apps/{app}/explain", explain::explain)
        .post("/api/v1/apps/{app}/who-moves", dry_run::ask)
        .get("/api/v1/apps/{app}/previews", previews::list)
        .post("/api/v1/apps/{app}/previews", previews::create)
        .delete("/api/v1/apps/{app}/previews/{id}", previews::revoke)
        .get("/api/v1/apps/{app}/settings", settings::read)
        .put("/api/v1/apps/{app}/settings", settings::replace)
        .patch("/api/v1/apps/{app}/settings", settings::merge)
        .get("/api/v1/apps/{app}/stream", follower::of_app)
}

/// Deployments.
fn deployments_of_apps(calls: Calls) -> Calls {
    let one = "/api/v1/apps/{app}/deployments/{id}";
    calls
        .get("/api/v1/apps/{app}/deployments", deployments::list)
        .post("/api/v1/apps/{app}/deployments", deployments::deploy)
        .get(one, deployments::read)
        .delete(one, deployments::terminate)
        .post("/api/v1/apps/{app}/deployments/{id}/stop", deployments::stop)
        .post("/api/v1/apps/{app}/deployments/{id}/start", deployments::start)
        .post("/api/v1/apps/{app}/deployments/{id}/scale", deployments::scale)
        .post("/api/v1/apps/{app}/deployments/{id}/recycle", deployments::recycle::recycle)
        .get("/api/v1/apps/{app}/deployments/{id}/logs", deployments::logs::read)
        .get("/api/v1/services", services::list)
        .get("/api/v1/nodes", services::nodes)
        .get("/api/v1/certificates", certificates::list)
        .post("/api/v1/certificates/account-key", certificates::roll_account_key)
        .get("/api/pool/schedule_recycle", pool::schedule_recycle)
        .post("/api/pool/schedule_recycle", pool::schedule_recycle)
        .get("/api/stats", pool::stats)
}

/// The commands.
fn commands(calls: Calls) -> Calls {
    let endpoint = "/api/v1/apps/{app}/releases/{release}/endpoints/{endpoint}/drain";
    calls
        .put("/api/v1/apps/{app}/candidate", tracks::set_candidate)
        .delete("/api/v1/apps/{app}/candidate", tracks::abort)
        .put("/api/v1/apps/{app}/stable", tracks::set_stable)
        .delete("/api/v1/apps/{app}/stable", tracks::clear_stable)
        .put("/api/v1/apps/{app}/blend", tracks::set_blend)
        .put("/api/v1/apps/{app}/sticky", tracks::set_sticky)
        .get("/api/v1/apps/{app}/approvals", approvals::list)
        .post("/api/v1/apps/{app}/approvals", approvals::approve)
        .delete("/api/v1/apps/{app}/approvals", approvals::withdraw)
        .put("/api/v1/apps/{app}/lock", locks::lock)
        .delete("/api/v1/apps/{app}/lock", locks::unlock)
        .post("/api/v1/apps/{app}/pause", halts::pause)
        .post("/api/v1/apps/{app}/stop", halts::stop)
        .post("/api/v1/apps/{app}/resume", halts::resume)
        .get("/api/v1/apps/{app}/plan", plans::read)
        .post("/api/v1/apps/{app}/plan", plans::start)
        .delete("/api/v1/apps/{app}/plan", plans::stop)
        .post("/api/v1/apps/{app}/plan/pause", plans::pause)
        .post("/api/v1/apps/{app}/plan/resume", plans::resume)
        .post("/api/v1/apps/{app}/plan/skip", plans::skip)
        .post("/api/v1/apps/{app}/plan/approve", plans::approve)
        .post("/api/v1/apps/{app}/promote", tracks::promote)
        .post("/api/v1/apps/{app}/abort", tracks::abort)
        .post("/api/v1/apps/{app}/rollback", tracks::rollback)
        .post("/api/v1/apps/{app}/drain/finish", drains::finish_named)
        .delete("/api/v1/apps/{app}/draining", drains::finish_all)
        .delete("/api/v1/apps/{app}/draining/{tenure}", drains::finish_one)
        .get(endpoint, endpoints::read)
        .put(endpoint, endpoints::drain)
        .delete(endpoint, endpoints::undrain)
}

/// Which endpoints a release has.
fn endpoints_of_releases(calls: Calls) -> Calls {
    let release = "/api/v1/apps/{app}/releases/{release}";
    let test = "/api/v1/apps/{app}/releases/{release}/test";
    let all = "/api/v1/apps/{app}/releases/{release}/endpoints";
    let one = "/api/v1/apps/{app}/releases/{release}/endpoints/{endpoint}";
    calls
        .post("/api/v1/apps/{app}/prune", prune::prune)
        .delete(release, registrations::remove_release)
        .post(test, endpoint_test::test)
        .get(all, registrations::list)
        .put(all, registrations::replace)
        .put(one, registrations::add)
        .delete(one, registrations::remove)
}

/// Raw keyvalues and the old API are told apart by their paths as they came, which a route's pattern would not give.
async fn by_raw_path(state: State<Core>, request: Request) -> Response {
    if kv::is_kv(request.uri().path()) {
        return kv::handle(state, request).await;
    }
    if is_old_api(request.uri().path()) {
        return old_api::handle(state, request).await;
    }
    ApiError::new(Kind::NotFound, "there is nothing at this path").into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// What the admin port serves besides: its probes (`admin::port`), and raw keyvalues below both of their roots,
    /// the old API, and what senders reach.
    const OTHERS: [(&str, &str); 20] = [
        ("post", "/hooks/in/{hook}"),
        ("get", "/hooks/in/{hook}/{delivery}"),
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/metrics"),
        ("get", "/api/kv/{key}"),
        ("put", "/api/kv/{key}"),
        ("delete", "/api/kv/{key}"),
        ("get", "/v1/kv/{key}"),
        ("put", "/v1/kv/{key}"),
        ("delete", "/v1/kv/{key}"),
        ("get", "/api/v2/deployments/"),
        ("post", "/api/v2/deployments/"),
        ("get", "/api/v2/deployments/{id}"),
        ("put", "/api/v2/deployments/{id}"),
        ("delete", "/api/v2/deployments/{id}"),
        ("post", "/api/v2/deployments/{id}/stop"),
        ("post", "/api/v2/deployments/{id}/start"),
        ("get", "/api/v2/deployments/{id}/containers/"),
        ("post", "/api/v2/containers/{id}/kill"),
    ];

    #[test]
    fn the_description_has_every_route_and_no_other() {
        let page: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
        let paths = page["paths"].as_object().unwrap().iter();
        let described = paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
            methods.map(move |method| (method.as_str(), path.as_str()))
        });
        let described: BTreeSet<(&str, &str)> = described.collect();
        let served: BTreeSet<(&str, &str)> = calls().listed.into_iter().chain(OTHERS).collect();
        let (missing, surplus) = (&served - &described, &described - &served);
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "not described: {missing:?}; not served: {surplus:?}"
        );
    }
}
