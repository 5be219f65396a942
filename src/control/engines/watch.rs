//! The watch of each engine: whether it answers, and what happens to its containers.

use futures_util::{StreamExt as _, future::join_all};

use super::{changes::Changes, follower::Follower};
use crate::{
    control::shared::core::Core,
    engine::{Engine, EngineEvent, LABEL_APP},
};

/// Watches every engine until the task is dropped.
pub async fn run(core: Core) {
    let engines: Vec<Engine> = core.options.engines.iter().cloned().collect();
    join_all(engines.into_iter().map(|engine| watch(core.clone(), engine))).await;
}

async fn watch(core: Core, engine: Engine) {
    let follower = Follower::new(Changes { core: core.clone(), engine: engine.clone() });
    if core.is_follower {
        // Endpoints are changed at the server that it follows, and nowhere else.
        return follow(&core, &engine, None).await;
    }
    tokio::join!(follow(&core, &engine, Some(&follower)), follower.settle(), follower.watch_deadlines());
}

async fn follow(core: &Core, engine: &Engine, follower: Option<&Follower>) {
    let name = engine.name();
    let mut events = engine.events(LABEL_APP);
    while let Some(event) = events.next().await {
        match (event, follower) {
            (EngineEvent::Lost { why }, _) => {
                core.engines.set_lost(name, &why, core.clock.wall_ms());
                tracing::warn!("{why}; what its containers serve goes on");
            }
            (EngineEvent::Connected { engine: id, containers }, follower) => {
                core.engines.set_found(name);
                tracing::info!("the engine {name} answers");
                if let Some(follower) = follower {
                    follower.look(&id, &containers);
                }
            }
            (EngineEvent::Container(event), Some(follower)) => follower.note(event).await,
            (EngineEvent::Container(_), None) => {}
        }
    }
}
