//! The connection: it is made when needed and dropped when it breaks. And what its errors mean.

use std::{
    fmt, io,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind,
    ToRedisArgs,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::sync::Mutex;

use super::{
    login::Spot,
    meaning::meaning,
    place::{Place, Scheme},
};
use crate::{
    backends::remote::{ANSWER_WITHIN, Address, CONNECT_WITHIN, Patience, PendingAnswer},
    contract::{Outcome, StoreError},
    open_error::OpenError,
};

/// How long a commit waits for its replicas.
const REPLICAS_WITHIN_MS: u64 = 1_000;

/// Between two attempts to be answered on a new connection.
const RIVAL_EVERY: Duration = Duration::from_millis(100);

/// The options of an address, after `?`.
const OPTIONS: &str = "`prefix`, `replicas`, `ca`, `cert`, `key`";

/// The same where the hosts are Sentinels.
const SENTINEL_OPTIONS: &str =
    "`prefix`, `replicas`, `ca`, `cert`, `key`, `sentinel_user`, `sentinel_password`";

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
    place: Place,
    script: redis::Script,
    prefix: String,
    replicas: u32,
    live: Mutex<Option<(MultiplexedConnection, Spot)>>,
    /// Whether a caller gave up waiting for an answer on the live connection.
    doubtful: AtomicBool,
    patience: Patience,
    /// Calls on the live connection whose answers may be large.
    large: AtomicUsize,
}

impl Link {
    pub(super) fn open(rest: &str, scheme: Scheme) -> Result<Self, OpenError> {
        let (port, options) = if scheme.sentinel { (26379, SENTINEL_OPTIONS) } else { (6379, OPTIONS) };
        let mut address = Address::parse(rest, port)?;
        let prefix = address.option("prefix").unwrap_or_default();
        let replicas = match address.option("replicas") {
            Some(text) => text
                .parse()
                .map_err(|_| OpenError::Address(format!("`replicas={text}` is not a whole number")))?,
            None => 0,
        };
        let place = Place::of(&mut address, scheme)?;
        address.finish(options)?;
        let script = redis::Script::new(include_str!("store.lua"));
        Ok(Self {
            place,
            script,
            prefix,
            replicas,
            live: Mutex::new(None),
            doubtful: AtomicBool::new(false),
            patience: Patience::default(),
            large: AtomicUsize::new(0),
        })
    }

    /// The prefix of every key.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A subscription to changes of keys, if the server announces them: `K` for channels by key, and strings,
    /// generic commands and expiry, or `A` for all.
    pub(super) async fn notices(&self) -> Result<Option<PubSub>, StoreError> {
        let (mut connection, at) = self.connect().await?;
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg("notify-keyspace-events");
        // A login that may not ask gets no notifications.
        let (_, on) = ask.query_async::<(String, String)>(&mut connection).await.unwrap_or_default();
        if !on.contains('K') || !(on.contains('A') || ['$', 'g', 'x'].iter().all(|kind| on.contains(*kind))) {
            return Ok(None);
        }
        let client = self.place.client(&at)?;
        let connecting = tokio::time::timeout(CONNECT_WITHIN, client.get_async_pubsub()).await;
        let Ok(connected) = connecting else {
            return Err(StoreError::Unreachable("the subscription was not made in time".into()));
        };
        let mut notices = connected.map_err(|error| meaning(&error))?;
        let database = self.place.database();
        let literal = self.prefix.replace(['*', '?', '[', ']', '\\'], "?");
        let pattern = format!("__keyspace@{database}__:{literal}*");
        notices.psubscribe(pattern).await.map_err(|error| meaning(&error))?;
        Ok(Some(notices))
    }

    /// What the server says of its memory; none if this login may not ask.
    pub(super) async fn memory_facts(&self) -> Option<String> {
        let (mut connection, _) = self.connect().await.ok()?;
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
        Command { invocation, is_large: false }
    }

    /// A connection of its own, for commands that block, and where it leads.
    pub(super) async fn connect(&self) -> Result<(MultiplexedConnection, Spot), StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let at = self.place.find().await?;
        let connecting = self.place.client(&at)?;
        let connecting = connecting.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| meaning(&error))?;
        if self.place.moves() && is_replica(&mut connection).await {
            let (host, port) = at;
            return Err(StoreError::Unreachable(format!("{host}:{port} is not the primary any more")));
        }
        Ok((connection, at))
    }

    /// Waits until the primary is somewhere else than a connection leads, and makes the next call go there.
    pub(super) async fn moved(&self, from: &Spot) -> StoreError {
        let moved = self.place.moved(from).await;
        self.doubtful.store(true, Relaxed);
        moved
    }

    async fn shared(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut live = self.live.lock().await;
        if self.doubtful.swap(false, Relaxed) {
            *live = None;
        }
        if let Some((connection, _)) = &*live {
            return Ok(connection.clone());
        }
        Ok(live.insert(self.connect().await?).0.clone())
    }

    /// Leaves a server that was replaced, though it answers: what it takes now is lost. Where no Sentinel answers, nothing is
    /// known, and the connection stays.
    async fn leave_former(&self) {
        let Ok(primary) = self.place.find().await else { return };
        let mut live = self.live.lock().await;
        if live.as_ref().is_some_and(|(_, at)| *at != primary) {
            *live = None;
        }
    }

    /// Makes a call that may be repeated: once more on a new connection if the old one was broken.
    pub(super) async fn read<T: FromRedisValue>(&self, command: &Command<'_>) -> Result<T, StoreError> {
        match self.call_once(command).await {
            Err(Failure::Lost(_)) => self.call(command).await,
            Err(Failure::Refused(error)) => Err(error),
            Ok(answer) => Ok(answer),
        }
    }

    /// Waits for a small answer on the live connection.
    async fn small<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
        let rival = async {
            self.answered_anew().await;
            // Behind a large answer a small one is late on a connection that is sound.
            if self.large.load(Relaxed) > 0 {
                std::future::pending::<()>().await;
            }
        };
        let answer = self.patience.unless_overtaken(Duration::ZERO, answer, rival);
        self.wait_for(answer).await.unwrap_or_else(|()| Err(leads_nowhere()))
    }

    /// Waits for an answer on a connection of the caller's, to a question that may itself wait for so long.
    pub(super) async fn unless_dead<T>(
        &self,
        may_wait: Duration,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let answer = self.patience.unless_overtaken(may_wait, answer, self.answered_anew()).await;
        answer.unwrap_or_else(|()| {
            // What made this one lead nowhere hardly met it alone.
            self.doubtful.store(true, Relaxed);
            Err(leads_nowhere())
        })
    }

    /// Waits until the server answers on a new connection.
    async fn answered_anew(&self) {
        loop {
            if let Ok((mut connection, _)) = self.connect().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(RIVAL_EVERY).await;
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
        if self.place.moves() {
            self.leave_former().await;
        }
        self.proved().await?;
        self.call_once(command).await
    }

    async fn call_once<T: FromRedisValue>(&self, command: &Command<'_>) -> Result<T, Failure> {
        let mut connection = match command.is_large {
            // How late its answer is says nothing, so it goes only where a small one has come.
            true => self.proved().await?,
            false => self.shared().await.map_err(Failure::Refused)?,
        };
        let invoked = command.invoke(&mut connection);
        let answer = match command.is_large {
            true => {
                let _counted = Counted::one_more(&self.large);
                self.wait_for(invoked).await
            }
            false => self.small(invoked).await,
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.after(&error).await),
        }
    }

    /// The live connection, which was tried: if it broke while it was idle, it is replaced.
    async fn proved(&self) -> Result<MultiplexedConnection, Failure> {
        let mut connection = self.shared().await.map_err(Failure::Refused)?;
        if let Err(error) = self.small(redis::cmd("PING").query_async::<String>(&mut connection)).await {
            self.after(&error).await;
            return self.shared().await.map_err(Failure::Refused);
        }
        Ok(connection)
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

/// What a call is told that was overtaken.
fn leads_nowhere() -> RedisError {
    let text = "nothing came on this connection any more, and a new one was answered";
    io::Error::new(io::ErrorKind::TimedOut, text).into()
}

/// Counts as one as long as it is held.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one_more(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// One call of the script.
pub(super) struct Command<'a> {
    invocation: ScriptInvocation<'a>,
    is_large: bool,
}

impl Command<'_> {
    /// Adds an argument.
    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.invocation.arg(argument);
        self
    }

    /// Says that its answer may be large, and so late on a connection that is sound.
    pub(super) fn large(mut self) -> Self {
        self.is_large = true;
        self
    }

    /// Calls it on a connection of the caller's.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        self.invocation.invoke_async(connection).await
    }
}

/// Whether a server says that it follows another one. One that may not be asked is believed to be what the Sentinels say.
async fn is_replica(connection: &mut MultiplexedConnection) -> bool {
    let role = redis::cmd("ROLE").query_async::<Vec<redis::Value>>(connection).await;
    let role = role.ok().and_then(|role| redis::from_redis_value::<String>(role.into_iter().next()?).ok());
    role.is_some_and(|role| role != "master")
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("place", &self.place).field("prefix", &self.prefix).finish()
    }
}
