//! Which engines do not answer, and when each was lost. Written by the watch of each engine alone.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::engine::EngineName;

/// What is known of the engines.
#[derive(Debug, Default)]
pub struct EngineBoard(Mutex<Board>);

#[derive(Debug, Default)]
struct Board {
    /// Those that do not answer, each with why.
    lost: BTreeMap<EngineName, String>,
    /// When each was lost last, Unix ms.
    lost_at: BTreeMap<EngineName, u64>,
}

impl EngineBoard {
    /// Notes that an engine does not answer since `now` (Unix ms).
    pub fn set_lost(&self, engine: &EngineName, why: &str, now: u64) {
        let mut board = self.0.lock();
        board.lost.insert(engine.clone(), why.to_owned());
        board.lost_at.insert(engine.clone(), now);
    }

    /// Notes that an engine answers.
    pub fn set_found(&self, engine: &EngineName) {
        self.0.lock().lost.remove(engine);
    }

    /// Those that do not answer, by name.
    pub fn lost(&self) -> BTreeMap<EngineName, String> {
        self.0.lock().lost.clone()
    }

    /// When an engine was lost last, Unix ms; none: not since this router started.
    pub fn lost_at(&self, engine: &EngineName) -> Option<u64> {
        self.0.lock().lost_at.get(engine).copied()
    }
}
