//! The embedded store on a disk that fails, and across restarts.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

use super::store::Embedded;
use crate::{
    contract::{Event, Outcome, Store, StoreError, WatchItem, Write},
    key::Key,
    open_error::OpenError,
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(name: &str, value: &str) -> Vec<Write> {
    vec![Write::put(key(name), value.to_owned())]
}

async fn value(store: &dyn Store, name: &str) -> Option<String> {
    let entry = store.get(&key(name)).await.unwrap();
    entry.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
}

/// What the disk refuses at the moment.
#[derive(Debug, Clone, Default)]
struct Breakage {
    write: Arc<AtomicBool>,
    sync: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FailingDisk {
    file: FileBackend,
    breakage: Breakage,
}

fn refuse(flag: &AtomicBool, kind: io::ErrorKind) -> io::Result<()> {
    if flag.load(SeqCst) { Err(kind.into()) } else { Ok(()) }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        refuse(&self.breakage.write, io::ErrorKind::StorageFull)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        refuse(&self.breakage.sync, io::ErrorKind::Other)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        refuse(&self.breakage.write, io::ErrorKind::StorageFull)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

async fn on_failing_disk(path: &Path) -> (Embedded, Breakage) {
    let breakage = Breakage::default();
    let given = breakage.clone();
    let store = Embedded::open_with(path, || {
        let breakage = given.clone();
        Box::new(move |path: &Path| {
            refuse(&breakage.open, io::ErrorKind::Other)?;
            let file =
                std::fs::File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            let disk = FailingDisk { file: FileBackend::new(file)?, breakage: breakage.clone() };
            redb::Builder::new().create_with_backend(disk)
        })
    });
    (store.await.unwrap(), breakage)
}

#[tokio::test]
async fn a_full_disk_is_an_error_the_last_state_stays_readable_and_later_writes_work_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (store, breakage) = on_failing_disk(&path).await;
    store.commit(vec![], put("a", "old")).await.unwrap();

    breakage.write.store(true, SeqCst);
    for _ in 0..2 {
        let full = store.commit(vec![], put("a", "new")).await;
        assert!(matches!(full, Err(StoreError::Disk(_)) | Ok(Outcome::Unknown(_))), "{full:?}");
    }
    breakage.write.store(false, SeqCst);

    assert_eq!(value(&store, "a").await.as_deref(), Some("old"));
    assert_eq!(store.commit(vec![], put("a", "newer")).await.unwrap(), Outcome::Done(2));
    drop(store);
    let store = Embedded::open(&path).await.unwrap();
    assert_eq!(value(&store, "a").await.as_deref(), Some("newer"));
}

/// A failed sync may leave the commit in the file although nobody was told so. It must not come back at the
/// next start.
#[tokio::test]
async fn a_commit_whose_sync_failed_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (store, breakage) = on_failing_disk(&path).await;
    store.commit(vec![], put("a", "old")).await.unwrap();
    let mut watch = store.watch(&[""], 1).await.unwrap();

    breakage.sync.store(true, SeqCst);
    let failed = store.commit(vec![], [put("a", "new"), put("b", "new")].concat()).await.unwrap();
    assert!(matches!(failed, Outcome::Unknown(_)), "the file cannot open without a sync: {failed:?}");
    assert!(matches!(watch.next().await, Err(StoreError::Disk(_))), "no view is known to be current");
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::Disk(_))));
    assert!(matches!(store.list(&[""]).await, Err(StoreError::Disk(_))));

    breakage.sync.store(false, SeqCst);
    assert_eq!(value(&store, "a").await.as_deref(), Some("old"));
    assert_eq!(value(&store, "b").await, None);
    drop(store);
    let store = Embedded::open(&path).await.unwrap();
    assert_eq!(store.list(&[""]).await.unwrap().revision, 1);
    assert_eq!(value(&store, "a").await.as_deref(), Some("old"));
    assert_eq!(value(&store, "b").await, None);
    assert_eq!(store.commit(vec![], put("b", "later")).await.unwrap(), Outcome::Done(2));
}

/// The same, but the sync works again before the file is opened: the failure is final at once.
#[tokio::test]
async fn a_sync_error_that_passes_is_a_disk_error_and_nothing_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let breakage = Breakage::default();
    let given = breakage.clone();
    let store = Embedded::open_with(&path, || {
        let breakage = given.clone();
        Box::new(move |path: &Path| {
            breakage.sync.store(false, SeqCst);
            let file =
                std::fs::File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            let disk = FailingDisk { file: FileBackend::new(file)?, breakage: breakage.clone() };
            redb::Builder::new().create_with_backend(disk)
        })
    });
    let store = store.await.unwrap();
    store.commit(vec![], put("a", "old")).await.unwrap();
    breakage.sync.store(true, SeqCst);
    let failed = store.commit(vec![], [put("a", "new"), put("b", "new")].concat()).await;
    assert!(matches!(failed, Err(StoreError::Disk(_))), "{failed:?}");
    assert_eq!(value(&store, "a").await.as_deref(), Some("old"));
    drop(store);
    let store = Embedded::open(&path).await.unwrap();
    assert_eq!(value(&store, "a").await.as_deref(), Some("old"));
    assert_eq!(value(&store, "b").await, None);
}

#[tokio::test]
async fn a_file_that_does_not_open_after_an_error_is_tried_again_at_each_use() {
    let folder = tempfile::tempdir().unwrap();
    let (store, breakage) = on_failing_disk(&folder.path().join("store")).await;
    breakage.write.store(true, SeqCst);
    breakage.open.store(true, SeqCst);
    let _ = store.commit(vec![], put("a", "1")).await;
    assert!(matches!(store.commit(vec![], put("a", "2")).await, Err(StoreError::Disk(_))));
    breakage.write.store(false, SeqCst);
    breakage.open.store(false, SeqCst);
    assert_eq!(store.commit(vec![], put("a", "3")).await.unwrap(), Outcome::Done(1));
}

#[tokio::test]
async fn a_file_replaced_while_in_use_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (store, breakage) = on_failing_disk(&path).await;
    store.commit(vec![], put("a", "ours")).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    breakage.write.store(true, SeqCst);
    let _ = store.commit(vec![], put("a", "lost")).await;
    breakage.write.store(false, SeqCst);
    let refused = store.commit(vec![], put("a", "lost")).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(Embedded::open(&path).await.unwrap());
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(Embedded::open(&path).await.unwrap());
    assert_eq!(mode(), 0o600);
}

#[tokio::test]
async fn a_second_holder_is_refused_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let _first = Embedded::open(&path).await.unwrap();
    let second = Embedded::open(&path).await.expect_err("in use");
    assert!(matches!(&second, OpenError::InUse(name) if *name == path.display().to_string()), "{second}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a store, but somebody's notes").unwrap();
    assert!(matches!(Embedded::open(&path).await, Err(OpenError::Store(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a store, but somebody's notes");
}

#[tokio::test]
async fn leases_end_when_the_file_is_reopened_and_a_resumed_watch_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Embedded::open(&path).await.unwrap();
    let lease = store.lease(Duration::from_secs(60)).await.unwrap();
    let bound = Write::Put { key: key("m/1"), value: "x".into(), lease: Some(lease.id()) };
    let Outcome::Done(seen) = store.commit(vec![], vec![bound]).await.unwrap() else { panic!("not done") };
    drop((lease, store));

    let store = Embedded::open(&path).await.unwrap();
    let mut watch = store.watch(&["m/"], seen).await.unwrap();
    let WatchItem::Batch(batch) = watch.next().await.unwrap() else { panic!("no batch") };
    assert_eq!(batch.events, vec![Event::Deleted { key: key("m/1") }]);
    assert_eq!(value(&store, "m/1").await, None);
}

/// A file of some commits, closed.
async fn filled(path: &Path) {
    let store = Embedded::open(path).await.unwrap();
    for number in 0..20 {
        store.commit(Vec::new(), put(&format!("k/{number}"), &"v".repeat(500))).await.unwrap();
    }
}

/// redb panicked on some of these.
#[tokio::test]
async fn whatever_a_file_holds_it_opens_or_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    filled(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let length = whole.len();
    let mut damaged: Vec<Vec<u8>> = vec![b"nonsense".to_vec(), vec![0; 4_096], vec![0xff; 100_000]];
    damaged.extend(
        [64, 512, 4_096, 5_000, length / 2, length - 4_096, length - 1].map(|end| whole[..end].to_vec()),
    );
    for at in (0..length).step_by(length / 60) {
        let mut flipped = whole.clone();
        let end = (at + 64).min(length);
        flipped[at..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        damaged.push(flipped);
    }
    let mut told = 0;
    for (number, bytes) in damaged.iter().enumerate() {
        std::fs::write(&path, bytes).unwrap();
        match Embedded::open(&path).await {
            Err(OpenError::Store(StoreError::Corrupt(text))) => {
                assert!(text.contains(&path.display().to_string()), "{text}");
                told += 1;
            }
            // What was flipped lay in a part that nothing uses, or is as it was after an earlier commit.
            Ok(store) => {
                let listed = store.list(&["k/"]).await.unwrap();
                assert!(
                    listed.entries.iter().all(|entry| entry.value.iter().all(|byte| *byte == b'v')),
                    "{number}"
                );
            }
            Err(other) => panic!("{number}: {other}"),
        }
    }
    assert!(told > 10, "{told} of {} were found damaged", damaged.len());
}

#[tokio::test]
async fn a_file_that_is_cut_or_moved_while_it_is_in_use_is_found_at_the_next_write() {
    let folder = tempfile::tempdir().unwrap();
    for how in ["cut", "moved", "replaced"] {
        let path = folder.path().join(how);
        filled(&path).await;
        let store = Embedded::open(&path).await.unwrap();
        match how {
            "cut" => std::fs::File::options().write(true).open(&path).unwrap().set_len(100).unwrap(),
            "moved" => std::fs::rename(&path, folder.path().join("elsewhere")).unwrap(),
            _ => {
                std::fs::copy(&path, folder.path().join("copy")).unwrap();
                std::fs::rename(folder.path().join("copy"), &path).unwrap();
            }
        }
        let failed = store.commit(Vec::new(), put("k/new", "x")).await;
        let Err(StoreError::Corrupt(text)) = failed else { panic!("{how}: {failed:?}") };
        assert!(text.contains("move the file away, start this process again"), "{text}");
        assert!(store.list(&["k/"]).await.is_err(), "{how}: readers are told too");
    }
}
