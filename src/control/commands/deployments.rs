//! Changes of the stored deployments: made, changed, removed. What an app routes is stopped and removed by nobody, and who may
//! not change the endpoints of a release may not stop what they run in.

use keyvalues::{Check, Entry, Revision, Write};

use super::{
    commit::{Commit, Plan},
    register::change_endpoints,
    registration::Registration,
    release_endpoints::written_out,
    stored::StoredApp,
    transact::transact,
};
use crate::{
    control::{
        limits::{DEPLOYMENTS_MAX, NAMES_WAIT},
        shared::{
            core::Core,
            deployments::DeploymentKey,
            entries::{encode, own_key, unchanged},
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, admit_registration},
        deployment::{
            id::DeploymentId,
            record::{Deployment, DesiredState},
            state::State,
        },
        endpoint_set::{Containers, EndpointChange},
        keys::{self, Meaning},
        record::Record,
        release::ReleaseId,
        unknown_fields,
    },
};

/// A deployment after a change.
#[derive(Debug)]
pub struct DeploymentOutcome {
    pub deployment: Deployment,
    /// Whether anything was written.
    pub changed: bool,
    /// The store revision that holds it.
    pub revision: Revision,
}

/// Stores a new deployment. A repeat of the call that made it changes nothing.
/// With it further writes are committed, each with its check.
pub async fn create(
    core: &Core,
    deployment: &Deployment,
    further: Vec<(Option<Check>, Write)>,
) -> Result<DeploymentOutcome, ApiError> {
    core.replica.require_known_store().await?;
    let key = &(deployment.app.clone(), deployment.id.clone());
    let further = &further;
    refuse_other_app(core, key)?;
    transact(&core.store, &what(&deployment.id), move |_| async move {
        let written = own_key(&keys::deployment(&key.0, &key.1));
        if let Some(entry) = core.store.get(&written).await? {
            let stored = read(&entry, key)?;
            if let Some(again) = after_failure(&stored, deployment)? {
                return Ok(written_again(&entry, again, further));
            }
            if is_repeat(&stored, deployment) {
                let repeat =
                    DeploymentOutcome { deployment: stored, changed: false, revision: entry.modified };
                return Ok(Plan::Nothing(repeat));
            }
            let message = format!(
                "there is a deployment `{}` already, and it is another one; choose another id",
                deployment.id
            );
            return Err(ApiError::new(Kind::Refused("deployment_exists"), message).field("deployment_id"));
        }
        if core.deployments.count() >= DEPLOYMENTS_MAX {
            let message = format!(
                "there are {DEPLOYMENTS_MAX} deployments, which is the most that is allowed; remove some"
            );
            return Err(ApiError::new(Kind::Quota, message));
        }
        let write = Write::put(written.clone(), encode(deployment));
        let commit = with_further(Check::Absent(written.clone()), write, further);
        let made = deployment.clone();
        Ok(Plan::write(Commit { proof: Some(written), ..commit }, |revision| DeploymentOutcome {
            deployment: made,
            changed: true,
            revision,
        }))
    })
    .await
}

/// Changes a deployment. What takes something away from it is refused while an app routes it.
pub async fn change(
    core: &Core,
    key: &DeploymentKey,
    asker: &Asker,
    edit: impl Fn(&mut Deployment) -> Result<(), ApiError>,
) -> Result<DeploymentOutcome, ApiError> {
    core.replica.require_known_store().await?;
    let edit = &edit;
    transact(&core.store, &what(&key.1), move |_| async move {
        let entry = stored_entry(core, key).await?;
        let before = read(&entry, key)?;
        let mut next = before.clone();
        edit(&mut next)?;
        if next == before {
            return Ok(Plan::Nothing(DeploymentOutcome {
                deployment: before,
                changed: false,
                revision: entry.modified,
            }));
        }
        let mut checks = vec![unchanged(&entry)];
        if next.replicas > before.replicas || is_recycled(&before, &next) {
            let standing = Standing::read(core, &before).await?;
            standing.admit(&before, asker)?;
            checks.extend(standing.checks());
        }
        if takes_away(&before, &next) {
            let standing = Standing::read(core, &before).await?;
            standing.refuse(&before, asker, tolerated(&before, &next))?;
            checks.extend(standing.checks());
        }
        let value = unknown_fields::keep(&entry.value, &before, encode(&next));
        let commit = Commit { checks, writes: vec![Write::put(entry.key.clone(), value)], proof: None };
        Ok(Plan::write(commit, move |revision| DeploymentOutcome {
            deployment: next,
            changed: true,
            revision,
        }))
    })
    .await
}

/// Has a deployment serve, from within a change.
pub fn start(deployment: &mut Deployment, now: u64) -> Result<(), ApiError> {
    if deployment.start(now) { Ok(()) } else { Err(being_cleaned_up(&deployment.id)) }
}

/// Removes a deployment. One that an engine runs goes with its containers; of any other the endpoints go first, so that a removal
/// which was cut short is made whole by the next. With `force` no engine is asked: what it runs stays there.
pub async fn remove(
    core: &Core,
    key: &DeploymentKey,
    asker: &Asker,
    force: bool,
) -> Result<DeploymentOutcome, ApiError> {
    core.replica.require_known_store().await?;
    let deployment = read(&stored_entry(core, key).await?, key)?;
    if deployment.run.is_some() && !force {
        return change(core, key, asker, |deployment| {
            deployment.desired = DesiredState::Removed;
            Ok(())
        })
        .await;
    }
    Standing::read(core, &deployment).await?.refuse(&deployment, asker, Tolerated::Nothing)?;
    for release in releases_with_endpoints(core, &deployment).await? {
        // Nobody routes it, so it can be nothing but the way back, which whoever removes the deployment gives up.
        let registration = Registration {
            change: &EndpointChange::RemoveAll,
            asker,
            app: Some(&deployment.app),
            force: true,
        };
        change_endpoints(core, &release, registration).await?;
    }
    transact(&core.store, &what(&key.1), move |_| async move {
        let entry = stored_entry(core, key).await?;
        let deployment = read(&entry, key)?;
        let standing = Standing::read(core, &deployment).await?;
        standing.refuse(&deployment, asker, Tolerated::Nothing)?;
        let checks = [unchanged(&entry)].into_iter().chain(standing.checks()).collect();
        let commit = Commit { checks, writes: vec![Write::delete(entry.key)], proof: None };
        Ok(Plan::write(commit, |revision| DeploymentOutcome { deployment, changed: true, revision }))
    })
    .await
}

/// Removes the deployments of an app that was removed. One that cannot be, such as one that another app routes, stays and says why.
pub async fn remove_all(core: &Core, app: &AppName, asker: &Asker) {
    for key in core.deployments.keys_of(app) {
        if let Err(error) = remove(core, &key, asker, false).await {
            tracing::warn!(%app, deployment = %key.1, why = error.message(), "a deployment of an app that was removed stays");
        }
    }
}

/// The endpoints of each release of a deployment.
pub async fn endpoints(
    core: &Core,
    deployment: &Deployment,
) -> Result<Vec<(ReleaseId, Containers)>, ApiError> {
    let listing = core.store.list(&[&deployment.release_prefix()]).await?;
    let mut found: Vec<(ReleaseId, Containers)> = Vec::new();
    for entry in written_out(listing.entries) {
        let Some(Meaning::Endpoint(release, container)) = keys::meaning(entry.key.as_str()) else { continue };
        if !deployment.has_release(&release) {
            continue;
        }
        if found.last().is_none_or(|(last, _)| *last != release) {
            found.push((release, Containers::new()));
        }
        if let Some((_, containers)) = found.last_mut() {
            containers.insert(container, String::from_utf8_lossy(&entry.value).trim().to_owned());
        }
    }
    Ok(found)
}

/// 404 for a deployment that there is not.
pub fn unknown(id: &str) -> ApiError {
    ApiError::new(Kind::NotFound, format!("there is no deployment `{}`", id.escape_debug()))
}

/// The apps that a deployment concerns: its own, and those that route a release of it.
struct Standing(Vec<StoredApp>);

impl Standing {
    async fn read(core: &Core, deployment: &Deployment) -> Result<Self, ApiError> {
        let own = StoredApp::read(core, &deployment.app).await?;
        core.replica.wait_for(own.read_at, NAMES_WAIT).await;
        let reading = core.replica.reading.load_full();
        let mut apps = vec![own];
        for (name, app) in reading.apps.iter().filter(|(name, _)| **name != deployment.app) {
            if app.record.as_deref().is_some_and(|record| named(record, deployment).next().is_some()) {
                apps.push(StoredApp::read(core, name).await?);
            }
        }
        Ok(Self(apps))
    }

    /// Refuses to take something away from a deployment that an app routes, or whose releases the asker may not change. What
    /// drains may be told to stop: it does so when its drain is over.
    fn refuse(&self, deployment: &Deployment, asker: &Asker, tolerated: Tolerated) -> Result<(), ApiError> {
        for stored in &self.0 {
            let Some(record) = &stored.record else { continue };
            for release in named(record, deployment) {
                admit_registration(record, release, false, asker, &stored.registration_rules(release))?;
                let Some(place) =
                    place(record, release).filter(|(_, is_on_track)| !tolerated.has(*is_on_track))
                else {
                    continue;
                };
                let ((place, _), id, app) = (place, &deployment.id, &stored.name);
                let message = format!(
                    "`{id}` is {place} of the app `{app}`, so it is neither stopped nor removed; it can be once the app routes \
                     it no more"
                );
                return Err(ApiError::new(Kind::Refused("still_routed"), message));
            }
        }
        Ok(())
    }

    /// Refuses more endpoints of a deployment to who may not add them.
    fn admit(&self, deployment: &Deployment, asker: &Asker) -> Result<(), ApiError> {
        for stored in &self.0 {
            let releases =
                stored.record.iter().flat_map(|record| named(record, deployment).map(move |it| (record, it)));
            for (record, release) in releases {
                admit_registration(record, release, true, asker, &stored.registration_rules(release))?;
            }
        }
        Ok(())
    }

    /// Holds a commit to it.
    fn checks(&self) -> impl Iterator<Item = Check> {
        self.0.iter().map(StoredApp::record_check)
    }
}

/// Where a record routes a release, and whether that is a track.
fn place(record: &Record, release: &ReleaseId) -> Option<(&'static str, bool)> {
    if record.stable_release() == Some(release) {
        return Some(("stable", true));
    }
    if record.candidate_release() == Some(release) {
        return Some(("the candidate", true));
    }
    let drains = record.draining.iter().any(|draining| draining.release == *release);
    drains.then_some(("a draining release", false))
}

/// How far a release may be routed whose deployment is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tolerated {
    /// Not at all.
    Nothing,
    /// It may drain: it stops when that is over.
    Draining,
    /// It may be on a track: some of its endpoints stay.
    Tracks,
}

impl Tolerated {
    fn has(self, is_on_track: bool) -> bool {
        match self {
            Self::Nothing => false,
            Self::Draining => !is_on_track,
            Self::Tracks => true,
        }
    }
}

/// The releases of a deployment that a record names.
fn named<'a>(record: &'a Record, deployment: &'a Deployment) -> impl Iterator<Item = &'a ReleaseId> {
    let routed = record.routed().map(|(release, _)| release);
    routed.chain(&record.previous).filter(|release| deployment.has_release(release))
}

/// Whether less of a deployment runs after a change.
fn takes_away(before: &Deployment, next: &Deployment) -> bool {
    let stops = before.desired == DesiredState::Serving && next.desired != DesiredState::Serving;
    stops || before.spec != next.spec || next.replicas < before.replicas
}

/// Whether other containers take the place of those that run.
fn is_recycled(before: &Deployment, next: &Deployment) -> bool {
    let recycles =
        |deployment: &Deployment| deployment.run.as_ref().is_some_and(|run| run.recycling().is_some());
    recycles(next) && !recycles(before)
}

/// What a change tolerates: a stop, and fewer containers of those that an engine runs, and nothing else.
fn tolerated(before: &Deployment, next: &Deployment) -> Tolerated {
    let stopped = Deployment { desired: DesiredState::Stopped, ..before.clone() };
    let scaled = Deployment { replicas: next.replicas, ..before.clone() };
    match next {
        next if *next == stopped => Tolerated::Draining,
        next if *next == scaled && next.replicas > 0 && next.run.is_some() => Tolerated::Tracks,
        _ => Tolerated::Nothing,
    }
}

/// The deployment anew, where one that was asked for has failed.
fn after_failure(stored: &Deployment, asked: &Deployment) -> Result<Option<Deployment>, ApiError> {
    let (Some(before), Some(mut run)) = (&stored.run, asked.run.clone()) else { return Ok(None) };
    if before.state != State::Failed || stored.desired != DesiredState::Serving {
        return Ok(None);
    }
    if before.is_being_cleaned_up() {
        return Err(being_cleaned_up(&stored.id));
    }
    // Numbers go on, so that nothing of the one that failed is taken for this one's.
    run.generation = before.generation + 1;
    run.fence = before.fence;
    Ok(Some(Deployment { run: Some(run), ..asked.clone() }))
}

fn being_cleaned_up(id: &DeploymentId) -> ApiError {
    let message =
        format!("`{id}` has failed, and what it had started is being removed; try again in a moment");
    ApiError::new(Kind::Refused("being_cleaned_up"), message)
}

fn written_again(
    entry: &Entry,
    again: Deployment,
    further: &[(Option<Check>, Write)],
) -> Plan<DeploymentOutcome> {
    let write = Write::put(entry.key.clone(), encode(&again));
    let commit = with_further(unchanged(entry), write, further);
    Plan::write(commit, move |revision| DeploymentOutcome { deployment: again, changed: true, revision })
}

fn with_further(check: Check, write: Write, further: &[(Option<Check>, Write)]) -> Commit {
    let checks = [check].into_iter().chain(further.iter().filter_map(|(check, _)| check.clone())).collect();
    let writes = [write].into_iter().chain(further.iter().map(|(_, write)| write.clone())).collect();
    Commit { checks, writes, proof: None }
}

/// One id is one deployment, whichever app it is looked for under: the names of its containers follow from it.
fn refuse_other_app(core: &Core, (app, id): &DeploymentKey) -> Result<(), ApiError> {
    match core.deployments.app_of(id).filter(|other| other != app) {
        None => Ok(()),
        Some(other) => {
            let message =
                format!("there is a deployment `{id}` of the app `{other}` already; choose another id");
            Err(ApiError::new(Kind::Refused("deployment_exists"), message).field("deployment_id"))
        }
    }
}

/// Whether a call asks again for what it made, or for what it was changed to.
fn is_repeat(stored: &Deployment, asked: &Deployment) -> bool {
    let engine = |deployment: &Deployment| {
        let run = deployment.run.as_ref();
        run.map(|run| {
            let resources = (run.memory_bytes, run.cpu_millis);
            (run.engine.clone(), run.network.clone(), run.health_path.clone(), resources)
        })
    };
    let same = Deployment {
        created_by: stored.created_by.clone(),
        created_at: stored.created_at,
        run: stored.run.clone(),
        ..asked.clone()
    };
    *stored == same && engine(stored) == engine(asked)
}

async fn releases_with_endpoints(core: &Core, deployment: &Deployment) -> Result<Vec<ReleaseId>, ApiError> {
    Ok(endpoints(core, deployment).await?.into_iter().map(|(release, _)| release).collect())
}

async fn stored_entry(core: &Core, key: &DeploymentKey) -> Result<Entry, ApiError> {
    let found = core.store.get(&own_key(&keys::deployment(&key.0, &key.1))).await?;
    found.ok_or_else(|| unknown(key.1.as_str()))
}

fn read(entry: &Entry, (app, id): &DeploymentKey) -> Result<Deployment, ApiError> {
    Deployment::parse(&entry.value, app, id).map_err(|allowed| {
        let message = format!("the stored deployment `{id}` cannot be read; allowed is {allowed}");
        ApiError::new(Kind::Refused("deployment_unreadable"), message)
    })
}

fn what(id: &DeploymentId) -> String {
    format!("the deployment `{id}`")
}
