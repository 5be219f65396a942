//! The header of the PROXY protocol, by which a proxy says whose connection it passes on (version 1 is a line, version 2 is
//! binary; haproxy.org/download/3.2/doc/proxy-protocol.txt).
//!
//! What is ambiguous is refused, as in requests. Fields of version 2 beside the addresses are passed over, but for its checksum.

use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};

use crate::limits::PROXY_HEADER_BYTES_MAX;

/// As many bytes as tell a header from all else, and from the other version; no header is shorter.
pub const FIRST_BYTES: usize = v2::PROTOCOL_PREFIX.len();
/// How version 1 begins.
const LINE_BEGINS: &[u8] = b"PROXY ";
/// The longest line of version 1, its end included.
const LINE_BYTES_MAX: usize = 107;
/// Before the addresses of version 2: the prefix, version and command, family and protocol, length.
const FIXED_BYTES: usize = 16;
/// Where the addresses of version 2 end, by family.
const ADDRESS_BYTES: [(u8, usize); 4] = [(0x00, 0), (0x10, 12), (0x20, 36), (0x30, 216)];
/// The type of the field with the checksum, and its length.
const CHECKSUM: (u8, usize) = (0x03, 4);

/// Why bytes are no header that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderFault {
    /// It begins in another way.
    #[error("it does not begin with a PROXY header")]
    Missing,
    /// It is longer than allowed.
    #[error("its PROXY header is longer than allowed")]
    TooLong,
    /// It does not keep to the protocol.
    #[error("its PROXY header is malformed")]
    Malformed,
    /// Its checksum is that of other bytes.
    #[error("the checksum of its PROXY header is wrong")]
    Checksum,
    /// What it passes on is no connection of TCP.
    #[error("its PROXY header passes on something else than a connection of TCP")]
    Transport,
}

/// What of a header is still to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// So many bytes, and perhaps more after them.
    Exactly(usize),
    /// All up to a line feed.
    Line,
    /// Nothing: it is whole.
    Nothing,
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With a header, as far as can be seen.
    Header,
    /// With what may become one.
    Unclear,
    /// With something else.
    Other,
}

/// Whether a connection begins with a header, by its first bytes.
pub fn beginning(bytes: &[u8]) -> Beginning {
    let begins = |prefix: &[u8]| bytes.starts_with(prefix);
    if begins(LINE_BEGINS) || begins(v2::PROTOCOL_PREFIX) {
        Beginning::Header
    } else if LINE_BEGINS.starts_with(bytes) || v2::PROTOCOL_PREFIX.starts_with(bytes) {
        Beginning::Unclear
    } else {
        Beginning::Other
    }
}

/// What follows the part of a header that was read: the first [`FIRST_BYTES`] bytes, then what this said.
pub fn rest(read: &[u8]) -> Result<Rest, ProxyHeaderFault> {
    match beginning(read) {
        Beginning::Other => Err(ProxyHeaderFault::Missing),
        _ if read.len() < FIRST_BYTES => Ok(Rest::Exactly(FIRST_BYTES - read.len())),
        _ if read.starts_with(LINE_BEGINS) => rest_of_line(read),
        _ if read.len() < FIXED_BYTES => Ok(Rest::Exactly(FIXED_BYTES - read.len())),
        _ => {
            let whole = FIXED_BYTES + usize::from(u16::from_be_bytes([read[14], read[15]]));
            match whole.saturating_sub(read.len()) {
                _ if whole > PROXY_HEADER_BYTES_MAX => Err(ProxyHeaderFault::TooLong),
                0 => Ok(Rest::Nothing),
                rest => Ok(Rest::Exactly(rest)),
            }
        }
    }
}

fn rest_of_line(read: &[u8]) -> Result<Rest, ProxyHeaderFault> {
    match (read.ends_with(b"\n"), read.len()) {
        (true, _) => Ok(Rest::Nothing),
        (false, LINE_BYTES_MAX..) => Err(ProxyHeaderFault::TooLong),
        _ => Ok(Rest::Line),
    }
}

/// How many of the bytes that have arrived belong to the line that was read so far.
pub fn line_bytes(read: usize, arrived: &[u8]) -> usize {
    let end = arrived.iter().position(|byte| *byte == b'\n').map_or(arrived.len(), |at| at + 1);
    end.min(LINE_BYTES_MAX.saturating_sub(read))
}

/// The client that a whole header names; none: the connection is the proxy's own, such as its health check.
pub fn parse(header: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderFault> {
    if header.starts_with(LINE_BEGINS) { parse_line(header) } else { parse_binary(header) }
}

fn parse_line(header: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderFault> {
    let parsed = v1::Header::try_from(header).map_err(|_| ProxyHeaderFault::Malformed)?;
    Ok(match parsed.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(ip) => Some(canonical(ip.source_address.into(), ip.source_port)),
        v1::Addresses::Tcp6(ip) => Some(canonical(ip.source_address.into(), ip.source_port)),
    })
}

fn parse_binary(header: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderFault> {
    let parsed = v2::Header::try_from(header).map_err(|_| ProxyHeaderFault::Malformed)?;
    check_fields(header)?;
    match (parsed.command, parsed.protocol, parsed.addresses) {
        (v2::Command::Local, ..) => Ok(None),
        (_, v2::Protocol::Datagram, _) => Err(ProxyHeaderFault::Transport),
        (_, _, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => Ok(None),
        (_, v2::Protocol::Unspecified, _) => Err(ProxyHeaderFault::Transport),
        (_, _, v2::Addresses::IPv4(ip)) => Ok(Some(canonical(ip.source_address.into(), ip.source_port))),
        (_, _, v2::Addresses::IPv6(ip)) => Ok(Some(canonical(ip.source_address.into(), ip.source_port))),
    }
}

fn canonical(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port)
}

/// Passes over the fields after the addresses, each a type, a length and a value, and checks the checksum if there is one.
fn check_fields(header: &[u8]) -> Result<(), ProxyHeaderFault> {
    let family = header[13] & 0xf0;
    let known = ADDRESS_BYTES.iter().find(|(known, _)| *known == family);
    let mut at = FIXED_BYTES + known.map_or(0, |(_, length)| *length);
    while at < header.len() {
        let Some(&[kind, high, low]) = header.get(at..at + 3) else {
            return Err(ProxyHeaderFault::Malformed);
        };
        let value = at + 3..at + 3 + usize::from(u16::from_be_bytes([high, low]));
        let bytes = header.get(value.clone()).ok_or(ProxyHeaderFault::Malformed)?;
        if kind == CHECKSUM.0 {
            let stated: [u8; CHECKSUM.1] = bytes.try_into().map_err(|_| ProxyHeaderFault::Malformed)?;
            let zeroed =
                header.iter().enumerate().map(|(at, byte)| if value.contains(&at) { 0 } else { *byte });
            if crc32c(zeroed) != u32::from_be_bytes(stated) {
                return Err(ProxyHeaderFault::Checksum);
            }
        }
        at = value.end;
    }
    Ok(())
}

/// CRC32C (RFC 3720 appendix B.4), bit by bit: a header has few bytes, and comes once for a connection.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header of version 2 with these addresses and fields.
    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[0x20 | command, family], &length, body].concat()
    }

    const V4: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

    fn named(text: &str) -> Result<Option<SocketAddr>, ProxyHeaderFault> {
        Ok(Some(text.parse().unwrap()))
    }

    /// Reads as the front does, however the bytes arrive; gives the client and how many bytes it took.
    fn read(bytes: &[u8], chunk: usize) -> Result<(Option<SocketAddr>, usize), ProxyHeaderFault> {
        let (mut taken, mut at) = (Vec::new(), 0);
        loop {
            let arrived = &bytes[at..bytes.len().min(at + chunk)];
            let take = match rest(&taken)? {
                Rest::Nothing => return Ok((parse(&taken)?, at)),
                _ if arrived.is_empty() => return Err(ProxyHeaderFault::Missing),
                Rest::Exactly(count) => count.min(arrived.len()),
                Rest::Line => line_bytes(taken.len(), arrived),
            };
            taken.extend(&arrived[..take]);
            at += take;
        }
    }

    #[test]
    fn names_the_client() {
        let v6 = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], &[0; 16][..], &[0, 9, 0, 80]]
            .concat();
        let mapped =
            [&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7], &[0; 16][..], &[0, 9, 0, 80]]
                .concat();
        for (header, client) in [
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n".to_vec(), named("203.0.113.7:4660")),
            (b"PROXY TCP6 2001:db8::7 ::1 9 80\r\n".to_vec(), named("[2001:db8::7]:9")),
            (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 9 80\r\n".to_vec(), named("203.0.113.7:9")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Ok(None)),
            (b"PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(), Ok(None)),
            (binary(1, 0x11, &V4), named("203.0.113.7:4660")),
            (binary(1, 0x21, &v6), named("[2001:db8::7]:9")),
            (binary(1, 0x21, &mapped), named("203.0.113.7:9")),
            (binary(0, 0x00, &[]), Ok(None)),
            (binary(0, 0x11, &V4), Ok(None)),
            (binary(1, 0x00, &[]), Ok(None)),
            (binary(1, 0x31, &[0; 216]), Ok(None)),
            (binary(1, 0x11, &[&V4[..], &[4, 0, 2, 9, 9]].concat()), named("203.0.113.7:4660")),
        ] {
            let body = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            for chunk in [1, 2, 5, 13, 1_000] {
                assert_eq!(
                    read(&body, chunk),
                    client.map(|client| (client, header.len())),
                    "{header:?} by {chunk}"
                );
            }
        }
    }

    #[test]
    fn refuses_what_is_no_header() {
        use ProxyHeaderFault::{Checksum, Malformed, Missing, TooLong, Transport};
        let line = |text: &str| text.as_bytes().to_vec();
        let long_field = [&V4[..], &[4, 0xff, 0], &vec![0; 65_280][..]].concat();
        for (bytes, fault) in [
            (line("GET / HTTP/1.1\r\n\r\n"), Missing),
            (line("PROXX TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), Missing),
            (b"\r\n\r\n\0\r\nQUIX\n!!!!".to_vec(), Missing),
            (line("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n"), Malformed),
            (line("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n"), Malformed),
            (line("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"), Malformed),
            (line("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"), Malformed),
            (line("PROXY TCP4 2001:db8::7 ::1 1 2\r\n"), Malformed),
            (line("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n"), Malformed),
            (line("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"), Malformed),
            (line(&format!("PROXY UNKNOWN {}\r\n", "x".repeat(100))), TooLong),
            (binary(1, 0x11, &V4[..11]), Malformed),
            (binary(1, 0x21, &V4), Malformed),
            (binary(1, 0x41, &V4), Malformed),
            (binary(2, 0x11, &V4), Malformed),
            (binary(0x11, 0x11, &V4), Malformed),
            (binary(1, 0x12, &V4), Transport),
            (binary(1, 0x10, &V4), Transport),
            (binary(1, 0x11, &[&V4[..], &[4]].concat()), Malformed),
            (binary(1, 0x11, &[&V4[..], &[4, 0, 9, 1]].concat()), Malformed),
            (binary(1, 0x11, &[&V4[..], &[3, 0, 3, 1, 2, 3]].concat()), Malformed),
            (binary(1, 0x11, &[&V4[..], &[3, 0, 4, 1, 2, 3, 4]].concat()), Checksum),
            (binary(1, 0x11, &long_field), TooLong),
        ] {
            assert_eq!(
                read(&bytes, 7),
                Err(fault),
                "{:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
            );
        }
    }

    #[test]
    fn checks_the_checksum() {
        assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
        let mut header = binary(1, 0x11, &[&V4[..], &[3, 0, 4, 0, 0, 0, 0]].concat());
        let sum = crc32c(header.iter().copied()).to_be_bytes();
        let end = header.len();
        header[end - 4..].copy_from_slice(&sum);
        assert_eq!(parse(&header), named("203.0.113.7:4660"));
        header[16] ^= 1;
        assert_eq!(parse(&header), Err(ProxyHeaderFault::Checksum));
    }

    #[test]
    fn tells_a_header_from_requests() {
        for text in ["PROPFIND / HTTP/1.1", "GET /", "\r\nGET /", "\r\n\r\nGET", "\u{16}\u{3}\u{1}"] {
            assert_eq!(beginning(text.as_bytes()), Beginning::Other, "{text:?}");
        }
        for text in ["", "P", "PRO", "PROXY", "\r\n\r\n", "\r\n\r\n\0\r\nQUIT"] {
            assert_eq!(beginning(text.as_bytes()), Beginning::Unclear, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_read_alike_in_any_pieces(
            version in 0_u8..3, noise in proptest::collection::vec(any::<u8>(), 0..200), chunk in 1_usize..40,
        ) {
            let begins: &[u8] = [&b""[..], LINE_BEGINS, v2::PROTOCOL_PREFIX][usize::from(version)];
            let bytes = [begins, &noise[..]].concat();
            prop_assert_eq!(read(&bytes, chunk), read(&bytes, 10_000));
        }
    }
}
