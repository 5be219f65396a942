//! Redis: values as plain strings that other tools can read and write, every operation one atomic script.
//!
//! The script (`store.lua`) keeps revisions, leases and a bounded change log beside the values. A `SET` or `DEL` of another
//! tool is found by its digest: at once if the key is read or committed, otherwise by the search in `sweep`. The server is a
//! standalone primary, with replicas if wanted, and with Sentinels that say which one it is. Redis Cluster is not supported, since one script uses keys of many slots.

mod link;
mod login;
mod meaning;
mod place;
mod reply;
mod sentinel;
mod store;
mod sweep;
mod tail;

pub use self::store::Redis;
