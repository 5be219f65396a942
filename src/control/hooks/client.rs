//! The HTTP client of one hook. It connects to no address that the router's address policy refuses, whatever name leads
//! there. It follows no redirect, uses no proxy, and keeps no connection.

use std::{net::SocketAddr, sync::Arc};

use reqwest::{
    Client, Method, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use crate::{
    control::{
        limits::{HOOK_CONNECT_MAX, HOOK_DELIVERY_MAX},
        shared::hooks::{
            header::HookHeader,
            hook::{Hook, HookUrl, check_address},
        },
    },
    rollout::endpoint::AddressPolicy,
};

/// A client for one URL.
#[derive(Debug, Clone)]
pub struct HookClient {
    client: Client,
    url: HookUrl,
    header: Option<HookHeader>,
    policy: Arc<AddressPolicy>,
}

/// Looks names up, and gives only the addresses that are allowed.
struct CheckedResolver {
    port: u16,
    policy: Arc<AddressPolicy>,
}

impl HookClient {
    /// A client for the URL and the header of a hook.
    pub fn new(hook: &Hook, policy: &AddressPolicy) -> Result<Self, reqwest::Error> {
        let Hook { url, header, .. } = hook;
        let policy = Arc::new(policy.clone());
        let checked = CheckedResolver { port: url.port(), policy: Arc::clone(&policy) };
        let client = Client::builder()
            .user_agent(concat!("rolling-router/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            // The address is checked for each message: a name may lead elsewhere by then.
            .pool_max_idle_per_host(0)
            .connect_timeout(HOOK_CONNECT_MAX)
            .timeout(HOOK_DELIVERY_MAX)
            .dns_resolver(Arc::new(checked))
            .build()?;
        Ok(Self { client, url: url.clone(), header: header.clone(), policy })
    }

    /// Whether it is a client for the URL and the header of this hook.
    pub fn is_for(&self, hook: &Hook) -> bool {
        self.url == hook.url && self.header == hook.header
    }

    /// The answer of the receiver as it may be shown: without the header's value.
    pub fn hide_header_in(&self, answer: String) -> String {
        match &self.header {
            Some(header) => header.hide_in(&answer),
            None => answer,
        }
    }

    /// A POST to the URL; refused if its host is a literal address that is not allowed.
    pub fn post(&self) -> Result<RequestBuilder, String> {
        self.url.check(&self.policy).map_err(|error| error.to_string())?;
        let request = self.client.request(Method::POST, self.url.url().clone());
        Ok(match self.header.as_ref().and_then(HookHeader::to_line) {
            Some((name, value)) => request.header(name, value),
            None => request,
        })
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (port, policy) = (self.port, Arc::clone(&self.policy));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), port)).await?;
            let (allowed, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| check_address(&policy, *address).is_ok());
            if let (true, Some(address)) = (allowed.is_empty(), refused.first()) {
                let why = check_address(&policy, *address).map_err(|error| error.to_string());
                return Err(why.err().unwrap_or_default().into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
