//! The connection: it is made when needed and dropped when it breaks. And what its errors mean.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, ScriptInvocation, ServerErrorKind, TlsCertificates, ToRedisArgs,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::sync::Mutex;

use crate::{
    backends::remote::{ANSWER_WITHIN, Address, CONNECT_WITHIN, PendingAnswer},
    contract::{Outcome, StoreError},
    open_error::OpenError,
};

/// How long a commit waits for its replicas.
const REPLICAS_WITHIN_MS: u64 = 1_000;

/// The options of an address, after `?`.
const OPTIONS: &str = "`prefix`, `replicas`, `ca`, `cert`, `key`";

/// Why a command has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It had no effect.
    Refused(StoreError),
    /// It was sent; whether it had an effect is not known.
    Lost(String),
}

/// The server and the connection to it that commands share.
pub(super) struct Link {
    client: Client,
    script: redis::Script,
    prefix: String,
    replicas: u32,
    live: Mutex<Option<MultiplexedConnection>>,
    /// Whether a caller gave up waiting for an answer on the live connection.
    doubtful: AtomicBool,
}

impl Link {
    pub(super) fn open(rest: &str, tls: bool) -> Result<Self, OpenError> {
        let mut address = Address::parse(rest, 6379)?;
        let prefix = address.option("prefix").unwrap_or_default();
        let replicas = match address.option("replicas") {
            Some(text) => text
                .parse()
                .map_err(|_| OpenError::Address(format!("`replicas={text}` is not a whole number")))?,
            None => 0,
        };
        let client = client(&mut address, tls)?;
        address.finish(OPTIONS)?;
        let script = redis::Script::new(include_str!("store.lua"));
        Ok(Self {
            client,
            script,
            prefix,
            replicas,
            live: Mutex::new(None),
            doubtful: AtomicBool::new(false),
        })
    }

    /// The prefix of every key.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A subscription to changes of keys, if the server announces them: `K` for channels by key, and strings,
    /// generic commands and expiry, or `A` for all.
    pub(super) async fn notices(&self) -> Result<Option<PubSub>, StoreError> {
        let mut connection = self.connect().await?;
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg("notify-keyspace-events");
        // A login that may not ask gets no notifications.
        let (_, on) = ask.query_async::<(String, String)>(&mut connection).await.unwrap_or_default();
        if !on.contains('K') || !(on.contains('A') || ['$', 'g', 'x'].iter().all(|kind| on.contains(*kind))) {
            return Ok(None);
        }
        let connecting = tokio::time::timeout(CONNECT_WITHIN, self.client.get_async_pubsub()).await;
        let Ok(connected) = connecting else {
            return Err(StoreError::Unreachable("the subscription was not made in time".into()));
        };
        let mut notices = connected.map_err(|error| meaning(&error))?;
        let database = self.client.get_connection_info().redis_settings().db();
        let literal = self.prefix.replace(['*', '?', '[', ']', '\\'], "?");
        let pattern = format!("__keyspace@{database}__:{literal}*");
        notices.psubscribe(pattern).await.map_err(|error| meaning(&error))?;
        Ok(Some(notices))
    }

    /// What the server says of its memory; none if this login may not ask.
    pub(super) async fn memory_facts(&self) -> Option<String> {
        let mut connection = self.connect().await.ok()?;
        redis::cmd("INFO").arg("memory").query_async(&mut connection).await.ok()
    }

    /// The key of the change log.
    pub(super) fn log(&self) -> String {
        format!("{}/log", self.prefix)
    }

    /// Begins a call of the script.
    pub(super) fn command(&self, name: &str) -> Command<'_> {
        let mut invocation = self.script.prepare_invoke();
        invocation.arg(&self.prefix).arg(name);
        Command(invocation)
    }

    /// A connection of its own, for commands that block.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| meaning(&error))
    }

    async fn shared(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut live = self.live.lock().await;
        if self.doubtful.swap(false, Relaxed) {
            *live = None;
        }
        if let Some(connection) = &*live {
            return Ok(connection.clone());
        }
        Ok(live.insert(self.connect().await?).clone())
    }

    /// Makes a call that may be repeated: once more on a new connection if the old one was broken.
    pub(super) async fn read<T: FromRedisValue>(&self, command: &Command<'_>) -> Result<T, StoreError> {
        match self.call_once(command).await {
            Err(Failure::Lost(_)) => self.call(command).await,
            Err(Failure::Refused(error)) => Err(error),
            Ok(answer) => Ok(answer),
        }
    }

    /// Makes a call that is not repeated, although repeating it would do no harm.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Command<'_>) -> Result<T, StoreError> {
        self.call_once(command).await.map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Lost(text) => StoreError::Unreachable(text),
        })
    }

    /// Makes a call that must not be repeated. The connection is tried first: if it broke while it was idle, it is replaced
    /// before the command is sent.
    pub(super) async fn write<T: FromRedisValue>(&self, command: &Command<'_>) -> Result<T, Failure> {
        let mut connection = self.shared().await.map_err(Failure::Refused)?;
        if let Err(error) = self.wait_for(redis::cmd("PING").query_async::<String>(&mut connection)).await {
            self.after(&error).await;
            self.shared().await.map_err(Failure::Refused)?;
        }
        self.call_once(command).await
    }

    async fn call_once<T: FromRedisValue>(&self, command: &Command<'_>) -> Result<T, Failure> {
        let mut connection = self.shared().await.map_err(Failure::Refused)?;
        match self.wait_for(command.invoke(&mut connection)).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.after(&error).await),
        }
    }

    /// Waits for an answer on the live connection, which counts as doubtful if the caller gives up.
    async fn wait_for<T>(&self, answer: impl Future<Output = T>) -> T {
        let pending = PendingAnswer::begin(|| self.doubtful.store(true, Relaxed));
        let answer = answer.await;
        pending.answered();
        answer
    }

    /// What an error means. A broken connection is dropped.
    async fn after(&self, error: &RedisError) -> Failure {
        let lost = error.is_io_error() || error.is_unrecoverable_error() || error.is_timeout();
        if lost || matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly)) {
            *self.live.lock().await = None;
        }
        if lost { Failure::Lost(error.to_string()) } else { Failure::Refused(meaning(error)) }
    }

    /// Waits until as many replicas as configured have what this connection wrote.
    pub(super) async fn replicated(&self, outcome: Outcome) -> Result<Outcome, StoreError> {
        if self.replicas == 0 || !matches!(outcome, Outcome::Done(_)) {
            return Ok(outcome);
        }
        let unknown = |text: String| Ok(Outcome::Unknown(text));
        let Ok(mut connection) = self.shared().await else {
            return unknown("the connection broke before the replicas had it".into());
        };
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.replicas).arg(REPLICAS_WITHIN_MS);
        match self.wait_for(wait.query_async::<u32>(&mut connection)).await {
            Ok(count) if count >= self.replicas => Ok(outcome),
            Ok(count) => unknown(format!("only {count} of {} replicas have it", self.replicas)),
            Err(error) => {
                self.after(&error).await;
                unknown(format!("the replicas did not answer: {error}"))
            }
        }
    }
}

/// One call of the script.
pub(super) struct Command<'a>(ScriptInvocation<'a>);

impl Command<'_> {
    /// Adds an argument.
    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.0.arg(argument);
        self
    }

    /// Calls it on a connection of the caller's.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        self.0.invoke_async(connection).await
    }
}

fn client(address: &mut Address, tls: bool) -> Result<Client, OpenError> {
    let bad = |text: String| OpenError::Address(text);
    let [(host, port)] = &address.hosts[..] else { return Err(bad("a Redis address has one host".into())) };
    let (host, port) = (host.clone(), *port);
    let database = match &*address.path {
        "" => 0,
        path => path
            .parse()
            .map_err(|_| bad(format!("`/{path}` is not the number of a database, such as `/0`")))?,
    };
    let mut login = RedisConnectionInfo::default().set_db(database);
    if let Some(user) = &address.user {
        login = login.set_username(user);
    }
    if let Some(password) = &address.password {
        login = login.set_password(password);
    }
    let place = match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    };
    let info =
        place.into_connection_info().map_err(|error| bad(error.to_string()))?.set_redis_settings(login);
    let (ca, cert, key) = (address.file("ca")?, address.file("cert")?, address.file("key")?);
    let client_tls = match (cert, key) {
        (Some(client_cert), Some(client_key)) => Some(redis::ClientTlsConfig { client_cert, client_key }),
        (None, None) => None,
        _ => return Err(bad("`cert` and `key` need each other: give both or neither".into())),
    };
    let opened = match tls {
        true => Client::build_with_tls(info, TlsCertificates { client_tls, root_cert: ca }),
        false => Client::open(info),
    };
    opened.map_err(|error| bad(error.to_string()))
}

/// An error of the server in the words of the contract.
pub(super) fn meaning(error: &RedisError) -> StoreError {
    let text = error.to_string();
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
            StoreError::Denied(text)
        }
        (_, Some("NOAUTH" | "WRONGPASS")) => StoreError::Denied(text),
        (_, Some("OOM" | "MISCONF" | "NOREPLICAS")) => StoreError::Disk(text),
        (_, Some("WRONGTYPE")) => StoreError::Corrupt(text),
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => StoreError::Corrupt(text),
        _ => StoreError::Unreachable(text),
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.client.get_connection_info().addr();
        f.debug_struct("Link").field("place", &place.to_string()).field("prefix", &self.prefix).finish()
    }
}
