//! The head of a request, written as one of HTTP/1.1, which the codec then reads: what is refused there is refused here.
//!
//! What only HTTP/2 has is checked here: pseudo-headers and Host (RFC 9113 section 8.3.1), cookies in several fields (section
//! 8.2.3), and the opening of a WebSocket (RFC 8441), which becomes one of HTTP/1.1.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use h2::ext::Protocol;
use http::{HeaderMap, HeaderName, Method, header, request::Parts};

use super::fields::write_line;
use crate::proxy::codec::{fault::RequestFault, number::write_number};

/// What is known of a request's body when its head is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBody {
    /// There is none.
    None,
    /// All of it is here, so many bytes.
    Whole(u64),
    /// It ends where it ends.
    Open,
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadFault {
    /// It is malformed as a message of HTTP/2: its stream is reset.
    Malformed,
    /// It is answered as in HTTP/1.1.
    Refused(RequestFault),
}

const HOST_DIFFERS: HeadFault =
    HeadFault::Refused(RequestFault::Malformed("the Host header differs from :authority"));
const TWO_HOSTS: HeadFault = HeadFault::Refused(RequestFault::Malformed("the request has two Host headers"));

/// Whether a request opens a WebSocket.
pub fn opens_websocket(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<Protocol>();
    parts.method == Method::CONNECT && protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Appends the head, the empty line included. `key` makes a WebSocket's key (RFC 6455 section 4.1): 16 random bytes.
pub fn write(
    parts: &Parts,
    body: KnownBody,
    key: impl FnOnce() -> [u8; 16],
    out: &mut Vec<u8>,
) -> Result<(), HeadFault> {
    let socket = opens_websocket(parts);
    if parts.method == Method::CONNECT && !socket {
        let asks = parts.extensions.get::<Protocol>().is_some();
        let fault = if asks { RequestFault::ProtocolUnknown } else { RequestFault::MethodRefused };
        return Err(HeadFault::Refused(fault));
    }
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    if !target.starts_with('/') && target != "*" {
        return Err(HeadFault::Malformed);
    }
    let method = if socket { "GET" } else { parts.method.as_str() };
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_host(parts, out)?;
    let mut trimmed = true;
    for (name, value) in &parts.headers {
        if is_forwarded(name, socket) {
            trimmed &= write_line(name.as_str().as_bytes(), value.as_bytes(), out);
        }
    }
    if !trimmed {
        return Err(HeadFault::Malformed);
    }
    write_cookies(&parts.headers, out);
    if socket {
        write_upgrade(&parts.headers, key(), out);
    } else if !parts.headers.contains_key(header::CONTENT_LENGTH) {
        write_framing(body, out);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Whether a field is written as it is. The others are written in another form.
fn is_forwarded(name: &HeaderName, socket: bool) -> bool {
    let other = name == header::HOST || name == header::COOKIE;
    let of_socket = name == header::SEC_WEBSOCKET_KEY || name == header::CONTENT_LENGTH;
    !(other || socket && of_socket)
}

/// `:authority` is Host, and where there are both they are the same.
fn write_host(parts: &Parts, out: &mut Vec<u8>) -> Result<(), HeadFault> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return Err(TWO_HOSTS);
    }
    let Some(authority) = parts.uri.authority() else {
        if let Some(host) = host {
            write_line(b"host", host.as_bytes(), out);
        }
        return Ok(());
    };
    if authority.as_str().contains('@') {
        return Err(HeadFault::Malformed);
    }
    if host.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())) {
        return Err(HOST_DIFFERS);
    }
    write_line(b"host", authority.as_str().as_bytes(), out);
    Ok(())
}

/// Cookies may come in several fields, and are one in HTTP/1.1.
fn write_cookies(fields: &HeaderMap, out: &mut Vec<u8>) {
    let mut before: &[u8] = b"cookie: ";
    for value in fields.get_all(header::COOKIE) {
        out.extend_from_slice(before);
        out.extend_from_slice(value.as_bytes().trim_ascii());
        before = b"; ";
    }
    if before == b"; " {
        out.extend_from_slice(b"\r\n");
    }
}

fn write_upgrade(fields: &HeaderMap, key: [u8; 16], out: &mut Vec<u8>) {
    out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    write_line(b"sec-websocket-key", STANDARD.encode(key).as_bytes(), out);
    if !fields.contains_key(header::SEC_WEBSOCKET_VERSION) {
        out.extend_from_slice(b"sec-websocket-version: 13\r\n");
    }
}

fn write_framing(body: KnownBody, out: &mut Vec<u8>) {
    match body {
        KnownBody::None => {}
        KnownBody::Whole(length) => {
            out.extend_from_slice(b"content-length: ");
            write_number(length, out);
            out.extend_from_slice(b"\r\n");
        }
        KnownBody::Open => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn written(
        uri: &str,
        method: &str,
        fields: &[(&str, &str)],
        body: KnownBody,
    ) -> Result<String, HeadFault> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let mut out = Vec::new();
        write(&parts, body, || [0; 16], &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_head_is_what_it_would_be_in_http_1() {
        let fields = [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"), ("host", "SHOP.test:8443")];
        let head = written("https://shop.test:8443/x?y", "GET", &fields, KnownBody::None).unwrap();
        let expected = "GET /x?y HTTP/1.1\r\nhost: shop.test:8443\r\naccept: */*\r\ncookie: a=1; b=2\r\n\r\n";
        assert_eq!(head, expected);
        let head = written("/", "POST", &[("host", "a")], KnownBody::Open).unwrap();
        assert_eq!(head, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        let head = written("/", "POST", &[("host", "a")], KnownBody::Whole(7)).unwrap();
        assert_eq!(head, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 7\r\n\r\n");
        let stated = [("host", "a"), ("content-length", "9")];
        let head = written("/", "POST", &stated, KnownBody::Open).unwrap();
        assert_eq!(head, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n");
        assert_eq!(written("/", "GET", &[], KnownBody::None).unwrap(), "GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn what_only_http_2_can_have_wrong_is_refused() {
        let fault = |uri, method, fields: &[_]| written(uri, method, fields, KnownBody::None).unwrap_err();
        assert_eq!(fault("https://a/", "GET", &[("host", "b")]), HOST_DIFFERS);
        assert_eq!(fault("https://a/", "GET", &[("host", "a:443")]), HOST_DIFFERS);
        assert_eq!(fault("https://a/", "GET", &[("host", "a"), ("host", "a")]), TWO_HOSTS);
        assert_eq!(fault("https://u@a/", "GET", &[]), HeadFault::Malformed);
        assert_eq!(fault("https://a/", "GET", &[("x", " b")]), HeadFault::Malformed);
        assert_eq!(fault("a:443", "CONNECT", &[]), HeadFault::Refused(RequestFault::MethodRefused));
    }

    #[test]
    fn a_websocket_is_opened_as_in_http_1() {
        for (protocol, opens) in [("websocket", true), ("connect-udp", false)] {
            let request = Request::builder().method("CONNECT").uri("https://a/chat");
            let request = request.extension(Protocol::from_static(protocol)).header("origin", "https://a");
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let mut out = Vec::new();
            let done = write(&parts, KnownBody::Open, || [0; 16], &mut out);
            if opens {
                let expected = "GET /chat HTTP/1.1\r\nhost: a\r\norigin: https://a\r\nconnection: upgrade\r\n\
                    upgrade: websocket\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n";
                assert_eq!((done, String::from_utf8(out).unwrap().as_str()), (Ok(()), expected));
            } else {
                assert_eq!(done, Err(HeadFault::Refused(RequestFault::ProtocolUnknown)));
            }
        }
    }
}
