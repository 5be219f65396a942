//! What a machine can check of style and documents: who imports whom, how long things are, words that do not belong,
//! citations that lead nowhere.
//!
//! A finding names the file, the line and the rule. What needs judgement is left to reviewers, and what clippy can
//! see is left to clippy. The source is read with comments and strings blanked out where only code counts.

mod circles;
mod citations;
mod documents;
mod imports;
mod length;
mod locks;
mod paths;
mod promises;
mod source;
mod words;
