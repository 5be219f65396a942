//! What an engine's containers change in the store: endpoints that are registered, removed, drained, and taken in again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::adopted::Adopted;
use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute},
            gate::GateQuestion,
            ownership::{owners, refuse_foreign_release},
            register::change_endpoints,
            registration::Registration,
            release_endpoints::{ReleaseEndpoints, written_out},
            release_name::ReleaseName,
            stored::StoredApp,
        },
        shared::{core::Core, entries::text, error::ApiError},
    },
    engine::{Container, Engine, LABEL_RELEASE},
    rollout::{
        address::Address,
        app::AppName,
        command::{Asker, Command},
        endpoint_set::EndpointChange,
        keys::{self, Meaning},
        release::ReleaseId,
    },
};

/// An endpoint as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub app: AppName,
    pub release: ReleaseId,
    pub address: Address,
}

/// What one engine changes.
#[derive(Clone)]
pub struct Changes {
    pub core: Core,
    pub engine: Engine,
}

impl Changes {
    /// The endpoints of adopted apps whose container's name begins so.
    pub async fn registered(&self, prefix: &str) -> Result<BTreeMap<String, Registered>, ApiError> {
        self.core.replica.require_known_store().await?;
        let listing = self.core.store.list(&[keys::APPS]).await?;
        let reading = self.core.replica.reading.load_full();
        let owners = owners(&reading);
        let found = written_out(listing.entries).into_iter().filter_map(|entry| {
            let Meaning::Endpoint(release, container) = keys::meaning(entry.key.as_str())? else {
                return None;
            };
            let address = text(&entry).parse().ok().filter(|_| container.starts_with(prefix))?;
            let app =
                owners.owners(&release).into_iter().find(|app| self.engine.policy().adopts(app))?.clone();
            Some((container, Registered { app, release, address }))
        });
        Ok(found.collect())
    }

    /// Makes a container an endpoint. In a release that gets requests it has to pass the gate first.
    pub async fn register(&self, key: &str, adopted: &Adopted) -> Result<Registered, ApiError> {
        let Adopted { app, release, address } = adopted;
        self.core.replica.require_known_store().await?;
        let stored = StoredApp::read(&self.core, app).await?;
        let name = ReleaseName { registers: true, ..ReleaseName::new("rolling.release", release.clone()) };
        let release = name.resolve(&self.core, app).await?;
        refuse_foreign_release(&self.core, &stored, &release).await?;
        let allowed = self.core.addresses.load().parse(&address.to_string());
        allowed.map_err(|error| ApiError::value("endpoint", format!("`{address}`: {error}")))?;
        let is_routed =
            |record: &crate::rollout::record::Record| record.routed().any(|(routed, _)| *routed == release);
        if stored.record.as_ref().is_some_and(is_routed) {
            let settings = Arc::new(stored.settings.clone());
            GateQuestion::new(&release, vec![(*address).into()], settings).ask(&self.core).await?;
        }
        let change = EndpointChange::Add { container: key.to_owned(), address: address.to_string() };
        self.change(app, &release, &change, "its container runs").await?;
        Ok(Registered { app: app.clone(), release, address: (*address).into() })
    }

    /// Removes an endpoint whose container does not run any more, and its drain.
    pub async fn remove(&self, key: &str, gone: &Registered) -> Result<(), ApiError> {
        let change = EndpointChange::Remove { container: key.to_owned() };
        self.change(&gone.app, &gone.release, &change, "its container does not run").await?;
        self.undrain(gone, "its container does not run").await
    }

    /// Sends new requests elsewhere, at once. What is open may go on for as long as the container may.
    pub async fn drain(&self, ending: &Registered, limit: Duration) -> Result<(), ApiError> {
        let Registered { app, release, address } = ending.clone();
        let command =
            Command::DrainEndpoint { release, address, seconds: Some(limit.as_secs()), softly: false };
        self.command(&app, &command, "its container was told to end").await
    }

    /// Sends requests there again, unless nobody drains it.
    pub async fn undrain(&self, back: &Registered, reason: &str) -> Result<(), ApiError> {
        let Registered { app, release, address } = back.clone();
        let reading = self.core.replica.reading.load_full();
        let record = reading.apps.get(&app).and_then(|app| app.record.clone());
        let drains = record.iter().flat_map(|record| &record.endpoint_drains);
        if !drains.into_iter().any(|drain| drain.is_of(&release, address)) {
            return Ok(());
        }
        self.command(&app, &Command::UndrainEndpoint { release, address }, reason).await
    }

    /// The endpoint that a container is, if it is one.
    pub async fn endpoint_of(
        &self,
        app: &AppName,
        container: &Container,
    ) -> Result<Option<Registered>, ApiError> {
        let Some(release) = container.label(LABEL_RELEASE) else { return Ok(None) };
        let release =
            ReleaseName::new("rolling.release", release.to_owned()).resolve(&self.core, app).await?;
        let stored = ReleaseEndpoints::read(&self.core, &release).await?;
        let addresses = stored.containers().values().filter_map(|address| address.parse::<Address>().ok());
        let address = addresses
            .into_iter()
            .find(|address| address.tcp().is_some_and(|address| container.has_address(address)));
        Ok(address.map(|address| Registered { app: app.clone(), release, address }))
    }

    async fn change(
        &self,
        app: &AppName,
        release: &ReleaseId,
        change: &EndpointChange,
        reason: &str,
    ) -> Result<(), ApiError> {
        let asker = self.asker(reason);
        let registration = Registration { change, asker: &asker, app: Some(app), force: false };
        change_endpoints(&self.core, release, registration).await.map(|_| ())
    }

    async fn command(&self, app: &AppName, command: &Command, reason: &str) -> Result<(), ApiError> {
        let asker = self.asker(reason);
        execute(&self.core, app, command, &asker, &CommandOptions::default()).await.map(|_| ())
    }

    fn asker(&self, reason: &str) -> Asker {
        Asker::of_engine(self.engine.name().as_str(), reason, self.core.clock.wall_ms())
    }
}
