//! Every limit by name, with its reason. A leaf: anything may import it.
//!
//! A limit that an operator may have to move is a field of [`Limits`], set in the configuration's `[limits]` section
//! and checked once by [`Limits::checked`]. What never needs moving is a constant. Names end in the unit. Each hit is
//! counted in `rolling_limits_hit_total`.

pub mod ranges;

use std::time::Duration;

use serde::Deserialize;

/// What one read asks for while the other side is slow, in bytes: a slow peer costs one such buffer.
pub const READ_BYTES: usize = 16 * 1024;
/// What one read asks for while the other side takes whole reads, in bytes. Large bodies then cost less than half of the
/// processor time that they cost at 16 KiB, and a MiB a seventh less than at 128 KiB. More gains nothing, since a buffer must
/// fit into a core's cache together with what the kernel holds of it on both sides.
pub const READ_LARGE_BYTES: usize = 256 * 1024;
/// Free space in front of what is read, in bytes, so that a rewritten response head or a chunk size goes out in one write
/// with the body after it.
pub const HEADROOM_BYTES: usize = 2 * 1024;
/// Free space after what is read, in bytes, for the end of a chunk and the last chunk.
pub const TAILROOM_BYTES: usize = 16;
/// The largest head that may be configured, in bytes: positions within a head have 16 bits.
pub const HEADER_BYTES_CEILING: u32 = 65_535;
/// The longest header of the PROXY protocol, in bytes: addresses and a few fields. Those with whole certificates are refused.
pub const PROXY_HEADER_BYTES_MAX: usize = 4_096;
/// The longest certificate of a client that endpoints are told of, in bytes: it goes into a header line, and most have 1 to 2 KiB.
pub const CLIENT_CERTIFICATE_BYTES_MAX: usize = 8 * 1024;
/// The longest method, in bytes: the longest registered one (`UPDATEREDIRECTREF`) has 17.
pub const METHOD_BYTES_MAX: usize = 32;
/// Empty lines that are skipped before a request. Old clients send one behind a body, and one in front of the next request.
pub const EMPTY_LINES_MAX: usize = 4;
/// Digits of a chunk's size: enough for 64 bits.
pub const CHUNK_SIZE_DIGITS_MAX: u8 = 16;
/// Bytes of trailers in one body. They are kept until the body ends.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Trailer lines in one body.
pub const TRAILER_COUNT_MAX: usize = 64;
/// Interim (1xx) responses to one request that may come at once. More must be a loop.
pub const INTERIM_BURST_MAX: u64 = 16;
/// How long it takes until a further one may come, in ms. Endpoints send one every few seconds while they work.
pub const INTERIM_GAP_MS: u64 = 1_000;
/// What is read and thrown away after a refusal, in bytes, so that a reset does not destroy the answer (RFC 9112 section
/// 9.6).
pub const LINGER_BYTES_MAX: usize = 256 * 1024;
/// How long that may take, in ms.
pub const LINGER_MS: u64 = 1_000;
/// Requests that a client may have open at once on one connection of HTTP/2: as many as browsers need (RFC 9113 section 6.5.2
/// How many connections of HTTP/2 a worker has to one endpoint. Each carries [`HTTP2_STREAMS_MAX`] requests, or what the endpoint allows.
pub const HTTP2_LINKS_MAX: usize = 16;
/// How many bytes an endpoint may send ahead of its client for one request by HTTP/2.
pub const HTTP2_UP_WINDOW_BYTES: u32 = 64 * 1024;
/// How many bytes an endpoint may send ahead on one connection: as much as all of its requests, so that none stops others.
pub const HTTP2_LINK_WINDOW_BYTES: u32 = HTTP2_UP_WINDOW_BYTES * HTTP2_STREAMS_MAX;
/// asks for no less). What was reset and still ends here may be as many again.
pub const HTTP2_STREAMS_MAX: u32 = 100;
/// What a client may send of one request's body in HTTP/2 before the endpoint takes it, in bytes.
pub const HTTP2_STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// The same for all requests of a connection, in bytes: eight whose endpoints take nothing stop no other one.
pub const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What is handed to a connection of HTTP/2 of one response before the client takes it, in bytes: one large read.
pub const HTTP2_SEND_BYTES_MAX: usize = READ_LARGE_BYTES;
/// Small frames of HTTP/2 that are written together, in bytes.
pub const HTTP2_WRITE_BYTES: usize = 16 * 1024;
/// What a header list of HTTP/2 may have beyond the size of a head, in bytes: each field counts 32 bytes more than its text
/// (RFC 9113 section 6.5.2). Between the two the answer is a 431 as in HTTP/1.1; beyond both the library gives it.
pub const HTTP2_FIELD_BYTES: u32 = 32;
/// Requests of HTTP/2 that may be reset before they were looked at. Browsers cancel some; more is an attack ("rapid reset").
pub const HTTP2_RESETS_WAITING_MAX: usize = 20;
/// Requests of one connection that may break the rules of HTTP/2, so that the router resets them ("MadeYouReset").
pub const HTTP2_RESETS_OWN_MAX: usize = 200;
/// Requests that were reset here and whose frames are still on their way, so that these are ignored.
pub const HTTP2_RESETS_KEPT_MAX: usize = 50;
/// Frames of HTTP/2 that move nothing (SETTINGS, PING, PRIORITY, empty DATA and their kind), and resets, that may come at once.
pub const HTTP2_FRAMES_BURST: u32 = 200;
/// Such frames that may follow, per second.
pub const HTTP2_FRAMES_PER_SECOND: u32 = 20;
/// Bytes moved on a connection that earn one such frame: those who take a download fast answer with a few for each 4 KiB.
pub const HTTP2_BYTES_PER_FRAME: u32 = 512;
/// Such frames that each part of a response earns, however small: a client of gRPC measures the way with each message.
pub const HTTP2_FRAMES_PER_PART: u32 = 2;
/// Frames that may be earned ahead.
pub const HTTP2_FRAMES_EARNED_MAX: u32 = 20_000;
/// How long an exchange waits for its endpoint before it watches whether the client is still there, in ms. Most requests are
/// answered before that, and do not pay for it.
pub const CLIENT_CHECK_MS: u64 = 100;
/// How long a client that has closed its sending side is answered while no byte of the response is delivered, in ms. Most of
/// them have left; a few only say that they will send nothing more.
pub const HALF_CLOSED_MS: u64 = 1_000;
/// How long a front that ends waits for those who are about to connect, in ms: once across the world and back.
pub const CONNECTING_MS: u64 = 300;
/// How long nothing happens on a connection before the kernel asks whether the other side still exists, in ms.
pub const KEEPALIVE_IDLE_MS: u64 = 60_000;
/// How long it waits for the answer before it asks again, in ms.
pub const KEEPALIVE_INTERVAL_MS: u64 = 10_000;
/// How often it asks.
pub const KEEPALIVE_PROBES: u32 = 6;
/// How long what was sent may stay without an acknowledgement, in ms: as long as all of these questions take.
pub const UNACKNOWLEDGED_MS: u64 = 120_000;
/// How long a client that takes nothing may hold a buffer while buffers run short, in ms.
pub const SCARCE_GRACE_MS: u64 = 10_000;
/// How long a path on which the candidate is slow and right is not raced, in ms.
pub const SLOW_PATH_MS: u64 = 600_000;
/// How many segments of a path tell it from another one.
pub const SLOW_PATH_SEGMENTS: usize = 4;
/// How many such paths a router remembers; 200 KiB.
pub const SLOW_PATHS_MAX: usize = 4_096;
/// The longest body, in bytes: a pebibyte. A length beyond it is no length, but an attempt to make somebody wait or count wrong.
pub const BODY_BYTES_MAX: u64 = 1 << 50;
/// Buffers get this part of the memory that the process may use; the rest is for requests and connections themselves.
pub const MEMORY_PARTS: u64 = 4;
/// The shortest idle time of clients' connections while descriptors run out, in ms.
pub const IDLE_MS_LEAST: u64 = 500;
/// How long an ended WebSocket waits for the next byte of a frame, and for the client's Close after the router's, in ms.
pub const CLOSE_FRAME_MS: u64 = 2_000;
/// How long it waits for the end of that frame in all, in ms. A frame that does not end is cut.
pub const LAST_FRAME_MS: u64 = 30_000;
/// The time over which the open exchanges of an ended release are cut, in ms, so that clients do not all return at once.
pub const END_SPREAD_MS: u64 = 30_000;
/// The most requests of one worker that wait for paused apps. Each keeps its head and its connection, so this many take a few MB.
pub const PAUSED_REQUESTS_MAX: usize = 4_096;
/// How often it is looked whether a client still waits whose app is paused, in ms.
pub const PAUSE_LOOK_MS: u64 = 1_000;
/// How often deadlines are checked, in ms. No deadline is late by more than this.
pub const SWEEP_MS: u64 = 100;
/// How long accepting pauses after descriptors ran out, at first and at most, in ms. It doubles in between.
pub const ACCEPT_PAUSE_MS: (u64, u64) = (10, 1_000);
/// Descriptors kept from the data plane for the store, the admin port, the log and health checks.
pub const DESCRIPTORS_RESERVED: u64 = 256;
/// Connections that are taken from a listener before other work gets its turn.
pub const ACCEPT_BATCH: usize = 32;
/// Testers' connections handed to one worker that it has not taken yet; beyond it the answer is 502. More have no use.
pub const HANDOVERS_MAX: usize = 64;
/// Connections that may wait in a listener's queue. The kernel allows at most `net.core.somaxconn`.
pub const LISTEN_BACKLOG: i32 = 4_096;
/// A body whose first part is at most this long, in bytes, goes out with the head in one write, and is held for a repeat.
pub const HELD_BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a pooled connection may have been idle for a request that cannot be repeated, in ms. It is below the shortest idle
/// time-outs of common servers, so that the connection is not just being closed.
pub const UNSAFE_IDLE_MS: u64 = 1_000;
/// How long an endpoint is ejected, at first and at most, in ms. It doubles in between. The first time is short, since it is
/// based on a few seconds of traffic.
pub const EJECT_MS: (u64, u64) = (10_000, 300_000);
/// How long the log says a cause of failures of one endpoint only once, in ms.
pub const FAILURE_SAID_MS: u64 = 10_000;
/// With fewer failures in the last seconds no endpoint is ejected.
pub const EJECT_FAILURES_MIN: u64 = 5;
/// How long an endpoint that is new or came back gets less than its share of new clients, in ms.
pub const SLOW_START_MS: u64 = 10_000;
/// What such an endpoint gets at first, in percent of its share.
pub const SLOW_START_PERCENT: u32 = 20;
/// Endpoints tried for one request, the first included.
pub const ATTEMPTS_MAX: usize = 4;
/// How long a connection must have stayed open since its last response before a request that cannot be repeated takes it, in
/// ms, unless the endpoint is known to keep connections. An endpoint that closes after each response without saying so has
/// closed it by then.
pub const SETTLED_IDLE_MS: u64 = 50;
/// How long all siblings of a release together may take to answer for an asset that it does not have, in ms. The release's own
/// answer waits for so long.
pub const SIBLINGS_MS: u64 = 5_000;
/// Assets for which a router asks siblings, per second. A page asks for a few dozen. Beyond this somebody guesses names, and
/// several releases should not work for each guess.
pub const SIBLING_ASKS_PER_SECOND_MAX: u32 = 1_000;
/// How long the candidate may take to answer a CORS preflight that stable did not allow, in ms. Stable's answer waits for so
/// long.
pub const PREFLIGHT_MS: u64 = 1_000;
/// What Access-Control-Max-Age may say at most while several releases are routed, in seconds: what one release allows is not
/// what the next one does.
pub const PREFLIGHT_AGE_SECONDS_MAX: u64 = 60;
/// How long first requests are taken for those of one client, in ms. A page has sent its first requests by then, and the
/// answers have pinned the client.
pub const BUNCH_MS: u64 = 10_000;
/// How many requests from one address with one User-Agent share a draw. A browser opens six connections to a host, and a few
/// frames or workers may do the same; more than this are people behind one address.
pub const BUNCH_REQUESTS_MAX: u64 = 64;
/// How long a client that brings no pin back is known, in minutes since it was last seen.
pub const PINLESS_MINUTES: u64 = 10;
/// How long it is remembered that no sibling has an asset, in ms.
pub const MISS_MS: u64 = 10_000;
/// How many such assets one worker remembers. Further ones replace others, for which siblings are then asked once more. A power
/// of two; 64 KiB.
pub const MISSES_MAX: usize = 4_096;
/// Repeats that one worker may make without any traffic before, so that a router with little traffic can repeat at all.
pub const RETRY_FLOOR: u32 = 20;
/// Repeats that are added every second without any traffic.
pub const RETRY_FLOOR_PER_SECOND: u32 = 5;

/// Releases of one app that drain at the same time. The oldest retires first. Two releases a day, each of which drains for half
/// a week, stay below it.
pub const DRAINING_MAX: usize = 8;
/// The longest drain, in seconds. A month of holidays fits in it. With more, a release that nobody watches would stay for ever.
pub const DRAIN_SECONDS_MAX: u32 = 30 * 24 * 3_600;
/// Endpoints of one app that drain by themselves at the same time. The record lists them, and a whole release drains as one.
pub const ENDPOINT_DRAINS_MAX: usize = 64;
/// Releases whose approvals a record keeps: the candidate's, and those of releases that may be set stable.
pub const APPROVED_RELEASES_MAX: usize = 8;
/// Endpoints of a release that can be approved: they stand in the record, and in each of its events meanwhile.
pub const APPROVED_ENDPOINTS_MAX: usize = 1_000;
/// Approvals of one release that a record keeps.
pub const APPROVALS_MAX: usize = 16;
/// Ended tenures whose reason a record keeps: more than end while a browser keeps a pin.
pub const TENURES_LEFT_MAX: usize = 64;
/// Events of one app that stay in the store. A rollback reaches as far back as they do.
pub const EVENTS_MAX: u64 = 1_000;
/// Events about endpoints of one app that stay in the store, beside the other ones: endpoints come and go more often than
/// releases, and must not push their history out.
pub const ENDPOINT_EVENTS_MAX: u64 = 1_000;
/// The highest seq: the key of an event has 12 digits.
pub const SEQ_MAX: u64 = 999_999_999_999;
/// Preview grants of one app at the same time: a link for everybody who looks at a release, in a list that people can read.
pub const PREVIEWS_MAX: usize = 100;
/// The note of a preview grant, in bytes: enough for a name or a ticket.
pub const PREVIEW_NOTE_BYTES_MAX: usize = 200;
/// The reason given with a command, in bytes: enough for a long commit message, and not for a log file.
pub const REASON_BYTES_MAX: usize = 1_000;

/// The limits that an operator may set. Zero switches off those that say so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A request's head, in bytes. 16 KiB is enough for browsers with full cookie jars, and is what a worker keeps for a slow
    /// client.
    pub header_bytes_max: u32,
    /// Header lines in a request.
    pub header_count_max: u32,
    /// A request's target, in bytes.
    pub target_bytes_max: u32,
    /// From a request's first byte to the end of its head, in ms.
    pub header_ms: u64,
    /// The least rate of a body in either direction, in bytes per second, once `body_grace_ms` have passed.
    pub body_rate_min: u64,
    /// How long a body may stay below `body_rate_min`, in ms: as long as a client may pause.
    pub body_grace_ms: u64,
    /// How long a connection may wait for its next request, in ms.
    pub idle_ms: u64,
    /// Requests on one connection. 0: no limit, since closing a connection costs more than keeping it.
    pub requests_per_connection_max: u32,
    /// Open connections of one worker.
    pub connections_per_worker_max: u32,
    /// Open connections of one worker from one address. 0: no limit, since a whole office may share an address.
    pub connections_per_address_max: u32,
    /// Requests in flight at one endpoint, over all workers. 0: no limit.
    pub endpoint_in_flight_max: u32,
    /// Requests of one worker that wait for room at one endpoint. Beyond it the answer is 503.
    pub endpoint_queue_max: u32,
    /// How long a request waits for room at an endpoint, in ms.
    pub endpoint_queue_ms: u64,
    /// How long connecting to an endpoint may take, in ms.
    pub connect_ms: u64,
    /// Longest time from the end of sending a request to the first byte of its response, in ms.
    pub first_byte_ms: u64,
    /// Longest pause between two reads of a response body, in ms (WebSockets: `tunnel_idle_ms`).
    pub between_bytes_ms: u64,
    /// Longest time in which nothing is sent on a WebSocket, in either direction, in ms.
    pub tunnel_idle_ms: u64,
    /// A response's head, in bytes. More than of a request, since an endpoint is not an attacker as a rule, and applications
    /// send long policies and many cookies.
    pub response_header_bytes_max: u32,
    /// Header lines in a response.
    pub response_header_count_max: u32,
    /// Chunk extensions in one body, in bytes. They are thrown away.
    pub chunk_extension_bytes_max: u32,
    /// Buffers of 256 KiB that one worker lends to transfers: 128 are 32 MiB.
    pub large_buffers_max: u32,
    /// Buffers of 16 KiB that one worker lends to slow transfers. Beyond it new requests are answered with 503.
    pub small_buffers_max: u32,
    /// Memory of the encoders that one worker lends to responses, in bytes: those of 200 by gzip, 150 by zstd, 80 by Brotli.
    /// Beyond it responses are not compressed.
    pub encoder_bytes_max: u64,
    /// Idle connections that one worker keeps to one endpoint.
    pub upstream_idle_per_endpoint_max: u32,
    /// How long an idle connection to an endpoint is kept, in ms. It is below the idle time-outs of common servers: most wait for
    /// a minute. (Node.js waits for 5 s, which is noticed when the connection is taken.)
    pub upstream_idle_ms: u64,
    /// Connections of one worker to endpoints that carry a login by NTLM or Negotiate. Each belongs to one client's connection.
    /// Beyond it they are closed after each response, and clients cannot log in. A browser opens six.
    pub login_connections_max: u32,
    /// Repeats, in percent of recent requests.
    pub retry_percent_max: u32,
    /// Requests that the candidate failed and stable takes, per second and router. 0: none. A candidate that fails altogether
    /// must not bring its whole load to stable at once.
    pub shields_per_second_max: u32,
    /// How long open exchanges may go on after the grace time of a shutdown, in ms.
    pub shutdown_ms: u64,
    /// How long a process that was replaced in an upgrade goes on with what is open, in ms: downloads and WebSockets last.
    pub replaced_ms: u64,
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
    /// Apps. Each costs a table, a record and up to 1,000 events, and whoever has a `ci` token can make one.
    pub apps_max: u32,
    /// Releases of one app that have endpoints: pipelines leave old ones behind, and three a day are a year's.
    pub releases_per_app_max: u32,
    /// Endpoints of one release: what one call can register.
    pub endpoints_per_release_max: u32,
    /// Endpoints in all: twice as many as publishing and health checks are measured with.
    pub endpoints_max: u32,
    /// Keys that mean nothing to the router: a store of a router is for its rollouts.
    pub raw_keys_max: u32,
    /// Bytes of such keys and their values: what a small machine can hold beside everything else. A store in this process
    /// keeps them in memory.
    pub raw_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes_max: 16 * 1024,
            header_count_max: 128,
            target_bytes_max: 8 * 1024,
            header_ms: 10_000,
            body_rate_min: 128,
            body_grace_ms: 60_000,
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
            response_header_bytes_max: 64 * 1024,
            response_header_count_max: 1_000,
            chunk_extension_bytes_max: 16 * 1024,
            large_buffers_max: 128,
            small_buffers_max: 16_384,
            encoder_bytes_max: 64 << 20,
            upstream_idle_per_endpoint_max: 256,
            upstream_idle_ms: 50_000,
            login_connections_max: 4_096,
            retry_percent_max: 20,
            shields_per_second_max: 1_000,
            shutdown_ms: 30_000,
            replaced_ms: 3_600_000,
            admin_connections_max: 1_024,
            admin_connections_per_address_max: 256,
            streams_per_token_max: 64,
            streams_per_address_max: 128,
            metrics_series_max: 100_000,
            apps_max: 1_000,
            releases_per_app_max: 1_000,
            endpoints_per_release_max: 1_000,
            endpoints_max: 20_000,
            raw_keys_max: 10_000,
            raw_bytes_max: 256 << 20,
        }
    }
}

impl Limits {
    /// Keeps the buffers of all workers within the memory that the process may use, in bytes. A quarter of it is for them, and
    /// of that a quarter for large ones. A quarter as much as they may take is for encoders.
    pub fn fit_memory(&mut self, bytes: u64, workers: usize) {
        let share = bytes / MEMORY_PARTS / (workers.max(1) as u64);
        let count = |bytes: u64, each: usize| {
            let whole = HEADROOM_BYTES + each + TAILROOM_BYTES;
            u32::try_from(bytes / (whole as u64)).unwrap_or(u32::MAX)
        };
        self.large_buffers_max = self.large_buffers_max.min(count(share / 4, READ_LARGE_BYTES));
        self.small_buffers_max = self.small_buffers_max.min(count(share - share / 4, READ_BYTES).max(16));
        self.encoder_bytes_max = self.encoder_bytes_max.min(share / 4);
    }

    /// [`Limits::header_bytes_max`] as a size.
    pub fn header_bytes(&self) -> usize {
        self.header_bytes_max as usize
    }

    /// [`Limits::connect_ms`] as a duration.
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_fit_into_little_memory_and_do_not_grow_with_much() {
        let fitted = |bytes, workers| {
            let mut limits = Limits::default();
            limits.fit_memory(bytes, workers);
            (limits.small_buffers_max, limits.large_buffers_max)
        };
        let (small, large) = fitted(64 << 20, 2);
        let bytes = 2 * (u64::from(small) * 18_448 + u64::from(large) * 264_208);
        assert!(bytes <= 16 << 20 && bytes > 14 << 20, "{small} and {large}: {bytes}");
        assert_eq!(fitted(64 << 30, 1), (16_384, 128));
        assert_eq!(fitted(1_000, 8), (16, 0));
    }

    #[test]
    fn an_unknown_limit_is_an_error() {
        assert!(serde_json::from_str::<Limits>(r#"{"header_bytes_maximum": 1}"#).is_err());
        assert!(serde_json::from_str::<Limits>(r#"{"idle_ms": 1000}"#).is_ok());
    }
}
