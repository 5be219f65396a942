//! What came of a delivery to a hook in. It is kept for a day, so that a repeat is known as such by every router.

use serde::{Deserialize, Serialize};

use crate::{
    control::{
        limits::{HOOK_IN_MESSAGE_BYTES_MAX, HOOK_IN_TURN_MAX},
        shared::{hex::random_hex, hooks::hook::HookName},
    },
    printable::cut,
};

/// The prefix of the keys of deliveries; the hook's name follows, then that of the delivery.
pub const DELIVERIES_IN_PREFIX: &str = "rolling/router/hooks-in-deliveries/";
/// How long the name of a delivery is: 16 bytes in hexadecimal digits.
const NAME_DIGITS: usize = 32;

/// How a delivery ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryEnd {
    /// A router is at it, or died over it.
    #[default]
    Begun,
    /// The app was changed.
    Done,
    /// The app is as it was asked to be already.
    Unchanged,
    /// The hook's filter left it out.
    Ignored,
    /// It was refused, so the sender may send it again.
    Refused,
}

/// A delivery as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InDelivery {
    /// When it came, Unix ms.
    pub at: u64,
    pub end: DeliveryEnd,
    /// Tells the turn of one router at it from those of others.
    pub turn: String,
    pub event: String,
    /// The status that was answered.
    pub status: u16,
    /// What came of it, in words.
    pub message: String,
    pub release: Option<String>,
    /// The id of the deployment that it began or named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The seq of the app after it.
    pub seq: Option<u64>,
    /// Where it came from.
    pub client: String,
    /// The name of the router that took it.
    pub router: String,
}

impl DeliveryEnd {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }

    /// Whether a repeat is answered with what the first one came to.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Unchanged)
    }
}

impl InDelivery {
    /// The same as it is kept: what a payload says may be long.
    pub fn kept(mut self) -> Self {
        cut(&mut self.message, HOOK_IN_MESSAGE_BYTES_MAX);
        self
    }

    /// Whether a router is at it: it has not ended, and nobody needs as long as that.
    pub fn is_under_way(&self, wall_ms: u64) -> bool {
        let passed = u128::from(wall_ms.saturating_sub(self.at));
        self.end == DeliveryEnd::Begun && passed < HOOK_IN_TURN_MAX.as_millis()
    }
}

/// The key of a delivery.
pub fn delivery_key(hook: &HookName, name: &str) -> String {
    format!("{}{name}", deliveries_prefix(hook))
}

/// The prefix of the keys of a hook's deliveries.
pub fn deliveries_prefix(hook: &HookName) -> String {
    format!("{DELIVERIES_IN_PREFIX}{hook}/")
}

/// The hook and the delivery that a key is of.
pub fn of_key(key: &str) -> Option<(HookName, String)> {
    let (hook, name) = key.strip_prefix(DELIVERIES_IN_PREFIX)?.split_once('/')?;
    Some((hook.parse().ok()?, name.to_owned()))
}

/// Whether a text may be the name of a delivery.
pub fn is_name(text: &str) -> bool {
    text.len() == NAME_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A name that no delivery had before.
pub fn new_name() -> Result<String, getrandom::Error> {
    random_hex::<{ NAME_DIGITS / 2 }>()
}
