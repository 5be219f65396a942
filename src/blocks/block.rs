//! The size of a block.

/// Items of a full block: of 10,000 items a copy takes some 160 pointers, and a change copies at most 64 items.
pub(super) const BLOCK: usize = 64;
