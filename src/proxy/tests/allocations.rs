//! What a worker allocates for a request. The worker runs on the test's own thread, since allocations are counted by thread.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    rc::Rc,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::{net::TcpListener, sync::oneshot};

use super::stage::{Endpoint, endpoint, ok, read_message, text};
use crate::{
    clock::Clock,
    limits::Limits,
    live::{releases::ReleaseState, table::LiveTable},
    proxy::{
        downstream::stream::Stream,
        front::serve::serve,
        worker::{
            Worker,
            client::{Client, Door},
            coarse,
            shared::FrontState,
        },
    },
    rollout::{
        endpoint::AddressPolicy,
        keyspace::{Keyspace, KeyspaceOptions},
        pin::{PinFormat, PinKey, PinKeys},
        release::ReleaseId,
    },
    telemetry::counters::Counters,
};

/// How many requests are counted.
const REQUESTS: u64 = 100;
/// How many are made before, so that whatever is kept for the next request is there.
const REQUESTS_BEFORE: u64 = 20;

/// A candidate's request may become a race: stable is asked as well if the candidate is silent. What a race needs is made when
/// it begins.
#[test]
fn a_race_allocates_nothing_for_requests_that_are_answered_in_time() {
    let (stable, candidate) = (endpoint(|_| ok("stable")), endpoint(answer_unless_silent));
    let of_stable = counted(&stable, &candidate, 0, "/");
    let of_candidate = counted(&stable, &candidate, 100, "/");
    // One block for the plan, and one for the exchange.
    assert_eq!((of_stable.per_request, of_stable.answer.as_str()), (2, "stable"));
    assert_eq!((of_candidate.per_request, of_candidate.answer.as_str()), (2, "candidate"));
}

/// The same request, when the candidate is silent: it is in a race, and what the race needs is counted.
#[test]
fn a_race_allocates_once_it_begins() {
    let (stable, candidate) = (endpoint(|_| ok("stable")), endpoint(answer_unless_silent));
    let silent = counted(&stable, &candidate, 100, "/silent");
    assert!(silent.per_request > 10, "{}", silent.per_request);
    assert_eq!(silent.answer, "stable");
}

/// A client of a cohort is counted, and how long it waits is compared, without a block of memory.
#[test]
fn a_candidate_that_is_judged_allocates_nothing() {
    let (stable, candidate) = (endpoint(|_| ok("stable")), endpoint(answer_unless_silent));
    let judged = counted_where(&stable, &candidate, 100, "/", true);
    assert_eq!(judged.per_request, 2);
    assert_eq!(judged.compared, 1, "of a network one answer is compared");
}

/// The candidate answers everything but `/silent`.
fn answer_unless_silent(request: &[u8]) -> Vec<u8> {
    while request.starts_with(b"GET /silent") {
        thread::park();
    }
    ok("candidate")
}

/// What was counted.
struct Counted {
    per_request: u64,
    /// The last answer's body.
    answer: String,
    /// How many waits were compared with a threshold.
    compared: u64,
}

/// Serves requests of one client, and counts what they allocate on the worker's thread. Blend is the candidate's share in
/// percent.
fn counted(stable: &Endpoint, candidate: &Endpoint, blend: u8, target: &'static str) -> Counted {
    counted_where(stable, candidate, blend, target, false)
}

/// The same; `waits` are compared with thresholds that no answer reaches, or not at all.
fn counted_where(
    stable: &Endpoint,
    candidate: &Endpoint,
    blend: u8,
    target: &'static str,
    waits: bool,
) -> Counted {
    let clock = Clock::system();
    let refreshed = clock.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_unpark(move || coarse::refresh(&refreshed))
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    let (warm, warmed) = oneshot::channel();
    let (begin, begun) = mpsc::sync_channel(1);
    let (end, ended) = oneshot::channel();
    let requests = if target == "/" { REQUESTS } else { 1 };
    let shared = front_state(stable, candidate, blend, clock);
    let cohort = candidate_of(&shared);
    if waits {
        cohort.cohort().waits().begin_window([u64::MAX; 3]);
    }
    runtime.block_on(async {
        let worker = Worker::new(0, shared, None, None, 1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut client = OneClient::connect(address);
            (0..REQUESTS_BEFORE).for_each(|_| drop(client.ask("/")));
            warm.send(()).unwrap();
            begun.recv().unwrap();
            let answers = (0..requests).map(|_| client.ask(target));
            end.send(answers.last().unwrap()).unwrap();
        });
        let (stream, peer) = listener.accept().await.unwrap();
        assert!(worker.connection_opened(peer.ip()));
        let client = Client::new(peer.ip(), false, false, Door::Front);
        tokio::task::spawn_local(serve(Rc::clone(&worker), Stream::Plain(stream), client));
        tokio::task::spawn_local(sweep(worker));
        warmed.await.unwrap();
    });
    let mut answer = String::new();
    let told = allocation_counter::measure(|| {
        begin.send(()).unwrap();
        answer = runtime.block_on(ended).unwrap();
    });
    // A few more are made by the channels and by the runtime's timer.
    let compared =
        cohort.cohort().total().waits.iter().map(|waits| waits.judged[0].iter().sum::<u64>()).sum();
    Counted { per_request: told.count_total / requests, answer, compared }
}

/// The live state of the candidate.
fn candidate_of(shared: &FrontState) -> Arc<ReleaseState> {
    let published = shared.table.load_full();
    let routes = published.table.all_routes().next().unwrap();
    Arc::clone(published.release(routes.release(routes.candidate.unwrap()).slot))
}

/// A client that keeps its connection and its pin.
struct OneClient {
    stream: TcpStream,
    cookie: String,
}

impl OneClient {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, cookie: "theme=dark".into() }
    }

    /// Asks for a target, and gives the answer's body.
    fn ask(&mut self, target: &str) -> String {
        let cookie = &self.cookie;
        let request = format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\nCookie: {cookie}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        let answer = text(read_message(&mut self.stream).unwrap());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let pin = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        if let Some((pin, _)) = pin.and_then(|line| line.split_once(';')) {
            self.cookie = format!("theme=dark; {pin}");
        }
        body.to_owned()
    }
}

/// Looks after deadlines, more often than a front does.
async fn sweep(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
        coarse::refresh(&worker.shared.clock);
        worker.deadlines.sweep();
    }
}

fn front_state(stable: &Endpoint, candidate: &Endpoint, blend: u8, clock: Clock) -> Arc<FrontState> {
    let live = Arc::new(LiveTable::new(1));
    let current = PinKey { id: 1, secret: [7; 16] };
    let mut keyspace = Keyspace::new(KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy::default(),
        pin_keys: PinKeys { next: None, current, previous: None },
        pin_format: PinFormat::Two,
        https: false,
    });
    let release = |name| ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap();
    let (a, b) = (release("a"), release("b"));
    let record = serde_json::json!({
        "seq": 1, "stable": {"release": a, "tenure": 1}, "candidate": {"release": b, "tenure": 2}, "blend": blend,
        "sticky": true, "draw_epochs": {"last": 1, "first": 1}, "previous": null, "draining": [], "tenures": {"last": 2, "left": []}, "lock": null,
        "command": "blend", "actor": "ann", "reason": "", "at": 1,
    });
    keyspace.put("rolling/shop/rollout", record.to_string().as_bytes(), 1);
    keyspace.put("rolling/shop/settings", br#"{"shielding": {"first_byte_ms": 1000}}"#, 2);
    for (release, endpoint) in [(a, stable), (b, candidate)] {
        keyspace.put(&format!("{release}/0"), endpoint.address.to_string().as_bytes(), 3);
    }
    live.publish(keyspace.build(3), Duration::ZERO);
    let trust = Box::new(|_| false);
    let (limits, counters) = (Limits::default(), Counters::new(1));
    Arc::new(FrontState::new(
        limits,
        "test".into(),
        trust,
        None,
        false,
        None,
        live,
        clock,
        counters,
        usize::MAX,
    ))
}
