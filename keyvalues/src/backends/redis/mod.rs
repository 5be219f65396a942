//! Redis: values as plain strings that other tools can read and write, every operation one atomic script.
//!
//! The script (`store.lua`) keeps revisions, leases and a bounded change log beside the values. A `SET` or `DEL` of another
//! tool is found by its digest: at once if the key is read or committed, otherwise by the search in `sweep`. The server is a
//! standalone primary, with replicas if wanted. Redis Cluster is not supported, since one script uses keys of many slots.

mod link;
mod reply;
mod store;
mod sweep;
mod tail;

pub use self::store::Redis;
