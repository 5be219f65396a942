//! The head of an endpoint's response (RFC 9112 sections 4 and 6). Reading is as strict as for requests: an endpoint may be
//! hostile, or may repeat what somebody hostile made it say.

use super::{
    bytes::all_value,
    fault::Malformed,
    head::{Framing, HeaderLine, KnownName, members},
    lines::{HeaderFault, Progress, line_length, read_lines},
    protocol::Protocol,
    request::content_length,
};
use crate::limits::Limits;

/// What a response's head says.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    /// 100..=999.
    pub status: u16,
    /// The reason, possibly empty.
    pub reason: &'a [u8],
    /// The header lines as text.
    pub block: &'a [u8],
    /// Where each line is in `block`.
    pub lines: &'a [HeaderLine],
    /// How the body ends.
    pub framing: Framing,
    /// Its Content-Length, also where no body follows (HEAD, 304).
    pub content_length: Option<u64>,
    /// The connection can carry another request after the body.
    pub keep_alive: bool,
    /// It accepts another protocol: 101 with the Upgrade and Connection that belong to it, and for WebSockets what RFC 6455 section
    /// 4.2.2 asks for.
    pub upgrade: Option<Protocol>,
    /// Connection has other members than `close`, `keep-alive` and `upgrade`.
    pub connection_names_headers: bool,
    /// It says that a login goes with its connection (Persistent-Auth).
    pub binds_login: bool,
    /// It says its framing more than once, and the same each time.
    pub repeats_framing: bool,
    /// How many bytes the head takes, its empty line included.
    pub length: usize,
}

#[derive(Default)]
struct Facts {
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    protocol: Option<Protocol>,
    accepted: bool,
    connection_names_headers: bool,
    binds_login: bool,
    repeats_framing: bool,
}

/// Reads a response's head from the start of `bytes`. `to_head`: the request was HEAD.
pub fn read_response<'a>(
    bytes: &'a [u8],
    lines: &'a mut Vec<HeaderLine>,
    limits: &Limits,
    to_head: bool,
) -> Result<Progress<ResponseHead<'a>>, Malformed> {
    let most = limits.response_header_bytes_max as usize;
    let too_long = || {
        if bytes.len() >= most {
            Err(Malformed("the response's header is too long"))
        } else {
            Ok(Progress::Partial)
        }
    };
    if !bytes.starts_with(&b"HTTP/1."[..bytes.len().min(7)]) {
        return Err(Malformed("the response does not begin with a version of HTTP"));
    }
    let Progress::Complete(line_end) = line_length(bytes).map_err(malformed)? else { return too_long() };
    let (minor_version, status, reason) = status_line(&bytes[..line_end])?;
    let start = line_end + 2;
    let complete =
        read_lines(&bytes[start..], lines, limits.response_header_count_max as usize).map_err(malformed)?;
    let Progress::Complete(end) = complete else { return too_long() };
    if start + end > most {
        return Err(Malformed("the response's header is too long"));
    }
    let block = &bytes[start..start + end];
    let mut facts = Facts::default();
    for header in lines.iter() {
        if header.known != KnownName::Other {
            facts.take(header.known, header.value(block))?;
        }
    }
    let framing = facts.framing(status, minor_version, to_head)?;
    let keep_alive =
        !facts.close && (minor_version == 1 || facts.keep_alive) && framing != Framing::UntilClose;
    Ok(Progress::Complete(ResponseHead {
        status,
        reason,
        block,
        lines,
        framing,
        content_length: facts.content_length,
        keep_alive,
        upgrade: facts.protocol.filter(|protocol| {
            status == 101 && facts.upgrade && (facts.accepted || *protocol != Protocol::WebSocket)
        }),
        connection_names_headers: facts.connection_names_headers,
        binds_login: facts.binds_login,
        repeats_framing: facts.repeats_framing,
        length: start + end,
    }))
}

fn malformed(fault: HeaderFault) -> Malformed {
    Malformed(match fault {
        HeaderFault::Malformed(what) => what,
        HeaderFault::TooMany => "the response has too many header lines",
        HeaderFault::TooLong => "the response's header is too long",
    })
}

fn status_line(line: &[u8]) -> Result<(u8, u16, &[u8]), Malformed> {
    let bad = Malformed("the response's status line is malformed");
    let (version, rest) = line.split_at_checked(9).ok_or(bad)?;
    let minor_version = match version {
        b"HTTP/1.1 " => 1,
        b"HTTP/1.0 " => 0,
        _ => return Err(bad),
    };
    let (digits, reason) = rest.split_at_checked(3).ok_or(bad)?;
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
        return Err(bad);
    }
    let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let reason = match reason {
        [] => reason,
        [b' ', reason @ ..] => reason,
        _ => return Err(bad),
    };
    if all_value(reason) { Ok((minor_version, status, reason)) } else { Err(bad) }
}

impl Facts {
    fn take(&mut self, known: KnownName, value: &[u8]) -> Result<(), Malformed> {
        match known {
            KnownName::ContentLength => {
                for number in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    self.take_content_length(number)?;
                }
            }
            KnownName::TransferEncoding => {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("the Transfer-Encoding is not `chunked` alone"));
                }
                self.repeats_framing |= std::mem::replace(&mut self.chunked, true);
            }
            KnownName::Connection => self.take_connection(value),
            KnownName::Upgrade => self.protocol = Protocol::of(value),
            KnownName::PersistentAuth => self.binds_login = true,
            KnownName::SecWebSocketAccept => self.accepted = !value.is_empty(),
            _ => {}
        }
        Ok(())
    }

    /// The same length again has only one meaning (RFC 9110 section 8.6), and servers behind which a framework writes its own
    /// do send it.
    fn take_content_length(&mut self, number: &[u8]) -> Result<(), Malformed> {
        let length = content_length(number).ok_or(Malformed("the Content-Length is not one number"))?;
        match self.content_length.replace(length) {
            Some(before) if before != length => {
                Err(Malformed("the response has two Content-Length headers that differ"))
            }
            before => {
                self.repeats_framing |= before.is_some();
                Ok(())
            }
        }
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

    fn framing(&self, status: u16, minor_version: u8, to_head: bool) -> Result<Framing, Malformed> {
        if self.chunked && (self.content_length.is_some() || minor_version == 0) {
            return Err(Malformed("the response has Transfer-Encoding with Content-Length or in HTTP/1.0"));
        }
        if to_head || status < 200 || status == 204 || status == 304 {
            return Ok(Framing::None);
        }
        Ok(match (self.chunked, self.content_length) {
            (true, _) => Framing::Streamed,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClose,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str, to_head: bool) -> Result<Option<(u16, Framing, bool, bool)>, Malformed> {
        let mut lines = Vec::new();
        Ok(match read_response(bytes.as_bytes(), &mut lines, &Limits::default(), to_head)? {
            Progress::Partial => None,
            Progress::Complete(head) => {
                Some((head.status, head.framing, head.keep_alive, head.upgrade.is_some()))
            }
        })
    }

    #[test]
    fn framing_follows_the_status_and_the_request() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(read(ok, false), Ok(Some((200, Framing::Length(5), true, false))));
        assert_eq!(read(ok, true), Ok(Some((200, Framing::None, true, false))));
        for (head, expected) in [
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5", (304, Framing::None, true, false)),
            ("HTTP/1.1 204\r\nX: y", (204, Framing::None, true, false)),
            ("HTTP/1.1 200 \r\ntransfer-encoding: CHUNKED", (200, Framing::Streamed, true, false)),
            ("HTTP/1.1 200 OK\r\nX: y", (200, Framing::UntilClose, false, false)),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0", (200, Framing::Length(0), false, false)),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive",
                (200, Framing::Length(0), true, false),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close",
                (200, Framing::Length(0), false, false),
            ),
            ("HTTP/1.1 100 Continue\r\nContent-Length: 5", (100, Framing::None, true, false)),
        ] {
            assert_eq!(read(&format!("{head}\r\n\r\n"), false), Ok(Some(expected)), "{head}");
        }
    }

    #[test]
    fn every_prefix_is_partial() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end], false), Ok(None), "{end}");
        }
    }

    #[test]
    fn hostile_heads_are_refused() {
        for head in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 6",
            "HTTP/1.1 200 OK\r\nContent-Length: 5,",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, five",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: -5",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
            "HTTP/1.1 99 OK\r\nX: y",
            "HTTP/1.1 099 OK\r\nX: y",
            "HTTP/1.1 1000 OK\r\nX: y",
            "HTTP/1.1 2x0 OK\r\nX: y",
            "HTTP/2.0 200 OK\r\nX: y",
            "HTTP/1.1  200 OK\r\nX: y",
            "HTTP/1.1 200 O\0K\r\nX: y",
            "HTTP/1.1 200 OK\r\nX: y\rz",
            "HTTP/1.1 200 OK\r\nX: y\0",
            "HTTP/1.1 200 OK\r\nX : y",
            "HTTP/1.1 200 OK\r\nX: y\r\n folded",
            "HTTP/1.1 200 OK\nX: y",
            "garbage",
            "\r\nHTTP/1.1 200 OK",
        ] {
            assert!(read(&format!("{head}\r\n\r\n"), false).is_err(), "{head:?}");
        }
        assert!(read(&format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(70_000)), false).is_err());
        assert!(read(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1_001)), false).is_err());
    }

    #[test]
    fn long_heads_and_framing_that_is_said_again_are_read() {
        let heads = [
            ("Content-Length: 5\r\nContent-Length: 5", Framing::Length(5)),
            ("Content-Length: 5, 5", Framing::Length(5)),
            ("Content-Length: 5\r\ncontent-length: 05", Framing::Length(5)),
            ("Transfer-Encoding: chunked\r\ntransfer-encoding: CHUNKED", Framing::Streamed),
        ];
        for (lines, framing) in heads {
            let (head, mut space) = (format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"), Vec::new());
            let read = read_response(head.as_bytes(), &mut space, &Limits::default(), false);
            let Ok(Progress::Complete(read)) = read else { panic!("{head:?}") };
            assert_eq!((read.framing, read.repeats_framing), (framing, true), "{head:?}");
        }
        let many = "Content-Length: 0\r\n".to_owned() + &"X: y\r\n".repeat(999);
        let whole = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
        assert_eq!(read(&whole, false), Ok(Some((200, Framing::Length(0), true, false))));
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n", "y".repeat(65_493));
        assert_eq!(long.len(), 65_536);
        assert!(matches!(read(&long, false), Ok(Some(_))));
    }

    #[test]
    fn a_websocket_needs_a_real_101() {
        let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x";
        let websocket = |head: &str| read(&format!("{head}\r\n\r\n"), false).unwrap().unwrap().3;
        assert!(websocket(&format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}")));
        assert!(!websocket(&format!("HTTP/1.1 200 OK\r\n{upgrade}")));
        assert!(!websocket("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"));
        assert!(!websocket(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: x"
        ));
    }
}
