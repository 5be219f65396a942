//! Counters of the process, in one set per worker. They are added up when they are scraped.

use std::sync::Arc;

use crate::cell::Counter;

/// Declares the counters once: the struct that a worker writes, and the list that a scrape reads.
macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident: $kind:ident $metric:literal $($label:literal)?;)+) => {
        /// One worker's counters. Only that worker writes to them. They have cache lines of their own.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct WorkerCounters {
            $($(#[doc = $help])+ pub $name: Counter,)+
        }

        impl WorkerCounters {
            /// What each counter is, with its value.
            fn read(&self) -> Vec<(Metric, u64)> {
                vec![$((
                    Metric {
                        name: $metric,
                        label: counters!(@label $($label)?),
                        kind: Kind::$kind,
                        help: concat!($($help),+),
                    },
                    self.$name.get(),
                ),)+]
            }
        }
    };
    (@label) => { None };
    (@label $label:literal) => { Some($label) };
}

counters! {
    /// Connections accepted from clients.
    connections_accepted: Counter "rolling_connections_accepted_total";
    /// Connections from clients open now.
    connections_open: Gauge "rolling_connections_open";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    accept_paused: Counter "rolling_limits_hit_total" "limit=\"file_descriptors\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_connections: Counter "rolling_limits_hit_total" "limit=\"connections\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_connections_per_address: Counter "rolling_limits_hit_total" "limit=\"connections_per_address\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_header_bytes: Counter "rolling_limits_hit_total" "limit=\"header_bytes\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_header_count: Counter "rolling_limits_hit_total" "limit=\"header_count\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_target_bytes: Counter "rolling_limits_hit_total" "limit=\"target_bytes\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_header_time: Counter "rolling_limits_hit_total" "limit=\"header_time\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_body_rate: Counter "rolling_limits_hit_total" "limit=\"body_rate\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_idle_time: Counter "rolling_limits_hit_total" "limit=\"idle_time\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_login_connections: Counter "rolling_limits_hit_total" "limit=\"login_connections\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_requests_per_connection: Counter "rolling_limits_hit_total" "limit=\"requests_per_connection\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_paused_requests: Counter "rolling_limits_hit_total" "limit=\"paused_requests\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_endpoint_queue: Counter "rolling_limits_hit_total" "limit=\"endpoint_queue\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_memory: Counter "rolling_limits_hit_total" "limit=\"buffer_memory\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_encoders: Counter "rolling_limits_hit_total" "limit=\"encoder_memory\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_http2_frames: Counter "rolling_limits_hit_total" "limit=\"http2_frames\"";
    /// Requests, connections and pauses of accepting, by the limit that caused them.
    limit_http2_streams: Counter "rolling_limits_hit_total" "limit=\"http2_streams\"";
    /// Connections from clients that speak HTTP/2.
    connections_http2: Counter "rolling_http2_connections_total";
    /// Requests refused as malformed or not allowed, never forwarded.
    requests_refused: Counter "rolling_requests_refused_total";
    /// Requests whose Host no app claims.
    requests_misdirected: Counter "rolling_requests_misdirected_total";
    /// Requests for which no release was routed.
    requests_unroutable: Counter "rolling_requests_unroutable_total";
    /// Requests that waited for a paused app.
    requests_paused: Counter "rolling_requests_paused_total";
    /// Requests that were answered 503 since their app is paused or stopped.
    requests_halted: Counter "rolling_requests_halted_total";
    /// Requests that had already passed this router.
    requests_looped: Counter "rolling_requests_looped_total";
    /// Requests whose release a tester chose. No other count of a release includes them.
    overridden: Counter "rolling_overridden_requests_total";
    /// Request header lines that were dropped since their names have `_`.
    headers_with_underscores: Counter "rolling_underscore_headers_dropped_total";
    /// Responses that said their framing twice in the same way, and went on with it once.
    repeated_framing: Counter "rolling_responses_repeating_framing_total";
    /// Responses that were compressed.
    responses_compressed: Counter "rolling_responses_compressed_total";
    /// Bytes of bodies before and after they were compressed.
    compression_before: Counter "rolling_compression_bytes_total" "side=\"before\"";
    /// Bytes of bodies before and after they were compressed.
    compression_after: Counter "rolling_compression_bytes_total" "side=\"after\"";
    /// Panics caught in a request.
    panics: Counter "rolling_panics_total";
    /// Connections opened to endpoints.
    upstream_connects: Counter "rolling_upstream_connects_total";
    /// Requests sent on a kept connection.
    upstream_reuses: Counter "rolling_upstream_reuses_total";
    /// Kept connections found closed when taken.
    upstream_stale: Counter "rolling_upstream_stale_total";
    /// Idle connections to endpoints kept now.
    upstream_idle: Gauge "rolling_upstream_idle_connections";
    /// Connections to endpoints that carry the login of one client, and are kept for it.
    login_connections: Gauge "rolling_login_connections";
    /// Requests repeated.
    upstream_retries: Counter "rolling_upstream_retries_total";
    /// Repeats not made because the budget was used up.
    upstream_retries_denied: Counter "rolling_upstream_retries_denied_total";
    /// Failures of endpoints.
    upstream_failed_connect: Counter "rolling_upstream_failures_total" "kind=\"connect\"";
    /// Failures of endpoints.
    upstream_failed_connect_timeout: Counter "rolling_upstream_failures_total" "kind=\"connect_timeout\"";
    /// Failures of endpoints.
    upstream_failed_reset: Counter "rolling_upstream_failures_total" "kind=\"reset\"";
    /// Failures of endpoints.
    upstream_failed_malformed: Counter "rolling_upstream_failures_total" "kind=\"malformed\"";
    /// Failures of endpoints.
    upstream_failed_first_byte: Counter "rolling_upstream_failures_total" "kind=\"first_byte_timeout\"";
    /// Failures of endpoints.
    upstream_failed_status: Counter "rolling_upstream_failures_total" "kind=\"status\"";
    /// Failures of endpoints.
    upstream_failed_body: Counter "rolling_upstream_failures_total" "kind=\"body\"";
    /// Requests that the candidate failed and stable took.
    shielded: Counter "rolling_shielded_requests_total";
    /// Requests that the candidate failed and stable did not take.
    shields_denied_rate: Counter "rolling_shields_denied_total" "reason=\"rate\"";
    /// Requests that the candidate failed and stable did not take.
    shields_denied_stable: Counter "rolling_shields_denied_total" "reason=\"stable\"";
    /// Fingerprinted assets that a release did not have, by what came of asking its siblings.
    assets_found: Counter "rolling_asset_fall_through_total" "outcome=\"found\"";
    /// Fingerprinted assets that a release did not have, by what came of asking its siblings.
    assets_missed: Counter "rolling_asset_fall_through_total" "outcome=\"missed\"";
    /// Fingerprinted assets that a release did not have, by what came of asking its siblings.
    assets_remembered: Counter "rolling_asset_fall_through_total" "outcome=\"remembered\"";
    /// Fingerprinted assets that a release did not have, by what came of asking its siblings.
    assets_denied: Counter "rolling_asset_fall_through_total" "outcome=\"denied\"";
    /// Dropped Set-Cookie lines of endpoints, with the router's own cookie names.
    pin_cookies_dropped: Counter "rolling_endpoint_pin_cookies_dropped_total";
    /// Pin cookies that no router of this fleet signed.
    pins_forged: Counter "rolling_pins_rejected_total" "reason=\"forged\"";
    /// Pin cookies signed with an unknown key.
    pins_foreign_key: Counter "rolling_pins_rejected_total" "reason=\"foreign-key\"";
    /// Responses made `private` while several releases were routed.
    responses_guarded: Counter "rolling_responses_guarded_total";
    /// Open exchanges ended because their release retired or was aborted.
    exchanges_ended: Counter "rolling_exchanges_ended_total";
    /// Access log lines written.
    log_lines: Counter "rolling_access_log_lines_total";
    /// Access log lines lost: the disk could not keep up, or the file cannot be written.
    log_lines_dropped: Counter "rolling_access_log_lines_dropped_total";
    /// Spans of traces made.
    spans: Counter "rolling_spans_total";
    /// Spans lost: the collector could not keep up, or did not take them.
    spans_lost: Counter "rolling_spans_lost_total";
    /// Connections that were refused for their PROXY header.
    proxy_header_faults: Counter "rolling_proxy_headers_refused_total";
    /// TLS handshakes that failed.
    tls_failures: Counter "rolling_tls_handshakes_failed_total";
    /// TLS handshakes that succeeded.
    tls_handshakes: Counter "rolling_tls_handshakes_total";
}

/// Whether a metric only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It comes and goes.
    Gauge,
}

/// One line of the exposition, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its label, such as `kind="connect"`.
    pub label: Option<&'static str>,
    /// Its kind.
    pub kind: Kind,
    /// What it counts.
    pub help: &'static str,
}

/// The counters of all workers.
#[derive(Debug, Clone)]
pub struct Counters {
    workers: Arc<[WorkerCounters]>,
}

impl Counters {
    /// A set for each worker.
    pub fn new(workers: usize) -> Self {
        Self { workers: (0..workers).map(|_| WorkerCounters::default()).collect() }
    }

    /// The set that this worker alone writes.
    pub fn worker(&self, index: usize) -> &WorkerCounters {
        &self.workers[index]
    }

    /// Requests whose Host no app claims, of all workers.
    pub fn misdirected(&self) -> u64 {
        let counts = self.workers.iter().map(|worker| worker.requests_misdirected.get());
        counts.fold(0, u64::wrapping_add)
    }

    /// Every metric with its sum over all workers. Metrics of one name follow each other.
    pub fn totals(&self) -> Vec<(Metric, u64)> {
        let mut totals = WorkerCounters::default().read();
        for worker in self.workers.iter() {
            for (sum, (_, value)) in totals.iter_mut().zip(worker.read()) {
                sum.1 = sum.1.wrapping_add(value);
            }
        }
        totals.sort_by_key(|(metric, _)| metric.name);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_over_workers() {
        let counters = Counters::new(2);
        counters.worker(0).upstream_connects.add(3);
        counters.worker(1).upstream_connects.add(4);
        let find = |name| counters.totals().into_iter().find(|(metric, _)| metric.name == name);
        assert_eq!(find("rolling_upstream_connects_total").map(|(_, value)| value), Some(7));
    }

    #[test]
    fn a_gauge_may_fall_on_another_worker_than_it_rose_on() {
        let counters = Counters::new(2);
        counters.worker(0).connections_open.add(1);
        counters.worker(1).connections_open.subtract(1);
        assert!(counters.totals().iter().all(|(_, value)| *value == 0));
    }
}
