//! How endpoints are spoken with other than by plain HTTP/1.1: the app setting `upstream`.

mod https;
mod stage;
