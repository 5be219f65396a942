//! Engines end to end: a real Docker engine and a real registry, in a network of their own.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

mod approved;
mod attacks;
mod compose;
mod containers;
mod deploy_scene;
mod deploying;
mod events;
mod foreign;
mod full_disk;
mod hook_in;
mod image;
mod kills;
mod logs;
mod lost_store;
mod many;
mod neighbours;
mod networks;
mod previous;
mod progress;
mod pruning;
mod pulling;
mod recycle;
mod resources;
mod restarts;
mod scene;
mod spread;
mod tables;
mod tls;
mod told;
