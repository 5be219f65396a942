//! Tokens: listed, made, taken back. All of it is for admins; whoever asks may learn of the own one (`whoami`).
//!
//! A token is in the answer to the call that makes it, and nowhere else.

mod change;
pub mod describe;
mod store;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};

use self::{
    change::NewToken,
    describe::{describe_own, describe_pass, describe_stored},
    store::{delete, put, taken},
};
use super::request::{NoFields, Read, Write};
use crate::{
    control::{
        limits::SERVED_WAIT_MAX,
        shared::{
            access::{known_token::digest_of, live_tokens::Pass, rights::rights, tokens::random_token},
            audit::trail,
            core::Core,
            error::{ApiError, Kind},
            hooks::{event::EventKind, message::Message},
        },
    },
    rollout::command::Role,
    schema::{
        app::Done,
        token::{Token, TokenRequest, TokenRevocation, Tokens},
    },
};

/// `GET /api/v1/whoami`
pub async fn whoami(Extension(pass): Extension<Pass>, call: Read) -> Result<Json<Token>, ApiError> {
    call.query.finish()?;
    Ok(Json(describe_pass(&pass)))
}

/// `GET /api/v1/tokens`: who may come, never with what.
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<Tokens>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.query.finish()?;
    let (own, stored, now) = (core.tokens.own(), core.tokens.stored(), core.clock.wall_ms());
    let own = own.callers().map(|caller| describe_own(&core, caller));
    let of_store = stored.all().map(|(name, token)| describe_stored(&core, &stored, (name, token), now));
    Ok(Json(Tokens { tokens: own.chain(of_store).collect() }))
}

/// `POST /api/v1/tokens`: makes one. Its answer is the only place where it stands.
pub async fn create(State(core): State<Core>, call: Write) -> Result<(StatusCode, Json<Token>), ApiError> {
    call.caller.needs(Role::Admin)?;
    let now = core.clock.wall_ms();
    let new = NewToken::check(call.read::<TokenRequest>()?, now)?;
    new.refuse_excess(&call.caller)?;
    let maker = call.caller.name.clone();
    call.finish()?;
    if core.tokens.own().callers().any(|caller| caller.name == new.name) {
        return Err(taken(
            &new.name,
            "it is one of this router's token file or environment: choose another name",
        ));
    }
    core.replica.require_known_store().await?;
    let token = random_token().map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    let stored = new.stored(&digest_of(&token), &maker, now);
    let revision = put(&core, &new.name, &stored).await?;
    let made = rights(new.role, &new.scope());
    trail::note(|notes| notes.change(&format!("token {}", new.name), serde_json::Value::Null, made));
    tracing::info!(token = new.name, role = %new.role, actor = maker, "a token was made");
    tell_hooks(&core, EventKind::TokenMade, &new.name, &maker, rights(new.role, &new.scope()));
    let is_served = core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    let status = if is_served { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let shown = describe_stored(&core, &core.tokens.stored(), (&new.name, &stored), now);
    Ok((status, Json(Token { token: Some(token), ..shown })))
}

/// `DELETE /api/v1/tokens/{token}`: takes one back. Every router refuses it as soon as it reads that.
pub async fn revoke(
    State(core): State<Core>,
    Path(name): Path<String>,
    call: Write,
) -> Result<Json<TokenRevocation>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let actor = call.caller.name.clone();
    call.finish()?;
    let name = change::check_name(name).map_err(|error| error.field("token"))?;
    core.replica.require_known_store().await?;
    let before = core.tokens.stored().get(&name).map(|token| rights(token.role, &token.scope()));
    if before.is_none() && core.tokens.own().callers().any(|caller| caller.name == name) {
        let message = format!(
            "the token `{name}` is one of this router's token file or environment: take it out there, on every router"
        );
        return Err(ApiError::new(Kind::Refused("token_not_stored"), message).field("token"));
    }
    let revision = delete(&core, &name).await?;
    core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
    trail::note(|notes| notes.change(&format!("token {name}"), before.into(), serde_json::Value::Null));
    tracing::info!(token = name, actor, "a token was taken back");
    tell_hooks(&core, EventKind::TokenRevoked, &name, &actor, serde_json::Value::Null);
    Ok(Json(TokenRevocation { name, result: Done::Done }))
}

/// Tells hooks which token there is, or is no more: never the token.
fn tell_hooks(core: &Core, kind: EventKind, name: &str, actor: &str, rights: serde_json::Value) {
    let text = match &kind {
        EventKind::TokenMade => format!("{actor} made the token {name}"),
        _ => format!("{actor} took the token {name} back"),
    };
    let fields = serde_json::json!({ "token": name, "actor": actor, "rights": rights });
    core.hooks.queue_notice(Message::of_router(kind, &text, core.clock.wall_ms(), fields));
}
