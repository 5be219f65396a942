//! A request on its way up: its text as a head, data and trailers.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use h2::{
    SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header, uri::PathAndQuery};

use super::error::io_error;
use crate::proxy::{
    codec::{body::BodyDecoder, head::Framing, request::content_length},
    downstream::http2::fields,
};

/// How much of a body is taken before the endpoint has room for it, in bytes.
const HELD_BYTES_MAX: usize = 32 * 1024;

/// A request on its way.
#[derive(Debug)]
pub struct Upward {
    sender: SendRequest<Bytes>,
    scheme: &'static str,
    extension_bytes_max: u32,
    /// The head as far as it came, until it is sent.
    head: Vec<u8>,
    /// The body, once the head was sent.
    body: Option<Body>,
    /// What the response begins with, until it is taken.
    response: Option<Begun>,
}

/// What a response begins with.
#[derive(Debug)]
pub struct Begun {
    /// The response, or why there is none.
    pub response: Result<ResponseFuture, io::ErrorKind>,
    /// The method is HEAD.
    pub to_head: bool,
}

#[derive(Debug)]
struct Body {
    stream: SendStream<Bytes>,
    decoder: BodyDecoder,
    /// What the endpoint has no room for yet.
    held: BytesMut,
    /// The end was sent.
    ended: bool,
}

impl Upward {
    /// A request of which nothing has come yet.
    pub fn new(sender: SendRequest<Bytes>, scheme: &'static str, extension_bytes_max: u32) -> Self {
        Self { sender, scheme, extension_bytes_max, head: Vec::new(), body: None, response: None }
    }

    /// What the response begins with, once.
    pub fn take_response(&mut self) -> Option<Begun> {
        self.response.take()
    }

    /// Takes more of the text.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(body) = &mut self.body else { return Poll::Ready(self.take_head(cx, bytes)) };
        ready!(body.poll_send(cx))?;
        let taken = body.take(&bytes[..bytes.len().min(HELD_BYTES_MAX)])?;
        if let Poll::Ready(sent) = body.poll_send(cx) {
            sent?;
        }
        Poll::Ready(Ok(taken))
    }

    /// Sends what is held.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.body {
            Some(body) => body.poll_send(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Takes bytes of the head; sends it once it is whole.
    fn take_head(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.head, b"\r\n\r\n").map(|at| at + 4) else {
            return Ok(bytes.len());
        };
        let Some((request, framing)) = read_head(&self.head[..end], self.scheme) else {
            return self.refuse(io::ErrorKind::InvalidInput);
        };
        self.head = Vec::new();
        let to_head = request.method() == Method::HEAD;
        let decoder = BodyDecoder::new(framing, self.extension_bytes_max);
        let ends = decoder.is_done();
        match self.sender.send_request(request, ends) {
            Ok((response, stream)) => {
                self.response = Some(Begun { response: Ok(response), to_head });
                self.body = Some(Body { stream, decoder, held: BytesMut::new(), ended: ends });
            }
            // Nothing was sent: the connection has ended, or was about to.
            Err(_) => return self.refuse(io::ErrorKind::ConnectionRefused),
        }
        let taken = end - before;
        let (Some(body), rest) = (&mut self.body, &bytes[taken..]) else { return Ok(taken) };
        let more = body.take(&rest[..rest.len().min(HELD_BYTES_MAX)])?;
        if let Poll::Ready(sent) = body.poll_send(cx) {
            sent?;
        }
        Ok(taken + more)
    }
}

impl Upward {
    /// The request cannot be sent, which its response says.
    fn refuse(&mut self, kind: io::ErrorKind) -> io::Result<usize> {
        self.response = Some(Begun { response: Err(kind), to_head: false });
        Err(kind.into())
    }
}

impl Body {
    /// Takes text of the body; how much.
    fn take(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut text = text.to_vec();
        let piece = self.decoder.decode(&mut text).map_err(|_| io::ErrorKind::InvalidData)?;
        self.held.extend_from_slice(&text[piece.data]);
        Ok(piece.consumed)
    }

    /// Sends what is held, as far as the endpoint has room, and the end.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            self.stream.reserve_capacity(self.held.len());
            let room = match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(room)) => room.min(self.held.len()),
                Some(Err(error)) => return Poll::Ready(Err(io_error(&error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
            if room == 0 {
                continue;
            }
            let data = self.held.split_to(room).freeze();
            self.ended = self.held.is_empty() && matches!(self.decoder, BodyDecoder::Length(0));
            self.stream.send_data(data, self.ended).map_err(|error| io_error(&error))?;
        }
        if self.decoder.is_done() && !self.ended {
            self.ended = true;
            self.send_end().map_err(|error| io_error(&error))?;
        }
        Poll::Ready(Ok(()))
    }

    fn send_end(&mut self) -> Result<(), h2::Error> {
        let mut trailers = HeaderMap::new();
        fields::from_text(&self.decoder.take_trailers(), &mut trailers);
        if trailers.is_empty() {
            self.stream.send_data(Bytes::new(), true)
        } else {
            self.stream.send_trailers(trailers)
        }
    }
}

/// Reads a head that the router has written. `None` if it has no form in HTTP/2.
fn read_head(head: &[u8], scheme: &'static str) -> Option<(Request<()>, Framing)> {
    let line = memchr::memchr(b'\n', head)?;
    let mut words = head[..line].split(|byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let path = path_of(words.next()?)?;
    let mut request = Request::new(());
    let all = request.headers_mut();
    fields::from_text(&head[line + 1..], all);
    let host = all.remove(header::HOST)?;
    let framing = match (all.remove(header::TRANSFER_ENCODING), all.get(header::CONTENT_LENGTH)) {
        (Some(_), _) => Framing::Streamed,
        (None, Some(length)) => Framing::Length(content_length(length.as_bytes())?),
        (None, None) => Framing::None,
    };
    for name in ["connection", "keep-alive", "proxy-connection", "upgrade", "http2-settings"] {
        all.remove(name);
    }
    // The router passes trailers on, whoever asks. Servers of gRPC look for it.
    all.insert(header::TE, HeaderValue::from_static("trailers"));
    let uri = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(path);
    *request.uri_mut() = uri.build().ok()?;
    *request.method_mut() = method;
    Some((request, framing))
}

/// A target as `:path`. What the library does not take as it is, is percent-encoded.
fn path_of(target: &[u8]) -> Option<PathAndQuery> {
    if let Ok(path) = PathAndQuery::try_from(target) {
        return Some(path);
    }
    let mut encoded = Vec::with_capacity(target.len() + 16);
    for byte in target {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(*byte),
            _ if b"-._~:/?[]@!$&'()*+,;=%".contains(byte) => encoded.push(*byte),
            _ => encoded.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    PathAndQuery::try_from(encoded.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_connection_stays_behind() {
        let head = b"POST /a?b HTTP/1.1\r\nHost: shop:81\r\nX-A: b\r\nConnection: close\r\nUpgrade: x\r\n\
            Keep-Alive: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (request, framing) = read_head(head, "http").unwrap();
        assert_eq!((request.uri().to_string().as_str(), framing), ("http://shop:81/a?b", Framing::Streamed));
        let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["x-a", "te"]);
        let (request, framing) = read_head(b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "https").unwrap();
        assert_eq!((request.uri().path(), framing), ("*", Framing::None));
    }

    #[test]
    fn a_target_that_the_library_refuses_is_encoded() {
        assert_eq!(path_of(b"/a<b>?c^d\\").unwrap().as_str(), "/a%3Cb%3E?c%5Ed%5C");
        assert_eq!(path_of(b"/a%20b?c=d").unwrap().as_str(), "/a%20b?c=d");
    }
}
