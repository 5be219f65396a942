//! The limits of stored tokens, of sessions, and of what is said of refused calls.

use std::time::Duration;

/// Tokens in the store at once: each call compares with all of them, which takes microseconds.
pub const TOKENS_STORED_MAX: usize = 200;
/// How long one that has ended is still listed, in ms: a week.
pub const TOKEN_ENDED_KEPT: u64 = 7 * 86_400_000;
/// How often tokens of the store are looked at that may have ended: at most so much later nobody comes in by them.
pub const TOKEN_ENDS_EVERY: Duration = Duration::from_millis(250);
/// How old the stored time of a token's last use gets, in ms: one write every ten minutes for a token in use.
pub const TOKEN_USE_STALE: u64 = 10 * 60_000;
/// How often it is looked whether such a time is due.
pub const TOKEN_USES_EVERY: Duration = Duration::from_secs(30);
/// The longest name of a stored token.
pub const TOKEN_NAME_CHARS_MAX: usize = 63;
/// The longest list of apps or networks of a stored token.
pub const TOKEN_NETWORKS_MAX: usize = 50;
/// The longest life of a stored token that ends by itself, in seconds: ten years.
pub const TOKEN_SECONDS_MAX: u64 = 10 * 365 * 86_400;
/// How long what somebody opened lasts who was signed in by a proxy: the router does not hear when that signs them out, and asks
/// anew by then. Pages open their streams again by themselves.
pub const PROXY_SIGN_IN_MAX: Duration = Duration::from_secs(600);
/// How long a browser's session lasts that nobody uses, in ms: 12 hours, a working day with its breaks.
pub const SESSION_IDLE_MAX: u64 = 12 * 3_600_000;
/// How long a session lasts at the most, in ms: 7 days, then the token is shown again.
pub const SESSION_MAX: u64 = 7 * 86_400_000;
/// How old the stored time of a session's last use gets, in ms: it is little beside what an idle one lasts.
pub const SESSION_USE_STALE: u64 = 5 * 60_000;
/// Sessions of one token: more than a person has browsers.
pub const SESSIONS_PER_TOKEN_MAX: usize = 20;
/// Session cookies of one request that are looked at: a browser brings those of all ports of a host.
pub const SESSION_COOKIES_MAX: usize = 8;
/// How long signing in or out waits for the store.
pub const SESSION_STORE_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often the store is told of sessions that it does not know yet.
pub const SESSIONS_EVERY: Duration = Duration::from_secs(5);
/// Lines of the log about refused calls in one second: enough to see who it is, too few to fill a disk.
pub const REFUSAL_LINES_PER_SECOND_MAX: u32 = 5;
