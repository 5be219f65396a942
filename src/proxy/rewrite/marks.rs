//! Where things stand in a head that goes upstream.

use std::ops::Range;

/// Where the access log finds what it needs in the head that was written. A range is empty where there is no such line.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// The length of the method.
    pub method: usize,
    /// The target, as it goes upstream.
    pub target: Range<usize>,
    /// The prefix that was taken off it.
    pub prefix: Range<usize>,
    /// The authority.
    pub authority: Range<usize>,
    /// The value of X-Request-Id.
    pub request_id: Range<usize>,
    /// The value of Referer.
    pub referer: Range<usize>,
    /// The value of User-Agent.
    pub user_agent: Range<usize>,
}
