//! Shadow: repeats requests of stable's users at the candidate and at stable, and compares what both answer
//! (docs/design.md section 16).
//!
//! | file | what it is |
//! |---|---|
//! | [`repeat`] | one request, asked of one endpoint |
//! | [`rounds`] | both releases are asked, and what they answered is compared |
//!
//! Which requests are repeated, the data plane decides; what differs, `rollout::shadow`. It runs on the threads of calls,
//! which give way to whatever else the machine has to do.

mod repeat;
mod rounds;

pub use self::rounds::run;
