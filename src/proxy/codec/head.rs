//! Heads as the data plane sees them, whatever protocol they came in: bytes borrowed from where they were read, and
//! positions in them.
//!
//! A header block is kept as the text of HTTP/1.1 (`Name: value\r\n`, RFC 9112 section 5), since that is what goes
//! upstream: lines that are not changed are copied as one run. A protocol with another form writes its fields into such a
//! block once. A name is recognised when its line is read, and never compared again.
//!
//! Deliberately absent: a header map. Nothing here owns bytes or allocates.

pub use super::known::{KnownName, KnownSet};
use super::protocol::Protocol;
use crate::authority::Authority;

/// One line of a header block: positions in [`RequestHead::block`]. Blocks are at most 65,535 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLine {
    /// Which header it is.
    pub known: KnownName,
    /// Where its name begins.
    pub start: u16,
    /// Where its name ends.
    pub name_end: u16,
    /// Where its value begins, blanks left out.
    pub value_start: u16,
    /// Where its value ends, blanks left out.
    pub value_end: u16,
    /// Where the line ends, CRLF included.
    pub end: u16,
}

impl HeaderLine {
    /// The name, as sent.
    pub fn name<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[usize::from(self.start)..usize::from(self.name_end)]
    }

    /// The value, blanks around it left out.
    pub fn value<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[usize::from(self.value_start)..usize::from(self.value_end)]
    }

    /// The whole line, CRLF included.
    pub fn whole<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[usize::from(self.start)..usize::from(self.end)]
    }
}

/// How the end of a body is found (RFC 9112 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has this many bytes.
    Length(u64),
    /// It says itself when it ends: chunks in HTTP/1.1, a flag in HTTP/2.
    Streamed,
    /// It ends with its connection: responses only.
    UntilClose,
}

/// A request's head, checked: everything in it may go upstream unless a rule says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// A token of at most 32 bytes, never CONNECT or TRACE.
    pub method: &'a [u8],
    /// Origin form (`/path?query`), or `*`; `?query` stands for `/?query`.
    pub target: &'a [u8],
    /// The target has bytes above ASCII, which are escaped on the way up.
    pub target_is_high: bool,
    /// Whom the request is for: what goes upstream as Host. HTTP/1.0 may name nobody.
    pub authority: Authority<'a>,
    /// The header lines as text.
    pub block: &'a [u8],
    /// Where each line is in `block`.
    pub lines: &'a [HeaderLine],
    /// The known headers among them.
    pub present: KnownSet,
    /// How the body ends.
    pub framing: Framing,
    /// It asks for another protocol from then on. That of WebSockets is a well-formed handshake (RFC 6455 section 4.1).
    pub upgrade: Option<Protocol>,
    /// Connection has other members than `close`, `keep-alive` and `upgrade`.
    pub connection_names_headers: bool,
    /// `Expect: 100-continue`, and a body that waits for it.
    pub expects_continue: bool,
    /// HTTP's minor version: 0 or 1. HTTP/2 counts as 1.
    pub minor_version: u8,
}

impl<'a> RequestHead<'a> {
    /// The value of the first line of this header.
    pub fn value(&self, known: KnownName) -> Option<&'a [u8]> {
        self.values(known).next()
    }

    /// The values of all lines of this header.
    pub fn values(&self, known: KnownName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (block, lines) = (self.block, if self.present.has(known) { self.lines } else { &[] });
        lines.iter().filter(move |line| line.known == known).map(|line| line.value(block))
    }

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 section 9.2.2).
    pub fn idempotent(&self) -> bool {
        matches!(self.method, b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE")
    }
}

/// The members of a comma-separated value, without the blanks around them and without empty members.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Whether Connection names this header, so that it belongs to one connection and is not forwarded. Headers that frame,
/// route or identify a request cannot be removed in this way.
pub fn is_named_by_connection(block: &[u8], lines: &[HeaderLine], line: &HeaderLine) -> bool {
    if !matches!(
        line.known,
        KnownName::Other | KnownName::Underscored | KnownName::Traceparent | KnownName::Tracestate
    ) {
        return false;
    }
    let name = line.name(block);
    let connections = lines.iter().filter(|other| other.known == KnownName::Connection);
    connections.flat_map(|other| members(other.value(block))).any(|member| member.eq_ignore_ascii_case(name))
}
