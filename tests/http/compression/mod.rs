//! Responses that the router compresses, as the app setting `compression` asks: who gets which coding, what is never touched, and
//! what becomes of streams.

mod clients;
mod limits;
mod never;
mod stage;
mod streams;
mod validators;
