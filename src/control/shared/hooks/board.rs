//! The board: what the store holds of hooks, as the watch told it, and what this router counts of them.
//!
//! Written by the one task that follows the store; couriers and whoever asks read it, and are woken by each change.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use keyvalues::{Entry, Listing, Revision};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::{
    claim::{CLAIM, Claim},
    hook::{HOOKS, Hook, HookName},
    message::Message,
    sent::{Delivery, Ended, Place, SENT, Sent},
};
use crate::{
    control::{
        limits::{HOOK_NOTICES_MAX, HOOK_TESTS_MAX},
        shared::{entries::decode, view::View},
    },
    rollout::app::AppName,
};

/// A hook as it is stored.
#[derive(Debug)]
pub struct StoredHook {
    pub revision: Revision,
    /// What it says, or why it cannot be read.
    pub hook: Result<Hook, String>,
}

/// Deliveries of this router since it started, by how they ended.
pub type Counts = [u64; Ended::ALL.len()];

/// Everything about hooks that is shared.
#[derive(Debug)]
pub struct Hooks {
    stored: Mutex<Stored>,
    /// Until when this router is the one that tells (monotonic).
    holds_until: Mutex<Option<Duration>>,
    /// What waits to be told of what is in no history, by hook.
    notices: Mutex<BTreeMap<HookName, VecDeque<Arc<Message>>>>,
    counts: Mutex<BTreeMap<HookName, Counts>>,
    changed: watch::Sender<u64>,
    /// How many tests may be under way.
    pub tests: Semaphore,
}

#[derive(Debug, Default)]
struct Stored {
    hooks: BTreeMap<HookName, Arc<StoredHook>>,
    sent: BTreeMap<(HookName, Place), Arc<Sent>>,
    claim: Option<Claim>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            stored: Mutex::default(),
            holds_until: Mutex::default(),
            notices: Mutex::default(),
            counts: Mutex::default(),
            changed: watch::Sender::new(0),
            tests: Semaphore::new(HOOK_TESTS_MAX),
        }
    }
}

impl Hooks {
    /// Takes a whole listing.
    pub fn replace(&self, listing: &Listing) {
        let mut fresh = Stored::default();
        for entry in &listing.entries {
            fresh.take(entry.key.as_str(), Some(entry));
        }
        *self.stored.lock() = fresh;
        self.wake();
    }

    /// Takes one write or deletion; `false` when the key is none of a hook's.
    pub fn take(&self, key: &str, entry: Option<&Entry>) -> bool {
        let taken = self.stored.lock().take(key, entry);
        if taken {
            self.wake();
        }
        taken
    }

    /// Counts changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A number that changes whenever anything does.
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

    /// How far a hook was told an app's history; none where nothing is stored.
    pub fn sent(&self, name: &HookName, place: &Place) -> Option<Arc<Sent>> {
        self.stored.lock().sent.get(&(name.clone(), place.clone())).cloned()
    }

    /// Apps whose history a hook was told.
    pub fn places(&self, name: &HookName) -> Vec<Place> {
        let stored = self.stored.lock();
        stored.sent.keys().filter(|(hook, _)| hook == name).map(|(_, place)| place.clone()).collect()
    }

    /// The last deliveries to a hook, newest first.
    pub fn deliveries(&self, name: &HookName) -> Vec<Delivery> {
        let stored = self.stored.lock();
        let of_hook = stored.sent.iter().filter(|((hook, _), _)| hook == name);
        let mut all: Vec<Delivery> = of_hook.flat_map(|(_, sent)| sent.deliveries.clone()).collect();
        // Of one place the later ones come last, also within one millisecond.
        all.reverse();
        all.sort_by_key(|delivery| std::cmp::Reverse(delivery.at));
        all
    }

    /// Who tells, as the store has it.
    pub fn claim(&self) -> Option<Claim> {
        self.stored.lock().claim.clone()
    }

    /// Says until when this router is the one that tells; none: it is not.
    pub fn hold(&self, until: Option<Duration>, now: Duration) {
        let before = std::mem::replace(&mut *self.holds_until.lock(), until);
        let held = |until: Option<Duration>| until.is_some_and(|until| now < until);
        if held(before) != held(until) {
            self.wake();
        }
    }

    /// Whether this router is the one that tells.
    pub fn holds(&self, now: Duration) -> bool {
        self.holds_until.lock().is_some_and(|until| now < until)
    }

    /// Has a notice told to every hook that wants it.
    pub fn post(&self, message: Message) {
        let message = Arc::new(message);
        for name in self.names() {
            let stored = self.hook(&name);
            let hook = stored.as_ref().and_then(|stored| stored.hook.as_ref().ok());
            let wanted = hook.is_some_and(|hook| {
                hook.wants(message.kind) && message.app.as_ref().is_none_or(|app| hook.wants_app(app))
            });
            if !wanted {
                continue;
            }
            let mut notices = self.notices.lock();
            let queue = notices.entry(name.clone()).or_default();
            queue.push_back(Arc::clone(&message));
            // The oldest is the one that says least about now.
            let over = queue.len().saturating_sub(HOOK_NOTICES_MAX);
            queue.drain(..over);
            drop(notices);
            (0..over).for_each(|_| self.count(&name, Ended::Dropped));
        }
        self.wake();
    }

    /// The notice that waits longest.
    pub fn first_notice(&self, name: &HookName) -> Option<Arc<Message>> {
        self.notices.lock().get(name)?.front().cloned()
    }

    /// It was told, or given up.
    pub fn end_notice(&self, name: &HookName, message: &Arc<Message>) {
        if let Some(queue) = self.notices.lock().get_mut(name) {
            queue.retain(|waiting| !Arc::ptr_eq(waiting, message));
        }
    }

    pub fn count(&self, name: &HookName, ended: Ended) {
        self.counts.lock().entry(name.clone()).or_default()[ended as usize] += 1;
    }

    /// Deliveries of this router to a hook since it started.
    pub fn counts(&self, name: &HookName) -> Counts {
        self.counts.lock().get(name).copied().unwrap_or_default()
    }

    /// A hook is gone, and what waited for it.
    pub fn forget(&self, name: &HookName) {
        self.notices.lock().remove(name);
        self.counts.lock().remove(name);
    }

    /// How many events of each app a hook has not been told yet, as far as this router knows.
    pub fn waiting(&self, view: &View, name: &HookName, hook: &Hook) -> BTreeMap<AppName, u64> {
        let apps = view.apps.iter().filter(|(app, _)| hook.wants_app(app));
        let counted = apps.filter_map(|(app, view)| {
            let newest = view.record.as_ref()?.seq;
            let told = self.sent(name, &Place::of(app)).map_or(0, |sent| sent.seq);
            Some((app.clone(), newest.saturating_sub(told)))
        });
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Stored {
    fn take(&mut self, key: &str, entry: Option<&Entry>) -> bool {
        if key == CLAIM {
            self.claim = entry.map(Claim::of);
        } else if let Some(name) = key.strip_prefix(HOOKS) {
            let Ok(name) = name.parse() else { return true };
            match entry {
                Some(entry) => self.hooks.insert(name, Arc::new(StoredHook::of(entry))),
                None => self.hooks.remove(&name),
            };
        } else if key.starts_with(SENT) {
            let Some(place) = Place::parse(key) else { return true };
            match entry {
                Some(entry) => self.sent.insert(place, Arc::new(decode(&entry.value).unwrap_or_default())),
                None => self.sent.remove(&place),
            };
        } else {
            return false;
        }
        true
    }
}

impl StoredHook {
    /// Reads one.
    pub fn of(entry: &Entry) -> Self {
        let hook = serde_json::from_slice(&entry.value).map_err(|error| error.to_string());
        Self { revision: entry.modified, hook }
    }

    /// It is told nothing for now.
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

    fn board() -> (Hooks, HookName) {
        let hooks = Hooks::default();
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
            hooks.post(message(n));
        }
        assert_eq!(hooks.first_notice(&chat).unwrap().text, "3");
        assert_eq!(hooks.counts(&chat)[Ended::Dropped as usize], 3);
        let first = hooks.first_notice(&chat).unwrap();
        hooks.end_notice(&chat, &first);
        assert_eq!(hooks.first_notice(&chat).unwrap().text, "4");
    }

    #[test]
    fn who_tells_does_so_for_a_time() {
        let (hooks, _) = board();
        assert!(!hooks.holds(Duration::ZERO));
        hooks.hold(Some(Duration::from_secs(6)), Duration::ZERO);
        assert!(hooks.holds(Duration::from_secs(5)) && !hooks.holds(Duration::from_secs(6)));
    }
}
