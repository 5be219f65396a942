//! Every limit of the control plane by name, with its reason.
//!
//! Beside the crate's `limits`, since nothing but the control plane waits on these: no limit here is ever met by a
//! request of an end user.

use std::time::Duration;

/// How long one read of the store may take: a healthy store answers in milliseconds, and a person waits.
pub const STORE_READ_MAX: Duration = Duration::from_secs(2);
/// How long one commit may take: it waits for a disk or a quorum.
pub const STORE_COMMIT_MAX: Duration = Duration::from_secs(4);
/// How long a restore may take: 10,000 keys are 120 commits.
pub const STORE_RESTORE_MAX: Duration = Duration::from_secs(30);
/// How long after its start a router lets calls wait until it has read its store: a slow machine has done it by then, and a
/// store that takes longer has an outage.
pub const FIRST_READING: Duration = Duration::from_secs(5);
/// How long a command waits, after its commit, until this router serves the result.
pub const SERVED_WAIT_MAX: Duration = Duration::from_secs(5);
/// The longest `?timeout=` of `?wait=fleet`.
pub const FLEET_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often a call that waits looks at the app: a tenth of the shortest useful interval of health checks.
pub const WAIT_PACE: Duration = Duration::from_millis(100);
/// How long a run that waited for a lock keeps its place after the call: the next call of one that goes on waiting comes at once,
/// and one that gave up holds up the others no longer than that.
pub const LOCK_PLACE_KEPT: Duration = Duration::from_secs(5);
/// How long the alarm stands after the last request that led to no app: somebody who was called by it still finds it.
pub const MISDIRECTED_ALARM: Duration = Duration::from_secs(300);
/// How often a change without If-Match reads again and repeats after a conflict. With the pauses before them that is a second
/// in all: a crowd at other routers has come through by then, and a person waits no longer.
pub const CHANGE_REPEATS_MAX: usize = 13;
/// The longest pause before the first repeat; it doubles up to [`CONFLICT_PAUSE_MAX`], and at least half of it passes.
pub const CONFLICT_PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause before any repeat.
pub const CONFLICT_PAUSE_MAX: Duration = Duration::from_millis(100);
/// How often the gate asks again because the endpoints have changed while it asked.
pub const GATE_REPEATS_MAX: usize = 5;
/// Endpoints that one call may register.
pub const ENDPOINTS_PER_CALL_MAX: usize = 1_000;
/// Releases that one call prunes, each by a commit of its own: what a slow store does in the time that a caller waits.
pub const PRUNED_PER_CALL_MAX: usize = 200;
/// Endpoints that fit one commit beside the record, the mirrored keys, and the events of the apps that route the release
/// (100 writes in all).
pub const ENDPOINTS_PER_COMMIT_MAX: usize = 80;
/// How long an endpoint's key has been missing before the record says so: a script that replaces the key has done it by then, and
/// no command is in its way.
pub const UNREGISTERED_NOTED_AFTER: Duration = Duration::from_secs(1);
/// How long another router has to write out the set of endpoints that it committed, before this one does it.
pub const WRITE_OUT_AFTER: Duration = Duration::from_secs(5);
/// Events about endpoints in one page of history, beside its other events.
pub const HISTORY_ENDPOINT_EVENTS_MAX: usize = 200;
/// Listeners that a member reports: three ports at each of 80 addresses. More are cut off.
pub const LISTENERS_MAX: usize = 240;
/// How often the names of endpoints are looked up: a container that came back is found before its clients give up.
pub const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// Names that are looked up at once: each holds a descriptor, and a name server is not to be flooded.
pub const LOOK_UPS_MAX: usize = 16;
/// Addresses of one name and family that count; further ones are left out. A name server's answer has few more.
pub const ADDRESSES_PER_NAME_MAX: usize = 64;
/// How old what is known of a name may be for a command that routes it: twice as old as it gets.
pub const NAME_FRESH: Duration = Duration::from_secs(10);
/// The same of a name that did not resolve: its container may have started just now.
pub const NAME_FAILURE_FRESH: Duration = Duration::from_secs(1);
/// How long is remembered what a name stands for that is not routed: the command that looked it up has long been served by then.
pub const NAME_KEPT: Duration = Duration::from_secs(60);
/// Endpoints that the gate asks at once: each holds a descriptor.
pub const PROBES_MAX: usize = 512;
/// How long the gate waits before it asks again, while a command waits for a release to be well.
pub const GATE_PAUSE: Duration = Duration::from_millis(250);
/// The pause before a release is asked again that a raw `stable/id` names: each router asks.
pub const WAITING_PAUSE: Duration = Duration::from_secs(1);
/// The pause before the store is read again for one that is not asked any more: its key may be written again.
pub const GIVEN_UP_PAUSE: Duration = Duration::from_secs(10);
/// The longest time, in seconds, that a command may wait at the gate.
pub const GATE_WAIT_SECONDS_MAX: u64 = 600;

/// How long what could not be settled about an engine's containers waits for the next attempt: a container that has just
/// started passes its gate within seconds. By as much longer than its time-out a container may take to end.
pub const ENGINE_SETTLE_AFTER: Duration = Duration::from_millis(500);
/// How often it is looked whether containers should have ended by now.
pub const ENGINE_DEADLINE_TICK: Duration = Duration::from_millis(250);

/// The first pause after a failed attempt to reach the store; it doubles up to [`STORE_RETRY_MAX`], with jitter.
pub const STORE_RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause between two attempts: a healed store is found again within this.
pub const STORE_RETRY_MAX: Duration = Duration::from_millis(500);
/// Staleness above this is shown: twice the silence that a watch of a reachable store allows itself, and some.
pub const STALE_AFTER: Duration = Duration::from_secs(5);
/// A watch that is silent for this long is dead: the contract promises an item every second.
pub const WATCH_SILENCE_MAX: Duration = Duration::from_secs(5);
/// Watch items read ahead of the table that is being built.
pub const WATCH_QUEUE: usize = 1_024;
/// Deadlines of drains and aborts are looked at this often.
pub const DEADLINE_TICK: Duration = Duration::from_millis(200);
/// A retirement or adoption that failed is tried again after this.
pub const UPKEEP_RETRY: Duration = Duration::from_secs(1);
/// For how long every member has to say that it reads the newest pin format before it is signed. A member of an earlier version
/// that restarts says nothing meanwhile, and is back by then.
pub const PIN_FORMAT_PAUSE: Duration = Duration::from_secs(10);
/// The last good table is written at most this often.
pub const LAST_GOOD_EVERY: Duration = Duration::from_secs(1);
/// How often a process that was replaced looks for a newer one.
pub const SAVED_LOOK: Duration = Duration::from_millis(100);

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`. A crowd that comes all at once
/// would else make an operator's connection wait for a second, until the kernel tries again.
pub const LISTEN_BACKLOG: i32 = 4_096;
/// What the kernel holds for a client that does not read, in bytes: enough for 2 MB/s to the other side of the world.
pub const SEND_BUFFER_BYTES: usize = 256 << 10;
/// How long a client may leave what was sent unacknowledged, or its window shut, before the kernel ends the connection.
pub const VANISHED_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether clients read their answers.
pub const UNREAD_LOOK: Duration = Duration::from_secs(1);
/// What a client must take of an answer within [`UNREAD_LOOK`], in bytes: below a slow modem, above one that drips.
pub const ANSWER_RATE_MIN: u64 = 1_024;
/// For how many looks in a row a client may take less before it loses its connection: a browser in the background pauses,
/// and comes back within seconds.
pub const ANSWER_SLOW_SECONDS_MAX: u32 = 10;
/// Calls of one token under way at once: a pipeline that releases all its apps at a time stays below it, and as many of
/// the heaviest calls take no longer than a reader waits.
pub const CALLS_PER_TOKEN_MAX: usize = 32;
/// How long a call beyond that waits for its turn.
pub const CALL_WAIT_MAX: Duration = Duration::from_secs(5);
/// What is sent of `/metrics` at a time, in bytes: two such parts are what a scrape that nobody reads costs.
pub const METRICS_PART_BYTES: usize = 16 << 10;
/// What is read of a body that nobody wants, in bytes: four of the longest bodies that any call takes.
pub const LINGER_BYTES_MAX: usize = 16 << 20;
/// How long that may take.
pub const LINGER_MAX: Duration = Duration::from_secs(2);
/// How long a client may take for the TLS handshake.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long a client may take for a request's head.
pub const HEAD_MAX: Duration = Duration::from_secs(10);
/// How long a client may take for a request's body, however short it is.
pub const BODY_MAX: Duration = Duration::from_secs(10);
/// For so many bytes of it that have come it has a second more: 128 kbit/s.
pub const BODY_BYTES_PER_SECOND_MIN: usize = 16 << 10;
/// The longest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest JSON body, in bytes: above what any call needs, so that absurd nesting is named as such.
pub const JSON_BYTES_MAX: usize = 1 << 20;
/// Fields of one JSON body, those of objects within it included: several times what any call has. Each is held against
/// all others of its object, and reading ends here.
pub const JSON_FIELDS_MAX: usize = 64;
/// Fields of a body of settings: an answer with all that count, their sources and their defaults can be sent back.
pub const SETTINGS_FIELDS_MAX: usize = 512;
/// How deep the values of a JSON body may be nested: twice what any call has.
pub const JSON_DEPTH_MAX: usize = 8;
/// Items of all lists of one JSON body together: above the endpoints of one call.
pub const JSON_ITEMS_MAX: usize = 2_000;
/// Keyvalues that one call may list with `limit`. Without it all are listed.
pub const LISTED_MAX: u64 = 10_000;
/// What a listing reads of the store at a time, in bytes of values: what one that nobody reads costs.
pub const LISTING_PAGE_BYTES: usize = 1 << 20;
/// Entries that it asks for first, before it is known how long values are.
pub const LISTING_PAGE_FIRST: usize = 16;
/// Entries that it asks for at most.
pub const LISTING_PAGE_MAX: usize = 1_000;
/// What is sent of a listing at a time, in bytes.
pub const LISTING_PART_BYTES: usize = 16 << 10;
/// How long a count of the raw keys is good for, while what this router writes is added: others write too.
pub const RAW_COUNT_EVERY: Duration = Duration::from_secs(10);
/// For how long a full store is not counted again.
pub const RAW_RECOUNT_PAUSE: Duration = Duration::from_secs(1);
/// The longest raw keyvalue, in bytes.
pub const RAW_VALUE_BYTES_MAX: usize = 64 << 10;
/// How long calls that are under way may take to be answered when the router stops or gives way to a new process. A store that is slow
/// takes seconds for a commit, and a call that is cut leaves its asker without an outcome.
pub const STOP_MAX: Duration = Duration::from_secs(10);

/// Deployments in the store, of all apps together: each is read by every router, and takes up to 256 KiB.
pub const DEPLOYMENTS_MAX: usize = 2_000;
/// How long a deployment may take until it serves, in seconds, unless its call says otherwise: a large image over a slow line.
pub const DEPLOY_SECONDS: u32 = 300;
/// The longest time, in seconds, that a call may give it.
pub const DEPLOY_SECONDS_MAX: u32 = 3_600;
/// How long a container has to end by itself when it is stopped.
pub const CONTAINER_STOP_GRACE: Duration = Duration::from_secs(10);
/// Lines that are kept of what a container said before it failed.
pub const LAST_WORDS_LINES: usize = 50;
/// How often it is looked whether a deployment can be carried on.
pub const CARRIER_TICK: Duration = Duration::from_millis(400);
/// After how long a deployment that has nothing to do, or waits for its containers, is looked at again.
pub const CARRIER_PAUSE: Duration = Duration::from_secs(1);
/// The same for one that is stopped or has failed: nothing happens to it unless somebody asks, and an order is seen at once.
pub const CARRIER_IDLE_PAUSE: Duration = Duration::from_secs(10);
/// How long a step of an engine may take at least, also where the time of the deployment is over.
pub const CARRIER_STEP_LEAST: Duration = Duration::from_secs(1);
/// The same after something failed.
pub const CARRIER_FAILED_PAUSE: Duration = Duration::from_secs(3);
/// Steps of one deployment in a row, so that each router looks at its claim in between.
pub const CARRIER_STEPS_PER_TURN: usize = 20;
/// How long a claim to a task of the fleet outlives the last sign of who holds it.
pub const CLAIM_TTL: Duration = Duration::from_secs(6);
/// How often its holder gives one.
pub const CLAIM_EVERY: Duration = Duration::from_secs(2);
/// So much earlier it stops relying on it.
pub const CLAIM_SPARE: Duration = Duration::from_secs(1);
/// How long the answer to a call with an Idempotency-Key is kept, in ms: a day.
pub const IDEMPOTENCY_KEPT_MS: u64 = 24 * 3_600_000;
/// Old ones that one call removes: they fit its commit.
pub const IDEMPOTENCY_SWEPT_MAX: usize = 20;
/// How long a rollback waits until the containers of its release are started: its caller waits 30 s for an answer.
pub const PREVIOUS_WAIT_MAX: Duration = Duration::from_secs(25);
/// Readers of logs at once, each with a connection to an engine for every container.
pub const LOG_READERS_MAX: usize = 16;
/// The most lines before now that a reader may ask for, of each container.
pub const LOG_LINES_MAX: u64 = 100_000;
/// How far back, in seconds, a reader may look: a year.
pub const LOG_SINCE_SECONDS_MAX: u64 = 366 * 24 * 3_600;
/// How long a table waits for an engine.
pub const ENGINE_LOOK_MAX: Duration = Duration::from_secs(5);
/// The most containers of one deployment that a call may ask for.
pub const REPLICAS_MAX: u32 = 100;

/// Wrong tokens from one address before the answer is 429, and begins to be delayed: a person mistypes, and a pipeline
/// with an old token tries a few times.
pub const SIGN_IN_FAILURES_MAX: u32 = 10;
/// An address without wrong tokens for so long begins anew.
pub const SIGN_IN_WINDOW: Duration = Duration::from_secs(60);
/// By how much the pause between two answers to wrong tokens of one address grows with each.
pub const SIGN_IN_PAUSE_STEP: Duration = Duration::from_millis(10);
/// The longest such pause: one answer a second is nothing to guess by, and does not look like a router that hangs.
pub const SIGN_IN_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long such an answer waits at most: connections that guess at once wait for each other. What most clients wait.
pub const SIGN_IN_WAIT_MAX: Duration = Duration::from_secs(30);
/// Addresses whose wrong tokens are remembered.
pub const SIGN_IN_ADDRESSES_MAX: usize = 10_000;
/// How often the token file is looked at: one that changed counts at the second look, so within twice this.
pub const TOKENS_EVERY: Duration = Duration::from_secs(2);
/// How often the file of the keys for stored secrets is looked at, as that of the tokens.
pub const SECRETS_KEYS_EVERY: Duration = Duration::from_secs(2);
/// Secrets that are written anew in one turn, so that a store with many deployments has time for other things.
pub const SECRETS_WRITTEN_MAX: usize = 100;

/// The shortest token that works: what was ever allowed.
pub const TOKEN_CHARS_MIN: usize = 8;
/// The shortest token that is not warned of: 80 random bits as hexadecimal digits, out of reach for guessing. New tokens
/// have at least as many characters.
pub const TOKEN_CHARS_GOOD: usize = 20;
/// The longest token, so that hashing one costs nothing.
pub const TOKEN_CHARS_MAX: usize = 512;

/// Entries of the audit that the API shows: some days of a busy fleet's releases.
pub const AUDIT_ENTRIES_MAX: usize = 2_000;
/// What these may take, in bytes of JSON.
pub const AUDIT_RING_BYTES_MAX: usize = 4 << 20;
/// Entries in one page of the audit.
pub const AUDIT_PAGE_MAX: u64 = 200;
/// What the changes of one entry may take, in bytes.
pub const AUDIT_CHANGES_BYTES_MAX: usize = 16 << 10;
/// Changes that one entry lists: above any command's, below what a whole import writes.
pub const AUDIT_CHANGES_MAX: usize = 32;
/// What is shown of one value, in bytes: above a rollout record.
pub const AUDIT_VALUE_BYTES_MAX: usize = 4 << 10;
/// Entries a second of callers without a known token: enough to see that somebody tries.
pub const AUDIT_ANONYMOUS_PER_SECOND: u32 = 20;

/// The longest call of another router to the store that this one serves, in bytes: what the largest commit
/// (1,500,000 bytes) becomes as base64 in JSON, and its keys.
pub const STORE_CALL_BYTES_MAX: usize = 4 << 20;
/// Watches of other routers at once: each is a connection, and half of those are left for people.
pub const STORE_WATCHES_MAX: usize = 512;
/// Leases of other routers at once: each router needs one.
pub const STORE_LEASES_MAX: usize = 1_024;

/// Pages that may follow the live stream at once.
pub const STREAMS_MAX: usize = 512;
/// Events a slow page may fall behind before it is sent whole states again.
pub const STREAM_QUEUE: usize = 256;
/// Bytes of whole states that a page is sent at a time, not counting the last of them: one that does not read keeps no more.
pub const STREAM_PIECE_BYTES: usize = 64 << 10;
/// How often an idle stream says that it is alive: a page shows within five seconds that a router says nothing any more.
pub const STREAM_ALIVE: Duration = Duration::from_secs(2);
/// How often activity is sampled.
pub const ACTIVITY_TICK: Duration = Duration::from_secs(1);
/// Samples kept: rates and quantiles are over the last ten seconds.
pub const ACTIVITY_SAMPLES: usize = 11;
/// How far back the past of a release reaches, in minutes.
pub const PAST_MINUTES: u64 = 24 * 60;
/// Minutes that are kept of all releases together, those without a request left out: about 20 MB of seventy busy releases.
pub const PAST_CELLS_MAX: usize = 100_000;
/// Of so many releases, the busiest ones, a router tells the others of its fleet what they did in the last minute: some 30 KB.
pub const PAST_RELEASES_TOLD_MAX: usize = 100;
/// From this span on, in seconds, the past is told in steps of five minutes: as many points as a screen has room for.
pub const PAST_COARSE_SECONDS: u64 = 3 * 3_600;
/// How long a preview grant may live, in seconds: a trial of a release, and not a second way in that nobody remembers.
pub const PREVIEW_SECONDS_MAX: u64 = 30 * 24 * 3_600;
/// How long it lives when nobody says, in seconds: until this time tomorrow.
pub const PREVIEW_SECONDS_DEFAULT: u64 = 24 * 3_600;
/// How long the short name of a release waits for this router to have read what the store holds, which usually it has,
/// before the store itself is searched for it.
pub const NAMES_WAIT: Duration = Duration::from_millis(250);
/// Events in one page of history.
pub const HISTORY_PAGE_MAX: u64 = 200;

/// How often a member keeps its lease alive, and looks whether its sign of life says what is so. A fleet of one gives none.
pub const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(2);
/// How long a sign of life holds: two may get lost.
pub const SIGN_OF_LIFE_TTL: Duration = Duration::from_secs(6);
/// When a sign of life is written anew although it says nothing new: so an idle fleet of two writes less than twice a minute,
/// since some stores keep each write, and clocks that drift apart are noticed.
pub const SIGN_OF_LIFE_AGAIN: Duration = Duration::from_secs(90);
/// When a sign of life is written anew because the watch has brought back another one.
pub const SIGN_OF_LIFE_LOST: Duration = Duration::from_secs(10);
/// A wall clock that has moved so much against the monotonic one was set by somebody.
pub const CLOCK_STEP: Duration = Duration::from_secs(1);
/// Old revisions that a store may keep before an alarm says that its history grows: an etcd that is compacted each hour has
/// fewer, unless there are five writes a second.
pub const HISTORY_REVISIONS_MAX: u64 = 20_000;
/// How often that is looked at.
pub const HISTORY_CHECK_EVERY: Duration = Duration::from_secs(60);
/// The shortest silence after which a member is presumed gone: one that enters gives its first sign of life within half of it.
pub const GONE_AFTER_MIN: Duration = Duration::from_secs(4);
/// Between two reports of a member, for each member of the fleet: so any fleet writes at most 200 a second.
pub const REPORT_SPACING: Duration = Duration::from_millis(5);
/// Bytes of a report that count as one: longer ones are spaced out as if there were more members.
pub const REPORT_BYTES: usize = 4 << 10;
/// The longest pause between two reports, whatever the fleet's size.
pub const REPORT_PAUSE_MAX: Duration = Duration::from_secs(2);
/// A report that the watch has not brought back after this is written again.
pub const REPORT_AGAIN: Duration = Duration::from_secs(2);
/// Between two reports of what draining releases carry.
pub const LOAD_EVERY: Duration = Duration::from_secs(2);
/// Draining releases in one such report: 128 KiB with their sketches.
pub const LOAD_RELEASES_MAX: usize = 32;
/// Addresses that one sign of life names as open: 10 KiB. Beyond that it does not say, and nothing is called stoppable.
pub const OPEN_ADDRESSES_MAX: usize = 128;
/// A member that could not write tries again after this.
pub const REPORT_RETRY: Duration = Duration::from_millis(300);
/// How long a router that ends may take to leave the fleet.
pub const LEAVE_MAX: Duration = Duration::from_secs(1);
/// A difference between wall clocks above this is an alarm (docs/design.md section 7).
pub const SKEW_MAX: Duration = Duration::from_secs(5);
/// Signs of life that a clock's difference is told from: the one that was under way shortest counts.
pub const SKEW_SAMPLES: usize = 4;
/// A member that serves another seq than this router for so long is behind, not only on the way.
pub const BEHIND_AFTER: Duration = Duration::from_secs(3);
/// A member that was not heard from for so long is not waited for by `?wait=fleet`.
pub const WAITED_FOR_MAX: Duration = Duration::from_secs(30);
/// The shortest time between two rotations of the pin keys, unless forced, besides the longest `pinseconds`: a pin signed by
/// the key before the last is not known any more.
pub const ROTATION_PAUSE_MIN: Duration = Duration::from_secs(60);

/// Hooks at a time: a chat, a pipeline, an audit log for each team, and a page that shows them all.
pub const HOOKS_MAX: usize = 50;
/// Apps that a hook may name; one that wants more names none, and gets all.
pub const HOOK_APPS_MAX: usize = 100;
/// A hook's URL, in bytes: browsers and servers take about as much.
pub const HOOK_URL_BYTES_MAX: usize = 2_000;
/// How long a receiver may take to answer: the specification of the signatures suggests 15 to 30 s, and whoever
/// has work to do should answer first.
pub const HOOK_DELIVERY_MAX: Duration = Duration::from_secs(10);
/// How long a connection to it may take.
pub const HOOK_CONNECT_MAX: Duration = Duration::from_secs(5);
/// The pauses before a message is tried again: over in about 13 minutes, in which a receiver can be restarted, and after
/// which a chat would rather hear of what is now.
pub const HOOK_RETRIES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];
/// The longest pause that a receiver may ask for (Retry-After).
pub const HOOK_RETRY_MAX: Duration = Duration::from_secs(600);
/// How often a courier looks whether something is due.
pub const HOOK_LOOK: Duration = Duration::from_secs(1);
/// Events of one app told in a row, before other apps have their turn.
pub const HOOK_EVENTS_PER_TURN: u64 = 50;
/// Notices that wait for one hook; the oldest are dropped beyond.
pub const HOOK_NOTICES_MAX: usize = 100;
/// How long something must stand before it is an alarm for people: a restart is none.
pub const HOOK_NOTICE_AFTER: Duration = Duration::from_secs(5);
/// Deliveries kept for each hook and app: enough to see what goes wrong, in 3 KB.
pub const HOOK_DELIVERIES_KEPT: usize = 10;
/// Deliveries of a hook that are shown.
pub const HOOK_DELIVERIES_SHOWN: usize = 20;
/// What is shown of a receiver's answer, in bytes.
pub const HOOK_ANSWER_BYTES_MAX: usize = 500;
/// Tests of hooks at once: each may wait for a receiver.
pub const HOOK_TESTS_MAX: usize = 4;
/// The body of a delivery to a hook in, in bytes: above what a push of a hundred commits has.
pub const HOOK_IN_BODY_BYTES_MAX: usize = 1 << 20;
/// Bodies of senders of whom it is not known yet who they are, at once.
pub const HOOK_IN_BODIES_MAX: usize = 32;
/// What is kept of the words on what came of a delivery, in bytes: a payload chooses some of them.
pub const HOOK_IN_MESSAGE_BYTES_MAX: usize = 2_000;
/// Texts in each list of a hook in.
pub const HOOK_IN_PATTERNS_MAX: usize = 20;
/// Networks that the sender of a hook in may come from: more than the largest senders list.
pub const HOOK_IN_NETWORKS_MAX: usize = 100;
/// How long a router may be at a delivery before another may take it: the longest command takes half of that.
pub const HOOK_IN_TURN_MAX: Duration = Duration::from_secs(60);
/// For how long a delivery is known, so that a repeat of it counts for nothing.
pub const HOOK_IN_KEPT_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Deliveries of one hook in that are known: one every two minutes for a day.
pub const HOOK_IN_DELIVERIES_MAX: usize = 720;
/// Of these, deliveries that the hook left out: enough to see why.
pub const HOOK_IN_IGNORED_MAX: usize = 20;
/// How long the claim to send to hooks holds without a sign of life: two may get lost.
pub const HOOK_CLAIM_TTL: Duration = Duration::from_secs(6);
/// How often it gives one.
pub const HOOK_CLAIM_EVERY: Duration = Duration::from_secs(2);
/// So much earlier a router stops telling by itself: nobody else tells while it may still be at it.
pub const HOOK_CLAIM_SPARE: Duration = Duration::from_secs(1);

/// How often who acts for the fleet looks whether a certificate is due.
pub const ACME_LOOK: Duration = Duration::from_secs(1);
/// Orders at once: a CA limits them as well, and each waits for the CA most of its time.
pub const ACME_ORDERS_MAX: usize = 4;
/// How long a CA may take to answer one call.
pub const ACME_CALL_MAX: Duration = Duration::from_secs(30);
/// How long its server may take to be reached.
pub const ACME_CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long it may take to look at a host, and then to sign.
pub const ACME_POLL_MAX: Duration = Duration::from_secs(90);
/// The longest answer of a CA that is read: a chain has some 6 KB.
pub const ACME_ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long every member is waited for that has to answer a challenge; a CA looks from several places at once.
pub const ACME_SPREAD_MAX: Duration = Duration::from_secs(10);
/// The pauses after orders that failed in a row: the second try comes soon, since it may be shown in another way, and the last
/// pause lasts. Let's Encrypt bears five failures of a host in an hour.
pub const ACME_RETRIES: [Duration; 6] = [
    Duration::from_secs(10),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3_600),
    Duration::from_secs(3 * 3_600),
    Duration::from_secs(6 * 3_600),
];
/// How often a CA is asked when a certificate should be renewed, if it does not say.
pub const ACME_RENEWAL_ASK: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3_600));
/// How long a new certificate is kept at least, whatever the CA suggests.
pub const ACME_RENEW_AFTER: Duration = Duration::from_secs(3_600);
/// In which time orders for a registered domain are counted.
pub const ACME_WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
/// So long before its end a certificate in a file is an alarm: who renews by hand needs days.
pub const CERTIFICATE_ALARM: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long a connection to a collector of spans may take to come up.
pub const TRACE_CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a post to it may take: what OpenTelemetry's own exporters allow.
pub const TRACE_CALL_MAX: Duration = Duration::from_secs(10);
/// How long it may ask to be left alone.
pub const TRACE_PAUSE_MAX: Duration = Duration::from_secs(30);
/// A post is not made longer than this by what else waits: collectors take 20 MiB or so.
pub const TRACE_POST_BYTES_MAX: usize = 1024 * 1024;
/// What is read of its answer.
pub const TRACE_ANSWER_BYTES_MAX: usize = 64 * 1024;
