//! One page that follows the live stream: whole states first, then what changes.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};
use tokio::time::{Instant, timeout_at};

use super::{
    fleet,
    request::{Read, app_name},
    router::facts,
    snapshot::Snapshot,
    stream::{first_states, gone_text, state_text},
    visible,
};
use crate::{
    control::{
        commands::command::unknown_app,
        limits::{STREAM_ALIVE, STREAM_PIECE_BYTES},
        shared::{access::live_tokens::Pass, core::Core, error::ApiError, feed::Message},
    },
    rollout::app::AppName,
};

/// What keeps an idle connection known to be alive.
const ALIVE: &[u8] = b": alive\n\n";

/// `GET /api/v1/apps/{app}/stream`
pub async fn of_app(
    State(core): State<Core>,
    Path(app): Path<String>,
    Extension(pass): Extension<Pass>,
    call: Read,
) -> Result<Response, ApiError> {
    call.query.finish()?;
    let app = app_name(&app)?;
    if Snapshot::of(&core).seq(&app).is_none() {
        return Err(unknown_app(&app));
    }
    follow(core, Some(app), pass)
}

/// `GET /api/v1/stream`
pub async fn of_all(
    State(core): State<Core>,
    Extension(pass): Extension<Pass>,
    call: Read,
) -> Result<Response, ApiError> {
    call.query.finish()?;
    follow(core, None, pass)
}

/// Whatever Last-Event-ID a page comes back with, it is sent whole states first: they hold all it missed.
fn follow(core: Core, only: Option<AppName>, pass: Pass) -> Result<Response, ApiError> {
    let place = core.feed.places.take(&pass)?;
    let follower = Follower {
        messages: core.feed.messages.subscribe(),
        core,
        only,
        pass,
        begins: true,
        whole: BTreeSet::new(),
    };
    let body = stream::unfold((follower, place), |(follower, place)| async move {
        let (text, follower) = follower.next().await?;
        Some((Ok::<_, Infallible>(text), (follower, place)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would keep it back until a buffer is full.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// One page.
struct Follower {
    core: Core,
    messages: broadcast::Receiver<Arc<Message>>,
    only: Option<AppName>,
    pass: Pass,
    begins: bool,
    /// The apps of which the page is still to be sent the whole state, which holds what is told of them until then.
    whole: BTreeSet<AppName>,
}

/// What a page is due for.
enum Due {
    Message(Arc<Message>),
    /// The next whole states.
    WholeStates,
    /// It fell behind, so it begins again.
    Beginning,
    SignOfLife,
    End,
}

impl Follower {
    /// What is sent next; `None` when the router stops, or the token is gone.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if std::mem::take(&mut self.begins) {
            return self.carry_out(Self::begin).await;
        }
        let silent_until = Instant::now() + STREAM_ALIVE;
        loop {
            match self.due(silent_until).await {
                Due::Message(message) => {
                    if let Some(text) = self.told(&message) {
                        return Some((text, self));
                    }
                }
                Due::WholeStates => {
                    let (text, follower) = self.carry_out(Self::whole_states).await?;
                    self = follower;
                    if !text.is_empty() {
                        return Some((text, self));
                    }
                }
                Due::Beginning => return Some((self.begin_again(), self)),
                Due::SignOfLife => return Some((Bytes::from_static(ALIVE), self)),
                Due::End => return None,
            }
        }
    }

    /// `silent_until` is when the page has heard nothing for so long that it is given a sign of life, whatever others were told.
    async fn due(&mut self, silent_until: Instant) -> Due {
        let (core, mut pass) = (self.core.clone(), self.pass.clone());
        tokio::select! {
            biased;
            () = core.lifecycle.closing_ports() => Due::End,
            () = pass.ended() => Due::End,
            due = self.due_message(silent_until) => due,
        }
    }

    /// What was told already comes before whole states, so that none is followed by an older one.
    async fn due_message(&mut self, silent_until: Instant) -> Due {
        if !self.whole.is_empty() {
            return match self.messages.try_recv() {
                Ok(message) => Due::Message(message),
                Err(TryRecvError::Empty) => Due::WholeStates,
                Err(TryRecvError::Lagged(_)) => Due::Beginning,
                Err(TryRecvError::Closed) => Due::End,
            };
        }
        match timeout_at(silent_until, self.messages.recv()).await {
            Err(_) => Due::SignOfLife,
            Ok(Ok(message)) => Due::Message(message),
            Ok(Err(RecvError::Lagged(_))) => Due::Beginning,
            Ok(Err(RecvError::Closed)) => Due::End,
        }
    }

    /// What the page is told by a message.
    fn told(&self, message: &Message) -> Option<Bytes> {
        match &message.app {
            Some(app) => (self.wants(app) && !self.whole.contains(app)).then(|| message.text.clone()),
            // What is told to everybody may name apps that this token is not for.
            None if !self.pass.caller().scope.has_all_apps() => Some(self.general()),
            None => Some(message.text.clone()),
        }
    }

    fn wants(&self, app: &AppName) -> bool {
        self.only.as_ref().is_none_or(|only| only == app) && self.pass.caller().scope.has_app(app)
    }

    /// Carries out what takes long where calls are carried out, so that it delays no other connection.
    async fn carry_out(mut self, text: fn(&mut Self) -> Bytes) -> Option<(Bytes, Self)> {
        let threads = self.core.calls.threads().clone();
        threads.spawn(async move { (text(&mut self), self) }).await.ok()
    }

    /// Whole states follow, and what changes from here on.
    fn begin(&mut self) -> Bytes {
        self.core.feed.sent().get_or_insert_with(|| first_states(&self.core));
        self.begin_again()
    }

    /// The router and the fleet; whole states follow.
    fn begin_again(&mut self) -> Bytes {
        let apps = Snapshot::of(&self.core).apps().into_iter();
        self.whole = apps.filter(|app| self.wants(app)).chain(self.whole.iter().cloned()).collect();
        self.general()
    }

    /// The next few whole states: a page that does not read costs no more than those.
    fn whole_states(&mut self) -> Bytes {
        let core = &self.core;
        let snapshot = {
            // Nothing is told meanwhile, so what is told later is newer.
            let _sent = core.feed.sent();
            if !self.messages.is_empty() {
                return Bytes::new();
            }
            Snapshot::of(core)
        };
        let mut states = Vec::new();
        while states.len() < STREAM_PIECE_BYTES
            && let Some(app) = self.whole.pop_first()
        {
            states.extend_from_slice(&match snapshot.seq(&app) {
                Some(_) => state_text(core, &snapshot, &app),
                None => gone_text(core, &app),
            });
        }
        states.into()
    }

    /// The router and the fleet.
    fn general(&self) -> Bytes {
        let (core, scope) = (&self.core, &self.pass.caller().scope);
        let router = visible::router(facts(core), scope, &core.replica.reading.load());
        let fleet = visible::fleet(fleet::facts(core), scope);
        [core.feed.text("router", 0, &router), core.feed.text("fleet", 0, &fleet)].concat().into()
    }
}
