//! The plan of one request: everything that its exchange needs to know.

use std::{cell::OnceCell, ops::Range, rc::Rc};

use super::{grpc::GrpcCall, preflight::Preflight};
use crate::{
    live::activity::{STANDING_WORDS, standing_index},
    proxy::{
        codec::{coding::Coding, head::Framing, protocol::Protocol},
        rewrite::{
            marks::Marks,
            prefix::Prefix,
            refusal::{Refusal, Reply},
        },
        worker::{
            buffers::Text,
            client::Client,
            local::{LocalApp, LocalEndpoint, LocalRelease},
        },
    },
    rollout::{
        assign::{Assignment, PinEvidence, Reason},
        request::Leftover,
        table::Standing,
    },
    telemetry::traces::SpanIds,
};

/// The plan of one request.
#[derive(Debug)]
pub struct Plan {
    /// The head as it goes upstream, and behind it what is held of the body.
    pub out: Text,
    /// What is where in `out`.
    pub marks: Marks,
    /// The app's routes.
    pub app: Rc<LocalApp>,
    /// Where the request goes, and why.
    pub assignment: Assignment,
    /// The pin that it came with.
    pub pin: PinEvidence,
    /// Who sends it.
    pub client: Client,
    /// How the body ends.
    pub framing: Framing,
    /// The coding in which the client wants its response, if the app compresses.
    pub coding: Option<Coding>,
    /// The method is HEAD.
    pub to_head: bool,
    /// Sending it twice has the effect of sending it once.
    pub idempotent: bool,
    /// It asks for another protocol, in which bytes go both ways.
    pub upgrade: Option<Protocol>,
    /// The client waits for a 100 before it sends the body.
    pub expects_continue: bool,
    /// It carries a login that goes with the connection.
    pub carries_login: bool,
    /// No login may go with its connection, which is not one client's alone.
    pub hides_logins: bool,
    /// A top-level navigation.
    pub navigation: bool,
    /// The client gets its first pin, but not with this answer: it is what a page loads for itself.
    pub subresource: bool,
    /// Cookies beside the pin, which go when the pin is sent.
    pub leftover: Leftover,
    /// What it asks for, if it is a CORS preflight.
    pub preflight: Option<Box<Preflight>>,
    /// It is a call of gRPC.
    pub grpc: Option<GrpcCall>,
    /// HTTP's minor version.
    pub minor_version: u8,
    /// When its first byte was read, monotonic microseconds.
    pub started_us: u64,
    /// This router's span of it. None: it is not traced.
    pub span: Option<Box<SpanIds>>,
    /// Whether it is for a fingerprinted asset, once somebody asked.
    pub asset: OnceCell<bool>,
}

/// Why a request is not planned.
#[derive(Debug)]
pub enum NoPlan {
    /// The router answers it.
    Answer(Box<Reply>),
    /// Its app is paused, so it waits until then at most (monotonic ms).
    Wait {
        /// When.
        until_ms: u64,
    },
}

impl From<Reply> for NoPlan {
    fn from(reply: Reply) -> Self {
        Self::Answer(Box::new(reply))
    }
}

impl From<Refusal> for NoPlan {
    fn from(refusal: Refusal) -> Self {
        Reply::from(refusal).into()
    }
}

impl Plan {
    /// The release that the request goes to.
    #[inline]
    pub fn release(&self) -> &Rc<LocalRelease> {
        self.app.release(self.assignment.target.release)
    }

    /// The endpoint that the request goes to.
    #[inline]
    pub fn endpoint(&self) -> &LocalEndpoint {
        self.app.endpoint(self.assignment.target)
    }

    /// The release's standing in the table by which this request was routed.
    pub fn standing(&self) -> Standing {
        self.app.routes.release(self.assignment.target.release).standing
    }

    /// Whether any endpoint of the release serves.
    pub fn release_serves(&self) -> bool {
        self.release().endpoints.iter().any(|endpoint| endpoint.state.serves())
    }

    /// The word for the release's standing, for the log.
    pub fn track(&self) -> &'static str {
        STANDING_WORDS[standing_index(Some(self.standing()))]
    }

    /// The bytes of a range of `out`.
    pub fn marked(&self, range: &Range<usize>) -> &[u8] {
        self.out.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The target, as text.
    pub fn target(&self) -> &str {
        std::str::from_utf8(self.marked(&self.marks.target)).unwrap_or_default()
    }

    /// The prefix that was taken off the path, if one was.
    pub fn stripped(&self) -> Option<Prefix<'_>> {
        let Marks { prefix, authority, .. } = &self.marks;
        (!prefix.is_empty()).then(|| Prefix { path: self.marked(prefix), authority: self.marked(authority) })
    }

    /// Whether the path is that of a fingerprinted asset, whose response carries no pin and may be kept by shared caches.
    pub fn is_asset(&self) -> bool {
        let look = || self.app.routes.settings.assets.is_fingerprinted(self.marked(&self.marks.target));
        *self.asset.get_or_init(look)
    }

    /// Whether a tester chose the release. Such a request is in no statistics, and its pin is not touched.
    pub fn is_overridden(&self) -> bool {
        self.assignment.reason == Reason::Override
    }

    /// Whether it is counted at its release: neither what testers do nor a preflight says how users fare.
    pub fn is_counted(&self) -> bool {
        !self.is_overridden() && self.preflight.is_none()
    }

    /// The reason of the assignment, for the log.
    pub fn reason(&self) -> Reason {
        self.assignment.reason
    }
}
