//! Testers: people who look at a release before the blend shows it to anybody, by a link, by a host of the admin port,
//! or by a header. What they do leaves no trace in pins or statistics.

mod api;
mod header;
mod hosts;
mod links;
mod tester;
mod traces;
