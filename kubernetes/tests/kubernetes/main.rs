//! The real program between a Kubernetes API and a real router. The API is an HTTP server that gives the answers in `answers/`,
//! which have the form that the documentation of Kubernetes gives them; the pods are endpoints on sockets.

mod cluster;
mod following;
mod pods;
mod program;
mod scene;
mod starting;
mod troubles;
