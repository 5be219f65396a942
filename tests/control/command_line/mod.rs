//! The command line as people and pipelines use it: the real binary against a real router, judged by what it prints
//! and by its exit code.

mod approvals;
mod apps;
mod blocks;
mod ci;
mod demo;
mod documents;
mod freezes;
mod guards;
mod newcomers;
mod offline;
mod page;
mod pipeline_locks;
pub mod program;
mod releases;
pub mod serve;
mod settings;
mod short_names;
mod verbs;
mod verdicts;
mod waits;
mod way_back;
