//! Certificates: `GET /api/v1/certificates`, and a new key for the account with the CA.

use axum::{Json, extract::State};

use super::request::{NoFields, Read, Write};
use crate::{
    control::{
        acme::{account::roll_key, step::Stop},
        shared::{
            acme::overview,
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::command::Role,
    schema::certificate::{AccountKeyRollover, Certificates},
};

/// `GET /api/v1/certificates`
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<Certificates>, ApiError> {
    call.query.finish()?;
    let directory = core.options.acme.as_ref().map(|options| options.directory.clone());
    let (certificates, account) = (overview::certificates(&core), core.acme.has_account());
    Ok(Json(Certificates { certificates, directory, account }))
}

/// `POST /api/v1/certificates/account-key`: the account with the CA gets a new key.
pub async fn roll_account_key(
    State(core): State<Core>,
    call: Write,
) -> Result<Json<AccountKeyRollover>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let actor = call.caller.name.clone();
    call.finish()?;
    core.replica.require_known_store().await?;
    let Some(options) = &core.options.acme else {
        let message = "this router asks no CA: its setting `acme_directory` is missing";
        return Err(ApiError::new(Kind::Refused("no_ca"), message));
    };
    roll_key(&core, options).await.map_err(|stop| match stop {
        Stop::Overtaken => ApiError::new(
            Kind::Refused("overtaken"),
            "the account was changed meanwhile, or the store did not take the new key; try it again",
        ),
        Stop::Failed(error) => ApiError::new(Kind::Refused("ca_refused"), error),
    })?;
    tracing::info!(actor, "the account with the CA has a new key");
    Ok(Json(AccountKeyRollover { directory: options.directory.clone() }))
}
