//! Where entries go: the ring that the API shows, and the audit log.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use super::ring::{AuditFilter, Ring};
use crate::{
    control::limits::{AUDIT_ANONYMOUS_PER_SECOND, AUDIT_PAGE_MAX},
    printable::escaped_json,
    schema::audit::{AuditEntry, AuditPage},
    telemetry::log_file::LogSender,
};

/// The audit of one router.
#[derive(Debug)]
pub struct Journal {
    log: Option<LogSender>,
    inner: Mutex<Inner>,
    written: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    ring: Ring,
    last: u64,
    /// The second (monotonic) that entries without a token are counted in, and how many there were.
    anonymous: (u64, u32),
}

impl Journal {
    /// One that writes to this log, if there is one.
    pub fn new(log: Option<LogSender>) -> Self {
        Self { log, inner: Mutex::default(), written: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// Keeps an entry; never waits. `is_routine`: the log has it, the ring has not. `now` is monotonic.
    pub fn record(&self, mut entry: AuditEntry, is_routine: bool, now: Duration) {
        let mut inner = self.inner.lock();
        if entry.actor.is_none() && !inner.has_room_for_anonymous(now) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        inner.last += 1;
        entry.id = inner.last;
        let line = line(&entry);
        if !is_routine {
            inner.ring.push(entry.id, entry.actor, &line);
        }
        if let Some(log) = &self.log {
            let count = if log.send(line, 1).is_ok() { &self.written } else { &self.lost };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A page of the newest entries.
    pub fn page(&self, filter: &AuditFilter, limit: u64) -> AuditPage {
        let limit = usize::try_from(limit.min(AUDIT_PAGE_MAX)).unwrap_or(1);
        let snapshot = self.inner.lock().ring.snapshot(filter);
        let (entries, more) = snapshot.page(filter, limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.id);
        AuditPage { entries, next, lost: self.counts().1 }
    }

    /// How many lines went to the log, and how many entries are lost.
    pub fn counts(&self) -> (u64, u64) {
        let failed = self.log.as_ref().map_or(0, LogSender::take_failed);
        self.lost.fetch_add(failed, Ordering::Relaxed);
        let lost = self.lost.load(Ordering::Relaxed);
        (self.written.load(Ordering::Relaxed), lost)
    }
}

impl Inner {
    /// Whoever has no token cannot fill the log: only so many entries a second are kept of them all.
    fn has_room_for_anonymous(&mut self, now: Duration) -> bool {
        let (second, count) = &mut self.anonymous;
        if *second != now.as_secs() {
            (*second, *count) = (now.as_secs(), 0);
        }
        *count += 1;
        *count <= AUDIT_ANONYMOUS_PER_SECOND
    }
}

/// One line of JSON: nothing in it ends the line, or does something to a terminal that shows it.
fn line(entry: &AuditEntry) -> Vec<u8> {
    let json = serde_json::to_string(entry).unwrap_or_default();
    let mut line = escaped_json(&json).into_owned().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_was_said() {
        let message = Some("a\n{\"forged\":true}\r\x1b[2J\u{9b}\u{202e}\u{2028}".to_owned());
        let line = String::from_utf8(line(&AuditEntry { message, ..AuditEntry::default() })).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end().contains(crate::printable::is_hidden), "{line}");
    }

    #[test]
    fn without_a_token_nobody_fills_the_audit() {
        let journal = Journal::new(None);
        let now = Duration::from_secs(5);
        for _ in 0..3 * AUDIT_ANONYMOUS_PER_SECOND {
            journal.record(AuditEntry::default(), false, now);
        }
        let known = AuditEntry { actor: Some("ci".into()), ..AuditEntry::default() };
        journal.record(known, false, now);
        let page = journal.page(&AuditFilter::default(), 200);
        assert_eq!(page.entries.len(), 1 + AUDIT_ANONYMOUS_PER_SECOND as usize);
        assert_eq!(
            (page.entries[0].actor.as_deref(), page.lost),
            (Some("ci"), 2 * u64::from(AUDIT_ANONYMOUS_PER_SECOND))
        );
        journal.record(AuditEntry::default(), false, now + Duration::from_secs(1));
        assert_eq!(journal.counts().1, page.lost);
    }
}
