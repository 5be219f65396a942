//! What an app asks of the front by its settings: redirects, https for good, header rules, the largest body, its own pages.

mod bodies;
mod headers;
mod pages;
mod redirects;
mod stage;
