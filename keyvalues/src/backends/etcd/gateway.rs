//! Calls to the members of a cluster: which one, with which login, and what their errors mean.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder, Response, header::AUTHORIZATION};
use serde::{Serialize, de::DeserializeOwned};

use super::wire::{Login, Refusal, Token};
use crate::{
    backends::remote::{
        ANSWER_WITHIN, Address, Clients, Failure, Patience, PendingAnswer, base, innermost, redirected,
    },
    contract::StoreError,
    open_error::OpenError,
};

/// The options of an address, after `?`.
const OPTIONS: &str = "`prefix`, `ca`, `cert`, `key`";

// gRPC's numbers for what went wrong.
const DEADLINE_EXCEEDED: u32 = 4;
const NOT_FOUND: u32 = 5;
const PERMISSION_DENIED: u32 = 7;
const RESOURCE_EXHAUSTED: u32 = 8;
const INVALID_ARGUMENT: u32 = 3;
const OUT_OF_RANGE: u32 = 11;
const UNAVAILABLE: u32 = 14;
const DATA_LOSS: u32 = 15;
const UNAUTHENTICATED: u32 = 16;

/// The connection led nowhere: a new one was answered before it.
struct Left;

impl From<Left> for Failure {
    fn from(Left: Left) -> Self {
        Self::Lost("nothing came on this connection any more, and a new one was answered".into())
    }
}

/// A cluster.
pub(super) struct Gateway {
    clients: Clients,
    patience: Patience,
    /// Base addresses.
    members: Vec<String>,
    /// Which member was the last to answer.
    current: AtomicUsize,
    login: Option<(String, String)>,
    token: Mutex<Option<String>>,
    prefix: String,
}

impl Gateway {
    pub(super) fn open(rest: &str, tls: bool) -> Result<Self, OpenError> {
        let mut address = Address::parse(rest, 2379)?;
        if !address.path.is_empty() {
            return Err(OpenError::Address("an etcd address has no path; use `?prefix=`".into()));
        }
        let prefix = address.option("prefix").unwrap_or_default();
        let clients = Clients::of(&mut address)?;
        let members = address.hosts.iter().map(|host| format!("{}/v3", base(tls, host))).collect();
        let login = address.user.clone().zip(address.password.clone());
        if login.is_none() && (address.user.is_some() || address.password.is_some()) {
            return Err(OpenError::Address("etcd needs a user and a password, or neither".into()));
        }
        address.finish(OPTIONS)?;
        let (current, token) = (AtomicUsize::new(0), Mutex::new(None));
        Ok(Self { clients, patience: Patience::default(), members, current, login, token, prefix })
    }

    /// The prefix of every key.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Makes a call that may be repeated: every member is asked once before the call fails, and once more if the connection led
    /// nowhere.
    pub(super) async fn read<A: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<A, StoreError> {
        let mut last = self.call_or_leave(path, request).await;
        for _ in 1..self.members.len().max(2) {
            let may_know_more = match &last {
                Ok(Err(Failure::Lost(_))) => self.members.len() > 1,
                Ok(_) => false,
                Err(Left) => true,
            };
            if !may_know_more {
                break;
            }
            last = self.call_or_leave(path, request).await;
        }
        last.unwrap_or_else(|left| Err(left.into())).map_err(StoreError::from)
    }

    /// Makes a small call that may be repeated. When its answer is late, the next members are asked too, on new connections; if
    /// one of them answers first, kept connections are left.
    pub(super) async fn probe<A: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<A, StoreError> {
        let rival = async {
            let current = self.current.load(Relaxed);
            for member in (0..self.members.len()).map(|n| current.wrapping_add(n + 1)) {
                if let Ok(answer) = self.call_at(member, path, request).await {
                    return (answer, member);
                }
            }
            // Nobody knows better.
            std::future::pending().await
        };
        match self.patience.unless_overtaken(Duration::ZERO, self.read(path, request), rival).await {
            Ok(answer) => answer,
            Err((answer, member)) => {
                self.current.store(member, Relaxed);
                self.clients.distrust_kept();
                Ok(answer)
            }
        }
    }

    /// Makes a call once. Only members that cannot be connected to are passed over.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<A, Failure> {
        self.call_or_leave(path, request).await.unwrap_or_else(|left| Err(left.into()))
    }

    /// The same, unless kept connections turn out to lead nowhere meanwhile.
    async fn call_or_leave<A: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<Result<A, Failure>, Left> {
        let distrusted = self.clients.distrusted();
        let call = async {
            let client = self.clients.usual();
            self.answer_of(self.send(client, path, request, |builder| builder.timeout(ANSWER_WITHIN)).await?)
                .await
        };
        tokio::select! {
            biased;
            answer = call => Ok(answer),
            () = distrusted => Err(Left),
        }
    }

    /// Makes a call once, at this member, on a connection of its own.
    async fn call_at<A: DeserializeOwned>(
        &self,
        member: usize,
        path: &str,
        request: &impl Serialize,
    ) -> Result<A, Failure> {
        let base = &self.members[member % self.members.len()];
        let mut builder =
            self.clients.fresh().post(format!("{base}/{path}")).json(request).timeout(ANSWER_WITHIN);
        if let Some(token) = self.token.lock().clone() {
            builder = builder.header(AUTHORIZATION, token);
        }
        let response = builder.send().await.map_err(|error| Failure::Lost(innermost(&error)))?;
        match response.error_for_status() {
            Ok(response) => self.answer_of(response).await,
            Err(error) => Err(Failure::Lost(innermost(&error))),
        }
    }

    async fn answer_of<A: DeserializeOwned>(&self, response: Response) -> Result<A, Failure> {
        match response.json().await {
            Ok(answer) => Ok(answer),
            Err(error) if error.is_decode() => {
                Err(Failure::Lost(format!("the answer cannot be read: {error}")))
            }
            Err(error) => Err(self.lost(&error)),
        }
    }

    /// Makes a call whose answer does not end, on a connection of its own.
    pub(super) async fn stream(&self, path: &str, request: &impl Serialize) -> Result<Response, StoreError> {
        Ok(self.send(self.clients.fresh(), path, request, |builder| builder).await?)
    }

    async fn send(
        &self,
        client: &Client,
        path: &str,
        request: &impl Serialize,
        tuned: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let mut may_log_in = self.login.is_some();
        loop {
            let token = self.token(may_log_in).await?;
            let refusal = match self.send_once(client, path, request, &tuned, token.as_deref()).await? {
                Ok(response) => return Ok(response),
                Err(refusal) => refusal,
            };
            if !(may_log_in && token_is_old(&refusal)) {
                return Err(self.refused(&refusal));
            }
            may_log_in = false;
            *self.token.lock() = None;
            self.token(true).await?;
        }
    }

    async fn send_once(
        &self,
        client: &Client,
        path: &str,
        request: &impl Serialize,
        tuned: impl Fn(RequestBuilder) -> RequestBuilder,
        token: Option<&str>,
    ) -> Result<Result<Response, Refusal>, Failure> {
        let mut unreachable = String::new();
        for _ in 0..self.members.len() {
            let member = self.current.load(Relaxed) % self.members.len();
            let mut builder = tuned(client.post(format!("{}/{path}", self.members[member])).json(request));
            if let Some(token) = token {
                builder = builder.header(AUTHORIZATION, token);
            }
            let pending = PendingAnswer::begin(|| self.next_member());
            let sent = builder.send().await;
            pending.answered();
            match sent {
                Ok(response) if response.status().is_success() => return Ok(Ok(response)),
                Ok(response) if response.status().is_redirection() => {
                    // A server that asks to go elsewhere is no member; another one may be.
                    unreachable = redirected(response.status()).map(|e| e.to_string()).unwrap_or_default();
                    self.next_member();
                }
                Ok(response) => return Ok(Err(response.json().await.unwrap_or_default())),
                Err(error) if error.is_connect() => {
                    unreachable = innermost(&error);
                    self.next_member();
                }
                Err(error) => return Err(self.lost(&error)),
            }
        }
        Err(Failure::Refused(StoreError::Unreachable(unreachable)))
    }

    /// The token of the login, if there is one.
    async fn token(&self, may_log_in: bool) -> Result<Option<String>, Failure> {
        let known = self.token.lock().clone();
        let (None, true, Some((name, password))) = (&known, may_log_in, &self.login) else {
            return Ok(known);
        };
        let login = Login { name, password };
        let tuned = |builder: RequestBuilder| builder.timeout(ANSWER_WITHIN);
        let answer = self.send_once(self.clients.usual(), "auth/authenticate", &login, tuned, None).await;
        // A login changes nothing, so a lost one counts as not made.
        let answer = answer.map_err(|failure| Failure::Refused(failure.into()))?;
        let response = answer.map_err(|refusal| Failure::Refused(StoreError::Denied(refusal.message)))?;
        let token = response.json::<Token>().await.map_err(|error| {
            Failure::Refused(StoreError::Unreachable(format!(
                "the answer to the login cannot be read: {error}"
            )))
        })?;
        *self.token.lock() = Some(token.token.clone());
        Ok(Some(token.token))
    }

    /// Ends once kept connections turn out to lead nowhere.
    pub(super) async fn left(&self) -> StoreError {
        self.clients.distrusted().await;
        Failure::from(Left).into()
    }

    fn next_member(&self) {
        self.current.fetch_add(1, Relaxed);
    }

    fn lost(&self, error: &reqwest::Error) -> Failure {
        self.next_member();
        Failure::Lost(innermost(error))
    }

    /// A refusal in the words of the contract. A member without a leader, or one that was too slow, cannot say whether the
    /// request took effect.
    fn refused(&self, refusal: &Refusal) -> Failure {
        match refusal.code {
            UNAVAILABLE | DEADLINE_EXCEEDED => {
                self.next_member();
                Failure::Lost(refusal.message.clone())
            }
            _ => Failure::Refused(meaning(refusal)),
        }
    }
}

/// What a refusal says.
pub(super) fn meaning(refusal: &Refusal) -> StoreError {
    let text = refusal.message.clone();
    match refusal.code {
        UNAUTHENTICATED | PERMISSION_DENIED => StoreError::Denied(text),
        INVALID_ARGUMENT if text.contains("user name is empty") || text.contains("authentication failed") => {
            StoreError::Denied(text)
        }
        NOT_FOUND if text.contains("lease") => StoreError::LeaseEnded,
        INVALID_ARGUMENT | OUT_OF_RANGE => StoreError::Invalid(text),
        RESOURCE_EXHAUSTED => StoreError::Disk(text),
        DATA_LOSS => StoreError::Corrupt(text),
        _ => StoreError::Unreachable(if text.is_empty() {
            "the answer is not one of etcd".into()
        } else {
            text
        }),
    }
}

/// Tokens end after some minutes, and when users or roles change.
fn token_is_old(refusal: &Refusal) -> bool {
    refusal.code == UNAUTHENTICATED || refusal.message.contains("revision of auth store is old")
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("members", &self.members).field("prefix", &self.prefix).finish()
    }
}
