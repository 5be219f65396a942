//! The private listener, through which the admin port shows releases: on hosts that begin with `stable.` or
//! `candidate.` it forwards what it is asked to here, and says for whom.
//!
//! Anybody on this machine can connect to a loopback address, so each request has to prove with a secret of this process
//! that the admin port sent it. What it says is `Rolling-Peer: <secret> <track> <client's address>`.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use subtle::ConstantTimeEq as _;

use super::accept::bind;
use crate::proxy::{
    codec::head::{Known, RequestHead},
    rewrite::refusal::Refusal,
    route::origin::told_by_proxies,
    worker::{
        Worker,
        client::{Client, Door, Track},
    },
};

/// What a stranger on the private listener is told.
pub const STRANGER: Refusal =
    Refusal { status: 403, detail: "this address is for the router itself", retry_after: None };

/// A private listener for each worker, and the secret of those who may use it.
#[derive(Debug)]
pub struct AdminDoor {
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    secret: Box<str>,
}

impl AdminDoor {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// There is no loopback address, or the system gives no random numbers.
    pub fn open(workers: usize) -> io::Result<Self> {
        let v4 = (Ipv4Addr::LOCALHOST, 0).into();
        let listeners = bind(v4, workers).or_else(|_| bind((Ipv6Addr::LOCALHOST, 0).into(), workers))?;
        let address = listeners[0].local_addr()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let secret = format!("{:032x}", u128::from_be_bytes(random)).into();
        Ok(Self { listeners, address, secret })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What whoever asks there must know.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Gives each worker its listener; the secret is left.
    pub(super) fn share_out<T>(self, per_worker: &mut [Vec<(TcpListener, Option<T>, Door)>]) -> Box<str> {
        for (worker, listener) in per_worker.iter_mut().zip(self.listeners) {
            worker.push((listener, None, Door::Admin));
        }
        self.secret
    }
}

/// Who asks, from where the trusted proxies before it say: on the private listener whom the admin port names, or `None`
/// for a stranger.
pub fn client(worker: &Worker, head: &RequestHead<'_>, peer: Client) -> Option<Client> {
    let client = if peer.door == Door::Front { peer } else { introduced(worker, head)? };
    Some(if client.trusted { told_by_proxies(head, client, &worker.shared.trust) } else { client })
}

/// Whom the admin port names.
#[cold]
fn introduced(worker: &Worker, head: &RequestHead<'_>) -> Option<Client> {
    let mut said = head.values(Known::RollingPeer);
    let (Some(said), None) = (said.next(), said.next()) else { return None };
    let mut words = std::str::from_utf8(said).ok()?.split(' ');
    let secret = worker.shared.admin_secret.as_deref()?;
    if !bool::from(words.next()?.as_bytes().ct_eq(secret.as_bytes())) {
        return None;
    }
    let track = match words.next()? {
        "stable" => Track::Stable,
        "candidate" => Track::Candidate,
        _ => return None,
    };
    let address: std::net::IpAddr = words.next()?.parse().ok()?;
    let trusted = (worker.shared.trust)(address);
    Some(Client::new(address, trusted, false, Door::Track(track)))
}
