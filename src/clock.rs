//! Time: monotonic for every deadline, wall time only to display and to store. A leaf: anything may import it.
//!
//! Nothing else in the crate reads a clock (`.clippy.toml` forbids it). So a jump of the wall clock moves no deadline, and a
//! test can move time by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A source of time. It is cheap to clone, and clones of a manual clock move together.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    manual: Option<Arc<ManualTime>>,
}

#[derive(Debug, Default)]
struct ManualTime {
    monotonic_ms: AtomicU64,
    wall_ms: AtomicU64,
}

impl Clock {
    /// The machine's own clocks.
    pub fn system() -> Self {
        Self { manual: None }
    }

    /// A clock that stands still at this wall time (Unix ms) until [`Clock::advance`].
    pub fn manual(wall_ms: u64) -> Self {
        let time = ManualTime { monotonic_ms: AtomicU64::new(0), wall_ms: AtomicU64::new(wall_ms) };
        Self { manual: Some(Arc::new(time)) }
    }

    /// Time since some moment in this process's life. It never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.manual {
            Some(time) => Duration::from_millis(time.monotonic_ms.load(Ordering::Relaxed)),
            None => system_monotonic(),
        }
    }

    /// Wall time, Unix ms. Only to display and to store: it may jump.
    pub fn wall_ms(&self) -> u64 {
        match &self.manual {
            Some(time) => time.wall_ms.load(Ordering::Relaxed),
            None => system_wall_ms(),
        }
    }

    /// Sets the wall time of a manual clock, as somebody sets that of a machine. A system clock is not changed.
    pub fn set_wall(&self, wall_ms: u64) {
        if let Some(time) = &self.manual {
            time.wall_ms.store(wall_ms, Ordering::Relaxed);
        }
    }

    /// Moves a manual clock forward. A system clock is not changed.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.manual {
            let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            time.monotonic_ms.fetch_add(ms, Ordering::Relaxed);
            time.wall_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
fn system_monotonic() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_wall_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
