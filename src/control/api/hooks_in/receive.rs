//! `POST /hooks/in/{hook}`: a delivery. Who sends it is known by its signature or token alone, so it is looked at in the order
//! of what it costs: the name, the network, the head, the body, the signature, and only then what it says.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{
    super::body,
    describe::{answer_of, url_of},
    mapping::{Order, ignored, parse_payload},
    outcome::{OrderOutcome, caller_of},
    readable,
    store::unknown,
    turn::{Turn, TurnAnswer, keep_ignored, take_turn},
};
use crate::control::{
    admin::client_address::client_address,
    limits::{CALL_WAIT_MAX, HOOK_IN_BODY_BYTES_MAX},
    shared::{
        audit::trail,
        core::Core,
        error::{ApiError, Kind},
        hex::random_hex,
        hooks::hook::HookName,
        hooks_in::{
            delivery::{DeliveryEnd, InDelivery, is_name, new_name},
            hook_in::HookIn,
            sender,
        },
    },
};

/// `POST /hooks/in/{hook}`
pub async fn receive(
    State(core): State<Core>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let name = known_name(&core, &name)?;
    let stored = core.hooks_in.hook(&name).ok_or_else(|| unknown(&name))?;
    let hook = readable(&name, &stored)?;
    let delivery = read(&core, &name, hook, request).await?;
    if let Some(why) = ignored(hook, &delivery.begun.event, &delivery.payload) {
        return Ok(leave_out(&core, &name, delivery, why).await);
    }
    core.replica.require_known_store().await?;
    let (earlier, status) = match take_turn(&core, &name, &delivery.id, delivery.begun.clone()).await? {
        TurnAnswer::Taken(turn) => {
            let carried_out = carry_out(core.clone(), name, hook.clone(), delivery, turn);
            return to_the_end(&core, carried_out).await;
        }
        TurnAnswer::Repeated(earlier) => (earlier, StatusCode::OK),
        TurnAnswer::UnderWay(earlier) => (earlier, StatusCode::ACCEPTED),
    };
    trail::note(|notes| notes.is_unchanged = true);
    Ok(told(&name, &delivery.id, &earlier, true, status))
}

/// Carries a delivery out to its end, also when the sender has left: it counts by then.
async fn to_the_end(
    core: &Core,
    carried_out: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, ApiError> {
    let trail = trail::current().unwrap_or_default();
    let done = core.calls.threads().spawn(trail::along(trail, carried_out));
    done.await.map_err(|_| ApiError::new(Kind::Internal, "the delivery failed inside"))
}

/// Does what a delivery asks for, keeps what came of it, and tells the sender.
async fn carry_out(core: Core, name: HookName, hook: HookIn, delivery: Delivery, turn: Turn) -> Response {
    let Delivery { id, payload, begun } = delivery;
    let why = format!("hook in {name}, event {}, delivery {id}", begun.event);
    let mut ended = begun;
    let (ended, answer) = match run(&core, &name, &hook, &payload, why, &mut ended.release).await {
        Ok(done) => {
            let ended = settled(&done, ended);
            let status = if done.is_served { StatusCode::OK } else { StatusCode::ACCEPTED };
            let ended = InDelivery { status: status.as_u16(), ..ended };
            let answer = told(&name, &id, &ended, false, status);
            (ended, answer)
        }
        Err(error) => {
            let message = error.message().to_owned();
            let mut answer = error.into_response();
            locate(&mut answer, &url_of(&name, &id));
            let status = answer.status().as_u16();
            (InDelivery { end: DeliveryEnd::Refused, message, status, ..ended }.kept(), answer)
        }
    };
    turn.end(&core, &name, &ended).await;
    answer
}

/// Carries out the command of a delivery; `named` is the release that it names, once that is known.
async fn run(
    core: &Core,
    name: &HookName,
    hook: &HookIn,
    payload: &Value,
    why: String,
    named: &mut Option<String>,
) -> Result<OrderOutcome, ApiError> {
    let order = Order::of(core, (name, hook), payload, why).await?;
    *named = Some(order.named().to_owned());
    order.run(core, hook, &caller_of(name, hook)).await
}

/// What a delivery came to whose order was carried out.
fn settled(done: &OrderOutcome, delivery: InDelivery) -> InDelivery {
    trail::note(|notes| notes.is_unchanged = !done.changed);
    let end = if done.changed { DeliveryEnd::Done } else { DeliveryEnd::Unchanged };
    let (message, deployment) = (done.message.clone(), done.deployment.clone());
    InDelivery { end, message, deployment, seq: done.seq, ..delivery }
}

/// Tells the sender that a delivery is left out. That it is kept is not what the sender waits for.
async fn leave_out(core: &Core, name: &HookName, delivery: Delivery, why: String) -> Response {
    let Delivery { id, begun, .. } = delivery;
    let left_out = InDelivery { end: DeliveryEnd::Ignored, status: 200, message: why, ..begun }.kept();
    if let Err(error) = keep_ignored(core, name, &id, &left_out).await {
        tracing::debug!(hook = %name, %error, "a delivery that was left out cannot be kept");
    }
    trail::note(|notes| notes.is_unchanged = true);
    told(name, &id, &left_out, false, StatusCode::OK)
}

/// `GET /hooks/in/{hook}/{delivery}`: what came of a delivery. Its name can only be known by who was told it.
pub async fn outcome(
    State(core): State<Core>,
    Path((hook, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let name = known_name(&core, &hook)?;
    let found = core.hooks_in.delivery(&name, &id).filter(|_| is_name(&id));
    let found = found
        .ok_or_else(|| ApiError::new(Kind::NotFound, "there is no such delivery, or it is over a day ago"))?;
    Ok(told(&name, &id, &found, false, StatusCode::OK))
}

/// A delivery of somebody who is known.
struct Delivery {
    id: String,
    payload: Value,
    /// What is kept of it while a router is at it.
    begun: InDelivery,
}

/// Why a delivery counts for nothing.
enum Unproven {
    /// It cannot be taken.
    Refused(ApiError),
    /// It is not signed by the hook's secret.
    Wrong(String),
}

/// Reads a delivery that may be taken.
async fn read(core: &Core, name: &HookName, hook: &HookIn, request: Request) -> Result<Delivery, ApiError> {
    let client = client_of(core, &request);
    if hook.networks.as_ref().is_some_and(|networks| !networks.iter().any(|network| network.contains(client)))
    {
        let message =
            format!("{client} is in none of the networks that the hook in `{name}` takes deliveries from");
        return Err(ApiError::new(Kind::Forbidden, message));
    }
    let (parts, body) = request.into_parts();
    let (id, body) = match prove(core, hook, &parts.headers, body).await {
        Ok(proven) => proven,
        Err(Unproven::Refused(error)) => return Err(error),
        Err(Unproven::Wrong(why)) => return Err(hold_back(core, client, &why).await),
    };
    let caller = caller_of(name, hook);
    let actor = (caller.name, caller.role.to_string(), hook.app.to_string());
    trail::note(|notes| notes.actor = Some(actor));
    if hook.paused {
        let message = format!("the hook in `{name}` is paused");
        return Err(ApiError::new(Kind::Refused("paused"), message));
    }
    refuse_no_json(&parts.headers)?;
    let payload = parse_payload(&body)?;
    let event = hook.sender.event(&parts.headers, &payload);
    Ok(Delivery { id, payload, begun: begin(core, client, event)? })
}

/// Reads the body, and finds out whether the sender knows the secret. Gives the delivery's name, too.
async fn prove(
    core: &Core,
    hook: &HookIn,
    headers: &HeaderMap,
    body: Body,
) -> Result<(String, Bytes), Unproven> {
    hook.sender.check_head(&hook.secret, headers).map_err(Unproven::Wrong)?;
    let place = timeout(CALL_WAIT_MAX, core.hooks_in.bodies.acquire()).await.map_err(|_| {
        let message = "too many deliveries are being read; try again";
        Unproven::Refused(ApiError::new(Kind::Busy, message))
    })?;
    let body = body::read(body, HOOK_IN_BODY_BYTES_MAX).await.map_err(Unproven::Refused)?;
    drop(place);
    let request = sender::Request { headers, body: &body, now: core.clock.wall_ms() / 1_000 };
    let known = hook.sender.check(&hook.secret, request).map_err(Unproven::Wrong)?;
    let id = known.map_or_else(new_name, Ok);
    let id = id.map_err(|error| Unproven::Refused(ApiError::new(Kind::Internal, error.to_string())))?;
    Ok((id, body))
}

/// The refusal of a wrong secret, which an address that goes on sending them gets later and later.
async fn hold_back(core: &Core, client: IpAddr, why: &str) -> ApiError {
    core.sign_ins.count_failed();
    let failure = core.sign_ins.fail(client, core.clock.monotonic());
    sleep(failure.wait).await;
    match failure.is_over_limit() {
        true => ApiError::new(
            Kind::TooManyFailures,
            "too many wrong secrets came from this address; wait for a minute",
        ),
        false => ApiError::new(Kind::Unauthorized, why),
    }
}

fn refuse_no_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "a delivery is `Content-Type: application/json`; choose that where the sender is set up";
    Err(ApiError::new(Kind::MediaType, message))
}

fn begin(core: &Core, client: IpAddr, event: String) -> Result<InDelivery, ApiError> {
    let turn = random_hex::<8>().map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    Ok(InDelivery {
        at: core.clock.wall_ms(),
        turn,
        event,
        client: client.to_string(),
        router: core.name().to_owned(),
        ..InDelivery::default()
    })
}

/// The name of a hook, as a path has it.
fn known_name(core: &Core, text: &str) -> Result<HookName, ApiError> {
    let name: Option<HookName> = text.parse().ok();
    let known = name.filter(|name| core.hooks_in.hook(name).is_some());
    known.ok_or_else(|| ApiError::new(Kind::NotFound, "there is no hook in of this name").field("hook"))
}

fn client_of(core: &Core, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    client_address(request.headers(), peer, &core.options.trusted_networks)
}

fn told(name: &HookName, id: &str, delivery: &InDelivery, repeated: bool, status: StatusCode) -> Response {
    let answer = answer_of(name, id, delivery, repeated);
    let mut response = (status, Json(&answer)).into_response();
    locate(&mut response, &answer.url);
    response
}

fn locate(response: &mut Response, url: &str) {
    if let Ok(url) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
}
