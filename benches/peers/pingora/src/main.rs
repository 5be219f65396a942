//! A sticky proxy made with Pingora: `pingora-peer PORT WORKERS ENDPOINT_PORT...`.
//!
//! What the other peers' configurations say, in Pingora's terms: a client is pinned by the cookie `rolling_pin`, which does
//! not reach the endpoint; an unpinned one goes to the endpoints in turn; X-Forwarded-For is added; connections are kept on
//! both sides; no log.

use async_trait::async_trait;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::prelude::*;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

const COOKIE: &str = "rolling_pin";

/// The endpoints, and whose turn it is.
struct Sticky {
    endpoints: Vec<SocketAddr>,
    turn: AtomicUsize,
}

/// Where one request goes.
#[derive(Default)]
struct Choice {
    endpoint: usize,
    is_new: bool,
}

impl Sticky {
    /// The endpoint that a request's cookie names.
    fn pinned(&self, request: &RequestHeader) -> Option<usize> {
        let values = request.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
        value.strip_prefix('e')?.parse().ok().filter(|at| *at < self.endpoints.len())
    }
}

/// The other cookies of a header line.
fn without_pin(line: &str) -> String {
    let own = |pair: &&str| pair.split_once('=').is_none_or(|(name, _)| name != COOKIE);
    line.split(';').map(str::trim).filter(own).collect::<Vec<_>>().join("; ")
}

#[async_trait]
impl ProxyHttp for Sticky {
    type CTX = Choice;

    fn new_ctx(&self) -> Choice {
        Choice::default()
    }

    async fn upstream_peer(&self, session: &mut Session, choice: &mut Choice) -> Result<Box<HttpPeer>> {
        let pinned = self.pinned(session.req_header());
        choice.is_new = pinned.is_none();
        choice.endpoint =
            pinned.unwrap_or_else(|| self.turn.fetch_add(1, Ordering::Relaxed) % self.endpoints.len());
        Ok(Box::new(HttpPeer::new(self.endpoints[choice.endpoint], false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        _: &mut Choice,
    ) -> Result<()> {
        if let Some(line) = request.headers.get("cookie").and_then(|value| value.to_str().ok()) {
            match without_pin(line) {
                rest if rest.is_empty() => drop(request.remove_header("cookie")),
                rest => request.insert_header("cookie", rest)?,
            }
        }
        if let Some(client) = session.client_addr().and_then(|address| address.as_inet()) {
            request.append_header("x-forwarded-for", client.ip().to_string())?;
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _: &mut Session,
        response: &mut ResponseHeader,
        choice: &mut Choice,
    ) -> Result<()> {
        if choice.is_new {
            response
                .append_header("set-cookie", format!("{COOKIE}=e{}; Path=/; HttpOnly", choice.endpoint))?;
        }
        Ok(())
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<u16>().expect("a number"));
    let (port, workers) = (numbers.next().expect("PORT"), numbers.next().expect("WORKERS"));
    let endpoints = numbers.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
    let settings = ServerConf { threads: workers.into(), ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, settings);
    server.bootstrap();
    let sticky = Sticky { endpoints, turn: AtomicUsize::new(0) };
    let mut proxy = http_proxy_service(&server.configuration, sticky);
    proxy.add_tcp(&format!("127.0.0.1:{port}"));
    server.add_service(proxy);
    server.run_forever();
}
