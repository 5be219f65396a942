//! Sessions of browsers: each stands for a token that was shown once, and ends with it.
//!
//! A browser keeps a secret of 160 random bits in a cookie that no script reads; what is kept of it here and in the store is a
//! digest. This router goes by its own word at once, and the store learns of it as soon as it answers (`session_keeper`): so people
//! can sign in, and out, while the store is down.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use keyvalues::{Entry, Listing};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    known_token::{Digest, digest_of},
    limits::{SESSION_IDLE_MAX, SESSION_MAX, SESSION_USE_STALE, SESSIONS_PER_TOKEN_MAX},
};
use crate::control::shared::{
    entries::{decode, text},
    hex::{from_hex, hex},
};

/// The prefix of the keys of sessions.
pub const SESSIONS_PREFIX: &str = "rolling/router/sessions/";
/// The prefix of the keys that say when each was used last, Unix ms.
pub const SESSION_USES_PREFIX: &str = "rolling/router/session-uses/";
/// Digits of a digest that name a session.
const ID_DIGITS: usize = 16;

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSession {
    /// What is kept of the browser's secret: 64 hexadecimal digits.
    pub digest: String,
    /// What is kept of the token that it stands for: 64 hexadecimal digits.
    pub token: String,
    /// When it began, Unix ms.
    pub at: u64,
    /// Where it began.
    #[serde(default)]
    pub client: String,
    /// What the browser calls itself.
    #[serde(default)]
    pub browser: String,
}

/// A session that counts.
#[derive(Debug)]
pub struct Session {
    pub stored: StoredSession,
    /// When it was used last, as far as this router knows, Unix ms.
    used: AtomicU64,
}

/// The sessions that count, by id.
type Table = BTreeMap<String, Arc<Session>>;

/// All sessions that this router knows.
#[derive(Debug)]
pub struct Sessions {
    parts: Mutex<Parts>,
    current: watch::Sender<Arc<Table>>,
}

/// What is known of sessions, and what the store is still to be told.
#[derive(Debug, Default)]
struct Parts {
    stored: BTreeMap<String, StoredSession>,
    uses: BTreeMap<String, u64>,
    /// Begun here, and not read in the store yet.
    begun: BTreeMap<String, StoredSession>,
    /// Ended here, and not gone from the store yet.
    ended: BTreeSet<String>,
}

/// What the store is still to be told.
#[derive(Debug, Default)]
pub struct Untold {
    pub begun: Vec<(String, StoredSession)>,
    pub ended: Vec<String>,
    /// When sessions were used last, where the store's word for that is old.
    pub uses: Vec<(String, u64)>,
}

/// A session by which somebody was let in.
#[derive(Debug, Clone)]
pub struct SessionPass {
    id: String,
    session: Arc<Session>,
    current: watch::Receiver<Arc<Table>>,
}

impl StoredSession {
    /// A session that begins now (Unix ms), of a browser with this secret.
    pub fn begin(secret: &str, token: &Digest, at: u64, client: String, browser: String) -> Self {
        Self { digest: hex(&digest_of(secret)), token: hex(token), at, client, browser }
    }

    /// Its name, which opens nothing.
    pub fn id(&self) -> String {
        self.digest.chars().take(ID_DIGITS).collect()
    }

    /// What is kept of its token; none: it cannot be read.
    pub fn token(&self) -> Option<Digest> {
        from_hex(&self.token)?.try_into().ok()
    }

    /// When it ends at the latest, Unix ms.
    pub fn ends_at(&self) -> u64 {
        self.at + SESSION_MAX
    }
}

impl Session {
    /// When it was used last, Unix ms.
    pub fn used_at(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// When it ends if nobody uses it, Unix ms.
    pub fn idle_ends_at(&self) -> u64 {
        self.used_at() + SESSION_IDLE_MAX
    }

    fn use_at(&self, now: u64) {
        self.used.fetch_max(now, Ordering::Relaxed);
    }

    fn has_ended(&self, now: u64) -> bool {
        now >= self.stored.ends_at() || now >= self.idle_ends_at()
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { parts: Mutex::default(), current: watch::Sender::new(Arc::default()) }
    }
}

impl Sessions {
    /// Takes those of a whole listing of the store. `now`: Unix ms.
    pub fn replace(&self, listing: &Listing, now: u64) {
        let mut parts = self.parts.lock();
        (parts.stored, parts.uses) = Default::default();
        for entry in &listing.entries {
            parts.take(entry.key.as_str(), Some(entry));
        }
        let Parts { stored, ended, .. } = &mut *parts;
        ended.retain(|id| stored.contains_key(id));
        drop(parts);
        self.publish(now);
    }

    /// Takes one write or deletion; `false` when the key is not about sessions. `now`: Unix ms.
    pub fn take(&self, key: &str, entry: Option<&Entry>, now: u64) -> bool {
        let is_ours = self.parts.lock().take(key, entry);
        if is_ours {
            self.publish(now);
        }
        is_ours
    }

    /// Begins one. Of a token that has very many, the one that was not used for longest ends.
    pub fn begin(&self, session: StoredSession, now: u64) {
        let table = self.all();
        let of_token = table.iter().filter(|(_, other)| other.stored.token == session.token);
        let mut of_token: Vec<(u64, &String)> = of_token.map(|(id, other)| (other.used_at(), id)).collect();
        of_token.sort_unstable();
        let surplus = (of_token.len() + 1).saturating_sub(SESSIONS_PER_TOKEN_MAX);
        let mut parts = self.parts.lock();
        of_token.iter().take(surplus).for_each(|(_, id)| parts.end(id));
        parts.begun.insert(session.id(), session);
        drop(parts);
        self.publish(now);
    }

    /// Ends one, at this router at once; `false` when there is none.
    pub fn end(&self, id: &str, now: u64) -> bool {
        let is_known = self.all().contains_key(id);
        self.parts.lock().end(id);
        self.publish(now);
        is_known
    }

    /// Lets somebody in who presents a browser's secret.
    pub fn find(&self, secret: &str, now: u64) -> Option<SessionPass> {
        let digest = hex(&digest_of(secret));
        let id = &digest[..ID_DIGITS];
        let session = self.current.borrow().get(id).cloned()?;
        if session.stored.digest != digest || session.has_ended(now) {
            return None;
        }
        session.use_at(now);
        Some(SessionPass { id: id.to_owned(), session, current: self.current.subscribe() })
    }

    /// Those that count.
    pub fn all(&self) -> Arc<Table> {
        Arc::clone(&self.current.borrow())
    }

    /// Lets go of those whose time is over; what is open by a session keeps it in use. `now`: Unix ms.
    pub fn end_due(&self, now: u64) {
        let table = self.all();
        let open = table.values().filter(|session| Arc::strong_count(session) > 1);
        open.for_each(|session| session.use_at(now));
        if table.values().any(|session| session.has_ended(now)) {
            self.publish(now);
        }
    }

    /// What the store is still to be told. `now`: Unix ms.
    pub fn untold(&self, now: u64) -> Untold {
        let (table, parts) = (self.all(), self.parts.lock());
        let over = parts.stored.keys().filter(|id| !table.contains_key(*id));
        let due = table.iter().filter(|(id, session)| {
            let known = parts.uses.get(*id).copied().unwrap_or(session.stored.at);
            session.used_at() >= known + SESSION_USE_STALE && now > known
        });
        Untold {
            begun: parts.begun.iter().map(|(id, session)| (id.clone(), session.clone())).collect(),
            ended: over.chain(&parts.ended).cloned().collect::<BTreeSet<String>>().into_iter().collect(),
            uses: due.map(|(id, session)| (id.clone(), session.used_at())).collect(),
        }
    }

    /// The store has read that these ended, and whoever follows it knows: what it does not have any more needs no word.
    pub fn told_of(&self, ended: &[String]) {
        let mut parts = self.parts.lock();
        let Parts { stored, ended: untold, .. } = &mut *parts;
        untold.retain(|id| stored.contains_key(id) || !ended.contains(id));
    }

    /// Puts those that count into use, if they are others than before.
    fn publish(&self, now: u64) {
        let parts = self.parts.lock();
        self.current.send_if_modified(|current| {
            let known = parts.stored.iter().chain(&parts.begun).filter(|(id, _)| !parts.ended.contains(*id));
            let live = known.filter_map(|(id, stored)| {
                let session = current.get(id).filter(|session| session.stored == *stored).cloned();
                let session = session.unwrap_or_else(|| {
                    Arc::new(Session { stored: stored.clone(), used: AtomicU64::new(stored.at) })
                });
                session.use_at(parts.uses.get(id).copied().unwrap_or_default());
                (!session.has_ended(now)).then(|| (id.clone(), session))
            });
            let live: Table = live.collect();
            let is_same = live.len() == current.len()
                && live
                    .iter()
                    .zip(&**current)
                    .all(|(one, other)| one.0 == other.0 && Arc::ptr_eq(one.1, other.1));
            if !is_same {
                *current = Arc::new(live);
            }
            !is_same
        });
    }
}

impl Parts {
    fn take(&mut self, key: &str, entry: Option<&Entry>) -> bool {
        if let Some(id) = key.strip_prefix(SESSIONS_PREFIX) {
            self.begun.remove(id);
            match entry.and_then(|entry| decode::<StoredSession>(&entry.value)) {
                Some(session) => drop(self.stored.insert(id.to_owned(), session)),
                None => {
                    self.stored.remove(id);
                    self.ended.remove(id);
                }
            }
        } else if let Some(id) = key.strip_prefix(SESSION_USES_PREFIX) {
            match entry.and_then(|entry| text(entry).parse().ok()) {
                Some(used) => drop(self.uses.insert(id.to_owned(), used)),
                None => drop(self.uses.remove(id)),
            }
        } else {
            return false;
        }
        true
    }

    fn end(&mut self, id: &str) {
        let was_begun = self.begun.remove(id).is_some();
        if was_begun || self.stored.contains_key(id) {
            self.ended.insert(id.to_owned());
        }
    }
}

impl SessionPass {
    /// The session's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Waits until it is over.
    pub async fn ended(&mut self) {
        let Self { id, session, current } = self;
        let is_gone = |table: &Arc<Table>| table.get(id).is_none_or(|now| !Arc::ptr_eq(now, session));
        // The sender lives as long as whoever lets in.
        let _ = current.wait_for(is_gone).await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::control::shared::entries::encode;

    const TOKEN: Digest = [7; 32];

    fn session(secret: &str, at: u64) -> StoredSession {
        StoredSession::begin(secret, &TOKEN, at, String::new(), String::new())
    }

    fn entry(key: &str, value: Vec<u8>) -> Entry {
        Entry { key: key.parse().unwrap(), value: Bytes::from(value), created: 1, modified: 1, lease: None }
    }

    #[test]
    fn one_counts_at_once_and_ends_when_nobody_uses_it_or_at_the_latest() {
        let sessions = Sessions::default();
        sessions.begin(session("a", 0), 0);
        assert!(sessions.find("b", 1).is_none());
        drop(sessions.find("a", 10).unwrap());
        assert!(sessions.find("a", 10 + SESSION_IDLE_MAX).is_none(), "nobody used it");
        let mut at = 10;
        while at + SESSION_IDLE_MAX / 2 < SESSION_MAX {
            at += SESSION_IDLE_MAX / 2;
            assert!(sessions.find("a", at).is_some(), "{at}");
        }
        assert!(sessions.find("a", SESSION_MAX).is_none(), "no use makes it last longer");
        sessions.end_due(SESSION_MAX);
        assert!(sessions.all().is_empty());
    }

    #[test]
    fn what_is_open_keeps_it_in_use_and_ends_with_it() {
        let sessions = Sessions::default();
        sessions.begin(session("a", 0), 0);
        let mut pass = sessions.find("a", 1).unwrap();
        sessions.end_due(SESSION_IDLE_MAX);
        assert!(sessions.find("a", SESSION_IDLE_MAX + 1).is_some());
        assert!(pass.ended().now_or_never().is_none());
        assert!(sessions.end(pass.id(), 2));
        assert!(pass.ended().now_or_never().is_some());
        assert!(!sessions.end("0000", 2));
    }

    #[test]
    fn the_store_is_told_once_and_does_not_bring_back_what_ended() {
        let sessions = Sessions::default();
        let one = session("a", 0);
        let (id, key) = (one.id(), format!("{SESSIONS_PREFIX}{}", one.id()));
        sessions.begin(one.clone(), 0);
        assert_eq!(sessions.untold(1).begun.len(), 1);
        sessions.take(&key, Some(&entry(&key, encode(&one))), 1);
        assert_eq!((sessions.untold(1).begun.len(), sessions.all().len()), (0, 1));
        sessions.end(&id, 2);
        sessions.take(&key, Some(&entry(&key, encode(&one))), 3);
        assert_eq!((sessions.untold(3).ended, sessions.all().len()), (vec![id.clone()], 0));
        sessions.take(&key, None, 4);
        assert!(sessions.untold(4).ended.is_empty());
        // One that the store never had ends without a word of its own.
        sessions.begin(session("b", 4), 4);
        sessions.end(&session("b", 4).id(), 4);
        let ended = sessions.untold(4).ended;
        assert_eq!(ended.len(), 1);
        sessions.told_of(&ended);
        assert!(sessions.untold(4).ended.is_empty());
        drop(sessions.find("a", 5));
    }

    #[test]
    fn its_use_is_told_now_and_then() {
        let sessions = Sessions::default();
        sessions.begin(session("a", 0), 0);
        drop(sessions.find("a", SESSION_USE_STALE - 1));
        assert!(sessions.untold(SESSION_USE_STALE).uses.is_empty());
        drop(sessions.find("a", SESSION_USE_STALE));
        let uses = sessions.untold(SESSION_USE_STALE).uses;
        let key = format!("{SESSION_USES_PREFIX}{}", uses[0].0);
        sessions.take(&key, Some(&entry(&key, uses[0].1.to_string().into())), SESSION_USE_STALE);
        assert!(sessions.untold(SESSION_USE_STALE).uses.is_empty());
    }

    #[test]
    fn of_very_many_of_one_token_the_oldest_ends() {
        let sessions = Sessions::default();
        for n in 0..=SESSIONS_PER_TOKEN_MAX {
            sessions.begin(session(&format!("s{n}"), n as u64), n as u64);
        }
        assert_eq!(sessions.all().len(), SESSIONS_PER_TOKEN_MAX);
        assert!(sessions.find("s0", 100).is_none() && sessions.find("s1", 100).is_some());
    }
}
