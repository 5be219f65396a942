//! How endpoints are spoken with other than by plain HTTP/1.1: the app setting `upstream`.

mod grpc;
mod http2;
mod https;
mod proxy_protocol;
mod stage;
mod tonic;
mod tonic_peers;
