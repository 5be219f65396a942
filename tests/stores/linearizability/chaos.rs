//! Clients, and what happens to the routers and the store meanwhile.

use super::checker::{Operation, linearizable};
use super::record::{Call, Field, Outcome, Record};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use support::clock::{Deadline, pause, within};
use support::router::token;
use support::servers::{Server, eventually as eventually_async};
use support::{Process, Router, count, echo, eventually, router};

type History = Vec<Operation<Call, Outcome>>;

/// How long a client waits: longer than a pause of the store, shorter than everybody's patience.
const ANSWER: Duration = Duration::from_secs(4);

const SETTINGS: &str = "/api/v1/apps/hello/settings";

/// A router's answer.
struct Answer {
    status: u16,
    /// The seq in the ETag.
    seq: Option<u64>,
    body: Value,
}

/// What came of the clients' requests so far.
#[derive(Default)]
struct Tally {
    set: AtomicU64,
    stale: AtomicU64,
    unanswered: AtomicU64,
}

/// One client of all routers.
struct Client {
    http: reqwest::Client,
    routers: Vec<SocketAddr>,
    clock: Deadline,
    turn: usize,
}

impl Client {
    /// `None` when no answer came.
    async fn ask(&self, method: reqwest::Method, path: &str, seq: u64, body: Value) -> Option<Answer> {
        let url = format!("http://{}{path}", self.routers[self.turn % self.routers.len()]);
        let request = self.http.request(method, url).bearer_auth(token("operator"));
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.header("If-Match", format!("\"{seq}\"")).send().await.ok()?;
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let seq = etag.and_then(|etag| etag.trim_matches('"').parse().ok());
        Some(Answer { status, seq, body: response.json().await.ok()? })
    }

    async fn set(&self, seq: u64, field: Field, value: u64) -> Operation<Call, Outcome> {
        let began = self.clock.elapsed();
        let answer = match field {
            Field::Blend => {
                let percent = json!({ "percent": value as f64 / 100.0 });
                self.ask(reqwest::Method::PUT, "/api/v1/apps/hello/blend", seq, percent).await
            }
            Field::Drain => {
                self.ask(reqwest::Method::PUT, SETTINGS, seq, json!({ "drainseconds": value })).await
            }
        };
        let outcome = match answer.map(|answer| (answer.status, answer.body)) {
            Some((200 | 202, _)) => Some(Outcome::Set),
            Some((412, _)) => Some(Outcome::Stale),
            Some((status @ (400..=404 | 422), body)) => panic!("{status}: {body}"),
            // Nothing is claimed: it may have happened or not.
            _ => None,
        };
        Operation { call: Call::Set { seq, field, value }, outcome, began, ended: self.clock.elapsed() }
    }

    /// Both are read from the store, not from what the router serves.
    async fn read(&self, field: Field) -> Option<(u64, Operation<Call, Outcome>)> {
        let began = self.clock.elapsed();
        let path = if field == Field::Blend { "/api/kv/rolling/hello/rollout?raw=true" } else { SETTINGS };
        let answer = self.ask(reqwest::Method::GET, path, 0, Value::Null).await?;
        if answer.status != 200 {
            return None;
        }
        let (seq, value) = match field {
            Field::Blend => {
                let hundredths = (answer.body["blend"].as_f64()? * 100.0).round();
                (answer.body["seq"].as_u64()?, hundredths as u64)
            }
            Field::Drain => (answer.seq?, answer.body["drainseconds"].as_u64().unwrap_or(0)),
        };
        let outcome = Some(Outcome::Is(seq, value));
        Some((seq, Operation { call: Call::Read(field), outcome, began, ended: self.clock.elapsed() }))
    }

    /// Reads and sets, at one router after the other, until it is over.
    async fn live(mut self, values: &AtomicU64, tally: &Tally, over: &AtomicBool) -> History {
        let mut history = History::new();
        while !over.load(Ordering::SeqCst) {
            self.turn += 1;
            let value = values.fetch_add(1, Ordering::SeqCst) % 10_000 + 1;
            let field = if value.is_multiple_of(3) { Field::Drain } else { Field::Blend };
            let Some((seq, read)) = self.read(field).await else {
                tally.unanswered.fetch_add(1, Ordering::SeqCst);
                continue;
            };
            history.push(read);
            self.turn += 1;
            let set = self.set(seq, field, value).await;
            let kind = match set.outcome {
                Some(Outcome::Set) => &tally.set,
                Some(_) => &tally.stale,
                None => &tally.unanswered,
            };
            kind.fetch_add(1, Ordering::SeqCst);
            history.push(set);
        }
        history
    }
}

fn start_clients(
    count: usize,
    routers: &[Router],
    clock: Deadline,
    tally: &Arc<Tally>,
    over: &Arc<AtomicBool>,
) -> Vec<thread::JoinHandle<History>> {
    let values = Arc::new(AtomicU64::new(0));
    let admins: Vec<SocketAddr> = routers.iter().map(|router| router.admin).collect();
    let start = |number: usize| {
        let (routers, over, values) = (admins.clone(), Arc::clone(over), Arc::clone(&values));
        let tally = Arc::clone(tally);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let http = reqwest::Client::builder().no_proxy().timeout(ANSWER).build().unwrap();
            let client = Client { http, routers, clock, turn: number };
            runtime.block_on(client.live(&values, &tally, &over))
        })
    };
    (0..count).map(start).collect()
}

fn redis() -> (Server, String) {
    let server = Server::start("redis-server", 1, |folder, ports| {
        let (port, folder) = (ports[0].to_string(), folder.display().to_string());
        // What is acknowledged is on disk, so that a kill loses nothing.
        let durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
        let place = ["--port", &port, "--bind", "127.0.0.1", "--dir", &folder];
        place.iter().chain(&durable).map(|text| (*text).to_owned()).collect()
    });
    let address = format!("redis://127.0.0.1:{}", server.ports[0]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(eventually_async("redis-server's start", async || keyvalues::open(&address).await.is_ok()));
    (server, address)
}

/// Stops a process for a while, as a slow disk or a busy machine would.
fn freeze(pid: u32, length: Duration) {
    Process(pid).signal("STOP");
    pause(length);
    Process(pid).signal("CONT");
}

/// Deletes the record past every router: the first one that sees it writes it back from its newest event.
fn lose_record(address: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let delete = async || {
        let store = keyvalues::open(address).await.ok()?;
        let delete = keyvalues::Write::delete("rolling/hello/rollout".parse().unwrap());
        store.commit(Vec::new(), vec![delete]).await.ok()
    };
    runtime.block_on(eventually_async("the record is deleted", async || delete().await.is_some()));
}

/// One misfortune after the other, with quiet in between.
fn trouble(rounds: usize, routers: &mut [Router], store: &mut Server, address: &str) {
    for round in 0..rounds {
        let victim = round % routers.len();
        match round % 6 {
            5 => lose_record(address),
            0 => freeze(routers[victim].pid(), Duration::from_millis(700)),
            1 => freeze(store.id(), Duration::from_millis(700)),
            2 => routers[victim].start_again(),
            3 => store.restart(),
            // Longer than a commit may take: its outcome is then unknown to the router.
            _ => freeze(store.id(), Duration::from_millis(4_500)),
        }
        pause(Duration::from_millis(600));
    }
}

#[test]
fn commands_through_several_routers_are_as_if_made_one_after_the_other() {
    let (mut store, address) = redis();
    let (stable, candidate) = (echo("v1"), echo("v2"));
    let first =
        router().store(&address).stable_on("v1", vec![stable]).candidate_on("v2", vec![candidate]).start();
    let mut routers = vec![first, router().store(&address).start(), router().store(&address).start()];
    let start = routers[0].api().state()["seq"].as_u64().unwrap();
    let clock = Deadline::after(Duration::from_secs(3600));
    let over = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Tally::default());
    let clients = start_clients(4, &routers, clock, &tally, &over);
    trouble(count(6, 48), &mut routers, &mut store, &address);
    let enough = || tally.set.load(Ordering::SeqCst) >= 20 && tally.stale.load(Ordering::SeqCst) >= 3;
    assert!(within(Duration::from_secs(120), enough), "the clients do not come through any more");
    over.store(true, Ordering::SeqCst);
    let history: History = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();

    assert!(tally.unanswered.load(Ordering::SeqCst) > 0, "nothing of the trouble was felt");
    assert!(linearizable::<Record>((start, 0, 0), &history), "{history:#?}");
    let restored = |router: &Router| router.log().contains("is written back from its newest event");
    assert!(routers.iter().any(restored), "no record was lost and restored");
    eventually("all routers serve the last change", || {
        let seqs: Vec<Value> = routers.iter().map(|router| router.api().state()["seq"].clone()).collect();
        seqs.iter().all(|seq| *seq == seqs[0])
            && routers.iter().all(|router| {
                router.api().kv_get("rolling/hello/rollout").contains(&format!("\"seq\":{}", seqs[0]))
            })
    });
}
