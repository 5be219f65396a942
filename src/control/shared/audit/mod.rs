//! The audit: an entry for every call that changes something or reads secrets, done or refused.
//!
//! The guard of the admin port begins an entry before anything else looks at the request, and ends it with the answer, so no
//! call can do without one. What a call asked for and what it wrote is noted on its way, where bodies are read and where the
//! store is written: on a trail that goes along with the call. An entry never holds up a call; what cannot be kept is counted.

pub mod journal;
pub mod redaction;
pub mod ring;
pub mod trail;
