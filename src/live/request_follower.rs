//! Reading requests as strictly on the admin port as on the front.
//!
//! The admin port is served by a lenient HTTP server. So that no request means there what it would not mean on the front, each
//! connection's bytes are first shown to the data plane's codec, which the composition root hands over as this trait.

use std::{fmt, sync::Arc};

/// Follows the requests on one connection, without changing a byte.
pub trait RequestFollower: Send + fmt::Debug {
    /// What the bytes begin with that follow on those which were passed on so far. Never called with none.
    fn follow(&mut self, bytes: &[u8]) -> Result<Part, UnreadableRequest>;
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A head that is not whole yet: it has to be seen again, with more behind it.
    Partial,
    /// A whole head of so many bytes, which may be passed on.
    Head {
        /// How many bytes.
        length: usize,
        /// It opens a WebSocket: what follows is a request only if that is declined.
        websocket: bool,
    },
    /// So many bytes of a body, at least one, which may be passed on.
    Body(usize),
}

/// Why a request cannot be read, or would be read in two ways. Nothing behind it is a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableRequest {
    /// The status that says so.
    pub status: u16,
    /// What is wrong.
    pub detail: &'static str,
    /// It is a body that is wrong; its head was passed on.
    pub in_body: bool,
}

/// Makes a follower for each connection. Cheap to clone.
#[derive(Clone)]
pub struct RequestFollowers(Arc<dyn Fn() -> Box<dyn RequestFollower> + Send + Sync>);

impl RequestFollowers {
    /// Followers that this makes.
    pub fn new(make: impl Fn() -> Box<dyn RequestFollower> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// A follower at the start of a connection.
    pub fn begin(&self) -> Box<dyn RequestFollower> {
        (self.0)()
    }
}

impl fmt::Debug for RequestFollowers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestFollowers")
    }
}
