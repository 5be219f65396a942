//! `kill -9` in the middle of writing, again and again, on one file.
//!
//! The test starts itself as a child that writes from several tasks at once and reports each acknowledged commit
//! on its standard output. The parent kills it at a random moment, opens the file and looks: every acknowledged
//! commit is there, none is partial, and the change log still leads from the last round to this one without a
//! gap. 20 rounds, or 200 with `ROLLING_ROUTER_LONG=1`.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use keyvalues::{Embedded, Entry, Key, Outcome, Revision, Store, WatchItem, Write};
use tokio::runtime::Runtime;

/// Set in the child: the file it writes to.
const CHILD_FILE: &str = "KEYVALUES_CRASH_FILE";
const TEST: &str = "kill_9_loses_nothing_acknowledged_and_leaves_nothing_partial";
const WRITERS: u64 = 4;
const KEYS_PER_COMMIT: u64 = 5;
/// Old journal keys are deleted by later commits, so that puts and deletions are mixed.
const JOURNAL_KEPT: u64 = 20;

#[test]
fn kill_9_loses_nothing_acknowledged_and_leaves_nothing_partial() {
    if let Some(path) = std::env::var_os(CHILD_FILE) {
        return write_for_ever(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let long = std::env::var("ROLLING_ROUTER_LONG").is_ok_and(|value| value == "1");
    let mut state = State::default();
    let mut acknowledged = 0;
    for round in 0..if long { 200 } else { 20 } {
        let acks = run_and_kill(&path, round);
        acknowledged += acks.len();
        state = state.after(&path, &acks, round);
    }
    assert!(acknowledged > 100, "the children hardly wrote: {acknowledged} commits");
}

/// One acknowledged commit.
#[derive(Debug, Clone, Copy)]
struct Ack {
    writer: u64,
    number: u64,
    revision: Revision,
}

fn run_and_kill(path: &Path, round: u64) -> Vec<Ack> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture", "--test-threads=1"])
        .env(CHILD_FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = read_acks(&mut child);
    // Every fifth child dies while it is starting up, the others after some commits and a little more.
    let wanted = if round % 5 == 4 { 0 } else { 1 + random(round) % 60 };
    let mut acks = Vec::new();
    while (acks.len() as u64) < wanted {
        acks.push(lines.recv_timeout(Duration::from_secs(60)).expect("the child writes"));
    }
    let moment = Duration::from_micros(random(round + 1_000) % 20_000);
    let (_held, never) = channel::<()>();
    assert!(never.recv_timeout(moment).is_err(), "nothing is ever sent");
    child.kill().unwrap();
    child.wait().unwrap();
    acks.extend(lines);
    acks
}

/// Reads acknowledgements until the child's end; a line that the kill cut short is none.
fn read_acks(child: &mut Child) -> Receiver<Ack> {
    let (sender, receiver) = channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let Some(text) = line.strip_prefix("ack ").and_then(|text| text.strip_suffix(" .")) else {
                continue;
            };
            let numbers = text.split(' ').map(|number| number.parse().unwrap()).collect::<Vec<u64>>();
            let [writer, number, revision] = numbers[..] else { panic!("{line}") };
            if sender.send(Ack { writer, number, revision }).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What the file must still hold.
#[derive(Debug, Default)]
struct State {
    numbers: BTreeMap<u64, u64>,
    revision: Revision,
}

impl State {
    fn after(mut self, path: &Path, acks: &[Ack], round: u64) -> Self {
        for ack in acks {
            let known = self.numbers.entry(ack.writer).or_default();
            *known = ack.number.max(*known);
        }
        let newest = acks.iter().map(|ack| ack.revision).max().unwrap_or(0).max(self.revision);
        Runtime::new().unwrap().block_on(async {
            let store = Embedded::open(path).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
            let listing = store.list(&[""]).await.unwrap();
            assert!(listing.revision >= newest, "round {round}: {newest} was acknowledged, {listing:?}");
            let entries = listing.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
            for writer in 0..WRITERS {
                let least = self.numbers.get(&writer).copied().unwrap_or(0);
                let found = check_writer(&entries, writer, least, round);
                self.numbers.insert(writer, found);
            }
            check_log(&store, self.revision, listing.revision, round).await;
            Self { revision: listing.revision, ..self }
        })
    }
}

/// All keys of a writer's last commit are of that commit; answers its number.
fn check_writer(entries: &BTreeMap<Key, Entry>, writer: u64, least: u64, round: u64) -> u64 {
    let part = |index| entries.get(&key(&format!("w/{writer}/{index}")));
    let Some(first) = part(0) else {
        assert!(least == 0 && (1..KEYS_PER_COMMIT).all(|index| part(index).is_none()), "round {round}");
        return 0;
    };
    for index in 1..KEYS_PER_COMMIT {
        let other = part(index).unwrap_or_else(|| panic!("round {round}: a partial first commit"));
        assert_eq!((&other.value, other.modified), (&first.value, first.modified), "round {round}: partial");
    }
    let number = number(first);
    // One more than acknowledged may have been written: its answer was cut off.
    assert!((least..=least + 1).contains(&number), "round {round}: {number} of {least} acknowledged");
    for kept in number.saturating_sub(JOURNAL_KEPT - 1).max(1)..=number {
        assert!(entries.contains_key(&journal(writer, kept)), "round {round}: entry {kept} is lost");
    }
    assert!(
        !entries.contains_key(&journal(writer, number + 1)),
        "round {round}: an entry without its commit"
    );
    number
}

/// The log leads from one revision to another in steps of one.
async fn check_log(store: &Embedded, from: Revision, to: Revision, round: u64) {
    let mut watch = store.watch(&[""], from).await.unwrap();
    for expected in from + 1..=to {
        let item = watch.next().await.unwrap();
        let WatchItem::Batch(batch) = &item else { panic!("round {round}: {item:?}") };
        assert_eq!(batch.revision, expected, "round {round}: a gap");
    }
}

fn write_for_ever(path: &Path) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Arc::new(Embedded::open(path).await.unwrap());
        let tasks = (0..WRITERS).map(|writer| tokio::spawn(count_up(Arc::clone(&store), writer)));
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

async fn count_up(store: Arc<Embedded>, writer: u64) {
    let last = store.get(&key(&format!("w/{writer}/0"))).await.unwrap();
    let first = last.map_or(0, |entry| number(&entry)) + 1;
    for next in first.. {
        let part = |index| Write::put(key(&format!("w/{writer}/{index}")), next.to_string());
        let mut writes = (0..KEYS_PER_COMMIT).map(part).collect::<Vec<_>>();
        writes.push(Write::put(journal(writer, next), vec![b'x'; 1_000]));
        if let Some(old) = next.checked_sub(JOURNAL_KEPT) {
            writes.push(Write::delete(journal(writer, old)));
        }
        let Outcome::Done(revision) = store.commit(vec![], writes).await.unwrap() else { panic!("not done") };
        let line = format!("\nack {writer} {next} {revision} .\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn journal(writer: u64, number: u64) -> Key {
    key(&format!("j/{writer}/{number}"))
}

fn number(entry: &Entry) -> u64 {
    std::str::from_utf8(&entry.value).unwrap().parse().unwrap()
}

/// Other moments each round, the same ones each run.
fn random(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}
