//! A deployment as it is stored, and the change of it on the condition that nobody else changed it.

use keyvalues::{Entry, Outcome, Write};

use crate::{
    control::shared::{
        core::Core,
        deployments::DeploymentKey,
        entries::{encode, own_key, unchanged},
        error::{ApiError, Kind},
    },
    rollout::{
        deployment::{record::Deployment, run::Run},
        keys, unknown_fields,
    },
};

/// A deployment that an engine runs, as one reading of the store has it.
#[derive(Debug, Clone)]
pub struct Held {
    pub deployment: Deployment,
    pub run: Run,
    entry: Entry,
}

impl Held {
    /// Reads it; none: there is none, or no engine runs it.
    pub async fn read(core: &Core, (app, id): &DeploymentKey) -> Result<Option<Self>, ApiError> {
        let Some(entry) = core.store.get(&own_key(&keys::deployment(app, id))).await? else {
            return Ok(None);
        };
        let deployment = Deployment::parse(&entry.value, app, id)
            .map_err(|allowed| ApiError::new(Kind::Refused("deployment_unreadable"), allowed))?;
        let run = deployment.run.clone();
        Ok(run.map(|run| Self { deployment, run, entry }))
    }

    /// Writes how far it is, unless it was changed since it was read; whether it was written.
    pub async fn write(&self, core: &Core, run: Run) -> Result<bool, ApiError> {
        let next = Deployment { run: Some(run), ..self.deployment.clone() };
        let value = unknown_fields::keep(&self.entry.value, &self.deployment, encode(&next));
        self.commit(core, Write::put(self.entry.key.clone(), value)).await
    }

    /// Deletes it, unless it was changed since it was read; whether it was deleted.
    pub async fn forget(&self, core: &Core) -> Result<bool, ApiError> {
        self.commit(core, Write::delete(self.entry.key.clone())).await
    }

    async fn commit(&self, core: &Core, write: Write) -> Result<bool, ApiError> {
        // When the store does not say what came of it, the next turn reads what is there.
        let outcome = core.store.commit(vec![unchanged(&self.entry)], vec![write]).await?;
        Ok(matches!(outcome, Outcome::Done(_)))
    }
}
