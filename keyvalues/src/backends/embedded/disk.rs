//! The file behind the contents: opening, writing, and recovering from an error.
//!
//! Readers see the contents in memory. A batch is written and synced first, and shown to readers afterwards. If writing
//! fails, the file is opened again at once and brought back to what readers have seen, so nothing was written. If it cannot
//! be opened either, it is unknown whether the batch was written: the caller gets `Unknown`, and reads fail until a later use
//! has opened the file and settled it.

use std::{
    cell::Cell,
    fmt,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use redb::{Builder, Database, DatabaseError, StorageError};

use super::{error::DiskError, guard::guarded, tables};
use crate::{
    backends::local::{Plan, SharedState, State},
    contract::{Batch, Outcome, StoreError},
    open_error::OpenError,
};

/// redb's page cache: 4 MiB, since the contents are in memory anyway.
const CACHE_BYTES: usize = 4 << 20;

/// Opens the database of a path. Tests use a failing disk instead.
pub(super) type Opener = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;

/// The open file. One batch at a time, from threads that may block.
pub(super) struct Disk {
    path: PathBuf,
    opener: Opener,
    /// `None` from an error until the file opens again.
    database: Option<Database>,
    /// The file as it was after the last write.
    file: FileStamp,
    id: String,
}

/// What tells that a file is the one that is open, and not cut short.
#[derive(Debug, Clone, Copy)]
struct FileStamp {
    inode: u64,
    length: u64,
}

impl FileStamp {
    fn of(path: &Path) -> Result<Self, DiskError> {
        let found = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DiskError::Corrupt("it was moved away while it was in use".into()),
            _ => DiskError::Io(error.to_string()),
        })?;
        Ok(Self { inode: found.ino(), length: found.len() })
    }
}

impl Disk {
    /// Opens or makes the file and reads it. Keys of leases are gone: their leases ended with the last process.
    pub(super) fn open(path: &Path, opener: Opener) -> Result<(Self, State), OpenError> {
        let name = || path.display().to_string();
        let fail = |error: DiskError| match error {
            DiskError::InUse => OpenError::InUse(name()),
            DiskError::Io(text) => StoreError::Disk(format!("{}: {text}", name())).into(),
            DiskError::Corrupt(text) => StoreError::Corrupt(format!("{}: {text}", name())).into(),
        };
        let opened = guarded(|| {
            let database = open_whole(&opener, path)?;
            let id = tables::prepare(&database)?;
            let state = tables::load(&database)?;
            Ok((database, id, state))
        });
        let (database, id, mut state) = opened.map_err(fail)?;
        let file = FileStamp::of(path).map_err(fail)?;
        let mut disk = Self { path: path.to_owned(), opener, database: Some(database), file, id };
        if let Plan::Change(batch) = state.plan_end_all() {
            disk.write(&batch, state.log().compacted_with(&batch)).map_err(|failure| fail(failure.into()))?;
            state.apply(batch);
        }
        Ok((disk, state))
    }

    /// The file's random id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Plans, writes, syncs and then shows a batch.
    pub(super) fn carry_out(
        &mut self,
        shared: &SharedState,
        plan: impl FnOnce(&mut State) -> Result<Plan, StoreError>,
    ) -> Result<Outcome, StoreError> {
        self.recover(shared)?;
        let (batch, compacted) = {
            let mut state = shared.lock();
            match plan(&mut state)? {
                Plan::Conflict(key) => return Ok(Outcome::Conflict(key)),
                Plan::Nothing(revision) => return Ok(Outcome::Done(revision)),
                Plan::Change(batch) => {
                    let compacted = state.log().compacted_with(&batch);
                    (batch, compacted)
                }
            }
        };
        let revision = batch.revision;
        match self.write(&batch, compacted) {
            Ok(()) => {
                shared.lock().apply(batch);
                shared.wake();
                Ok(Outcome::Done(revision))
            }
            Err(failure) => self.after_failure(shared, failure),
        }
    }

    /// Opens the file again if an error closed it, and brings it back to what has been shown.
    pub(super) fn recover(&mut self, shared: &SharedState) -> Result<(), StoreError> {
        if self.database.is_some() {
            return Ok(());
        }
        let database = guarded(|| {
            let database = open_whole(&self.opener, &self.path)?;
            self.settle(&database, shared)?;
            Ok(database)
        })?;
        self.database = Some(database);
        self.file = FileStamp::of(&self.path)?;
        shared.lock().set_read_error(None);
        shared.wake();
        tracing::info!(file = %self.path.display(), "the store's file is open again");
        Ok(())
    }

    /// Takes back a batch that was never shown. A file with anything else is not the one that was open.
    fn settle(&self, database: &Database, shared: &SharedState) -> Result<(), DiskError> {
        let id = tables::prepare(database)?;
        let found = tables::revision(database)?;
        let seen = shared.lock().revision();
        if id != self.id || !(seen..=seen + 1).contains(&found) {
            return Err(DiskError::Corrupt(format!(
                "{} was replaced while it was in use: start this process again",
                self.path.display()
            )));
        }
        if found > seen {
            let transaction = database.begin_write()?;
            tables::undo(&transaction, seen, |name| shared.lock().get(name).cloned())?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, compacted: u64) -> Result<(), WriteFailure> {
        self.refuse_other_file()?;
        // Taken out while it is written to: after an error or a panic the file is opened and settled again.
        let database = self.database.take().ok_or_else(|| DiskError::Io("the file is closed".into()))?;
        let in_doubt = Cell::new(false);
        let written = guarded(|| {
            let transaction = database.begin_write()?;
            tables::write(&transaction, batch, compacted)?;
            in_doubt.set(true);
            Ok(transaction.commit()?)
        });
        if let Err(error) = written {
            // It may find out only now that it cannot go on.
            let _ = guarded(|| {
                drop(database);
                Ok(())
            });
            return Err(WriteFailure { error, in_doubt: in_doubt.get() });
        }
        self.database = Some(database);
        self.file = FileStamp::of(&self.path)?;
        Ok(())
    }

    /// Whoever moves the file away, puts another in its place or cuts it short would have this process write where nobody
    /// looks, or into a file that nobody can read again.
    fn refuse_other_file(&self) -> Result<(), DiskError> {
        let now = FileStamp::of(&self.path)?;
        if now.inode != self.file.inode {
            return Err(DiskError::Corrupt("another file was put in its place while it was in use".into()));
        }
        if now.length < self.file.length {
            return Err(DiskError::Corrupt("it was cut short while it was in use".into()));
        }
        Ok(())
    }

    /// Says that the file is damaged, also to whoever reads: what is held in memory is not what a next process would read.
    fn give_up(&self, shared: &SharedState, text: &str) -> StoreError {
        let file = self.path.display();
        let error = StoreError::Corrupt(format!(
            "{file}: {text}; move the file away, start this process again, and restore what it held"
        ));
        tracing::error!("{error}");
        shared.lock().set_read_error(Some(error.clone()));
        shared.wake();
        error
    }

    fn after_failure(&mut self, shared: &SharedState, failure: WriteFailure) -> Result<Outcome, StoreError> {
        if let DiskError::Corrupt(text) = &failure.error {
            return Err(self.give_up(shared, text));
        }
        tracing::error!(file = %self.path.display(), error = %failure.error, "the store cannot write");
        let Err(again) = self.recover(shared) else { return Err(failure.error.into()) };
        if let StoreError::Corrupt(text) = &again {
            return Err(self.give_up(shared, text));
        }
        if !failure.in_doubt {
            return Err(failure.error.into());
        }
        let text = format!("{}; afterwards the file could not be opened again: {again}", failure.error);
        shared.lock().set_read_error(Some(StoreError::Disk(text.clone())));
        shared.wake();
        Ok(Outcome::Unknown(text))
    }
}

/// A failed write of a batch.
#[derive(Debug)]
struct WriteFailure {
    error: DiskError,
    /// Whether the commit itself failed, so that the file may hold the batch.
    in_doubt: bool,
}

impl From<DiskError> for WriteFailure {
    fn from(error: DiskError) -> Self {
        Self { error, in_doubt: false }
    }
}

impl From<WriteFailure> for DiskError {
    fn from(failure: WriteFailure) -> Self {
        failure.error
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Opens the file and makes sure that all of it can be read: what is damaged in the middle would else be found when
/// somebody asks for it.
fn open_whole(opener: &Opener, path: &Path) -> Result<Database, DiskError> {
    let mut database = opener(path)?;
    database.check_integrity()?;
    Ok(database)
}

/// Opens the real file, which only its owner may read: it holds tokens and keys.
pub(super) fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let metadata = file.metadata()?;
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    let is_new = metadata.len() == 0;
    let database = Builder::new().set_cache_size(CACHE_BYTES).create_file(file)?;
    if is_new {
        sync_folder(path).map_err(StorageError::from)?;
    }
    Ok(database)
}

/// How every file of redb begins.
const MAGIC: [u8; 9] = *b"redb\x1a\x0a\xa9\x0d\x0a";

/// Whether a file that is there begins as one of this store does; one that is empty is made one.
///
/// # Errors
/// It cannot be read and written.
pub fn begins_as_store(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    file.take(MAGIC.len() as u64).read_to_end(&mut begin)?;
    Ok(begin.is_empty() || begin == MAGIC)
}

/// A new file is only there after a power loss if its folder was synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
