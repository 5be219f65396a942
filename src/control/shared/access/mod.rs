//! Who may use the admin port: tokens, their roles, and what limits them.
//!
//! A token comes in the `Authorization` header, which no browser sends by itself. A browser's session comes in a cookie, which
//! counts for this router's own page alone: other sites' requests do not bring it, and a write needs our own Origin.

pub mod caller;
pub mod known_token;
pub mod limits;
pub mod live_tokens;
pub mod network;
pub mod proxy_sign_in;
pub mod refusals;
pub mod rights;
pub mod scope;
pub mod session_cookie;
pub mod sessions;
pub mod sign_ins;
pub mod stored_tokens;
pub mod token_file;
pub mod tokens;
