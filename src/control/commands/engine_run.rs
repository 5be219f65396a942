//! Which engine runs a deployment, and whether its configuration allows that.

use crate::{
    control::shared::{
        core::Core,
        error::{ApiError, Kind},
        hex::random_hex,
    },
    engine::{Engine, ImageReference, NetworkName, Refusal, Variable, Volume, check_resources},
    rollout::{
        command::Role,
        deployment::{
            compose::service::Service,
            run::{CandidateWish, Run, SPREAD},
        },
    },
};

/// What is asked for beside what runs.
#[derive(Debug)]
pub struct EngineChoice {
    pub engine: Option<String>,
    pub network: Option<String>,
    pub health_path: Option<String>,
    pub memory_bytes: Option<u64>,
    pub cpu_millis: Option<u32>,
    pub timeout_seconds: u32,
    pub candidate: Option<CandidateWish>,
    pub role: Role,
    /// The mark of the token that asks.
    pub token: String,
}

/// How an engine of this router is to run a service.
pub fn choose(core: &Core, service: &Service, choice: EngineChoice) -> Result<Run, ApiError> {
    let engines: Vec<&Engine> = core.options.engines.iter().collect();
    let name = match (choice.engine, engines.as_slice()) {
        (Some(name), _) => name,
        (None, []) => {
            let message =
                "this router has no engine; name one in its configuration (`--engine NAME=ADDRESS`)";
            return Err(ApiError::new(Kind::Refused("no_engine"), message));
        }
        (None, [only]) => only.name().to_string(),
        (None, _) => SPREAD.to_owned(),
    };
    let chosen: Vec<&&Engine> =
        engines.iter().filter(|it| name == SPREAD || it.name().as_str() == name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = engines.iter().map(|engine| engine.name().as_str()).collect();
        let message = format!(
            "`{}` is no engine of this router; allowed are {}",
            name.escape_debug(),
            names.join(", ")
        );
        return Err(ApiError::value("engine", message));
    }
    let network = choice.network.or_else(|| chosen[0].network().map(ToString::to_string));
    for engine in chosen {
        check(engine, service, network.as_deref())?;
    }
    check_resources(choice.memory_bytes, choice.cpu_millis).map_err(refused)?;
    Ok(Run {
        candidate: choice.candidate,
        token: choice.token,
        network,
        health_path: choice.health_path,
        memory_bytes: choice.memory_bytes,
        cpu_millis: choice.cpu_millis,
        ..Run::new(name, new_mark()?, choice.role, choice.timeout_seconds, core.clock.wall_ms())
    })
}

/// Eight hexadecimal digits: of the deployments with one id that one engine ever has, no two have the same by chance.
fn new_mark() -> Result<String, ApiError> {
    random_hex::<4>().map_err(|error| {
        ApiError::new(Kind::Internal, format!("the system gives no random bytes for a mark: {error}"))
    })
}

/// Holds a service to what an engine's configuration allows, before anything is stored.
fn check(engine: &Engine, service: &Service, network: Option<&str>) -> Result<(), ApiError> {
    let image: ImageReference = service.image.parse().map_err(refused)?;
    engine.policy().check_image(&image).map_err(refused)?;
    if let Some(network) = network {
        let network: NetworkName = network.parse().map_err(refused)?;
        engine.policy().check_network(&network).map_err(refused)?;
    }
    for volume in &service.volumes {
        let volume: Volume = volume.parse().map_err(refused)?;
        engine.policy().check_volume(&volume).map_err(refused)?;
    }
    service
        .environment
        .reveal()
        .try_for_each(|(name, value)| Variable::new(name, value).map(drop))
        .map_err(refused)
}

/// The refusal, by its field. What an engine refuses to say of a secret, it does not say here either.
fn refused(refusal: Refusal) -> ApiError {
    ApiError::value(refusal.field, refusal.to_string())
}
