//! What senders to hooks in ask for. They are known by signatures and tokens of their own, whatever name they call this router
//! by: nothing comes along that a browser would send by itself.

/// Where they deliver.
const ROOT: &str = "/hooks/in";

/// Whether a path is one of theirs.
pub fn is_of_senders(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
