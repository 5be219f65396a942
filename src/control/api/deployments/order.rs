//! What a call to deploy asks for, held to what the engine's configuration allows.

use std::time::{Duration, UNIX_EPOCH};

use crate::{
    control::{
        api::tracks::checked_facts,
        commands::engine_run::{EngineChoice, choose},
        limits::{DEPLOY_SECONDS, DEPLOY_SECONDS_MAX, REPLICAS_MAX},
        shared::{access::caller::Caller, core::Core, error::ApiError},
    },
    rollout::{
        app::AppName,
        command::find_plan,
        deployment::{
            compose::{
                port::Port,
                service::{Service, check_volume},
            },
            environment::Environment,
            id::DeploymentId,
            record::{Deployment, DesiredState},
            run::CandidateWish,
        },
    },
    schema::deployment::DeployRequest,
};

/// The port if none is sent.
const PORT_DEFAULT: u16 = 80;
/// The longest path of a health check, in bytes.
const PATH_BYTES_MAX: usize = 1_024;

/// The deployment that is asked for.
pub fn deployment_of(
    core: &Core,
    app: &AppName,
    caller: &Caller,
    request: DeployRequest,
) -> Result<Deployment, ApiError> {
    let replicas = request.replicas.unwrap_or(1);
    check_replicas(replicas)?;
    let now = core.clock.wall_ms();
    let release = request.release.clone().unwrap_or_else(|| time_as_name(now));
    let refused = |why: &dyn std::fmt::Display| {
        ApiError::value("release", format!("`{}`: {why}", release.escape_debug()))
    };
    if !release.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(refused(&"the name of a release begins with a letter or digit, as `1.0.1` does"));
    }
    let id: DeploymentId = format!("{app}-{release}").parse().map_err(|error| refused(&error))?;
    let timeout_seconds = request.timeout.unwrap_or(DEPLOY_SECONDS);
    if !(1..=DEPLOY_SECONDS_MAX).contains(&timeout_seconds) {
        let message =
            format!("{timeout_seconds} is not a whole number of seconds from 1 to {DEPLOY_SECONDS_MAX}");
        return Err(ApiError::value("timeout", message));
    }
    if let Some(path) = &request.health_path {
        let allowed = path.starts_with('/')
            && path.len() <= PATH_BYTES_MAX
            && path.bytes().all(|byte| byte.is_ascii_graphic());
        if !allowed {
            let message = format!("`{}` is no path; allowed is such as `/health`", path.escape_debug());
            return Err(ApiError::value("health_path", message));
        }
    }
    let candidate = wish_of(&request)?;
    check_plan(core, app, &request)?;
    let choice = EngineChoice {
        engine: request.engine.clone(),
        network: request.network.clone(),
        health_path: request.health_path.clone(),
        memory_bytes: request.memory,
        cpu_millis: request.cpus.map(cpu_millis).transpose()?,
        timeout_seconds,
        candidate,
        role: caller.role,
        token: core.replica.mark_of(&caller.token),
    };
    let spec = service_of(request)?;
    let deployment = Deployment {
        app: app.clone(),
        id,
        service: None,
        spec,
        replicas,
        desired: DesiredState::Serving,
        created_by: caller.name.clone(),
        created_at: now,
        old: None,
        run: None,
    };
    if deployment.main_release().is_none() {
        return Err(refused(&"with the port it is too long for the id of a release"));
    }
    let run = choose(core, &deployment.spec, choice)?;
    Ok(Deployment { run: Some(run), ..deployment })
}

/// What is to become of the release once it serves; none: nothing.
fn wish_of(request: &DeployRequest) -> Result<Option<CandidateWish>, ApiError> {
    let DeployRequest { blend, plan, facts, without_candidate, .. } = request;
    let facts = checked_facts(facts.clone())?;
    if *without_candidate == Some(true) {
        if !facts.is_empty() {
            return Err(ApiError::value("facts", "facts go with the release that becomes the candidate"));
        }
        return Ok(None);
    }
    Ok(Some(CandidateWish { blend: *blend, plan: plan.clone(), facts, is_set: false }))
}

/// Refuses a plan that could not be started once the release serves.
fn check_plan(core: &Core, app: &AppName, request: &DeployRequest) -> Result<(), ApiError> {
    let Some(plan) = &request.plan else { return Ok(()) };
    if request.blend.is_some() {
        let message = "a plan has blends of its own; send either `blend` or `plan`";
        return Err(ApiError::value("plan", message));
    }
    if request.without_candidate == Some(true) {
        return Err(ApiError::value("plan", "there is no plan without a candidate"));
    }
    let reading = core.replica.reading.load();
    let plans = reading.apps.get(app).map(|read| read.settings.plans()).unwrap_or_default();
    find_plan(&plans, plan).map(drop).map_err(ApiError::from)
}

/// Processors in thousandths.
fn cpu_millis(cpus: f64) -> Result<u32, ApiError> {
    let millis = (cpus * 1_000.0).round();
    if !(1.0..f64::from(u32::MAX)).contains(&millis) {
        return Err(ApiError::value(
            "cpus",
            format!("{cpus} is no number of processors; allowed is such as 0.5 or 2"),
        ));
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the range of a u32"
    )]
    Ok(millis as u32)
}

/// Refuses a number of containers that nobody can mean.
pub fn check_replicas(replicas: u32) -> Result<(), ApiError> {
    if (1..=REPLICAS_MAX).contains(&replicas) {
        return Ok(());
    }
    Err(ApiError::value("replicas", format!("{replicas} is not a whole number from 1 to {REPLICAS_MAX}")))
}

fn service_of(request: DeployRequest) -> Result<Service, ApiError> {
    let mut environment = Environment::default();
    for (name, value) in request.environment.iter().flatten() {
        environment.add(name, value).map_err(|why| ApiError::value("environment", why))?;
    }
    let volumes = request.volumes.unwrap_or_default();
    for (index, volume) in volumes.iter().enumerate() {
        check_volume(volume).map_err(|why| ApiError::value(format!("volumes[{index}]"), why))?;
    }
    let port = request.port.unwrap_or(PORT_DEFAULT);
    for (field, port) in [("port", Some(port)), ("host_port", request.host_port)] {
        if port == Some(0) {
            return Err(ApiError::value(field, "0 is no port; allowed is 1 to 65535"));
        }
    }
    Ok(Service {
        image: request.image,
        command: request.command.unwrap_or_default(),
        environment,
        ports: vec![Port { host: request.host_port, container: port }],
        volumes,
        ..Service::default()
    })
}

/// A time as the name of a release, `20261119-143005`.
fn time_as_name(now: u64) -> String {
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now));
    // `Thu, 19 Nov 2026 14:30:05 GMT`
    let [_, day, month, year, time, ..] = text.split(' ').collect::<Vec<&str>>()[..] else {
        return now.to_string();
    };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month).unwrap_or(0) + 1;
    format!("{year}{month:02}{day}-{}", time.replace(':', ""))
}
