//! Carrying one step out. Each can be carried out again: what is so already is no error.

use super::{
    held::Held,
    place::{engine_for, engines_of},
    pull::pull,
    step_error::StepError,
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute},
            register::change_endpoints,
            registration::Registration,
            stored::StoredApp,
        },
        limits::CONTAINER_STOP_GRACE,
        shared::{core::Core, error::Kind},
    },
    engine::{
        ContainerName, ContainerSpec, Digest, Engine, EngineError, Engines, ImageReference, LABEL_APP,
        LABEL_DEPLOYMENT, LABEL_MARK, LABEL_PORT, LABEL_RELEASE, Refusal, Variable,
    },
    rollout::{
        address::Address,
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
        Step::Pull | Step::PullAnew => return pull(core, engines, held, &effect.image()?).await,
        Step::Create { number } => effect.create(*number).await?,
        Step::Start { number } => effect.start(*number).await?,
        Step::Stop { number } => effect.stop(*number).await?,
        Step::Remove { number } => effect.remove(*number).await?,
        Step::Register { number, address } => {
            let container = effect.name(*number)?.as_str().to_owned();
            effect.admit_clients(*address).await?;
            effect.keep_approvals(*number, *address).await?;
            effect.change_endpoints(&EndpointChange::Add { container, address: address.to_string() }).await?;
        }
        Step::Unregister { number } => {
            let name = effect.name(*number)?.as_str().to_owned();
            return effect.unregister(&EndpointChange::RemoveNamed { name }).await;
        }
        Step::Drain { number } => return effect.drain(*number).await,
        Step::BeginRecycle => effect.begin_recycle().await?,
        Step::EndRecycle => effect.end_recycle().await?,
        Step::SetCandidate => effect.set_candidate().await?,
        Step::Park => return effect.park().await,
        Step::RemoveImage => effect.remove_image().await?,
        Step::Fail { .. }
        | Step::FailRecycle { .. }
        | Step::Enter { .. }
        | Step::NoteStable
        | Step::NoteRouted
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
        let (engine, name, spec) = (self.engine(number)?, self.name(number)?, self.spec(number)?);
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

    /// An image that is in use, or that somebody else has named, stays; and so does the deployment not for its sake.
    async fn remove_image(&self) -> Result<(), StepError> {
        let Some(digest) = self.held.run.digest.as_deref() else { return Ok(()) };
        let digest: Digest = digest.parse().map_err(StepError::of_refusal)?;
        for engine in engines_of(self.engines, &self.held.run) {
            match engine.remove_image(&digest).await {
                Err(error) if error.is_passing() => return Err(StepError::of_engine(error)),
                Err(error) => {
                    let id = &self.held.deployment.id;
                    tracing::info!(deployment = %id, engine = %engine.name(), %error, "an image stays");
                }
                Ok(()) => {}
            }
        }
        Ok(())
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

    /// Lets an endpoint take clients, whatever was said of another one that had its address before.
    async fn admit_clients(&self, address: Address) -> Result<(), StepError> {
        let release = self.release()?;
        let stored = self.stored().await?;
        let is_told = |record: &Record| {
            record.endpoint_drains.iter().any(|drain| drain.is_of(&release, address))
                || record.is_outgoing(&release, address)
        };
        if !stored.record.as_ref().is_some_and(is_told) {
            return Ok(());
        }
        self.command(&Command::UndrainEndpoint { release: release.clone(), address }).await
    }

    /// Says of a new container that it is what another one was, where a recycle makes it of the same.
    async fn keep_approvals(&self, number: u32, new: Address) -> Result<(), StepError> {
        let run = &self.held.run;
        let swap = run.recycling().and_then(|recycle| recycle.coming(number));
        let Some(old) = swap.and_then(|swap| run.registered.get(&swap.old).copied()) else { return Ok(()) };
        if run.recycle_changes_image() {
            return Ok(());
        }
        let release = self.release()?;
        let is_approved =
            |record: &Record| record.approvals.iter().any(|approvals| approvals.release == release);
        if !self.stored().await?.record.as_ref().is_some_and(is_approved) {
            return Ok(());
        }
        self.command(&Command::ReplaceEndpoint { release, old, new }).await
    }

    /// Sends the clients of an endpoint elsewhere, each when it navigates.
    async fn drain(&self, number: u32) -> Result<StepOutcome, StepError> {
        let (Some(address), Some(recycle)) =
            (self.held.run.registered.get(&number).copied(), self.held.run.recycling())
        else {
            return Ok(StepOutcome::NotRouted);
        };
        let release = self.release()?;
        let names = |record: &Record| record.names(&release);
        if !self.stored().await?.record.as_ref().is_some_and(names) {
            return Ok(StepOutcome::NotRouted);
        }
        let seconds = Some(u64::from(recycle.drain_seconds));
        let command = Command::DrainEndpoint { release, address, seconds, softly: true };
        let options = CommandOptions::default();
        match execute(self.core, &self.held.deployment.app, &command, &self.asker(), &options).await {
            Ok(_) => Ok(StepOutcome::Done),
            // Nobody else takes its clients: they stay until it stops. Or it is no endpoint any more.
            Err(error) if error.kind() == Kind::Refused("last_endpoint") => Ok(StepOutcome::NotRouted),
            Err(error) if error.kind() == Kind::NotFound => Ok(StepOutcome::NotRouted),
            Err(error) => Err(StepError::of_command(error)),
        }
    }

    async fn begin_recycle(&self) -> Result<(), StepError> {
        let Some(recycle) = self.held.run.recycling() else { return Ok(()) };
        let outgoing = recycle.swaps.iter().filter_map(|swap| self.held.run.registered.get(&swap.old));
        let (outgoing, release) = (outgoing.copied().collect(), self.release()?);
        let ends_approvals = self.held.run.recycle_changes_image();
        self.tell_app(Command::BeginRecycle { release, outgoing, ends_approvals }).await
    }

    async fn end_recycle(&self) -> Result<(), StepError> {
        self.tell_app(Command::EndRecycle { release: self.release()? }).await
    }

    /// Gives a command to the app, if it has a record.
    async fn tell_app(&self, command: Command) -> Result<(), StepError> {
        match self.stored().await?.record {
            Some(_) => self.command(&command).await,
            None => Ok(()),
        }
    }

    async fn command(&self, command: &Command) -> Result<(), StepError> {
        let options = CommandOptions::default();
        let done = execute(self.core, &self.held.deployment.app, command, &self.asker(), &options).await;
        done.map(drop).map_err(StepError::of_command)
    }

    async fn stored(&self) -> Result<StoredApp, StepError> {
        StoredApp::read(self.core, &self.held.deployment.app).await.map_err(StepError::of_command)
    }

    async fn set_candidate(&self) -> Result<(), StepError> {
        let wish = self.held.run.candidate.as_ref();
        let blend = wish.and_then(|wish| wish.blend);
        let plan = wish.and_then(|wish| wish.plan.clone());
        let facts = self.held.deployment.facts();
        let command = Command::SetCandidate { release: self.release()?, blend, replace: None, plan, facts };
        let options = CommandOptions::default();
        let done = execute(self.core, &self.held.deployment.app, &command, &self.asker(), &options).await;
        match done {
            // Somebody was faster, and has promoted it already.
            Err(error) if error.kind() == Kind::Refused("release_is_stable") => Ok(()),
            done => done.map(drop).map_err(StepError::of_command),
        }
    }

    /// What this router has read of the store may be old, so the store is asked before something is taken down. The history tells
    /// whether the release was stable: for a moment it may have been so while nobody looked.
    async fn park(&self) -> Result<StepOutcome, StepError> {
        let stored = self.stored().await?;
        let has_release = |release: &ReleaseId| self.held.deployment.has_release(release);
        let routes = |record: &Record| record.routed().any(|(release, _)| has_release(release));
        match stored.record.as_ref().is_some_and(routes) {
            true => return Err(StepError::Passing("its release is routed".to_owned())),
            false if self.held.run.was_stable => return Ok(StepOutcome::Done),
            false => {}
        }
        let background = stored.background(self.core, true).await.map_err(StepError::of_command)?;
        let was_stable = background.stables.iter().any(|stable| has_release(&stable.release));
        Ok(if was_stable { StepOutcome::WasStable } else { StepOutcome::Done })
    }

    /// Who changes endpoints and tracks: whoever asked for the deployment, until it has come up. What becomes of its containers
    /// later is nobody's release, and no lock keeps that from being so.
    fn asker(&self) -> Asker {
        let deployment = &self.held.deployment;
        if self.held.run.has_served() {
            let reason = match self.held.run.recycling() {
                Some(recycle) => format!("recycle of {}, asked for by {}", deployment.id, recycle.by),
                None => format!("deployment {}", deployment.id),
            };
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

    /// What a container of it is made of.
    fn spec(&self, number: u32) -> Result<ContainerSpec, StepError> {
        let Held { deployment, run, .. } = self.held;
        let digest =
            run.digest_of(number).map_or("", String::as_str).parse().map_err(StepError::of_refusal)?;
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
            memory_bytes: run.memory_bytes,
            cpu_millis: run.cpu_millis,
            network: network.map_err(StepError::of_refusal)?,
            volumes: volumes.collect::<Result<_, Refusal>>().map_err(StepError::of_refusal)?,
            ..ContainerSpec::new(self.image()?, digest, port.container)
        })
    }
}

/// What is gone needs neither to be stopped nor to be removed.
fn gone_is_done(result: Result<(), EngineError>) -> Result<(), StepError> {
    match result {
        Ok(()) | Err(EngineError::NotFound { .. }) => Ok(()),
        Err(error) => Err(StepError::of_engine(error)),
    }
}
