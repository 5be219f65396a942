//! Certificates of a CA, as the fleet keeps them: account, orders and certificates, each one value below
//! `rolling/router/acme/`.

pub mod board;
pub mod options;
pub mod overview;
pub mod serving;
pub mod stored;
pub mod wanted;
