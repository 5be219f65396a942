//! Certificates from a CA (ACME, RFC 8555), ordered once per fleet. Of all routers with a CA in their settings, the one with the
//! claim acts; each step of an order is a commit that is checked on the order's value, so a router that has lost the claim
//! cannot finish it. Every router follows the store, answers the CA's challenges, and shows the certificates.
//!
//! Deliberately absent: wildcards, which need a record in the DNS, and certificates for hosts that no app has claimed.

pub mod account;
mod client;
mod keeper;
mod order;
mod renewal;
pub mod step;

pub use keeper::run;
