//! Which engines do not answer. Written by the watch of each engine alone.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::engine::EngineName;

/// The engines that do not answer, each with why.
#[derive(Debug, Default)]
pub struct EngineBoard(Mutex<BTreeMap<EngineName, String>>);

impl EngineBoard {
    /// Notes that an engine does not answer.
    pub fn set_lost(&self, engine: &EngineName, why: &str) {
        self.0.lock().insert(engine.clone(), why.to_owned());
    }

    /// Notes that an engine answers.
    pub fn set_found(&self, engine: &EngineName) {
        self.0.lock().remove(engine);
    }

    /// Those that do not answer, by name.
    pub fn lost(&self) -> BTreeMap<EngineName, String> {
        self.0.lock().clone()
    }
}
