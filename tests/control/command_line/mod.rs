//! The command line as people and pipelines use it: the real binary against a real router, judged by what it prints
//! and by its exit code.

mod demo;
mod offline;
mod program;
mod readme;
mod serve;
mod verbs;
