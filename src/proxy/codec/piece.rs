//! A piece of a body, decoded in place.

use std::ops::Range;

/// What came of decoding what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where in the bytes given the data is now.
    pub data: Range<usize>,
    /// How many of the bytes given belong to this body.
    pub consumed: usize,
    /// The body has ended.
    pub done: bool,
}
