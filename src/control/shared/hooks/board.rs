//! The board of hooks: what the store holds of them, as the watch told it, and what this router queues and counts.
//!
//! Only the task that follows the store writes what is stored. Couriers and handlers read the board, and couriers are
//! woken by each change.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use keyvalues::{Entry, Listing, Revision};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::{
    claim::{CLAIM_KEY, Claim},
    hook::{HOOKS_PREFIX, Hook, HookName},
    message::Message,
    progress::{Delivery, DeliveryOutcome, PROGRESS_PREFIX, Progress, Topic},
};
use crate::{
    control::{
        limits::{HOOK_NOTICES_MAX, HOOK_TESTS_MAX},
        shared::{entries::decode, reading::StoreReading},
    },
    rollout::app::AppName,
};

/// A hook in the store.
#[derive(Debug)]
pub struct StoredHook {
    pub revision: Revision,
    /// The hook, or why its value cannot be read.
    pub hook: Result<Hook, String>,
}

/// Deliveries of this router since it started, by outcome.
pub type Counts = [u64; DeliveryOutcome::ALL.len()];

/// Everything that is known of all hooks.
#[derive(Debug)]
pub struct HookBoard {
    stored: Mutex<StoredHooks>,
    /// Until when this router holds the claim (monotonic); none: it does not.
    claimed_until: Mutex<Option<Duration>>,
    /// Notices that wait to be sent, by hook.
    notices: Mutex<BTreeMap<HookName, VecDeque<Arc<Message>>>>,
    counts: Mutex<BTreeMap<HookName, Counts>>,
    changed: watch::Sender<u64>,
    /// Places for tests that are under way.
    pub tests: Semaphore,
}

#[derive(Debug, Default)]
struct StoredHooks {
    hooks: BTreeMap<HookName, Arc<StoredHook>>,
    progress: BTreeMap<(HookName, Topic), Arc<Progress>>,
    claim: Option<Claim>,
}

impl Default for HookBoard {
    fn default() -> Self {
        Self {
            stored: Mutex::default(),
            claimed_until: Mutex::default(),
            notices: Mutex::default(),
            counts: Mutex::default(),
            changed: watch::Sender::new(0),
            tests: Semaphore::new(HOOK_TESTS_MAX),
        }
    }
}

impl HookBoard {
    /// Takes a whole listing, in place of everything.
    pub fn replace(&self, listing: &Listing) {
        let mut fresh = StoredHooks::default();
        for entry in &listing.entries {
            fresh.take(entry.key.as_str(), Some(entry));
        }
        *self.stored.lock() = fresh;
        self.wake();
    }

    /// Takes one write or deletion; `false` when the key is not about hooks.
    pub fn take(&self, key: &str, entry: Option<&Entry>) -> bool {
        let taken = self.stored.lock().take(key, entry);
        if taken {
            self.wake();
        }
        taken
    }

    /// Becomes another number with each change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How many changes there were.
    pub fn version(&self) -> u64 {
        *self.changed.borrow()
    }

    pub fn is_empty(&self) -> bool {
        self.stored.lock().hooks.is_empty()
    }

    pub fn names(&self) -> Vec<HookName> {
        self.stored.lock().hooks.keys().cloned().collect()
    }

    pub fn hook(&self, name: &HookName) -> Option<Arc<StoredHook>> {
        self.stored.lock().hooks.get(name).cloned()
    }

    /// How far the history of a topic was sent to a hook; none where nothing is stored.
    pub fn progress(&self, name: &HookName, topic: &Topic) -> Option<Arc<Progress>> {
        self.stored.lock().progress.get(&(name.clone(), topic.clone())).cloned()
    }

    /// The topics of which something was sent to a hook.
    pub fn topics(&self, name: &HookName) -> Vec<Topic> {
        let stored = self.stored.lock();
        stored.progress.keys().filter(|(hook, _)| hook == name).map(|(_, topic)| topic.clone()).collect()
    }

    /// The last deliveries to a hook, newest first.
    pub fn deliveries(&self, name: &HookName) -> Vec<Delivery> {
        let stored = self.stored.lock();
        let of_hook = stored.progress.iter().filter(|((hook, _), _)| hook == name);
        let mut all: Vec<Delivery> = of_hook.flat_map(|(_, progress)| progress.deliveries.clone()).collect();
        // The deliveries of one topic are in order, also within one millisecond.
        all.reverse();
        all.sort_by_key(|delivery| std::cmp::Reverse(delivery.at));
        all
    }

    /// Who holds the claim, as stored.
    pub fn claim(&self) -> Option<Claim> {
        self.stored.lock().claim.clone()
    }

    /// Says until when this router holds the claim; none: it does not.
    pub fn set_claim(&self, until: Option<Duration>, now: Duration) {
        let before = std::mem::replace(&mut *self.claimed_until.lock(), until);
        let holds = |until: Option<Duration>| until.is_some_and(|until| now < until);
        if holds(before) != holds(until) {
            self.wake();
        }
    }

    /// Whether this router holds the claim.
    pub fn has_claim(&self, now: Duration) -> bool {
        self.claimed_until.lock().is_some_and(|until| now < until)
    }

    /// Queues a notice for every hook that wants it.
    pub fn queue_notice(&self, message: Message) {
        self.queue_shared(&Arc::new(message));
    }

    /// The same for a message of which the caller wants to know whether somebody still waits for it: as long as this board holds
    /// it too.
    pub fn queue_shared(&self, message: &Arc<Message>) {
        for name in self.names() {
            let stored = self.hook(&name);
            let hook = stored.as_ref().and_then(|stored| stored.hook.as_ref().ok());
            let wanted = hook.is_some_and(|hook| {
                hook.wants(&message.kind) && message.app.as_ref().is_none_or(|app| hook.wants_app(app))
            });
            if !wanted {
                continue;
            }
            let mut notices = self.notices.lock();
            let queue = notices.entry(name.clone()).or_default();
            queue.push_back(Arc::clone(message));
            // The oldest says least about the present.
            let over = queue.len().saturating_sub(HOOK_NOTICES_MAX);
            queue.drain(..over);
            drop(notices);
            (0..over).for_each(|_| self.count(&name, DeliveryOutcome::Dropped));
        }
        self.wake();
    }

    /// The oldest notice that waits for a hook.
    pub fn first_notice(&self, name: &HookName) -> Option<Arc<Message>> {
        self.notices.lock().get(name)?.front().cloned()
    }

    /// Takes a notice out of the queue: it was delivered, or given up.
    pub fn remove_notice(&self, name: &HookName, message: &Arc<Message>) {
        if let Some(queue) = self.notices.lock().get_mut(name) {
            queue.retain(|waiting| !Arc::ptr_eq(waiting, message));
        }
    }

    /// Counts a delivery of this router.
    pub fn count(&self, name: &HookName, outcome: DeliveryOutcome) {
        self.counts.lock().entry(name.clone()).or_default()[outcome as usize] += 1;
    }

    /// Deliveries of this router to a hook since it started.
    pub fn counts(&self, name: &HookName) -> Counts {
        self.counts.lock().get(name).copied().unwrap_or_default()
    }

    /// Drops what is kept of a hook that was removed.
    pub fn forget(&self, name: &HookName) {
        self.notices.lock().remove(name);
        self.counts.lock().remove(name);
    }

    /// How many changes of each app were not sent to a hook yet, as far as this router knows.
    pub fn waiting(&self, reading: &StoreReading, name: &HookName, hook: &Hook) -> BTreeMap<AppName, u64> {
        let apps = reading.apps.iter().filter(|(app, _)| hook.wants_app(app));
        let counted = apps.filter_map(|(app, reading)| {
            let newest = reading.record.as_ref()?.seq;
            let sent = self.progress(name, &Topic::of(app)).map_or(0, |progress| progress.seq);
            Some((app.clone(), newest.saturating_sub(sent)))
        });
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl StoredHooks {
    fn take(&mut self, key: &str, entry: Option<&Entry>) -> bool {
        if key == CLAIM_KEY {
            self.claim = entry.map(Claim::of);
        } else if let Some(name) = key.strip_prefix(HOOKS_PREFIX) {
            let Ok(name) = name.parse() else { return true };
            match entry {
                Some(entry) => self.hooks.insert(name, Arc::new(StoredHook::of(entry))),
                None => self.hooks.remove(&name),
            };
        } else if key.starts_with(PROGRESS_PREFIX) {
            let Some(topic) = Topic::parse(key) else { return true };
            match entry {
                Some(entry) => {
                    self.progress.insert(topic, Arc::new(decode(&entry.value).unwrap_or_default()))
                }
                None => self.progress.remove(&topic),
            };
        } else {
            return false;
        }
        true
    }
}

impl StoredHook {
    /// Reads a stored hook.
    pub fn of(entry: &Entry) -> Self {
        let hook = serde_json::from_slice(&entry.value).map_err(|error| error.to_string());
        Self { revision: entry.modified, hook }
    }

    /// Whether nothing is sent to it for now.
    pub fn is_paused(&self) -> bool {
        self.hook.as_ref().is_ok_and(|hook| hook.paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::shared::hooks::event::EventKind;

    fn entry(key: &str, value: &str, modified: Revision) -> Entry {
        let key = key.parse().unwrap();
        Entry { key, value: value.to_owned().into(), created: modified, modified, lease: None }
    }

    const HOOK: &str = r#"{"url":"http://10.0.0.1/","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#;

    fn board() -> (HookBoard, HookName) {
        let hooks = HookBoard::default();
        assert!(hooks.take("rolling/router/hooks/chat", Some(&entry("rolling/router/hooks/chat", HOOK, 7))));
        (hooks, "chat".parse().unwrap())
    }

    #[test]
    fn a_bad_hook_harms_only_itself() {
        let (hooks, chat) = board();
        let key = "rolling/router/hooks/bad";
        assert!(hooks.take(key, Some(&entry(key, "garbage", 8))));
        assert_eq!(hooks.names().len(), 2);
        assert!(hooks.hook(&"bad".parse().unwrap()).unwrap().hook.is_err());
        assert_eq!(hooks.hook(&chat).unwrap().revision, 7);
        assert!(!hooks.take("rolling/router/epoch", Some(&entry("rolling/router/epoch", "x", 9))));
        hooks.take("rolling/router/hooks/chat", None);
        assert!(hooks.hook(&chat).is_none());
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_goes_first() {
        let (hooks, chat) = board();
        let message = |n: usize| Message::notice(EventKind::ClockSkew, None, n.to_string(), n as u64, true);
        for n in 0..HOOK_NOTICES_MAX + 3 {
            hooks.queue_notice(message(n));
        }
        assert_eq!(hooks.first_notice(&chat).unwrap().text, "3");
        assert_eq!(hooks.counts(&chat)[DeliveryOutcome::Dropped as usize], 3);
        let first = hooks.first_notice(&chat).unwrap();
        hooks.remove_notice(&chat, &first);
        assert_eq!(hooks.first_notice(&chat).unwrap().text, "4");
    }

    #[test]
    fn the_claim_ends_by_time() {
        let (hooks, _) = board();
        assert!(!hooks.has_claim(Duration::ZERO));
        hooks.set_claim(Some(Duration::from_secs(6)), Duration::ZERO);
        assert!(hooks.has_claim(Duration::from_secs(5)) && !hooks.has_claim(Duration::from_secs(6)));
    }
}
