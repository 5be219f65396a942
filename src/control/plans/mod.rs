//! Plans that run: each router looks every half second how they stand, and gives the next command of one that is due, on the
//! seq at which it looked, so that a fleet gives it once.
//!
//! | file | what it is |
//! |---|---|
//! | [`gates`] | what is asked outside before a plan goes on |
//! | [`hold`] | how long this router has seen a step held, and who came meanwhile |
//! | [`looks`] | the looks at all plans |
//! | [`step`] | the command that is due |
//!
//! Whether a step is due is decided in `rollout::plan`.

mod gates;
mod hold;
mod looks;
mod step;

pub use self::looks::run;
