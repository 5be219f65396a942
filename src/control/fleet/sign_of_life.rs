//! Signs of life: how the fleet knows that this router lives.
//!
//! The lease says it. Keeping that alive is no write, so it leaves nothing in the history that a store may keep. The value that is
//! bound to it is written when what it says has changed: when the store changed and this router has read it, when requests
//! come and go at endpoints that leave, when the store was not read lately, and when others have to learn how this router's clock
//! goes. Else once in a long while.

use std::time::Duration;

use keyvalues::{Lease, Outcome, Revision, StoreError, Write};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    clock::Clock,
    control::{
        limits::{
            CLOCK_STEP, REPORT_RETRY, SIGN_OF_LIFE_AGAIN, SIGN_OF_LIFE_EVERY, SIGN_OF_LIFE_LOST,
            SIGN_OF_LIFE_TTL, SKEW_SAMPLES, STALE_AFTER,
        },
        shared::{
            core::Core,
            entries::{encode, own_key},
            fleet::{
                endpoint_loads::open_here,
                member::{Kind, SignOfLife},
            },
        },
    },
};

/// Gives signs of life while there are other members.
pub struct Heartbeat {
    core: Core,
    lease: Option<Box<dyn Lease>>,
    /// When it last beat (monotonic). The watch may not have brought back yet what it wrote.
    tried: Duration,
    wall_clock: WallClock,
    /// What the store has, as far as is known here.
    last: Option<Written>,
    /// How many signs others need to tell this router's clock by; the one that was under way shortest counts.
    samples: usize,
    /// What the roster counted when that was last looked at.
    arrivals: u64,
}

/// A sign that was written.
struct Written {
    sign: SignOfLife,
    epoch: String,
    /// When (monotonic).
    at: Duration,
}

impl Heartbeat {
    pub fn new(core: Core) -> Self {
        let wall_clock = WallClock::new(&core.clock);
        Self { core, lease: None, tried: Duration::ZERO, wall_clock, last: None, samples: 0, arrivals: 0 }
    }

    pub async fn run(mut self) {
        let mut changes = self.core.roster.changes();
        let mut ticks = interval(SIGN_OF_LIFE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.is_missed(&mut changes) => {}
            }
            if self.core.roster.others() == 0 || !self.core.replica.status.is_followed() {
                continue;
            }
            self.tried = self.core.clock.monotonic();
            if self.beat().await.is_err() {
                self.lease = None;
                sleep(REPORT_RETRY).await;
            }
        }
    }

    /// Waits until there are other members and the store holds no sign of life of this router.
    async fn is_missed(&self, changes: &mut watch::Receiver<u64>) {
        loop {
            // The sender lives as long as `core`.
            let _ = changes.changed().await;
            let tried_lately = self.core.clock.monotonic().saturating_sub(self.tried) < REPORT_RETRY;
            let missing = self.core.roster.own().alive.is_none();
            if missing
                && !tried_lately
                && self.core.roster.others() > 0
                && self.core.replica.status.is_followed()
            {
                return;
            }
        }
    }

    async fn beat(&mut self) -> Result<(), StoreError> {
        let lease = match self.lease.take() {
            Some(lease) => {
                self.core.store.keep_alive(&*lease).await?;
                lease
            }
            None => {
                self.last = None;
                self.core.store.lease(SIGN_OF_LIFE_TTL).await?
            }
        };
        let id = lease.id();
        self.lease = Some(lease);
        let (sign, now) = (self.sign(), self.core.clock.monotonic());
        if !self.is_due(&sign, now) {
            return Ok(());
        }
        let key = own_key(&Kind::SignOfLife.key(&self.core.node));
        let write = Write::Put { key, value: encode(&sign).into(), lease: Some(id) };
        match self.core.store.commit(Vec::new(), vec![write]).await? {
            Outcome::Done(_) => {
                self.samples = self.samples.saturating_sub(1);
                self.last = Some(Written { sign, epoch: self.core.roster.epoch(), at: now });
                Ok(())
            }
            Outcome::Conflict(_) | Outcome::Unknown(_) => Err(StoreError::LeaseEnded),
        }
    }

    fn sign(&mut self) -> SignOfLife {
        let staleness = self.core.replica.status.staleness();
        let staleness_ms =
            staleness.map(|staleness| u64::try_from(staleness.as_millis()).unwrap_or(u64::MAX));
        // The revision is read first, so that what is open belongs to that revision or a later one.
        let revision = self.core.replica.reached();
        let open = open_here(&self.core);
        let clock_since = self.wall_clock.since(&self.core.clock);
        SignOfLife { at: self.core.clock.wall_ms(), clock_since, revision, staleness_ms, open }
    }

    fn is_due(&mut self, sign: &SignOfLife, now: Duration) -> bool {
        let arrivals = self.core.roster.arrivals();
        let clock_since = self.last.as_ref().map(|last| last.sign.clock_since);
        if self.arrivals != arrivals || clock_since != Some(sign.clock_since) {
            self.arrivals = arrivals;
            self.samples = SKEW_SAMPLES;
        }
        let Some(last) = self.last.as_ref().filter(|_| self.samples == 0) else { return true };
        let age = now.saturating_sub(last.at);
        let stored = self.core.roster.own().alive;
        let is_lost = stored.is_none_or(|stored| stored != last.sign && age >= SIGN_OF_LIFE_LOST);
        is_lost
            || age >= SIGN_OF_LIFE_AGAIN
            || last.epoch != self.core.roster.epoch()
            || is_news(&last.sign, sign, self.core.replica.changed_at())
    }
}

/// Whether a sign says something that others need to know and do not know from the last one. `changed_at` is the newest change that
/// this router has read, the members' own values aside: otherwise each sign would be a reason for the next.
fn is_news(last: &SignOfLife, next: &SignOfLife, changed_at: Revision) -> bool {
    let is_stale =
        |sign: &SignOfLife| sign.staleness_ms.is_none_or(|ms| u128::from(ms) > STALE_AFTER.as_millis());
    let is_read_on = changed_at > last.revision || next.revision < last.revision;
    is_read_on || last.open != next.open || is_stale(last) || is_stale(next)
}

/// Notices when somebody sets the wall clock.
#[derive(Debug)]
struct WallClock {
    /// Since when it goes on without a step, Unix ms.
    since: u64,
    /// The wall clock less the monotonic one, in ms.
    offset: i128,
}

impl WallClock {
    fn new(clock: &Clock) -> Self {
        Self::at(clock.wall_ms(), clock.monotonic())
    }

    fn at(wall_ms: u64, monotonic: Duration) -> Self {
        let monotonic_ms = i128::try_from(monotonic.as_millis()).unwrap_or(i128::MAX);
        Self { since: wall_ms, offset: i128::from(wall_ms) - monotonic_ms }
    }

    fn since(&mut self, clock: &Clock) -> u64 {
        self.look(clock.wall_ms(), clock.monotonic());
        self.since
    }

    fn look(&mut self, wall_ms: u64, monotonic: Duration) {
        let now = Self::at(wall_ms, monotonic);
        if now.offset.abs_diff(self.offset) >= CLOCK_STEP.as_millis() {
            *self = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::shared::fleet::member::OpenAt;

    fn sign(revision: Revision) -> SignOfLife {
        SignOfLife { revision, staleness_ms: Some(1_900), open: Some(Vec::new()), ..SignOfLife::default() }
    }

    #[test]
    fn what_others_know_already_is_not_said_again() {
        let last = sign(40);
        // The signs of the other members have raised the store's revision.
        let next = SignOfLife { at: 2_000, staleness_ms: Some(300), ..sign(47) };
        assert!(!is_news(&last, &next, 40));
        assert!(is_news(&last, &next, 41), "a change was read");
        assert!(is_news(&last, &sign(39), 39), "the store is another one");
    }

    #[test]
    fn what_others_need_to_know_is_said_at_once() {
        let last = sign(40);
        let at = "10.0.0.9:3000".parse().unwrap();
        let open = Some(vec![OpenAt { address: at, in_flight: 1, open_sockets: 0, is_used: false }]);
        let busy = SignOfLife { open, ..sign(40) };
        assert!(is_news(&last, &busy, 40) && is_news(&busy, &last, 40) && !is_news(&busy, &busy, 40));
        for staleness_ms in [None, Some(5_001)] {
            let stale = SignOfLife { staleness_ms, ..sign(40) };
            assert!(is_news(&last, &stale, 40), "it begins");
            assert!(is_news(&stale, &stale, 40), "it goes on");
            assert!(is_news(&stale, &last, 40), "it is over");
        }
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_drifts() {
        let mut clock = WallClock::at(1_000_000, Duration::ZERO);
        clock.look(1_060_900, Duration::from_secs(60));
        assert_eq!(clock.since, 1_000_000);
        clock.look(1_061_000, Duration::from_secs(60));
        assert_eq!(clock.since, 1_061_000, "ahead");
        clock.look(1_071_000, Duration::from_secs(70));
        assert_eq!(clock.since, 1_061_000);
        clock.look(60_000, Duration::from_secs(71));
        assert_eq!(clock.since, 60_000, "back");
    }
}
