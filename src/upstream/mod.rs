//! The endpoints' side: pooled connections, health checks, ejection, budgets of repeats.

pub mod eject;
pub mod health;
pub mod http2;
pub mod login;
pub mod pool;
pub mod retry;
pub mod shortage;
pub mod stream;
pub mod vanished;
