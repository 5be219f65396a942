//! Sentinels: which server is the primary at present, and when another one has become it.
//!
//! All of them are asked, and the one with the newest configuration is believed: one that was cut off still names the primary of
//! earlier. A primary that was cut off is left in the same way, though it answers.

use std::{collections::HashMap, fmt, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use redis::{AsyncConnectionConfig, Client};
use tokio::time::{sleep, timeout};

use super::{
    login::{Login, Spot},
    meaning::meaning,
};
use crate::{backends::remote::CONNECT_WITHIN, contract::StoreError, open_error::OpenError};

/// Between two questions whether the primary has moved.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long the other Sentinels are waited for when one has answered.
const OTHERS_WITHIN: Duration = Duration::from_millis(100);

/// The Sentinels of a primary.
pub(super) struct Sentinels {
    name: String,
    hosts: Vec<Spot>,
    clients: Vec<Client>,
    /// How the primary is spoken to.
    login: Login,
}

/// What one Sentinel says.
struct Configuration {
    epoch: u64,
    primary: Spot,
}

impl Sentinels {
    pub(super) fn new(name: String, hosts: &[Spot], asking: &Login, login: Login) -> Result<Self, OpenError> {
        let clients = hosts.iter().map(|host| asking.client(host)).collect::<Result<_, _>>()?;
        Ok(Self { name, hosts: hosts.to_vec(), clients, login })
    }

    pub(super) const fn login(&self) -> &Login {
        &self.login
    }

    /// Where the primary is, as the Sentinel with the newest configuration says.
    pub(super) async fn primary(&self) -> Result<Spot, StoreError> {
        let mut answers: FuturesUnordered<_> = self.clients.iter().map(|client| self.ask(client)).collect();
        let mut newest: Option<Configuration> = None;
        let mut refusal = "no Sentinel answers".to_owned();
        loop {
            let wait = if newest.is_some() { OTHERS_WITHIN } else { CONNECT_WITHIN };
            match timeout(wait, answers.next()).await {
                Ok(Some(Ok(said))) => {
                    if newest.as_ref().is_none_or(|newest| newest.epoch < said.epoch) {
                        newest = Some(said);
                    }
                }
                Ok(Some(Err(error))) => refusal = error,
                Ok(None) | Err(_) => break,
            }
        }
        newest.map(|newest| newest.primary).ok_or(StoreError::Unreachable(refusal))
    }

    /// Waits until the primary is somewhere else.
    pub(super) async fn moved(&self, from: &Spot) -> StoreError {
        loop {
            sleep(ASK_EVERY).await;
            // While no Sentinel answers, nobody can have made another server the primary, as far as can be known here.
            if let Ok(primary) = self.primary().await
                && primary != *from
            {
                let (host, port) = primary;
                return StoreError::Unreachable(format!("another server is the primary now: {host}:{port}"));
            }
        }
    }

    async fn ask(&self, client: &Client) -> Result<Configuration, String> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(CONNECT_WITHIN));
        let asking = async {
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            let mut command = redis::cmd("SENTINEL");
            command.arg("MASTER").arg(&self.name);
            let facts: HashMap<String, String> = command.query_async(&mut connection).await?;
            // While it changes the primary, a Sentinel names the new one here alone.
            let mut command = redis::cmd("SENTINEL");
            command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
            let primary: Spot = command.query_async(&mut connection).await?;
            Ok((facts, primary))
        };
        let (facts, primary) = asking.await.map_err(|error| self.refusal(&error))?;
        let epoch = facts.get("config-epoch").and_then(|epoch| epoch.parse().ok());
        let epoch = epoch.ok_or_else(|| "the answer is not one of a Sentinel".to_owned())?;
        Ok(Configuration { epoch, primary })
    }

    fn refusal(&self, error: &redis::RedisError) -> String {
        let text = error.to_string();
        match text.contains("No such master") {
            true => format!("the Sentinels watch no primary called `{}`", self.name),
            false => format!("a Sentinel: {}", meaning(error)),
        }
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        write!(f, "{} as {} say", self.name, hosts.join(", "))
    }
}
