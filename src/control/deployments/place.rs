//! At which engine each container of a deployment is.

use crate::{
    engine::{Engine, Engines},
    rollout::deployment::run::{Run, SPREAD},
};

/// The engines of a deployment that this router has, in the order of their names.
pub fn engines_of<'a>(engines: &'a Engines, run: &Run) -> Vec<&'a Engine> {
    let is_its = |engine: &&Engine| run.engine == SPREAD || engine.name().as_str() == run.engine;
    engines.iter().filter(is_its).collect()
}

/// The engine of a container: where it was made, or where it is to be.
pub fn engine_for<'a>(engines: &'a Engines, run: &Run, number: u32) -> Option<&'a Engine> {
    if let Some(name) = run.engines.get(&number) {
        return engines.iter().find(|engine| engine.name().as_str() == name);
    }
    // What replaces a container is made where that one is.
    if let Some(swap) = run.recycling().and_then(|recycle| recycle.coming(number)) {
        return engine_for(engines, run, swap.old);
    }
    let all = engines_of(engines, run);
    all.get(number as usize % all.len().max(1)).copied()
}
