//! The endpoints' side: connections per worker, health checks, ejection, the repeat rule.

pub mod eject;
pub mod health;
pub mod pool;
pub mod retry;
pub mod shortage;
