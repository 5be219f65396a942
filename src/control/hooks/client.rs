//! The client that tells one hook: it connects to nothing that the router's address policy refuses, whatever name leads
//! there, follows no redirect, asks no proxy, and keeps no connection.

use std::{net::SocketAddr, sync::Arc};

use reqwest::{
    Client, Method, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use crate::{
    control::{
        limits::{HOOK_CONNECT_MAX, HOOK_DELIVERY_MAX},
        shared::hooks::hook::{Address, allowed},
    },
    rollout::endpoint::AddressPolicy,
};

/// A client for one address.
#[derive(Debug, Clone)]
pub struct HookClient {
    client: Client,
    address: Address,
    policy: Arc<AddressPolicy>,
}

/// Looks names up, and lets through what may be connected to.
struct Checked {
    port: u16,
    policy: Arc<AddressPolicy>,
}

impl HookClient {
    /// For this address.
    pub fn new(address: &Address, policy: &AddressPolicy) -> Result<Self, reqwest::Error> {
        let policy = Arc::new(policy.clone());
        let checked = Checked { port: address.port(), policy: Arc::clone(&policy) };
        let client = Client::builder()
            .user_agent(concat!("rolling-router/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            // Each message is checked anew: what a name leads to may have changed.
            .pool_max_idle_per_host(0)
            .connect_timeout(HOOK_CONNECT_MAX)
            .timeout(HOOK_DELIVERY_MAX)
            .dns_resolver(Arc::new(checked))
            .build()?;
        Ok(Self { client, address: address.clone(), policy })
    }

    /// Whether it leads there.
    pub fn leads_to(&self, address: &Address) -> bool {
        self.address == *address
    }

    /// A POST there; refused where the address is a literal one that may not be connected to.
    pub fn post(&self) -> Result<RequestBuilder, String> {
        self.address.check(&self.policy).map_err(|error| error.to_string())?;
        Ok(self.client.request(Method::POST, self.address.url().clone()))
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (port, policy) = (self.port, Arc::clone(&self.policy));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), port)).await?;
            let (good, bad): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| allowed(&policy, *address).is_ok());
            if let (true, Some(address)) = (good.is_empty(), bad.first()) {
                let refused = allowed(&policy, *address).map_err(|error| error.to_string());
                return Err(refused.err().unwrap_or_default().into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
