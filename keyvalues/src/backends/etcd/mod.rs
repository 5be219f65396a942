//! etcd 3.4 or later, by its JSON gateway, so that no protocol compiler is needed.
//!
//! Revisions, transactions and leases are etcd's own; its operator's limits hold beside ours. Reads are
//! linearizable. The gateway must be on (`--enable-grpc-gateway`, the default).

mod entries;
mod gateway;
mod status;
mod store;
mod tail;
mod wire;

pub use self::store::Etcd;
