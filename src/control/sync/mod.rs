//! Store to table: list -> watch -> adopt -> build -> publish.
//!
//! One task owns the keyspace. Whatever happens to the store, the task goes on serving the last good table: a lost
//! watch is listed again after a pause, another or an older store is refused and shown. Nothing here is ever waited
//! for by a request of an end user.

pub mod deadlines;
pub mod endpoint_ends;
pub mod follow;
pub mod followed;
pub mod follower;
pub mod identity;
pub mod interruption;
pub mod last_good;
pub mod origin;
pub mod restore;
pub mod upkeep;
