//! The conformance suite against the backends inside the process, and the table in the README.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use keyvalues::{
    Embedded, Memory, Store,
    conformance::{self, Backend, Subject},
};
use support::servers::{judge, push_out, wanted};
use tempfile::TempDir;

struct InMemory;

struct MemorySubject(Arc<Memory>);

#[async_trait]
impl Backend for InMemory {
    async fn subject(&self) -> Box<dyn Subject> {
        Box::new(MemorySubject(Arc::new(Memory::new())))
    }
}

#[async_trait]
impl Subject for MemorySubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<Memory>::clone(&self.0)
    }

    async fn compact(&self) {
        push_out(&*self.0).await;
    }
}

struct InFile;

struct FileSubject {
    folder: TempDir,
    /// `None` only while it is being reopened.
    store: Option<Arc<Embedded>>,
}

impl FileSubject {
    async fn open(&mut self) {
        let path = self.folder.path().join("store");
        self.store = Some(Arc::new(Embedded::open(path).await.expect("the file opens")));
    }
}

#[async_trait]
impl Backend for InFile {
    async fn subject(&self) -> Box<dyn Subject> {
        let mut subject = FileSubject { folder: tempfile::tempdir().expect("a folder"), store: None };
        subject.open().await;
        Box::new(subject)
    }
}

#[async_trait]
impl Subject for FileSubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<Embedded>::clone(self.store.as_ref().expect("it is open"))
    }

    async fn reopen(&mut self) {
        self.store = None;
        self.open().await;
    }

    async fn compact(&self) {
        push_out(&*self.store()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    judge(&conformance::run(&InMemory, wanted, 8).await, 90);
}

#[tokio::test(start_paused = true)]
async fn memory_conforms_with_the_clock_paused() {
    judge(&conformance::run(&InMemory, wanted, 1).await, 90);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_conforms() {
    judge(&conformance::run(&InFile, wanted, 8).await, 95);
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let names = conformance::all().map(|case| case.name).collect::<BTreeSet<_>>();
    assert_eq!(names.len(), conformance::all().count());
}

/// Every proof that the README names exists: as a case, or as a test of this crate.
#[test]
fn the_readme_names_real_proofs() {
    let tests = [
        include_str!("crash.rs"),
        include_str!("etcd.rs"),
        include_str!("redis.rs"),
        include_str!("../../tests/stores/serving.rs"),
        include_str!("../src/backends/embedded/tests.rs"),
    ];
    let cases = conformance::all().map(|case| case.name).collect::<BTreeSet<_>>();
    let rows = include_str!("../README.md").lines().filter(|line| line.starts_with("| "));
    let proofs =
        rows.filter_map(|row| row.split('|').nth(2)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let (mut named, mut unknown) = (0, Vec::new());
    for proof in proofs.filter(|proof| proof.contains('_')) {
        named += 1;
        let is_test = tests.iter().any(|source| source.contains(&format!("fn {proof}(")));
        if !is_test && !cases.contains(proof) {
            unknown.push(proof);
        }
    }
    assert_eq!(unknown, Vec::<&str>::new());
    assert!(named > 40, "the table was not found: {named} proofs");
}
