//! Who may use the admin port: tokens, their roles, and what limits them.
//!
//! Bearer tokens only: nothing a browser sends by itself (a cookie, a query string) ever authenticates, so no page
//! of another site can act for a signed-in person.

pub mod caller;
pub mod known_token;
pub mod live_tokens;
pub mod network;
pub mod rights;
pub mod scope;
pub mod sign_ins;
pub mod stored_tokens;
pub mod token_file;
pub mod tokens;
