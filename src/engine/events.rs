//! What happens to an engine's containers, told while it happens.
//!
//! A stream of events breaks whenever an engine is restarted or a network fails, and what happened meanwhile is told by no
//! event. So each connection begins with a full look. It takes up what the engine remembers from before that look; an event may
//! therefore be told that the look has taken into account already, and whoever acts on one looks at its container first.

use std::{collections::HashMap, pin::pin, time::Duration};

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{
    container::Container,
    engines::Engine,
    error::EngineError,
    limits::{EVENTS_MAX, LOOK_MS, RETRY_MS},
    signal::Signal,
    time::unix_seconds,
};

/// What is told of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineEvent {
    /// It answers, and these are all of its containers that were asked for. What was told before is obsolete.
    Connected {
        /// The engine's id of itself, which no other engine has.
        engine: String,
        /// All of them, running or not.
        containers: Vec<Container>,
    },
    /// It does not answer any more, or never did. Told once, until it does again.
    Lost {
        /// Why.
        why: String,
    },
    /// Something happened to a container.
    Container(ContainerEvent),
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// The engine's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What happened.
    pub action: ContainerAction,
    /// When, by the engine's clock: nanoseconds since 1970.
    pub at_ns: i64,
}

/// What happens to containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerAction {
    /// Its process was started.
    Start,
    /// It was sent a signal; `docker stop` and `docker compose up` do that, long before the process ends.
    Kill {
        /// Which. None: one that the router has no name for.
        signal: Option<Signal>,
    },
    /// Its process ended.
    Die {
        /// With this code.
        code: i64,
    },
    /// Its process was halted.
    Pause,
    /// Its process goes on.
    Unpause,
    /// It was removed.
    Destroy,
}

/// The engine's names of these.
const ACTIONS: [&str; 6] = ["start", "kill", "die", "pause", "unpause", "destroy"];

impl Engine {
    /// Follows the containers that carry a label, until the stream is dropped. It never ends by itself.
    pub fn events(&self, label: &str) -> impl Stream<Item = EngineEvent> + Send + Unpin + use<> {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let follower =
            Follower { engine: self.clone(), label: label.to_owned(), sender, since: None, is_lost: false };
        tokio::spawn(follower.run());
        let next = async |mut receiver: mpsc::Receiver<EngineEvent>| Some((receiver.recv().await?, receiver));
        Box::pin(stream::unfold(receiver, next))
    }
}

struct Follower {
    engine: Engine,
    label: String,
    sender: mpsc::Sender<EngineEvent>,
    /// What the engine is asked from on: its own time.
    since: Option<String>,
    is_lost: bool,
}

/// Nobody reads the events any more.
struct Unread;

impl Follower {
    async fn run(mut self) {
        let (first, most) = RETRY_MS;
        let mut pause = first;
        loop {
            let unread = self.sender.clone();
            let connected = tokio::select! {
                () = unread.closed() => return,
                ended = self.follow() => ended,
            };
            let Ok((was_connected, error)) = connected else { return };
            if was_connected {
                pause = first;
            }
            if !std::mem::replace(&mut self.is_lost, true)
                && self.tell(EngineEvent::Lost { why: error.to_string() }).await.is_err()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause = (pause * 2).min(most);
        }
    }

    /// Follows one connection to its end: whether there was one, and why it ended.
    async fn follow(&mut self) -> Result<(bool, EngineError), Unread> {
        if let Err(error) = self.look().await? {
            return Ok((false, error));
        }
        let filters: HashMap<String, Vec<String>> = [
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![self.label.clone()]),
            ("event".to_owned(), ACTIONS.map(str::to_owned).to_vec()),
        ]
        .into();
        let since = self.since.clone().unwrap_or_default();
        let options = EventsOptionsBuilder::default().since(&since).filters(&filters).build();
        let engine = self.engine.clone();
        let mut events = pin!(engine.docker().events(Some(options)));
        let mut looks = tokio::time::interval(Duration::from_millis(LOOK_MS));
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        looks.reset();
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.take(event).await?,
                    Some(Err(error)) => return Ok((true, engine.error(error))),
                    None => return Ok((true, self.broken("its events ended"))),
                },
                // A connection over a network that was cut looks like one on which nothing happens.
                _ = looks.tick() => if let Err(error) = engine.version().await {
                    return Ok((true, error));
                },
            }
        }
    }

    /// Looks at all containers, after the time from which on events will be told.
    async fn look(&mut self) -> Result<Result<(), EngineError>, Unread> {
        let info = match self.engine.call("say what it is", self.engine.docker().info()).await {
            Ok(info) => info,
            Err(error) => return Ok(Err(error)),
        };
        self.since = self.since.take().or_else(|| unix_seconds(info.system_time.as_deref()?));
        let containers = match self.engine.list(&[(self.label.clone(), String::new())]).await {
            Ok(containers) => containers,
            Err(error) => return Ok(Err(error)),
        };
        self.is_lost = false;
        let engine = info.id.unwrap_or_default();
        self.tell(EngineEvent::Connected { engine, containers }).await.map(Ok)
    }

    async fn take(&mut self, message: EventMessage) -> Result<(), Unread> {
        let Some(event) = read(message) else { return Ok(()) };
        // Those of the same moment are told again after a break, rather than that one of them is missed.
        let (seconds, rest) = (event.at_ns.div_euclid(1_000_000_000), event.at_ns.rem_euclid(1_000_000_000));
        self.since = Some(format!("{seconds}.{rest:09}"));
        self.tell(EngineEvent::Container(event)).await
    }

    async fn tell(&self, event: EngineEvent) -> Result<(), Unread> {
        self.sender.send(event).await.map_err(|_| Unread)
    }

    fn broken(&self, why: &str) -> EngineError {
        EngineError::Unreachable { engine: self.engine.name().clone(), why: why.into() }
    }
}

/// Reads an event; none for one that says nothing here.
fn read(message: EventMessage) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    let action = match message.action?.as_str() {
        "start" => ContainerAction::Start,
        "kill" => {
            ContainerAction::Kill { signal: attributes.get("signal").and_then(|text| text.parse().ok()) }
        }
        "die" => {
            let code = attributes.get("exitCode").and_then(|text| text.parse().ok());
            ContainerAction::Die { code: code.unwrap_or_default() }
        }
        "pause" => ContainerAction::Pause,
        "unpause" => ContainerAction::Unpause,
        "destroy" => ContainerAction::Destroy,
        _ => return None,
    };
    let name = attributes.get("name").cloned().unwrap_or_default();
    Some(ContainerEvent { id: actor.id?, name, action, at_ns: message.time_nano.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(text: &str) -> Option<ContainerAction> {
        let message = format!(r#"{{"Type": "container", "Action": {text}, "timeNano": 1}}"#);
        read(serde_json::from_str(&message).unwrap()).map(|event| event.action)
    }

    #[test]
    fn an_event_is_read_with_its_signal() {
        let killed =
            action(r#""kill", "Actor": {"ID": "ab", "Attributes": {"name": "shop", "signal": "15"}}"#);
        assert_eq!(killed, Some(ContainerAction::Kill { signal: Some(Signal::TERM) }));
        let killed = action(r#""kill", "Actor": {"ID": "ab", "Attributes": {"signal": "61"}}"#);
        assert_eq!(killed, Some(ContainerAction::Kill { signal: None }));
        let died = action(r#""die", "Actor": {"ID": "ab", "Attributes": {"exitCode": "137"}}"#);
        assert_eq!(died, Some(ContainerAction::Die { code: 137 }));
        assert_eq!(action(r#""exec_start: sh", "Actor": {"ID": "ab"}"#), None);
        assert_eq!(action(r#""start""#), None);
    }
}
