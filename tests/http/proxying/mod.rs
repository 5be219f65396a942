//! What the proxy does with good traffic: it streams, keeps connections, repeats what is safe to repeat, and says in its
//! own voice what went wrong.

mod access_log;
mod answers;
mod connections;
mod endings;
mod leaving;
mod pressure;
mod repeats;
mod scarcity;
mod streaming;
mod upgrades;
mod waiting;
mod websockets;
