//! Compose files, as far as a deployment needs them: image, environment, ports, command and named volumes of each service.
//!
//! A file comes from outside, so nothing is guessed: what is no field of a service is refused by name, and so is what would
//! give a container more than it needs. Anchors are refused altogether, since a file of a few lines can say billions by them.

mod fields;
mod placeholder;
pub mod port;
pub mod service;
pub mod stack;
mod words;
mod yaml;

#[cfg(test)]
mod tests;
