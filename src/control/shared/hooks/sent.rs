//! How far a hook was told an app's history, and how the last deliveries went: stored, so that every router knows.

use serde::{Deserialize, Serialize};

use super::hook::HookName;
use crate::{control::limits::HOOK_DELIVERIES_KEPT, rollout::app::AppName};

/// Where that is stored.
pub const SENT: &str = "rolling/router/hooks-sent/";

/// Whose history it is: an app's, or none's, for alarms and tests. No app's name is `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(Option<AppName>);

/// How far it is, and how it went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sent {
    /// Everything up to this seq was told, or was not wanted.
    pub seq: u64,
    /// The last deliveries, oldest first.
    pub deliveries: Vec<Delivery>,
}

/// One attempt to tell something.
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
    pub outcome: Ended,
    /// What was answered; none: nothing was.
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
pub enum Ended {
    /// Answered with 2xx.
    Delivered,
    /// Not so, and it is tried again.
    #[default]
    Failed,
    /// Not so, and it is not tried again.
    Dropped,
}

impl Ended {
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Dropped];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl Place {
    /// The place of what is in no history.
    pub const NONE: Self = Self(None);

    pub fn of(app: &AppName) -> Self {
        Self(Some(app.clone()))
    }

    pub fn app(&self) -> Option<&AppName> {
        self.0.as_ref()
    }

    /// The key of it.
    pub fn key(&self, hook: &HookName) -> String {
        format!("{SENT}{hook}/{}", self.0.as_ref().map_or("-", AppName::as_str))
    }

    /// What a key is about.
    pub fn parse(key: &str) -> Option<(HookName, Self)> {
        let (hook, place) = key.strip_prefix(SENT)?.split_once('/')?;
        let app = if place == "-" { None } else { Some(place.parse().ok()?) };
        Some((hook.parse().ok()?, Self(app)))
    }
}

impl Sent {
    /// A place where nothing was told yet of what came before.
    pub fn from_now(seq: u64, known: Option<&Self>) -> Self {
        Self { seq, deliveries: known.map(|sent| sent.deliveries.clone()).unwrap_or_default() }
    }

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
    fn places_are_what_their_keys_say() {
        let hook: HookName = "chat".parse().unwrap();
        for place in [Place::NONE, Place::of(&"shop.eu".parse().unwrap())] {
            assert_eq!(Place::parse(&place.key(&hook)), Some((hook.clone(), place)));
        }
        for key in [
            "rolling/router/hooks-sent/",
            "rolling/router/hooks-sent/chat",
            "rolling/router/hooks-sent/chat/a/b",
        ] {
            assert_eq!(Place::parse(key), None, "{key}");
        }
    }

    #[test]
    fn only_the_last_deliveries_are_kept_and_each_once() {
        let mut sent = Sent::default();
        let delivery = |at| Delivery { at, ..Delivery::default() };
        for at in 0..100 {
            sent.add(delivery(at));
            sent.add(delivery(at));
        }
        let kept: Vec<u64> = sent.deliveries.iter().map(|delivery| delivery.at).collect();
        assert_eq!(kept, (100 - HOOK_DELIVERIES_KEPT as u64..100).collect::<Vec<_>>());
    }
}
