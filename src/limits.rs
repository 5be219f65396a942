//! Every limit by name, with its reason. A leaf: anything may import it.
//!
//! A limit that an operator may have to move is a field of [`Limits`], set in the configuration's `[limits]` section
//! and checked once by [`Limits::checked`]. What never needs moving is a constant. Names end in the unit. Each hit is
//! counted in `rolling_limits_hit_total`.

use std::time::Duration;

use serde::Deserialize;

/// What one read asks for while the other side is slow, in bytes: a slow peer costs one such buffer.
pub const READ_BYTES: usize = 16 * 1024;
/// What one read asks for while the other side takes whole reads, in bytes. Large bodies cost less than half the
/// processor time they cost at 16 KiB, and a MiB a seventh less than at 128 KiB; more gains nothing, since a buffer has
/// to fit into a core's cache together with what the kernel holds of it on both sides.
pub const READ_LARGE_BYTES: usize = 256 * 1024;
/// Free space kept in front of what is read, in bytes, so that a rewritten response head or a chunk size goes out in
/// one write with the body behind it.
pub const HEADROOM_BYTES: usize = 2 * 1024;
/// Free space kept behind what is read, in bytes: a chunk's end, and the last chunk.
pub const TAILROOM_BYTES: usize = 16;
/// The most a head may be configured to, in bytes: positions within a head are kept in 16 bits.
pub const HEADER_BYTES_CEILING: u32 = 65_535;
/// The longest method, in bytes: the longest registered one (`UPDATEREDIRECTREF`) has 17.
pub const METHOD_BYTES_MAX: usize = 32;
/// Digits of a chunk's size: 64 bits.
pub const CHUNK_SIZE_DIGITS_MAX: u8 = 16;
/// Bytes of trailers in one body; they are held until the body ends.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Trailer lines in one body.
pub const TRAILER_COUNT_MAX: usize = 64;
/// Interim (1xx) responses to one request: more is a loop.
pub const INTERIM_RESPONSES_MAX: u8 = 16;
/// What is read and thrown away after a refusal, in bytes, so that the answer is not lost to a reset (RFC 9112,
/// 9.6).
pub const LINGER_BYTES_MAX: usize = 256 * 1024;
/// How long that may take.
pub const LINGER_MS: u64 = 1_000;
/// How often an exchange that waits for its endpoint looks whether the client is still there, in ms.
pub const CLIENT_CHECK_MS: u64 = 1_000;
/// How long a client that has closed its sending side is still answered, in ms. Most have left; a few only say that
/// they have nothing more to ask.
pub const HALF_CLOSED_MS: u64 = 10_000;
/// The shortest idle time of clients' connections while descriptors run out, in ms.
pub const IDLE_MS_LEAST: u64 = 500;
/// How long an ended WebSocket waits for the next byte of a frame that has begun, and after the router's Close for the
/// client's.
pub const CLOSE_FRAME_MS: u64 = 2_000;
/// How long it waits for that frame in all: one that never ends is cut.
pub const LAST_FRAME_MS: u64 = 30_000;
/// Open exchanges of an ended release are cut over so long, so that clients do not return all at once.
pub const END_SPREAD_MS: u64 = 30_000;
/// How often deadlines are looked at: no deadline is off by more than this.
pub const SWEEP_MS: u64 = 100;
/// How long accepting rests after descriptors ran out, at first and at most; it doubles in between.
pub const ACCEPT_PAUSE_MS: (u64, u64) = (10, 1_000);
/// Descriptors kept from the data plane for the store, the admin port, the log and health checks.
pub const DESCRIPTORS_RESERVED: u64 = 256;
/// Connections taken from a listener before other work gets its turn.
pub const ACCEPT_BATCH: usize = 32;
/// Testers' connections that the admin port has handed to one worker, and that it has not taken yet: beyond it the answer
/// is 502. More than a worker takes in one turn has no use.
pub const HANDOVERS_MAX: usize = 64;
/// Connections that may wait in a listener's queue; the kernel caps it at `net.core.somaxconn`.
pub const LISTEN_BACKLOG: i32 = 4_096;
/// A body whose first part is at most this long goes out with the head in one write and is held for a repeat, in
/// bytes.
pub const HELD_BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a kept connection may have been idle for a request that cannot be repeated, in ms: below the shortest
/// idle time-outs of common servers, so that it does not meet one that is just being closed.
pub const UNSAFE_IDLE_MS: u64 = 1_000;
/// How long an endpoint is ejected that fails requests while its peers do not, at first and at most, in ms; it doubles
/// in between. A first suspicion is short, since what it rests on is a few seconds of traffic.
pub const EJECT_MS: (u64, u64) = (10_000, 300_000);
/// Failures of the last seconds below which nobody is ejected.
pub const EJECT_FAILURES_MIN: u64 = 5;
/// How long an endpoint that is new or came back has less than its share of new clients, in ms.
pub const SLOW_START_MS: u64 = 10_000;
/// What it begins with, in percent of a share.
pub const SLOW_START_PERCENT: u32 = 20;
/// Endpoints tried for one request, the first included.
pub const ATTEMPTS_MAX: usize = 4;
/// How long an unproven connection must have stayed open since its last response before such a request takes it, in
/// ms: an endpoint that closes after each response without saying so has done it by then.
pub const SETTLED_IDLE_MS: u64 = 50;
/// How long the siblings of a release may take, all together, to answer for an asset that it does not have, in ms:
/// the release's own answer waits as long.
pub const SIBLINGS_MS: u64 = 5_000;
/// Assets asked of siblings per second and router: pages of a release ask for a few dozen, so beyond this somebody
/// is guessing names, and several releases are not made to work for each guess.
pub const SIBLING_ASKS_PER_SECOND_MAX: u32 = 1_000;
/// How long it is remembered that no sibling has an asset, in ms.
pub const MISS_MS: u64 = 10_000;
/// Such assets remembered by one worker: what is asked for beyond takes the place of others, and costs one more
/// question. A power of two; 64 KiB.
pub const MISSES_MAX: usize = 4_096;
/// Repeats that one worker may make at once without any traffic before, so that a quiet router can repeat at all.
pub const RETRY_FLOOR: u32 = 20;
/// Repeats that come back every second without any traffic.
pub const RETRY_FLOOR_PER_SECOND: u32 = 5;

/// Releases of one app that drain at a time; the oldest retires first. Two releases a day, each draining for half a
/// week, stay below it.
pub const DRAINING_MAX: usize = 8;
/// The longest drain, in seconds: enough for a month of holidays; longer, and a release that nobody watches stays up for
/// ever.
pub const DRAIN_SECONDS_MAX: u32 = 30 * 24 * 3_600;
/// Endpoints of one app that drain by themselves at a time: a record keeps them, and a whole release drains as one.
pub const ENDPOINT_DRAINS_MAX: usize = 64;
/// Ended tenures of which a record keeps the reason: more releases than a browser's pin outlives.
pub const TENURES_LEFT_MAX: usize = 64;
/// Events of one app that stay in the store: the history that a rollback can reach.
pub const EVENTS_MAX: u64 = 1_000;
/// The highest seq: an event's key has 12 digits.
pub const SEQ_MAX: u64 = 999_999_999_999;
/// Preview grants of one app that live at a time: a link for everybody who looks at a release, and the list stays
/// short enough to be read whole.
pub const PREVIEWS_MAX: usize = 100;
/// The note of a preview grant, in bytes: a name or a ticket.
pub const PREVIEW_NOTE_BYTES_MAX: usize = 200;
/// The reason given with a command, in bytes: a long commit message, and no log file.
pub const REASON_BYTES_MAX: usize = 1_000;

/// The limits an operator may set. Zero switches off those that say so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A request's head, in bytes. 16 KiB holds what browsers send with full cookie jars, and is what a slow client
    /// may make a worker keep.
    pub header_bytes_max: u32,
    /// Header lines in a request or a response.
    pub header_count_max: u32,
    /// A request's target, in bytes.
    pub target_bytes_max: u32,
    /// From a request's first byte to the end of its head, in ms.
    pub header_ms: u64,
    /// The least a body must bring, in bytes per second, either way, once `body_grace_ms` have passed.
    pub body_rate_min: u64,
    /// How long a body may be below `body_rate_min`, in ms.
    pub body_grace_ms: u64,
    /// How long a connection may wait for its next request, in ms.
    pub idle_ms: u64,
    /// Requests on one connection; 0 is no limit, since a connection that is closed costs more than one that stays.
    pub requests_per_connection_max: u32,
    /// Connections open at one worker.
    pub connections_per_worker_max: u32,
    /// Connections open at one worker from one address; 0 is no limit, since a whole office may share an address.
    pub connections_per_address_max: u32,
    /// Requests in flight at one endpoint, over all workers; 0 is no limit.
    pub endpoint_in_flight_max: u32,
    /// Requests of one worker that wait for room at one endpoint; beyond it the answer is 503.
    pub endpoint_queue_max: u32,
    /// How long a request waits for room at an endpoint, in ms.
    pub endpoint_queue_ms: u64,
    /// Connecting to an endpoint, in ms.
    pub connect_ms: u64,
    /// From the end of sending a request to the first byte of its response, in ms.
    pub first_byte_ms: u64,
    /// Longest pause between two reads of a response body, in ms (WebSockets: `tunnel_idle_ms`).
    pub between_bytes_ms: u64,
    /// The longest silence of a WebSocket, both ways, in ms.
    pub tunnel_idle_ms: u64,
    /// A response's head, in bytes.
    pub response_header_bytes_max: u32,
    /// Chunk extensions in one body, in bytes; they are thrown away.
    pub chunk_extension_bytes_max: u32,
    /// 256 KiB buffers that one worker lends to transfers: 128 are 32 MiB.
    pub large_buffers_max: u32,
    /// 16 KiB buffers that one worker lends to slow transfers; beyond it new requests are answered 503.
    pub small_buffers_max: u32,
    /// Idle connections kept to one endpoint by one worker.
    pub upstream_idle_per_endpoint_max: u32,
    /// How long an idle connection to an endpoint is kept, in ms. Below the idle time-outs of common servers (5 s in
    /// Node.js is detected at checkout; most others wait a minute).
    pub upstream_idle_ms: u64,
    /// Repeats, in percent of recent requests.
    pub retry_percent_max: u32,
    /// Requests that the candidate failed and stable takes, per second and router; 0 is none. A candidate that fails
    /// altogether must not bring its whole load to stable at once.
    pub shields_per_second_max: u32,
    /// How long open exchanges may go on after the grace time of a shutdown, in ms.
    pub shutdown_ms: u64,
    /// Connections to the admin port; each holds a descriptor that end users could use. Beyond it the one that has not
    /// read or sent for longest is closed.
    pub admin_connections_max: u32,
    /// Of these, from one address (IPv6: one /64); 0 is no limit. A quarter, so that one client leaves room for others.
    pub admin_connections_per_address_max: u32,
    /// Pages that may follow the live stream with one token: a team that shares one, each with a few tabs.
    pub streams_per_token_max: u32,
    /// Such pages from one address (IPv6: one /64): an office behind one address; 0 is no limit.
    pub streams_per_address_max: u32,
    /// Series of `/metrics`. Above it the finest are left out, those of endpoints first, and the page says so. 100,000
    /// are 12 MB and a fifth of a second of work; with ten endpoints each, 800 releases stay below it.
    pub metrics_series_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes_max: 16 * 1024,
            header_count_max: 128,
            target_bytes_max: 8 * 1024,
            header_ms: 10_000,
            body_rate_min: 128,
            body_grace_ms: 20_000,
            idle_ms: 75_000,
            requests_per_connection_max: 0,
            connections_per_worker_max: 100_000,
            connections_per_address_max: 0,
            endpoint_in_flight_max: 0,
            endpoint_queue_max: 1_024,
            endpoint_queue_ms: 5_000,
            connect_ms: 2_000,
            first_byte_ms: 60_000,
            between_bytes_ms: 60_000,
            tunnel_idle_ms: 3_600_000,
            response_header_bytes_max: 32 * 1024,
            chunk_extension_bytes_max: 16 * 1024,
            large_buffers_max: 128,
            small_buffers_max: 16_384,
            upstream_idle_per_endpoint_max: 256,
            upstream_idle_ms: 50_000,
            retry_percent_max: 20,
            shields_per_second_max: 1_000,
            shutdown_ms: 30_000,
            admin_connections_max: 1_024,
            admin_connections_per_address_max: 256,
            streams_per_token_max: 64,
            streams_per_address_max: 128,
            metrics_series_max: 100_000,
        }
    }
}

/// A limit whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits.{field} is {value}; allowed: {allowed}")]
pub struct LimitsError {
    /// The field of [`Limits`].
    pub field: &'static str,
    /// What it was set to.
    pub value: u64,
    /// What is allowed.
    pub allowed: &'static str,
}

impl Limits {
    /// Refuses values that cannot work.
    pub fn checked(self) -> Result<Self, LimitsError> {
        for (field, value, least, most, allowed) in self.ranges() {
            if value < least || value > most {
                return Err(LimitsError { field, value, allowed });
            }
        }
        Ok(self)
    }

    /// What the limit of this name allows, in words, if it has a range.
    pub fn allowed(name: &str) -> Option<&'static str> {
        let mut ranges = Self::default().ranges().into_iter();
        ranges.find(|(field, ..)| *field == name).map(|(.., allowed)| allowed)
    }

    /// The limits that have a range: name, value, least, most, and the range in words.
    fn ranges(&self) -> [(&'static str, u64, u64, u64, &'static str); 16] {
        let head = u64::from(HEADER_BYTES_CEILING);
        [
            ("header_bytes_max", self.header_bytes_max.into(), 1_024, head, "1024 to 65535 bytes"),
            (
                "response_header_bytes_max",
                self.response_header_bytes_max.into(),
                1_024,
                head,
                "1024 to 65535 bytes",
            ),
            ("header_count_max", self.header_count_max.into(), 8, 1_000, "8 to 1000 lines"),
            ("target_bytes_max", self.target_bytes_max.into(), 64, head, "64 to 65535 bytes"),
            ("header_ms", self.header_ms, 100, DAY_MS, "100 ms to a day"),
            ("body_grace_ms", self.body_grace_ms, 100, DAY_MS, "100 ms to a day"),
            ("idle_ms", self.idle_ms, 100, DAY_MS, "100 ms to a day"),
            (
                "connections_per_worker_max",
                self.connections_per_worker_max.into(),
                1,
                10_000_000,
                "1 to 10000000",
            ),
            ("connect_ms", self.connect_ms, 10, DAY_MS, "10 ms to a day"),
            ("first_byte_ms", self.first_byte_ms, 10, DAY_MS, "10 ms to a day"),
            ("between_bytes_ms", self.between_bytes_ms, 10, DAY_MS, "10 ms to a day"),
            ("retry_percent_max", self.retry_percent_max.into(), 0, 100, "0 to 100 percent"),
            ("shields_per_second_max", self.shields_per_second_max.into(), 0, 1_000_000, "0 to 1000000"),
            ("admin_connections_max", self.admin_connections_max.into(), 16, 100_000, "16 to 100000"),
            ("streams_per_token_max", self.streams_per_token_max.into(), 1, 512, "1 to 512"),
            ("metrics_series_max", self.metrics_series_max.into(), 1_000, 10_000_000, "1000 to 10000000"),
        ]
    }

    /// [`Limits::header_bytes_max`] as a size.
    pub fn header_bytes(&self) -> usize {
        self.header_bytes_max as usize
    }

    /// How long until a connection attempt is given up.
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }
}

/// The longest deadline that can be configured, in ms.
const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed() {
        assert_eq!(Limits::default().checked(), Ok(Limits::default()));
    }

    #[test]
    fn a_value_that_cannot_work_is_refused_by_name() {
        let error = Limits { header_bytes_max: 70_000, ..Limits::default() }.checked().unwrap_err();
        assert_eq!(error.to_string(), "limits.header_bytes_max is 70000; allowed: 1024 to 65535 bytes");
    }

    #[test]
    fn an_unknown_limit_is_an_error() {
        assert!(serde_json::from_str::<Limits>(r#"{"header_bytes_maximum": 1}"#).is_err());
        assert!(serde_json::from_str::<Limits>(r#"{"idle_ms": 1000}"#).is_ok());
    }
}
