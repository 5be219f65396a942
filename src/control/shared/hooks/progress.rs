//! How far the history of an app was sent to a hook, and how the last deliveries ended. It is stored, so every router
//! knows it.

use serde::{Deserialize, Serialize};

use super::hook::HookName;
use crate::{control::limits::HOOK_DELIVERIES_KEPT, rollout::app::AppName};

/// Where progress is stored.
pub const PROGRESS_PREFIX: &str = "rolling/router/hooks-sent/";

/// What a message is about: an app, its endpoints (stored with `*` after the name), or none, as for alarms and tests (stored as
/// `-`). Neither sign is part of an app's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Messages that are about no app.
    None,
    App(AppName),
    Endpoints(AppName),
}

/// How far a hook is with one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Every change up to this seq was sent, or was not wanted.
    pub seq: u64,
    /// The last deliveries, oldest first.
    pub deliveries: Vec<Delivery>,
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// The message's id: the same for each attempt.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub app: Option<AppName>,
    pub seq: Option<u64>,
    /// When, Unix ms.
    pub at: u64,
    /// Which attempt, from 1.
    pub attempt: u32,
    pub outcome: DeliveryOutcome,
    /// The status of the answer; none without an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub ms: u64,
    /// Why it counts as failed.
    pub error: Option<String>,
    /// Which router sent it.
    pub router: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    /// Answered with 2xx.
    Delivered,
    /// Not answered so; it is tried again.
    #[default]
    Failed,
    /// Not answered so; it is not tried again.
    Dropped,
}

impl DeliveryOutcome {
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Dropped];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl Topic {
    pub fn of(app: &AppName) -> Self {
        Self::App(app.clone())
    }

    pub fn app(&self) -> Option<&AppName> {
        match self {
            Self::None => None,
            Self::App(app) | Self::Endpoints(app) => Some(app),
        }
    }

    /// The key of a hook's progress with this topic.
    pub fn key(&self, hook: &HookName) -> String {
        let prefix = format!("{PROGRESS_PREFIX}{hook}/");
        match self {
            Self::None => format!("{prefix}-"),
            Self::App(app) => format!("{prefix}{app}"),
            Self::Endpoints(app) => format!("{prefix}{app}*"),
        }
    }

    /// The hook and the topic of a key.
    pub fn parse(key: &str) -> Option<(HookName, Self)> {
        let (hook, topic) = key.strip_prefix(PROGRESS_PREFIX)?.split_once('/')?;
        let topic = match topic.strip_suffix('*') {
            Some(app) => Self::Endpoints(app.parse().ok()?),
            None if topic == "-" => Self::None,
            None => Self::App(topic.parse().ok()?),
        };
        Some((hook.parse().ok()?, topic))
    }
}

impl Progress {
    /// Starts at this seq: what came before is not sent. Earlier deliveries are kept.
    pub fn starting_at(seq: u64, known: Option<&Self>) -> Self {
        Self { seq, deliveries: known.map(|known| known.deliveries.clone()).unwrap_or_default() }
    }

    /// Adds a delivery, once; only the last ones are kept.
    pub fn add(&mut self, delivery: Delivery) {
        let same = |known: &Delivery| {
            known.id == delivery.id && known.attempt == delivery.attempt && known.at == delivery.at
        };
        if self.deliveries.iter().any(same) {
            return;
        }
        self.deliveries.push(delivery);
        let over = self.deliveries.len().saturating_sub(HOOK_DELIVERIES_KEPT);
        self.deliveries.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_what_their_keys_say() {
        let hook: HookName = "chat".parse().unwrap();
        let app: AppName = "shop.eu".parse().unwrap();
        for topic in [Topic::None, Topic::of(&app), Topic::Endpoints(app)] {
            assert_eq!(Topic::parse(&topic.key(&hook)), Some((hook.clone(), topic)));
        }
        for key in [
            "rolling/router/hooks-sent/",
            "rolling/router/hooks-sent/chat",
            "rolling/router/hooks-sent/chat/a/b",
        ] {
            assert_eq!(Topic::parse(key), None, "{key}");
        }
    }

    #[test]
    fn only_the_last_deliveries_are_kept_and_each_once() {
        let mut progress = Progress::default();
        let delivery = |at| Delivery { at, ..Delivery::default() };
        for at in 0..100 {
            progress.add(delivery(at));
            progress.add(delivery(at));
        }
        let kept: Vec<u64> = progress.deliveries.iter().map(|delivery| delivery.at).collect();
        assert_eq!(kept, (100 - HOOK_DELIVERIES_KEPT as u64..100).collect::<Vec<_>>());
    }
}
