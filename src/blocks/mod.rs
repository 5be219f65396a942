//! Collections in blocks that copies share. A leaf: anything may import it.
//!
//! What is published never changes, and from one publish to the next nearly all of it stays the same. A copy of one of
//! these costs a pointer for each block, a change copies the one block that it is in, and two copies are compared
//! without looking into what they share. So with 10,000 endpoints a change costs what it changes.

mod block;
mod map;
mod slots;

pub use self::{map::BlockMap, slots::SlotVec};
