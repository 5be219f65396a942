//! rolling-router: a sticky-session rolling reverse proxy. This page is the architecture document.
//!
//! # Bird's-eye view
//!
//! The router splits the end users of an *app* between its *stable* and its *candidate* release, keeps every client
//! on the release and the endpoint it was pinned to, and lets people and pipelines promote, abort or roll back with
//! one atomic write to a key-value store.
//!
//! ```text
//!                    end users                              people, pipelines, old scripts
//!                        |                                               |
//!                   front port 80                                 admin port 8080
//!                        v                                               v
//!   +------------- data plane -------------+          +------------ control plane -------------+
//!   |  proxy: one thread per core          |          |  control: API, GUI, tokens             |
//!   |  http1, http2 -> forward ------+      |          |    command: read, decide, build, commit|
//!   |  upstream: connections, health|      |          |    sync: watch, adopt, build, publish  |
//!   +---------------|---------------|------+          +------|--------------------|------------+
//!                   |               |   live                 |                    |
//!                   |               +--> table, endpoint  <--+                    v
//!                   v                    slots, activity            keyvalues: the store
//!               endpoints                                      (memory, embedded, servers)
//! ```
//!
//! Two planes share one process and meet in [`live`] alone: the control plane publishes an immutable routing table
//! there by swapping one pointer, and reads the counters that the data plane keeps there. Neither can wait for the
//! other. The store is the only truth that outlives a process; any number of routers may watch one store.
//!
//! An app is routed by one stored value, its [rollout record](rollout::record). A command changes that value under
//! the condition that nobody else did; so a promote is atomic on every store, the same on every router, and after
//! every restart. The four keys of the old layout mirror the record, and what an old script writes to them is
//! [adopted](rollout::adopt) into it.
//!
//! # Code map
//!
//! | module | what it is | may import |
//! |---|---|---|
//! | [`limits`], [`clock`] | every limit by name; every reading of time | nothing |
//! | [`rollout`] | the pure core: record, commands, adoption, pins, blend, routing table, assignment. No I/O, no async, no lock, no clock: all of it is driven by property tests | `limits` |
//! | [`schema`] | the HTTP API as types: requests and answers, shared by the router and the command line | `rollout` |
//! | [`live`] | what crosses between the planes: the published table, endpoint and release slots that outlive it, activity cells that one worker each writes, testers' connections | `rollout` |
//! | [`telemetry`] | counters, access log | `rollout` |
//! | [`client_tls`] | TLS towards endpoints: server names, authorities, what is wrong with a certificate | `rollout` |
//! | [`health_check`] | one health check of an endpoint, which `upstream` makes all the time and the gate of `control` when a release is to be stable | `client_tls`, `rollout` |
//! | [`engine`] | Docker Engine APIs: what may be asked of each, its containers and their events. Errors are the caller's alone | `rollout` |
//! | [`upstream`] | the endpoints' side: pooled connections per worker, health checks, ejection, budgets of repeats | `health_check`, `rollout`, `live`, `telemetry` |
//! | [`proxy`] | the data plane, in wings: `codec`, `worker`, `rewrite`, `route`, `downstream`, `forward`, `front` | `client_tls`, `live`, `rollout`, `upstream`, `telemetry` |
//! | [`control`] | the control plane: from the store to the table, commands, fleet, hooks, and the admin port with API and GUI | `client_tls`, `engine`, `health_check`, `live`, `rollout`, `schema`, `telemetry`, `keyvalues` |
//! | [`config`] | flags, environment and file into a valid `Config` | `limits`, `engine`, `rollout` |
//! | [`cli`] | one file per verb; all but `serve` and `demo` speak HTTP with a router | `config`, `schema` |
//! | [`server`] | the composition root: start-up and shutdown order | everything |
//! | [`cell`], [`slots`], [`authority`], [`printable`], [`cause`], [`memory`], [`file_stamp`], [`span`] | the small primitives that several planes need: counters of one writer, slots whose copies share what is the same, hosts with ports, text made fit to be shown, what an error comes down to, memory given back after a crowd, whether a file is another one than before, lengths of time in words | nothing |
//! | `keyvalues` (crate) | the store contract, its backends, the conformance suite that they all run | knows nothing of proxying |
//!
//! Inside [`control`] each room imports only those before it: `limits`, `shared` (state, no behaviour), `commands` (every
//! change of the store, in one loop: `transact`), `fleet`, `sync` (store to table) and `hooks`, `admin` (the port), `api`
//! (handlers; nobody but `start` imports it).
//!
//! The wings of [`proxy`] import only those before them in its row, and the codec nothing of the router but `limits` and
//! `authority`.
//!
//! `proxy` and `control` never import each other. `tests/tidy` enforces the table. Outside `src/`: `ui/` is the
//! GUI, embedded in the binary; `tests/` the suites of the whole binary; `benches/` what is measured and how;
//! `docs/openapi.json` the API, `docs/design.md` the contract, `docs/glossary.md` every word with its place in the tree.
//!
//! # Life of a request
//!
//! 1. A worker's listener accepts the connection ([`proxy::front`]). Every worker has its own listener on the same address,
//!    so the kernel spreads connections and no thread hands one to another. One task serves the connection
//!    (`front/serve.rs`), on this thread, until it ends.
//! 2. The HTTP/1.1 server ([`proxy::downstream::http1`]) reads. The codec ([`proxy::codec`]) reads the head once, strictly, and
//!    borrows everything from the read buffer. What is ambiguous is refused, and the connection ends there. In HTTP/2
//!    ([`proxy::downstream::http2`]) each request has a task of its own, and the same codec reads its head.
//! 3. [`proxy::route`] makes a plan. It loads the published table once; the request sees no other. The Host leads to an app.
//! 4. A tester's preview or header decides, if there is one ([`proxy::route::tester`]); else [`rollout::assign`] does, by the
//!    pin, or else by the bucket. It answers with a target (release and endpoint) and one of a closed list of reasons, and is
//!    a pure function of the table, the pin and what [`live`] knows of the endpoints' health. The head that goes upstream is
//!    written ([`proxy::rewrite`]): one Host, one framing, no hop-by-hop header, the router's own forwarding headers.
//! 5. [`proxy::forward`] carries the plan out. It waits for room at the endpoint, and takes a connection from the pool
//!    ([`upstream`]) or opens one.
//! 6. The exchange ([`proxy::forward::exchange`]) streams body and response through one buffer, whose size follows how fast the
//!    other side takes it. If it fails and the request may be repeated, another endpoint of the same release is asked, or
//!    stable is, if the candidate failed.
//! 7. The response's head goes out with a Set-Cookie if the pin is new or has changed. The account
//!    ([`proxy::forward::account`]) counts the request in this worker's cells and writes its line to the access log. The
//!    connection waits for the next request without a buffer.
//!
//! # Life of a command
//!
//! 1. [`control`] checks token, role, host name and content type, and reads the app's record from the store, not
//!    from the table.
//! 2. [`rollout::command`] decides, purely: a new record with its event, "unchanged", or a refusal with its status.
//! 3. The table that would be published is built first: a command that cannot be routed is refused, not committed.
//! 4. One commit writes record, event and the mirrored old keys, on the condition that the record is the one that was
//!    read. On a conflict without If-Match it starts again.
//! 5. The watch brings the commit back, as it brings everybody else's; the table is compiled (apps that did not
//!    change are shared with the last one) and published.
//! 6. The command is answered when this router serves the result.
//!
//! # Invariants
//!
//! Each has tests that fail when it is broken; the path after it says where.
//!
//! 1. **No request ever waits on the store.** `proxy` cannot even name it:
//!    `tests/tidy/imports.rs::modules_import_only_what_the_design_allows`; and an outage changes nothing:
//!    `src/control/tests/following.rs::an_outage_leaves_the_table_alone_and_refuses_commands`
//! 2. **A request sees exactly one routing table; two routers at the same seq and store revision send the same pin
//!    to the same release.** `src/rollout/assign/tests/properties.rs::the_same_pin_and_table_are_the_same_release`
//! 3. **A published table is valid; a bad keyvalue harms only itself, and never the stop button.**
//!    `src/rollout/adopt/tests.rs::a_bad_value_harms_only_itself`,
//!    `src/control/tests/following.rs::garbage_in_the_record_harms_neither_the_table_nor_the_stop_button`,
//!    `tests/control/api/state.rs::a_bad_keyvalue_is_shown_and_harms_only_itself`,
//!    `tests/routing/release/raw_writes.rs::bad_values_are_refused_and_change_nothing`
//! 4. **Every command is all or nothing, also across `kill -9`, and acknowledged by seq.**
//!    `tests/load/kill.rs::a_router_killed_in_the_middle_comes_back_with_the_old_state_or_the_new`,
//!    `tests/control/api/commands.rs::a_stale_seq_is_refused`
//! 5. **A client changes release only for a reason in a closed list.**
//!    `src/rollout/assign/tests/properties.rs::a_client_moves_only_by_a_row_of_the_table`,
//!    `tests/load/moves.rs::commands_under_load_move_only_those_whom_the_table_moves`
//! 6. **Releasing never fails a request, closes an idle connection or cuts an exchange before its drain or abort
//!    deadline.** `tests/load/moves.rs::commands_under_load_move_only_those_whom_the_table_moves`,
//!    `tests/routing/release/drain.rs::a_socket_outlives_a_promote`,
//!    `tests/routing/release/commands.rs::promote_moves_nobody_with_a_pin`
//! 7. **What goes upstream is unambiguous: one Host, one framing, no hop-by-hop header, no control byte.**
//!    `tests/http/http_requests/framing.rs::row_1_both_framings_at_once`,
//!    `tests/http/http_requests/targets.rs::row_17_no_host_or_two`,
//!    `tests/http/http_requests/forwarding.rs::row_26_headers_named_by_connection_are_removed`,
//!    `tests/http/http_requests/heads.rs::row_9_bare_line_ends_and_nul`
//! 8. **After a request that was refused, nothing later on that connection is answered.**
//!    `tests/http/http_requests/forwarding.rs::row_25_nothing_behind_close_is_answered`, and every refusal in
//!    `tests/http/http_requests/`
//! 9. **Every queue, buffer, header block, wait and retry has a named limit.**
//!    `tests/http/http_requests/limits.rs::row_24_targets_headers_and_counts_beyond_any_use`,
//!    `tests/http/proxying/pressure.rs::a_client_that_does_not_read_stops_the_endpoint`
//! 10. **No unauthenticated write, no secret through the raw key API.**
//!     `tests/control/api_security.rs::without_a_token_nothing_is_read_or_written`,
//!     `tests/control/api/keyvalues.rs::the_routers_own_keys_are_nobodys`
//! 11. **Nobody reads time except through [`clock`].**
//!     `tests/tidy/words.rs::code_outside_tests_neither_unwraps_nor_prints_nor_reads_the_clock`

pub mod authority;
pub mod cause;
pub mod cell;
pub mod cli;
pub mod client_tls;
pub mod clock;
pub mod config;
pub mod control;
pub mod endpoint_sockets;
pub mod engine;
pub mod file_stamp;
pub mod health_check;
pub mod interned;
pub mod limits;
pub mod live;
pub mod memory;
pub mod printable;
pub mod proxy;
pub mod rollout;
pub mod schema;
pub mod server;
pub mod slots;
pub mod span;
pub mod telemetry;
pub mod upstream;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The tests that the invariants above name, as `file` and `function`.
    fn named() -> Vec<(String, String)> {
        let page = include_str!("lib.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let text: String = page.collect();
        let quoted = text.split('`').skip(1).step_by(2).filter_map(|word| word.split_once(".rs::"));
        quoted.map(|(file, function)| (format!("{file}.rs"), function.to_owned())).collect()
    }

    #[test]
    fn every_invariant_names_tests_that_exist() {
        let named = named();
        assert!(named.len() >= 11, "{named:?}");
        for (file, function) in named {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
            let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(source.contains(&format!("fn {function}(")), "{file} has no test `{function}`");
        }
    }
}
