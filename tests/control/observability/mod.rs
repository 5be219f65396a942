//! What the router tells about itself while it works: the access log, the metrics, and the ids that follow a request
//! through other people's logs.

mod access_log;
mod counts;
mod exposition;
mod formats;
mod log_format;
mod prometheus;
mod request_ids;
mod traces;
mod unread_log;
