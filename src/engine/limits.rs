//! The limits of calls to engines, each with its reason.

/// How long connecting to an engine may take, in ms.
pub const CONNECT_MS: u64 = 5_000;
/// How long an engine may take to answer what costs it little, in ms. One whose disk is slow takes seconds.
pub const CALL_MS: u64 = 15_000;
/// How long an engine may take to make, start or remove a container, in ms. An image that is new to it has to be unpacked first.
pub const START_MS: u64 = 120_000;
/// How long a container may take to end before its engine kills it, in seconds.
pub const STOP_SECONDS_MAX: u64 = 3_600;
/// How long a pull may say nothing, in ms. Its length is nobody's to limit: an image may be large and a line slow.
pub const PULL_SILENCE_MS: u64 = 180_000;
/// How often an engine that tells nothing is asked whether it is still there, in ms.
pub const LOOK_MS: u64 = 5_000;
/// How long it takes until an engine that was lost is tried again, at first and at most, in ms. It doubles in between.
pub const RETRY_MS: (u64, u64) = (250, 10_000);
/// Events of an engine that wait to be taken. Beyond it the engine waits.
pub const EVENTS_MAX: usize = 256;
/// What is kept of what a container wrote last, in bytes.
pub const LAST_WORDS_BYTES_MAX: usize = 64 * 1024;
