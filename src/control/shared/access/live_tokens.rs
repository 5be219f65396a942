//! The tokens in use: those of the token file as it was last readable, and those of the store.
//!
//! The file is looked at every few seconds, and at once on SIGHUP. A file that cannot be read, or that others can write,
//! changes nothing. Where a line is not understood, the others count, and nobody is taken out: whose line it was to be is not
//! known. A file that is being written is left alone until two looks find it the same.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use keyvalues::{Entry, Listing};

use parking_lot::Mutex as Lock;
use tokio::{
    sync::{Mutex, watch},
    task::spawn_blocking,
    time::sleep,
};

use super::{
    caller::Caller,
    known_token::Digest,
    limits::PROXY_SIGN_IN_MAX,
    sessions::SessionPass,
    stored_tokens::StoredTokens,
    token_file::TokenError,
    tokens::{LoadedTokens, TokenChange, Tokens},
};
use crate::file_stamp::{self, Stamp};

/// Where tokens come from.
#[derive(Debug, Clone)]
struct Source {
    file: Option<PathBuf>,
    environment: Option<String>,
}

/// The tokens in use, and where they come from.
#[derive(Debug)]
pub struct LiveTokens {
    source: Source,
    /// Those of the file and of the environment.
    own: Lock<Arc<Tokens>>,
    /// Those of the store, as the watch tells of them.
    stored: Lock<StoredTokens>,
    /// Whether the store, or what was kept of it, was read since the start.
    has_read_store: AtomicBool,
    /// All that count now.
    current: watch::Sender<Arc<Tokens>>,
    /// When each was used last at this router, Unix ms.
    uses: Lock<HashMap<Digest, u64>>,
    looked: Mutex<FileStamps>,
    /// Why the file counts for nothing since it was last read.
    unread: Lock<Option<String>>,
    /// How often it was read again and could not be used, or not all of it.
    failed_reads: AtomicU64,
}

/// The file's stamps.
#[derive(Debug, Clone, Copy)]
struct FileStamps {
    /// When it was last read, even if that failed.
    read: Stamp,
    /// At the last look.
    last: Stamp,
}

/// Somebody who was let in. It ends with the token.
#[derive(Debug, Clone)]
pub struct Pass {
    address: IpAddr,
    client: IpAddr,
    digest: Digest,
    caller: Caller,
    /// The browser's session, if it came by one and not by the token.
    session: Option<SessionPass>,
    /// A proxy has said who they are.
    is_by_proxy: bool,
    current: watch::Receiver<Arc<Tokens>>,
}

impl LiveTokens {
    /// Reads them, making the file if it is missing; see [`Tokens::load`]. Gives a token that was made along with them.
    pub fn load(file: Option<PathBuf>, environment: Option<String>) -> (Self, Option<String>) {
        let source = Source { file, environment };
        let before = source.stamp();
        let LoadedTokens { tokens, generated } =
            Tokens::load(source.file.as_deref(), source.environment.as_deref());
        tokens.faults().iter().for_each(|fault| tracing::error!("{fault}"));
        let stamp = if generated.is_some() { source.stamp() } else { before };
        let looked = Mutex::new(FileStamps { read: stamp, last: stamp });
        let own = Arc::new(tokens);
        let live = Self {
            source,
            current: watch::Sender::new(Arc::clone(&own)),
            own: Lock::new(own),
            stored: Lock::default(),
            has_read_store: AtomicBool::new(false),
            uses: Lock::default(),
            looked,
            unread: Lock::default(),
            failed_reads: AtomicU64::new(0),
        };
        (live, generated)
    }

    /// Takes those of a whole listing of the store, in place of all that were its. `now`: Unix ms.
    pub fn replace_stored(&self, listing: &Listing, now: u64) {
        *self.stored.lock() = StoredTokens::of(listing);
        self.publish(now);
        self.has_read_store.store(true, Ordering::Release);
    }

    /// Takes one write or deletion of the store; `false` when the key is not about tokens. `now`: Unix ms.
    pub fn take_stored(&self, key: &str, entry: Option<&Entry>, now: u64) -> bool {
        let is_ours = self.stored.lock().take(key, entry);
        if is_ours {
            self.publish(now);
        }
        is_ours
    }

    /// Lets go of those whose time is over. `now`: Unix ms.
    pub fn end_due(&self, now: u64) {
        if self.stored.lock().has_ends() {
            self.publish(now);
        }
    }

    /// Whether those of the store are known. Before that nobody can be told that a token is wrong.
    pub fn has_read_store(&self) -> bool {
        self.has_read_store.load(Ordering::Acquire)
    }

    /// Those of the store, ended ones too.
    pub fn stored(&self) -> StoredTokens {
        self.stored.lock().clone()
    }

    /// Those of the file and of the environment.
    pub fn own(&self) -> Arc<Tokens> {
        Arc::clone(&self.own.lock())
    }

    /// When a token was used last at this router, Unix ms.
    pub fn used_at(&self, digest: &Digest) -> Option<u64> {
        self.uses.lock().get(digest).copied()
    }

    /// Puts those that count into use, if they are others than before.
    fn publish(&self, now: u64) {
        let tokens = self.own.lock().with(self.stored.lock().live(now));
        self.current.send_if_modified(|current| {
            let differs = **current != tokens;
            if differs {
                self.uses.lock().retain(|digest, _| tokens.holder(digest).is_some());
                *current = Arc::new(tokens);
            }
            differs
        });
    }

    /// What is wrong with them: lines that are left out, or a file that is not used. No text repeats a token.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.own().faults().to_vec();
        faults.into_iter().chain(self.unread.lock().clone()).collect()
    }

    /// How often the file was read again and could not be used, or not all of it.
    pub fn failed_reads(&self) -> u64 {
        self.failed_reads.load(Ordering::Relaxed)
    }

    /// Lets somebody in who presents a token, from this address. `now`: Unix ms.
    pub fn admit(&self, presented: &str, address: IpAddr, now: u64) -> Option<Pass> {
        let (digest, caller) =
            self.current.borrow().find(presented).map(|(digest, who)| (digest, who.clone()))?;
        self.uses.lock().insert(digest, now);
        Some(self.pass(address, digest, caller, None))
    }

    /// Lets somebody in who comes by a session, as long as its token counts. `now`: Unix ms.
    pub fn admit_session(&self, session: SessionPass, address: IpAddr, now: u64) -> Option<Pass> {
        let digest = session.session().stored.token()?;
        let caller = self.holder(&digest)?;
        self.uses.lock().insert(digest, now);
        Some(self.pass(address, digest, caller, Some(session)))
    }

    /// Lets somebody in whom a proxy has signed in.
    pub fn admit_signed_in(&self, caller: Caller, address: IpAddr) -> Pass {
        Pass { is_by_proxy: true, ..self.pass(address, caller.token, caller, None) }
    }

    /// Who holds the token of this digest.
    pub fn holder(&self, digest: &Digest) -> Option<Caller> {
        self.current.borrow().holder(digest).cloned()
    }

    fn pass(&self, address: IpAddr, digest: Digest, caller: Caller, session: Option<SessionPass>) -> Pass {
        let current = self.current.subscribe();
        Pass { address, client: address, digest, caller, session, is_by_proxy: false, current }
    }

    /// The token file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.source.file.as_deref()
    }

    /// Reads the file again if it has changed; `at_once`: also if it may still be being written. Gives what is otherwise now,
    /// or why nothing is; none where nothing was read. `now`: Unix ms.
    pub async fn look(&self, at_once: bool, now: u64) -> Option<Result<Vec<TokenChange>, String>> {
        self.file()?;
        let mut looked = self.looked.lock().await;
        let (source, before) = (self.source.clone(), *looked);
        let (after, read) = spawn_blocking(move || source.look(before, at_once)).await.ok()?;
        *looked = after;
        Some(match read? {
            Ok(tokens) => Ok(self.take(tokens, now)),
            Err(error) => {
                let fault = format!("the tokens stay as they were: {error}");
                tracing::error!("{fault}");
                self.failed_reads.fetch_add(1, Ordering::Relaxed);
                *self.unread.lock() = Some(fault.clone());
                Err(fault)
            }
        })
    }

    fn take(&self, mut tokens: Tokens, now: u64) -> Vec<TokenChange> {
        let before = self.own();
        if !tokens.faults().is_empty() {
            self.failed_reads.fetch_add(1, Ordering::Relaxed);
            tokens.keep_missing(&before);
            tracing::warn!("tokens that the file lacks stay until no line of it is left out");
        }
        tokens.faults().iter().for_each(|fault| tracing::error!("{fault}"));
        *self.unread.lock() = None;
        let changes = before.changes_to(&tokens);
        let gone = changes.iter().filter(|change| change.after.is_none() || change.is_other).count();
        let count = tokens.callers().count();
        *self.own.lock() = Arc::new(tokens);
        self.publish(now);
        tracing::info!("the token file was read again: {count} tokens, {gone} of the earlier ones are gone");
        changes
    }
}

impl Source {
    fn stamp(&self) -> Stamp {
        self.file.as_deref().and_then(file_stamp::stamp)
    }

    /// One look; and what was read, if anything was.
    fn look(&self, before: FileStamps, at_once: bool) -> (FileStamps, Option<Result<Tokens, TokenError>>) {
        let stamp = self.stamp();
        let settled = at_once || stamp == before.last;
        if stamp == before.read || !settled {
            return (FileStamps { last: stamp, ..before }, None);
        }
        let read = self.file.as_deref().map(|file| Tokens::read_again(file, self.environment.as_deref()));
        (FileStamps { read: stamp, last: stamp }, read)
    }
}

impl Pass {
    /// Where they come from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The client, as trusted proxies tell of it.
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// The same, of this client.
    pub fn of_client(self, client: IpAddr) -> Self {
        Self { client, ..self }
    }

    /// The browser's session, if it came by one.
    pub fn session(&self) -> Option<&SessionPass> {
        self.session.as_ref()
    }

    /// Whether a proxy has said who they are, and no token is behind it.
    pub fn is_by_proxy(&self) -> bool {
        self.is_by_proxy
    }

    /// What is kept of the token.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Who was let in.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Waits until the token is gone, or is somebody else's or another role's, or until the session is over. Whom a proxy has signed
    /// in, it has to sign in again after a while.
    pub async fn ended(&mut self) {
        if self.is_by_proxy {
            return sleep(PROXY_SIGN_IN_MAX).await;
        }
        let Self { digest, caller, current, session, .. } = self;
        // The sender lives as long as whoever lets in.
        let token = current.wait_for(|tokens| tokens.holder(digest) != Some(&*caller));
        let Some(session) = session else { return drop(token.await) };
        tokio::select! {
            _ = token => {}
            () = session.ended() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        control::shared::access::{
            known_token::digest_of,
            stored_tokens::{StoredToken, key_of},
        },
        rollout::command::Role,
    };

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_file_that_changed_counts_and_one_that_cannot_be_read_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        fs::write(&file, "root-token root admin\nci-token-1 main ci\n").unwrap();
        let (tokens, generated) = LiveTokens::load(Some(file.clone()), None);
        assert_eq!(generated, None);
        let role = |token: &str| tokens.admit(token, HERE, 0).map(|pass| pass.caller().role);
        let mut ci = tokens.admit("ci-token-1", HERE, 0).unwrap();
        for bad in ["root-token root\nci-token-1 main boss\n", "", "# nobody\n"] {
            fs::write(&file, bad).unwrap();
            let _ = tokens.look(true, 0).await;
            assert_eq!(
                (role("root-token"), role("ci-token-1")),
                (Some(Role::Admin), Some(Role::Ci)),
                "{bad:?}"
            );
            assert!(tokens.faults()[0].starts_with("the tokens stay as they were: "), "{bad:?}");
        }
        fs::write(&file, "root-token root admin\nnina-token nina viewer\nci-token-1 main boss\n").unwrap();
        let _ = tokens.look(true, 0).await;
        assert_eq!(
            (role("nina-token"), role("ci-token-1")),
            (Some(Role::Viewer), Some(Role::Ci)),
            "others count"
        );
        fs::remove_file(&file).unwrap();
        let _ = tokens.look(true, 0).await;
        assert_eq!(role("ci-token-1"), Some(Role::Ci), "a file that is gone takes nobody out");
        fs::write(&file, "root-token root admin\nci-token-2 main ci\n").unwrap();
        let _ = tokens.look(false, 0).await;
        assert_eq!(role("ci-token-2"), None, "it may still be being written");
        let _ = tokens.look(false, 0).await;
        assert_eq!((role("ci-token-1"), role("ci-token-2")), (None, Some(Role::Ci)));
        assert_eq!(tokens.faults(), Vec::<String>::new());
        ci.ended().await;
    }

    /// Tokens are no safer for being right when somebody else could have written them.
    #[tokio::test]
    async fn a_file_that_others_can_write_changes_nothing_until_it_is_mended() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&file, "root-token root admin\n").unwrap();
        let (tokens, _) = LiveTokens::load(Some(file.clone()), None);
        let role = |token: &str| tokens.admit(token, HERE, 0).map(|pass| pass.caller().role);
        fs::write(&file, "evil-token evil admin\n").unwrap();
        mode(0o666);
        let _ = tokens.look(true, 0).await;
        assert_eq!((role("root-token"), role("evil-token")), (Some(Role::Admin), None));
        mode(0o600);
        let _ = tokens.look(true, 0).await;
        assert_eq!((role("root-token"), role("evil-token")), (None, Some(Role::Admin)));
        mode(0o606);
        let (at_start, generated) = LiveTokens::load(Some(file.clone()), None);
        assert_eq!((at_start.own().callers().count(), generated), (0, None), "nobody comes in");
        assert_eq!(at_start.faults().len(), 1);
    }

    #[tokio::test]
    async fn a_token_of_the_store_counts_until_its_time_is_over_and_ends_what_it_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        fs::write(&file, "root-token root admin\n").unwrap();
        let (tokens, _) = LiveTokens::load(Some(file.clone()), None);
        let digest = StoredToken::encode_digest(&digest_of("stored-token"));
        let value = format!(r#"{{"digest":"{digest}","role":"ci","ends_at":1000}}"#);
        let key = key_of("ci-main");
        let entry =
            Entry { key: key.parse().unwrap(), value: value.into(), created: 1, modified: 1, lease: None };
        assert!(tokens.take_stored(&key, Some(&entry), 1));
        let mut pass = tokens.admit("stored-token", HERE, 7).unwrap();
        assert_eq!((pass.caller().role, tokens.used_at(&digest_of("stored-token"))), (Role::Ci, Some(7)));
        fs::write(&file, "root-token root admin\nnina-token nina viewer\n").unwrap();
        let _ = tokens.look(true, 2).await;
        assert!(tokens.admit("nina-token", HERE, 2).is_some(), "both come in");
        assert!(futures_util::FutureExt::now_or_never(pass.ended()).is_none());
        tokens.end_due(1_000);
        pass.ended().await;
        assert!(tokens.admit("stored-token", HERE, 1_000).is_none());
        assert!(tokens.admit("root-token", HERE, 1_000).is_some());
    }

    #[tokio::test]
    async fn a_token_with_another_role_is_another_pass() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        fs::write(&file, "some-token maria admin\n").unwrap();
        let (tokens, _) = LiveTokens::load(Some(file.clone()), Some("from-the-environment".into()));
        let mut maria = tokens.admit("some-token", HERE, 0).unwrap();
        let mut environment = tokens.admit("from-the-environment", HERE, 0).unwrap();
        fs::write(&file, "some-token maria viewer\n").unwrap();
        let _ = tokens.look(true, 0).await;
        maria.ended().await;
        assert_eq!(tokens.admit("some-token", HERE, 0).unwrap().caller().role, Role::Viewer);
        let stays = environment.ended();
        assert!(futures_util::FutureExt::now_or_never(stays).is_none());
    }
}
