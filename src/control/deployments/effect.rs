//! Carrying one step out. Each can be carried out again: what is so already is no error.

use super::{held::Held, place::engine_for, pull::pull, step_error::StepError};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute},
            register::change_endpoints,
            registration::Registration,
            stored::StoredApp,
        },
        limits::{CONTAINER_STOP_GRACE, LAST_WORDS_LINES},
        shared::{core::Core, error::Kind},
    },
    engine::{
        ContainerName, ContainerSpec, Digest, Engine, EngineError, Engines, ImageReference, LABEL_APP,
        LABEL_DEPLOYMENT, LABEL_MARK, LABEL_PORT, LABEL_RELEASE, Refusal, Variable,
    },
    rollout::{
        command::{Asker, Command},
        deployment::{run::StepOutcome, step::Step},
        endpoint_set::EndpointChange,
        record::Record,
        release::ReleaseId,
    },
};

/// Carries a step out.
pub async fn carry_out(
    core: &Core,
    engines: &Engines,
    held: &Held,
    step: &Step,
) -> Result<StepOutcome, StepError> {
    let effect = Effect { core, engines, held };
    match step {
        Step::Pull => return pull(core, engines, held, &effect.image()?).await,
        Step::Create { number } => effect.create(*number).await?,
        Step::Start { number } => effect.start(*number).await?,
        Step::Stop { number } => effect.stop(*number).await?,
        Step::Remove { number } => effect.remove(*number).await?,
        Step::Register { number, address } => {
            let container = effect.name(*number)?.as_str().to_owned();
            effect.change_endpoints(&EndpointChange::Add { container, address: address.to_string() }).await?;
        }
        Step::Unregister { number } => {
            let name = effect.name(*number)?.as_str().to_owned();
            return effect.unregister(&EndpointChange::RemoveNamed { name }).await;
        }
        Step::SetCandidate => effect.set_candidate().await?,
        Step::Park => effect.refuse_routed().await?,
        Step::Fail { .. }
        | Step::Enter { .. }
        | Step::NoteStable
        | Step::Unpark
        | Step::Forget
        | Step::Wait => {}
    }
    Ok(StepOutcome::Done)
}

struct Effect<'a> {
    core: &'a Core,
    engines: &'a Engines,
    held: &'a Held,
}

impl Effect<'_> {
    async fn create(&self, number: u32) -> Result<(), StepError> {
        let (engine, name, spec) = (self.engine(number)?, self.name(number)?, self.spec()?);
        match engine.create(&name, &spec).await {
            Ok(_) => Ok(()),
            Err(EngineError::NameTaken { .. }) => self.adopt(engine, &name, &spec.digest).await,
            Err(error) => Err(StepError::of_engine(error)),
        }
    }

    /// A name that is taken is ours if labels and digest agree: another router made it, and ended before it said so.
    async fn adopt(&self, engine: &Engine, name: &ContainerName, digest: &Digest) -> Result<(), StepError> {
        let found = engine.inspect(name).await.map_err(StepError::of_engine)?;
        let agrees = found.is_some_and(|container| {
            let (deployment, app) = (&self.held.deployment.id, &self.held.deployment.app);
            container.label(LABEL_DEPLOYMENT) == Some(deployment.as_str())
                && container.label(LABEL_APP) == Some(app.as_str())
                && container.label(LABEL_MARK) == Some(&self.held.run.mark)
                && container.digest.as_ref() == Some(digest)
        });
        let taken = || StepError::of(format!("the name {name} is taken by another container"));
        if agrees { Ok(()) } else { Err(taken()) }
    }

    async fn start(&self, number: u32) -> Result<(), StepError> {
        self.engine(number)?.start(&self.name(number)?).await.map_err(StepError::of_engine)
    }

    async fn stop(&self, number: u32) -> Result<(), StepError> {
        gone_is_done(self.engine(number)?.stop(&self.name(number)?, CONTAINER_STOP_GRACE).await)
    }

    async fn remove(&self, number: u32) -> Result<(), StepError> {
        gone_is_done(self.engine(number)?.remove(&self.name(number)?).await)
    }

    async fn change_endpoints(&self, change: &EndpointChange) -> Result<(), StepError> {
        let asker = self.asker();
        let app = &self.held.deployment.app;
        let registration = Registration { change, asker: &asker, app: Some(app), force: false };
        change_endpoints(self.core, &self.release()?, registration).await.map_err(StepError::of_command)?;
        Ok(())
    }

    async fn unregister(&self, change: &EndpointChange) -> Result<StepOutcome, StepError> {
        let asker = self.asker();
        let app = &self.held.deployment.app;
        let registration = Registration { change, asker: &asker, app: Some(app), force: false };
        match change_endpoints(self.core, &self.release()?, registration).await {
            Ok(_) => Ok(StepOutcome::Done),
            // The last one of a release on a track stays, at an address that is written over once it is up again.
            Err(error) if error.kind() == Kind::Refused("last_endpoint") => Ok(StepOutcome::Kept),
            Err(error) => Err(StepError::of_command(error)),
        }
    }

    async fn set_candidate(&self) -> Result<(), StepError> {
        let blend = self.held.run.candidate.and_then(|wish| wish.blend);
        let command = Command::SetCandidate { release: self.release()?, blend, replace: None };
        let options = CommandOptions::default();
        let done = execute(self.core, &self.held.deployment.app, &command, &self.asker(), &options).await;
        match done {
            // Somebody was faster, and has promoted it already.
            Err(error) if error.kind() == Kind::Refused("release_is_stable") => Ok(()),
            done => done.map(drop).map_err(StepError::of_command),
        }
    }

    /// What this router has read of the store may be old, so the store is asked before something is taken down.
    async fn refuse_routed(&self) -> Result<(), StepError> {
        let stored =
            StoredApp::read(self.core, &self.held.deployment.app).await.map_err(StepError::of_command)?;
        let has_release = |release: &ReleaseId| self.held.deployment.has_release(release);
        let routes = |record: &Record| record.routed().any(|(release, _)| has_release(release));
        match stored.record.as_ref().is_some_and(routes) {
            true => Err(StepError::Passing("its release is routed".to_owned())),
            false => Ok(()),
        }
    }

    /// Who changes endpoints and tracks: whoever asked for the deployment, until it has come up. What becomes of its containers
    /// later is nobody's release, and no lock keeps that from being so.
    fn asker(&self) -> Asker {
        let deployment = &self.held.deployment;
        if self.held.run.has_served() {
            let reason = format!("deployment {}", deployment.id);
            return Asker::of_engine(&self.held.run.engine, &reason, self.core.clock.wall_ms());
        }
        Asker {
            actor: deployment.created_by.clone(),
            token: self.held.run.token.clone(),
            role: self.held.run.role,
            reason: format!("deployment {}", deployment.id),
            at: self.core.clock.wall_ms(),
            if_match: None,
        }
    }

    fn engine(&self, number: u32) -> Result<&Engine, StepError> {
        engine_for(self.engines, &self.held.run, number)
            .ok_or_else(|| StepError::no_engine(&self.held.run.engine))
    }

    fn name(&self, number: u32) -> Result<ContainerName, StepError> {
        self.held.run.container_name(&self.held.deployment.id, number).parse().map_err(StepError::of_refusal)
    }

    fn release(&self) -> Result<ReleaseId, StepError> {
        let release = self.held.deployment.main_release();
        release.ok_or_else(|| StepError::of("it has no port, so its release has no id".to_owned()))
    }

    fn image(&self) -> Result<ImageReference, StepError> {
        self.held.deployment.spec.image.parse().map_err(StepError::of_refusal)
    }

    /// What its containers are made of.
    fn spec(&self) -> Result<ContainerSpec, StepError> {
        let Held { deployment, run, .. } = self.held;
        let digest = run.digest.as_deref().unwrap_or_default().parse().map_err(StepError::of_refusal)?;
        let release = self.release()?;
        let port = deployment.spec.ports.first().copied();
        let port = port.ok_or_else(|| StepError::of("it has no port".to_owned()))?;
        let variables = deployment.spec.environment.reveal().map(|(name, value)| Variable::new(name, value));
        let volumes = deployment.spec.volumes.iter().map(|text| text.parse());
        let network = run.network.as_ref().map(|name| name.parse()).transpose();
        Ok(ContainerSpec {
            command: deployment.spec.command.clone(),
            environment: variables.collect::<Result<_, Refusal>>().map_err(StepError::of_refusal)?,
            labels: vec![
                (LABEL_APP.to_owned(), deployment.app.to_string()),
                (LABEL_RELEASE.to_owned(), release.to_string()),
                (LABEL_DEPLOYMENT.to_owned(), deployment.id.to_string()),
                (LABEL_MARK.to_owned(), run.mark.clone()),
                (LABEL_PORT.to_owned(), port.container.to_string()),
            ],
            host_port: port.host,
            network: network.map_err(StepError::of_refusal)?,
            volumes: volumes.collect::<Result<_, Refusal>>().map_err(StepError::of_refusal)?,
            ..ContainerSpec::new(self.image()?, digest, port.container)
        })
    }
}

/// What a container said last; nothing if it cannot be asked.
pub async fn last_words(engines: &Engines, held: &Held) -> String {
    for number in held.run.started.keys() {
        let name = held.run.container_name(&held.deployment.id, *number).parse();
        let (Some(engine), Ok(name)) = (engine_for(engines, &held.run, *number), name) else { continue };
        match engine.last_words(&name, LAST_WORDS_LINES).await {
            Ok(words) if !words.trim().is_empty() => return words,
            _ => {}
        }
    }
    String::new()
}

/// What is gone needs neither to be stopped nor to be removed.
fn gone_is_done(result: Result<(), EngineError>) -> Result<(), StepError> {
    match result {
        Ok(()) | Err(EngineError::NotFound { .. }) => Ok(()),
        Err(error) => Err(StepError::of_engine(error)),
    }
}
