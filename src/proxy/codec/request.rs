//! The head of a request (RFC 9112 sections 3 and 6). Reading is strict, so that what goes upstream has one meaning.

use super::{
    authority,
    bytes::{Classes, HIGH, TARGET, TOKEN, all},
    fault::RequestFault,
    head::{Framing, HeaderLine, KnownName, KnownSet, RequestHead, members},
    lines::{HeaderFault, Progress, line_length, read_lines},
    protocol::Protocol,
};
use crate::{
    authority::Authority,
    limits::{BODY_BYTES_MAX, EMPTY_LINES_MAX, Limits, METHOD_BYTES_MAX},
};

/// A request's head, and what it says about its connection.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The head itself.
    pub head: RequestHead<'a>,
    /// The connection stays open after the response, if the response allows it.
    pub keep_alive: bool,
    /// How many bytes the head takes, its empty line included.
    pub length: usize,
}

/// Where the parts of a request line are.
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    /// The target has bytes above ASCII.
    high: bool,
    minor_version: u8,
    length: usize,
}

/// What the header lines say together.
#[derive(Default)]
struct Facts<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    connection_names_headers: bool,
    expects_continue: bool,
    /// What the Upgrade header names, if there is one and no second one.
    asked_for: Option<Option<Protocol>>,
    websocket_key: bool,
    websocket_version: bool,
}

/// Reads a request's head from the start of `bytes`. `lines` belongs to the caller, so that its space is used again.
///
/// Empty lines before the request are skipped (RFC 9112 section 2.2).
pub fn read_request<'a>(
    bytes: &'a [u8],
    lines: &'a mut Vec<HeaderLine>,
    limits: &Limits,
) -> Result<Progress<Request<'a>>, RequestFault> {
    let skipped = if bytes.starts_with(b"\r\n") { empty_lines(bytes) } else { 0 };
    let target_max = limits.target_bytes_max as usize;
    let Progress::Complete(line) = read_request_line(&bytes[skipped..], target_max)? else {
        return too_long_or_partial(bytes.len(), limits);
    };
    let start = skipped + line.length;
    let end = match read_lines(&bytes[start..], lines, limits.header_count_max as usize) {
        Ok(Progress::Complete(end)) => end,
        Ok(Progress::Partial) => return too_long_or_partial(bytes.len(), limits),
        Err(HeaderFault::Malformed(what)) => return Err(RequestFault::Malformed(what)),
        Err(HeaderFault::TooMany) => return Err(RequestFault::HeaderTooMany),
        Err(HeaderFault::TooLong) => return Err(RequestFault::HeaderTooLong),
    };
    if start + end > limits.header_bytes() {
        return Err(RequestFault::HeaderTooLong);
    }
    let block = &bytes[start..start + end];
    let request = build_request(&line, block, lines, start + end)?;
    Ok(Progress::Complete(request))
}

/// How many bytes the empty lines before a request take.
#[cold]
fn empty_lines(bytes: &[u8]) -> usize {
    let (lines, _) = bytes.as_chunks();
    2 * lines.iter().take(EMPTY_LINES_MAX).take_while(|line| *line == b"\r\n").count()
}

fn too_long_or_partial<T>(length: usize, limits: &Limits) -> Result<Progress<T>, RequestFault> {
    if length >= limits.header_bytes() { Err(RequestFault::HeaderTooLong) } else { Ok(Progress::Partial) }
}

fn read_request_line(bytes: &[u8], target_max: usize) -> Result<Progress<RequestLine<'_>>, RequestFault> {
    let longest = METHOD_BYTES_MAX + 1 + target_max + " HTTP/1.1".len();
    let length = match line_length(&bytes[..bytes.len().min(longest + 2)]) {
        Ok(Progress::Complete(length)) => length,
        Ok(Progress::Partial) if bytes.len() > longest => return Err(RequestFault::TargetTooLong),
        Ok(Progress::Partial) => return check_partial_line(bytes),
        Err(HeaderFault::Malformed(what)) => return Err(RequestFault::Malformed(what)),
        Err(HeaderFault::TooMany | HeaderFault::TooLong) => return Err(RequestFault::HeaderTooLong),
    };
    let line = &bytes[..length];
    let malformed = RequestFault::Malformed("the request line is not `method target version`");
    let (before, version) = split_version(line).ok_or(malformed)?;
    let method_end = before.iter().position(|&byte| byte == b' ').ok_or(malformed)?;
    let (method, target) = (&before[..method_end], &before[method_end + 1..]);
    check_method(method)?;
    let minor_version = match version {
        b"HTTP/1.1" => 1,
        b"HTTP/1.0" => 0,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(RequestFault::VersionUnknown);
        }
        _ => return Err(RequestFault::Malformed("the request line does not end with a version of HTTP")),
    };
    if target.len() > target_max {
        return Err(RequestFault::TargetTooLong);
    }
    let classes = Classes::of(target);
    if target.is_empty() || classes.all & TARGET == 0 {
        return Err(RequestFault::Malformed("the request target contains a byte that is not allowed there"));
    }
    let high = classes.any & HIGH != 0;
    Ok(Progress::Complete(RequestLine { method, target, high, minor_version, length: length + 2 }))
}

/// Splits a request line at its last blank.
fn split_version(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(before) = line.strip_suffix(b" HTTP/1.1") {
        return Some((before, b"HTTP/1.1"));
    }
    let end = memchr::memrchr(b' ', line)?;
    Some((&line[..end], &line[end + 1..]))
}

/// Checks a request line that is not whole yet. It is refused as soon as it cannot become a valid one.
fn check_partial_line<T>(bytes: &[u8]) -> Result<Progress<T>, RequestFault> {
    let method = bytes.split(|&byte| byte == b' ' || byte == b'\r').next().unwrap_or_default();
    if method.is_empty() && !bytes.is_empty() && bytes != b"\r" {
        return Err(RequestFault::Malformed("the request does not begin with a method"));
    }
    if method.len() > METHOD_BYTES_MAX || !(method.is_empty() || all(method, TOKEN)) {
        return Err(RequestFault::Malformed(
            "the method is too long or contains a byte that is not allowed there",
        ));
    }
    Ok(Progress::Partial)
}

fn check_method(method: &[u8]) -> Result<(), RequestFault> {
    if method.is_empty() || method.len() > METHOD_BYTES_MAX || !all(method, TOKEN) {
        return Err(RequestFault::Malformed(
            "the method is too long or contains a byte that is not allowed there",
        ));
    }
    if method == b"CONNECT" || method == b"TRACE" {
        return Err(RequestFault::MethodRefused);
    }
    Ok(())
}

fn build_request<'a>(
    line: &RequestLine<'a>,
    block: &'a [u8],
    lines: &'a [HeaderLine],
    length: usize,
) -> Result<Request<'a>, RequestFault> {
    let (mut facts, mut present) = (Facts::default(), KnownSet::default());
    for header in lines {
        if header.known != KnownName::Other {
            present.add(header.known);
            facts.take(header.known, header.value(block), line.minor_version)?;
        }
    }
    let host = match facts.host {
        Some(host) => {
            authority::read(host).ok_or(RequestFault::Malformed("the Host is not `name` or `name:port`"))?
        }
        // HTTP/1.0 did not have it yet.
        None if line.minor_version == 0 => Authority::NONE,
        None => return Err(RequestFault::Malformed("the request has no Host header")),
    };
    let (authority, target) = match line.target {
        [b'/', ..] => (host, line.target),
        b"*" if line.method == b"OPTIONS" => (host, line.target),
        absolute => match authority::split_absolute(absolute) {
            // It asks about the server, and not about a path (RFC 9112 section 3.2.4).
            Some((authority, b"")) if line.method == b"OPTIONS" => (authority, &b"*"[..]),
            Some((authority, b"")) => (authority, &b"/"[..]),
            Some(split) => split,
            None => return Err(RequestFault::Malformed("the target is neither a path nor an http address")),
        },
    };
    let framing = facts.framing()?;
    let head = RequestHead {
        method: line.method,
        target,
        target_is_high: line.high,
        authority,
        block,
        lines,
        present,
        framing,
        upgrade: facts.upgrade_to(line, framing)?,
        connection_names_headers: facts.connection_names_headers,
        expects_continue: facts.expects_continue
            && line.minor_version == 1
            && !matches!(framing, Framing::None | Framing::Length(0)),
        minor_version: line.minor_version,
    };
    let keep_alive = !facts.close && (line.minor_version == 1 || facts.keep_alive);
    Ok(Request { head, keep_alive, length })
}

impl<'a> Facts<'a> {
    fn take(&mut self, known: KnownName, value: &'a [u8], minor_version: u8) -> Result<(), RequestFault> {
        match known {
            KnownName::Host => match self.host.replace(value) {
                None => {}
                Some(_) => return Err(RequestFault::Malformed("the request has two Host headers")),
            },
            KnownName::ContentLength => self.take_content_length(value)?,
            KnownName::TransferEncoding => self.take_transfer_encoding(value, minor_version)?,
            KnownName::Connection => self.take_connection(value),
            KnownName::Expect if value.eq_ignore_ascii_case(b"100-continue") => self.expects_continue = true,
            KnownName::Expect => return Err(RequestFault::ExpectationUnknown),
            KnownName::Upgrade => {
                let only = if self.asked_for.is_none() { Protocol::of(value) } else { None };
                self.asked_for = Some(only);
            }
            KnownName::SecWebSocketKey => self.websocket_key = !value.is_empty(),
            KnownName::SecWebSocketVersion => self.websocket_version = value == b"13",
            _ => {}
        }
        Ok(())
    }

    fn take_content_length(&mut self, value: &[u8]) -> Result<(), RequestFault> {
        let length = content_length(value)
            .ok_or(RequestFault::Malformed("the Content-Length is not one decimal number"))?;
        if self.content_length.replace(length).is_some() {
            return Err(RequestFault::Malformed("the request has two Content-Length headers"));
        }
        Ok(())
    }

    fn take_transfer_encoding(&mut self, value: &[u8], minor_version: u8) -> Result<(), RequestFault> {
        if minor_version == 0 {
            return Err(RequestFault::Malformed("HTTP/1.0 has no Transfer-Encoding"));
        }
        if self.chunked {
            return Err(RequestFault::Malformed("the request has two Transfer-Encoding headers"));
        }
        if value.eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
            return Ok(());
        }
        let chunked = |member: &[u8]| member.eq_ignore_ascii_case(b"chunked");
        if members(value).any(chunked) || !value.iter().all(|byte| byte.is_ascii_graphic()) {
            return Err(RequestFault::Malformed("the Transfer-Encoding is not `chunked` alone"));
        }
        Err(RequestFault::CodingUnknown)
    }

    fn take_connection(&mut self, value: &[u8]) {
        for member in members(value) {
            match member.len() {
                5 if member.eq_ignore_ascii_case(b"close") => self.close = true,
                10 if member.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                7 if member.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
                _ => self.connection_names_headers = true,
            }
        }
    }

    fn framing(&self) -> Result<Framing, RequestFault> {
        match (self.content_length, self.chunked) {
            (Some(_), true) => {
                Err(RequestFault::Malformed("the request has both Content-Length and Transfer-Encoding"))
            }
            (None, true) => Ok(Framing::Streamed),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::None),
        }
    }

    /// The protocol that is asked for. An Upgrade to one that is not known is dropped. WebSockets have a handshake (RFC 6455 section
    /// 4.1); others are asked for by any method, and after a body.
    fn upgrade_to(&self, line: &RequestLine<'_>, framing: Framing) -> Result<Option<Protocol>, RequestFault> {
        let protocol = self.asked_for.flatten().filter(|_| self.upgrade && line.minor_version == 1);
        if protocol != Some(Protocol::WebSocket) {
            return Ok(protocol);
        }
        if line.method != b"GET" || !matches!(framing, Framing::None | Framing::Length(0)) {
            return Err(RequestFault::Malformed("a WebSocket must be opened by GET without a body"));
        }
        if !self.websocket_key || !self.websocket_version {
            return Err(RequestFault::Malformed(
                "a WebSocket needs Sec-WebSocket-Key and Sec-WebSocket-Version 13",
            ));
        }
        Ok(protocol)
    }
}

/// Reads a Content-Length: digits only, and no more than any body has.
pub fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 20 {
        return None;
    }
    let length = value.iter().try_fold(0_u64, |length, byte| match byte {
        b'0'..=b'9' => length.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    });
    length.filter(|length| *length <= BODY_BYTES_MAX)
}

#[cfg(test)]
mod tests;
