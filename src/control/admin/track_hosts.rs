//! Hosts of the admin port that show a track: `candidate.<host>` and `stable.<host>`, so that testers can look at both
//! side by side (docs/design.md section 2).
//!
//! They are end users' requests and none of the API's: no token, no guard, nothing of this port's own pages. Each is
//! handed to a worker of the data plane on a pair of sockets, as it is but for a Host without the first label and the port.
//! Who may see what is decided there, by preview grants. A pair for each request is what testers can afford, and keeps
//! bodies and WebSockets apart.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    response::{IntoResponse as _, Response},
};
use hyper::{Request, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::UnixStream};

use super::{loops::refuse_forwarded, places::Place};
use crate::{
    authority::Authority,
    control::shared::{access::proxy_sign_in::SECRET_HEADER, core::Core},
    live::handover::{Handover, HandoverSender, Track},
};

/// Headers that belong to one connection: that to the worker is ours.
const OF_THE_CONNECTION: [HeaderName; 3] =
    [header::CONNECTION, header::TRANSFER_ENCODING, HeaderName::from_static("keep-alive")];

/// A host that shows a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackHost {
    track: Track,
    /// What the app is asked for.
    host: String,
}

/// A connection of this port, as long as anything of it is open.
pub struct Origin {
    pub peer: SocketAddr,
    /// Whether it uses TLS.
    pub secure: bool,
    pub place: Arc<Place>,
}

/// The track that a request's host shows, if it does. A name that is the admin port's own is never one.
pub fn track_host(core: &Core, request: &Request<Incoming>) -> Option<TrackHost> {
    core.options.handovers.as_ref()?;
    find_track(request.uri(), request.headers(), &core.options.admin_hosts)
}

fn find_track(uri: &Uri, headers: &HeaderMap, admin_hosts: &[String]) -> Option<TrackHost> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (said, None) = (hosts.next()?.to_str().ok()?, hosts.next()) else { return None };
    let host = uri.authority().map_or(said, |authority| authority.as_str()).to_ascii_lowercase();
    let name = Authority::split(&host).host();
    let (first, rest) = name.split_once('.')?;
    let track = match first {
        "stable" => Track::Stable,
        "candidate" => Track::Candidate,
        _ => return None,
    };
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
    if let Err(error) = refuse_forwarded(core, request.headers()) {
        return error.into_response();
    }
    let Some(workers) = &core.options.handovers else { return unreachable_front() };
    if *request.method() == Method::CONNECT {
        return (StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed\n").into_response();
    }
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let client_side = upgrading.then(|| hyper::upgrade::on(&mut request));
    let Some(mut request) = rewrite_for_worker(request, &shown) else { return unreachable_front() };
    // What a proxy shows this router is not for endpoints.
    request.headers_mut().remove(SECRET_HEADER);
    let mut response = match ask(workers, request, shown.track, &origin).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, "the data plane did not answer a request on a host that shows a track");
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

fn rewrite_for_worker(request: Request<Incoming>, shown: &TrackHost) -> Option<Request<Incoming>> {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    parts.uri = target.parse().ok()?;
    parts.version = Version::HTTP_11;
    parts.headers.insert(header::HOST, HeaderValue::from_str(&shown.host).ok()?);
    // This side says it as soon as the body is read.
    parts.headers.remove(header::EXPECT);
    Some(Request::from_parts(parts, body))
}

async fn ask(
    workers: &HandoverSender,
    request: Request<Incoming>,
    track: Track,
    origin: &Origin,
) -> Result<hyper::Response<Incoming>, String> {
    let pair = UnixStream::pair().and_then(|(ours, theirs)| Ok((ours, theirs.into_std()?)));
    let (ours, socket) = pair.map_err(|error| error.to_string())?;
    let client = origin.peer.ip().to_canonical();
    if !workers.hand_over(Handover { socket, client, secure: origin.secure, track }) {
        return Err("the worker takes no more connections".to_owned());
    }
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(ours)).await.map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to a worker ended early");
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

    fn shown(host: &str) -> Option<(Track, String)> {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        let own = ["stable.corp.example".to_owned()];
        find_track(&Uri::from_static("/"), &headers, &own).map(|shown| (shown.track, shown.host))
    }

    #[test]
    fn the_first_label_is_the_track_and_the_rest_the_host() {
        for (host, track, rest) in [
            ("candidate.localhost:8080", Track::Candidate, "localhost"),
            ("Stable.Shop.Example", Track::Stable, "shop.example"),
            ("candidate.stable.localhost", Track::Candidate, "stable.localhost"),
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
        assert!(find_track(&absolute, &headers, &[]).is_some());
        assert!(find_track(&Uri::from_static("/x"), &headers, &[]).is_none());
        headers.append(header::HOST, HeaderValue::from_static("candidate.localhost"));
        assert!(find_track(&Uri::from_static("/x"), &headers, &[]).is_none());
    }
}
