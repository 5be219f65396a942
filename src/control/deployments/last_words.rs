//! What a container said last, when it or its deployment has failed.

use super::{held::Held, place::engine_for};
use crate::{
    control::limits::LAST_WORDS_LINES,
    engine::{ContainerName, Engines},
};

/// What a container said last that was started; nothing if none can be asked.
pub async fn last_words(engines: &Engines, held: &Held) -> String {
    for number in held.run.started.keys() {
        let words = words_of(engines, held, *number).await;
        if !words.trim().is_empty() {
            return words;
        }
    }
    String::new()
}

/// What one container said last; nothing if it cannot be asked.
pub async fn words_of(engines: &Engines, held: &Held, number: u32) -> String {
    let name = held.run.container_name(&held.deployment.id, number).parse::<ContainerName>();
    let (Some(engine), Ok(name)) = (engine_for(engines, &held.run, number), name) else {
        return String::new();
    };
    engine.last_words(&name, LAST_WORDS_LINES).await.unwrap_or_default()
}
