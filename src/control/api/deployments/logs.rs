//! `GET .../deployments/{id}/logs`: what the containers of a deployment wrote, and with `follow` what they will write.

use std::{convert::Infallible, pin::Pin};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt as _,
    stream::{SelectAll, select_all, unfold},
};
use tokio::sync::OwnedSemaphorePermit;

use super::find;
use crate::{
    control::{
        api::request::Read,
        limits::{LOG_LINES_MAX, LOG_READERS_MAX, LOG_SINCE_SECONDS_MAX},
        shared::{
            access::live_tokens::Pass,
            core::Core,
            error::{ApiError, Kind},
        },
    },
    engine::{ContainerName, Engine, EngineError, LogOptions},
    rollout::{
        command::Role,
        deployment::{record::Deployment, run::Run},
    },
};

type Lines = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// `GET .../deployments/{id}/logs`
pub async fn read(
    State(core): State<Core>,
    Path((app, id)): Path<(String, String)>,
    Extension(pass): Extension<Pass>,
    mut call: Read,
) -> Result<Response, ApiError> {
    // Programs write into their logs what not everybody should read.
    call.caller.needs(Role::Ci)?;
    let follow = call.query.flag("follow")?;
    let since = call.query.number_in("since", 0..=LOG_SINCE_SECONDS_MAX)?;
    let tail = call.query.number_in("tail", 1..=LOG_LINES_MAX)?;
    call.query.finish()?;
    let options = LogOptions {
        follow,
        since: since.map(|seconds| (core.clock.wall_ms() / 1_000).saturating_sub(seconds)),
        tail: tail.and_then(|lines| usize::try_from(lines).ok()),
    };
    let (_, deployment) = find(&core, &app, &id)?;
    let place = core.deployments.log_place().ok_or_else(|| {
        let message =
            format!("{LOG_READERS_MAX} logs are read already, which is the most that is allowed at once");
        ApiError::new(Kind::Busy, message)
    })?;
    let lines = lines_of(&core, &deployment, options).await?;
    let reader = Reader { core, lines, pass, _place: place };
    let body = unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) });
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, Body::from_stream(body.map(Ok::<_, Infallible>))).into_response())
}

struct Reader {
    core: Core,
    lines: SelectAll<Lines>,
    pass: Pass,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// What comes next; `None` when there is no more, this router stops, or the token is gone.
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            lines = self.lines.next() => lines,
            () = self.core.lifecycle.closing_ports() => None,
            () = self.pass.ended() => None,
        }
    }
}

/// The logs of all containers. Where there are several, each line begins with the number of its container.
async fn lines_of(
    core: &Core,
    deployment: &Deployment,
    options: LogOptions,
) -> Result<SelectAll<Lines>, ApiError> {
    let Some(run) = &deployment.run else {
        let message = format!("no engine runs `{}`, so nobody here has its logs", deployment.id);
        return Err(ApiError::new(Kind::Refused("no_engine"), message));
    };
    let mut all: Vec<Lines> = Vec::new();
    for number in run.engines.keys().copied() {
        let engine = engine_of(core, run, number)?;
        let Ok(name) = run.container_name(&deployment.id, number).parse::<ContainerName>() else { continue };
        // One that is gone, or not made yet, has written nothing.
        if engine.inspect(&name).await.map_err(refused)?.is_none() {
            continue;
        }
        let prefix = if run.engines.len() > 1 { format!("{number} | ") } else { String::new() };
        let lines = engine.logs(&name, options).map(move |part| match part {
            Ok(bytes) => [prefix.as_bytes(), &bytes].concat().into(),
            Err(error) => format!("{prefix}({error})\n").into(),
        });
        all.push(Box::pin(lines));
    }
    Ok(select_all(all))
}

fn engine_of<'a>(core: &'a Core, run: &Run, number: u32) -> Result<&'a Engine, ApiError> {
    let name = run.engines.get(&number).map_or("", String::as_str);
    core.options.engines.iter().find(|engine| engine.name().as_str() == name).ok_or_else(|| {
        let message = format!("this router has no engine `{name}`; ask one that has it");
        ApiError::new(Kind::Refused("no_engine"), message)
    })
}

fn refused(error: EngineError) -> ApiError {
    ApiError::new(Kind::Refused("engine_failed"), error.to_string())
}
