//! What `status --check` finds degraded.

use super::{client::Request, exit::Failure, session::Session};
use crate::schema::{
    app::App,
    endpoint::Endpoint,
    fleet::Fleet,
    release::Release,
    router::{Router, StoreState},
};

/// Everything that is not as it should be: of the app that is named, or of all apps; of the router and of its fleet.
pub(super) async fn faults(session: &Session<'_>) -> Result<Vec<String>, Failure> {
    let apps = match session.named_app() {
        Some(_) => vec![session.state().await?],
        None => session.apps().await?.apps,
    };
    let router = router(session).await?;
    let fleet: Fleet = session.client.send(Request::get(&["api", "v1", "fleet"])).await?.read()?;
    let alarms = fleet.alarms.into_iter().map(|alarm| alarm.message);
    Ok(apps.iter().flat_map(of_app).chain(of_router(&router)).chain(alarms).collect())
}

async fn router(session: &Session<'_>) -> Result<Router, Failure> {
    session.client.send(Request::get(&["api", "v1", "router"])).await?.read()
}

/// What is wrong with the store of the router that answers.
pub(super) async fn store_fault(session: &Session<'_>) -> Result<Option<String>, Failure> {
    Ok(of_store(&router(session).await?))
}

fn of_router(router: &Router) -> Vec<String> {
    let unready = (!router.ready).then(|| "the router is not ready".to_owned());
    unready.into_iter().chain(of_store(router)).collect()
}

fn of_store(router: &Router) -> Option<String> {
    let detail = router.store.detail.as_deref().unwrap_or("no read was confirmed for a while");
    (router.store.state != StoreState::Current)
        .then(|| format!("the store is {}: {detail}", router.store.state.as_str()))
}

fn of_app(app: &App) -> Vec<String> {
    let name = &app.app;
    let mut faults = Vec::new();
    if app.stable.is_none() {
        faults.push(format!("{name}: it has no stable release"));
    }
    let tracks = [("stable", &app.stable), ("candidate", &app.candidate)];
    for (track, release) in tracks.into_iter().filter_map(|(track, release)| Some((track, release.as_ref()?)))
    {
        faults.extend(of_release(release).into_iter().map(|fault| format!("{name}: {track} {fault}")));
    }
    if let Some(abort) = &app.local_abort {
        faults.push(format!("{name}: {} is aborted on this router alone", abort.release));
    }
    let problem =
        |problem: &crate::schema::app::Problem| format!("{name}: {}: {}", problem.key, problem.allowed);
    faults.extend(app.problems.iter().map(problem));
    faults
}

fn of_release(release: &Release) -> Vec<String> {
    if release.endpoints.is_empty() {
        return vec![format!("{} has no endpoint", release.name())];
    }
    let failing =
        release.endpoints.iter().filter(|endpoint| endpoint.draining.is_none() && !endpoint.healthy);
    let fault = |endpoint: &Endpoint| {
        let detail = endpoint.detail.as_deref().unwrap_or("does not serve");
        format!("{}: {} {detail}", release.name(), endpoint.address)
    };
    failing.map(fault).collect()
}
