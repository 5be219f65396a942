//! Hosts of the admin port that show a track: `candidate.<host>` and `stable.<host>`, so that testers can look at both
//! side by side (docs/design.md section 2).
//!
//! They are end users' requests and none of the API's: no token, no guard, nothing of this port's own pages. Each is
//! handed on as it is to a private listener of the data plane, with the client's address, the track, and a Host without
//! the first label and the port; who may see what is decided there, by preview grants. A connection of its own for each
//! request is what testers can afford, and keeps bodies and WebSockets apart.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    response::{IntoResponse as _, Response},
};
use hyper::{Request, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::TcpStream, time::timeout};

use super::{guard::without_port, places::Place};
use crate::control::shared::{core::Core, front_door::FrontDoor};

/// How long the private listener may take to accept: it is in this process.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// What the private listener is told of a request.
const PEER: HeaderName = HeaderName::from_static("rolling-peer");

/// Headers that belong to one connection: that to the private listener is ours.
const OF_THE_CONNECTION: [HeaderName; 3] =
    [header::CONNECTION, header::TRANSFER_ENCODING, HeaderName::from_static("keep-alive")];

/// A host that shows a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackHost {
    track: &'static str,
    /// What the app is asked for.
    host: String,
}

/// A connection of this port, as long as anything of it is open.
pub struct Origin {
    pub peer: SocketAddr,
    pub place: Arc<Place>,
}

/// The track that a request's host shows, if it does. A name that is the admin port's own is never one.
pub fn track_host(core: &Core, request: &Request<Incoming>) -> Option<TrackHost> {
    core.options.front_door.as_ref()?;
    shown_by(request.uri(), request.headers(), &core.options.admin_hosts)
}

fn shown_by(uri: &Uri, headers: &HeaderMap, admin_hosts: &[String]) -> Option<TrackHost> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (said, None) = (hosts.next()?.to_str().ok()?, hosts.next()) else { return None };
    let host = uri.authority().map_or(said, |authority| authority.as_str()).to_ascii_lowercase();
    let name = without_port(&host);
    let (first, rest) = name.split_once('.')?;
    let track = ["candidate", "stable"].into_iter().find(|track| *track == first)?;
    let own = admin_hosts.iter().any(|own| own.eq_ignore_ascii_case(name));
    (!own && !rest.is_empty()).then(|| TrackHost { track, host: rest.to_owned() })
}

/// Hands a request on, and its answer back. An upgraded connection goes on by itself.
pub async fn forward(
    core: &Core,
    shown: TrackHost,
    mut request: Request<Incoming>,
    origin: Origin,
) -> Response {
    let Some(door) = &core.options.front_door else { return unreachable_front() };
    if *request.method() == Method::CONNECT {
        return (StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed\n").into_response();
    }
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let client_side = upgrading.then(|| hyper::upgrade::on(&mut request));
    let Some(request) = handed_on(request, door, &shown, &origin) else { return unreachable_front() };
    let mut response = match ask(door, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, "the private listener did not answer");
            return unreachable_front();
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(client_side) = client_side {
            origin.place.socket.set_upgraded();
            let front_side = hyper::upgrade::on(&mut response);
            tokio::spawn(tunnel(client_side, front_side, origin));
        }
    } else {
        OF_THE_CONNECTION.iter().for_each(|name| drop(response.headers_mut().remove(name)));
    }
    response.map(Body::new)
}

fn handed_on(
    request: Request<Incoming>,
    door: &FrontDoor,
    shown: &TrackHost,
    origin: &Origin,
) -> Option<Request<Incoming>> {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    parts.uri = target.parse().ok()?;
    parts.version = Version::HTTP_11;
    let address = origin.peer.ip().to_canonical();
    let peer = format!("{} {} {address}", door.secret, shown.track);
    parts.headers.insert(PEER, HeaderValue::from_str(&peer).ok()?);
    parts.headers.insert(header::HOST, HeaderValue::from_str(&shown.host).ok()?);
    // This side says it as soon as the body is read.
    parts.headers.remove(header::EXPECT);
    Some(Request::from_parts(parts, body))
}

async fn ask(door: &FrontDoor, request: Request<Incoming>) -> Result<hyper::Response<Incoming>, String> {
    let connected = timeout(CONNECT_MAX, TcpStream::connect(door.address)).await;
    let stream =
        connected.map_err(|_| "no connection in time".to_owned())?.map_err(|error| error.to_string())?;
    // Answers are small and waited for; a side that has gone shows when it is written to.
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to the private listener ended early");
        }
    });
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// Bytes both ways, until both sides are done. The data plane ends it with its release or its process.
async fn tunnel(client: hyper::upgrade::OnUpgrade, front: hyper::upgrade::OnUpgrade, origin: Origin) {
    let Origin { place, .. } = origin;
    let (Ok(client), Ok(front)) = (client.await, front.await) else { return };
    // Who left first, and how, is the other side's to see.
    let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(front)).await;
    drop(place);
}

fn unreachable_front() -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "1")];
    (StatusCode::BAD_GATEWAY, headers, "502 Bad Gateway: the front did not answer\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(host: &str) -> Option<(&'static str, String)> {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        let own = ["stable.corp.example".to_owned()];
        shown_by(&Uri::from_static("/"), &headers, &own).map(|shown| (shown.track, shown.host))
    }

    #[test]
    fn the_first_label_is_the_track_and_the_rest_the_host() {
        for (host, track, rest) in [
            ("candidate.localhost:8080", "candidate", "localhost"),
            ("Stable.Shop.Example", "stable", "shop.example"),
            ("candidate.stable.localhost", "candidate", "stable.localhost"),
        ] {
            assert_eq!(shown(host), Some((track, rest.to_owned())), "{host}");
        }
        for host in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "stable",
            "candidate.",
            "candidates.localhost",
            "x.candidate.localhost",
            "stable.corp.example:8080",
        ] {
            assert_eq!(shown(host), None, "{host}");
        }
    }

    #[test]
    fn the_target_wins_over_the_host_and_two_hosts_are_none() {
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        let absolute = Uri::from_static("http://candidate.localhost/x");
        assert!(shown_by(&absolute, &headers, &[]).is_some());
        assert!(shown_by(&Uri::from_static("/x"), &headers, &[]).is_none());
        headers.append(header::HOST, HeaderValue::from_static("candidate.localhost"));
        assert!(shown_by(&Uri::from_static("/x"), &headers, &[]).is_none());
    }

    #[test]
    fn the_secret_is_not_printed() {
        let door = FrontDoor { address: "127.0.0.1:1".parse().unwrap(), secret: "hush".into() };
        assert_eq!(format!("{door:?}"), "FrontDoor(127.0.0.1:1)");
    }
}
