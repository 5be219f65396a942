//! What `kv import --replace` does when one commit does not hold it, or a record goes back: it gives the store a new epoch, so that
//! no router follows it before all of it is there. Until then every router serves what it served before, and shows that.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        client::{Client, Request},
        exit::{Exit, Failure},
    },
    file::Keyvalues,
    plan::{Change, Plan},
    stored::{self, EPOCH, SUCCESSION, StoredEntry},
};
use crate::schema::router::{Router, StoreState};

/// How often the store is compared with the file again, since others may write beside.
const ROUNDS_MAX: usize = 5;

/// How long the asked router may take to follow the store again.
const FOLLOWED_WAIT: Duration = Duration::from_secs(30);

/// What became of a commit.
pub(super) enum Committed {
    /// It is in the store, at this revision.
    Done(u64),
    /// Nothing was written, since this key has changed.
    Conflict(String),
}

/// A replacement that has begun.
struct Replacement<'a> {
    client: &'a Client,
    epoch: String,
    /// The epoch's own revision: each commit holds only while it stays.
    epoch_at: u64,
    /// The epochs that routers know this store by.
    from: Vec<String>,
}

/// Makes the store what the file says, and waits until the asked router follows it.
pub(super) async fn replace(
    client: &Client,
    wanted: &Keyvalues,
    stored: &[StoredEntry],
) -> Result<(), Failure> {
    let replacement = Replacement::begin(client, stored).await?;
    replacement.write(wanted).await?;
    replacement.finish().await?;
    followed(client).await
}

impl<'a> Replacement<'a> {
    async fn begin(client: &'a Client, stored: &[StoredEntry]) -> Result<Self, Failure> {
        let find = |key: &str| stored.iter().find(|entry| entry.key == key);
        let Some(epoch) = find(EPOCH) else {
            return Err(Failure::new(
                Exit::Refused,
                "the store has lost its epoch; settle it first by `store accept`, then import",
            ));
        };
        let known = String::from_utf8_lossy(&epoch.bytes()?).into_owned();
        let last: Value = match find(SUCCESSION) {
            Some(entry) => serde_json::from_slice(&entry.bytes()?).unwrap_or_default(),
            None => Value::Null,
        };
        // An import that was broken off: routers still know what was there before it.
        let unfinished = last["to"] == known.as_str() && last["is_done"] != true;
        let before = last["from"].as_array().filter(|_| unfinished).into_iter().flatten();
        let mut from: Vec<String> = before.filter_map(|epoch| epoch.as_str().map(str::to_owned)).collect();
        from.push(known.clone());
        let base = known.split('.').next().unwrap_or(&known);
        let mut begun =
            Self { client, epoch: format!("{base}.{}", epoch.modified), epoch_at: epoch.modified, from };
        let writes = vec![put(EPOCH, begun.epoch.as_bytes()), begun.succession(false)];
        match commit(client, vec![begun.check()], writes).await? {
            Committed::Done(revision) => begun.epoch_at = revision,
            Committed::Conflict(_) => return Err(overtaken()),
        }
        Ok(begun)
    }

    /// Writes what differs; once more, where somebody wrote beside it.
    async fn write(&self, wanted: &Keyvalues) -> Result<(), Failure> {
        for _ in 0..ROUNDS_MAX {
            if self.write_once(&Plan::of(wanted, &stored::list(self.client).await?)?).await? {
                return Ok(());
            }
        }
        let message = "others keep writing into the store, so it is not what the file says; import again with --replace";
        Err(Failure::new(Exit::Refused, message))
    }

    /// Whether all of it was written.
    async fn write_once(&self, plan: &Plan) -> Result<bool, Failure> {
        for changes in plan.commits() {
            let checks = [self.check()].into_iter().chain(changes.iter().map(Change::check)).collect();
            match commit(self.client, checks, changes.iter().map(Change::write).collect()).await? {
                Committed::Conflict(key) if key == EPOCH => return Err(overtaken()),
                Committed::Conflict(_) => return Ok(false),
                Committed::Done(_) => {}
            }
        }
        Ok(true)
    }

    /// Lets every router follow the store again.
    async fn finish(&self) -> Result<(), Failure> {
        match commit(self.client, vec![self.check()], vec![self.succession(true)]).await? {
            Committed::Done(_) => Ok(()),
            Committed::Conflict(_) => Err(overtaken()),
        }
    }

    fn check(&self) -> Value {
        json!({ "unchanged": EPOCH, "modified": self.epoch_at })
    }

    fn succession(&self, is_done: bool) -> Value {
        let succession = json!({ "to": self.epoch, "from": self.from, "is_done": is_done });
        put(SUCCESSION, succession.to_string().as_bytes())
    }
}

fn put(key: &str, value: &[u8]) -> Value {
    Change { key: key.to_owned(), value: Some(value.to_vec()), modified: None }.write()
}

fn overtaken() -> Failure {
    let message = "another import, or `store restore` or `store accept`, wrote into the store meanwhile; look at the store";
    Failure::new(Exit::Refused, message)
}

/// One commit.
pub(super) async fn commit(
    client: &Client,
    checks: Vec<Value>,
    writes: Vec<Value>,
) -> Result<Committed, Failure> {
    let request = Request::new(Method::POST, &["api", "v1", "store", "commit"]);
    let request = request.json(&json!({ "checks": checks, "writes": writes }));
    let outcome: Value = client.send(request).await?.read()?;
    if let Some(key) = outcome["conflict"].as_str() {
        return Ok(Committed::Conflict(key.to_owned()));
    }
    if let Some(why) = outcome["unknown"].as_str() {
        let message =
            format!("the store did not say whether it was written ({why}); import again with --replace");
        return Err(Failure::new(Exit::Unreachable, message));
    }
    Ok(Committed::Done(outcome["done"].as_u64().unwrap_or_default()))
}

/// Waits until the asked router follows the store.
async fn followed(client: &Client) -> Result<(), Failure> {
    let follows = async {
        loop {
            let router: Router = client.send(Request::get(&["api", "v1", "router"])).await?.read()?;
            if router.store.state == StoreState::Current {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(FOLLOWED_WAIT, follows).await.unwrap_or_else(|_| {
        let message =
            "everything is written, and the router does not follow the store yet; `status` says why";
        Err(Failure::new(Exit::Unreachable, message))
    })
}
