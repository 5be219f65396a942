//! Configuration: the raw form (command line, environment, file) becomes a valid [`Config`].
//!
//! Every value is parsed once, here, and nothing downstream checks it again. The command line counts before the environment,
//! the environment before the file, the file before the defaults. What belongs to one app (hosts, drain, cookie ...) is not
//! configuration: it is a setting in the store, the same for every router.

mod access_log;
pub mod acme;
mod acme_settings;
mod certificate_dates;
mod endpoint_settings;
mod engines;
mod error;
mod fault;
mod keyvalues_file;
mod listen;
mod needed_file;
mod needed_files;
mod origin;
mod parsers;
mod raw;
mod secret;
pub mod setting;
mod setting_form;
pub mod sso;
mod sso_settings;
mod store;
mod store_file;
#[cfg(test)]
mod tests;
mod tls;
pub mod traces;
mod traces_settings;
mod values;

pub use self::{
    access_log::{AccessLogFormat, LogDestination, LogFormat},
    error::ConfigError,
    keyvalues_file::{Keyvalues, MARKER},
    needed_file::NeededFile,
    origin::{Origin, RawValue},
    raw::{FILE_ENVIRONMENT, RawConfig, TAKES_OVER_ENVIRONMENT},
    secret::Secret,
    store::StoreAddress,
    tls::{CertificateFiles, Tls, ends_at, expiry},
    values::Config,
};
pub use crate::rollout::network::Network;
