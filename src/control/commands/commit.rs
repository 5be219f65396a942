//! One commit of a change, and what a round of a change may decide.

use std::fmt;

use keyvalues::{Check, Key, Revision, Write};

/// Writes that take effect together or not at all, held to what was read before.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// What must still be so.
    pub checks: Vec<Check>,
    pub writes: Vec<Write>,
    /// A key that nobody else writes with this commit's value. When the store's answer is lost, reading it tells whether
    /// the commit took effect; without it the next round has to find out.
    pub proof: Option<Key>,
}

/// What a round decided, after it has read.
pub enum Plan<T> {
    /// Nothing has to be written.
    Nothing(T),
    /// This is to be written; what comes of it depends on the revision.
    Write(Commit, Box<dyn FnOnce(Revision) -> T + Send>),
    /// This is to be written before anything else can be decided: the next round reads again.
    WriteFirst(Commit),
}

/// Which round of a change it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// From 0.
    pub number: usize,
    /// The store did not say whether the last round's commit took effect.
    pub in_doubt: bool,
}

impl Commit {
    /// Writes that need no check: they say the same however often they are repeated.
    pub fn unchecked(writes: Vec<Write>) -> Self {
        Self { writes, ..Self::default() }
    }
}

impl<T> Plan<T> {
    /// What it writes.
    pub fn writes(&self) -> &[Write] {
        match self {
            Self::Nothing(_) => &[],
            Self::Write(commit, _) | Self::WriteFirst(commit) => &commit.writes,
        }
    }

    /// Writes this; gives what comes of it at the revision of the commit.
    pub fn write(commit: Commit, outcome: impl FnOnce(Revision) -> T + Send + 'static) -> Self {
        Self::Write(commit, Box::new(outcome))
    }
}

impl<T: fmt::Debug> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(value) => f.debug_tuple("Nothing").field(value).finish(),
            Self::Write(commit, _) => f.debug_tuple("Write").field(commit).finish(),
            Self::WriteFirst(commit) => f.debug_tuple("WriteFirst").field(commit).finish(),
        }
    }
}
