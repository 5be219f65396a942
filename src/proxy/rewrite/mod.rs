//! What the router does to headers on their way: the request's towards the endpoint, the response's towards the
//! client.

pub mod anonymous;
pub mod cache;
pub mod certificate_line;
pub mod compression;
pub mod cookie;
pub mod forwarding;
pub mod login;
pub mod marks;
pub mod page_lines;
pub mod prefix;
pub mod refusal;
pub mod request;
pub mod response;
pub mod target;
pub mod trace;
