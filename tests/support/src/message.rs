//! HTTP/1.1 messages as the suites read them: strictly, and without forgetting a byte.
//!
//! [`read_response`] is what a suspicious client does with an answer, [`ReceivedMessage`] what a suspicious endpoint does with
//! a request: anything that two parsers could read differently is named in [`ReceivedMessage::faults`].

use std::io::{self, Read};

/// How the end of a body was marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body can follow (HEAD, 1xx, 204, 304, or a request with neither header).
    None,
    /// `Content-Length`.
    Length(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Until the connection closes.
    Close,
}

/// One header or trailer line: the name as it was spelled, and the trimmed value.
pub type Field = (String, String);

/// The first value of header `name` in any case.
pub fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// All values of header `name` in any case, in order.
pub fn fields<'a>(fields: &'a [Field], name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

/// A complete final response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Status line and header lines as they came, blank line included.
    pub head: Vec<u8>,
    /// Header lines.
    pub headers: Vec<Field>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body.
    pub trailers: Vec<Field>,
    /// How the body was framed.
    pub framing: Framing,
    /// The 1xx responses that came before it: status and headers.
    pub interim: Vec<(u16, Vec<Field>)>,
}

impl Response {
    /// The first value of header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// All values of header `name`.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        fields(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the answer says that the connection ends with it.
    pub fn says_close(&self) -> bool {
        self.header_all("connection").iter().any(|value| has_token(value, "close"))
    }
}

/// What an endpoint received as one request.
#[derive(Clone, Debug, Default)]
pub struct ReceivedMessage {
    /// Which connection of this endpoint it came on, counted from 0.
    pub connection: usize,
    /// Request line and header lines as they came, blank line included.
    pub head: Vec<u8>,
    /// Header lines.
    pub headers: Vec<Field>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body.
    pub trailers: Vec<Field>,
    /// Whether the body's end was reached; a cut body must never look complete.
    pub complete: bool,
    /// Everything about it that another parser could read differently.
    pub faults: Vec<String>,
}

impl ReceivedMessage {
    /// The request line.
    pub fn line(&self) -> String {
        let end = find(&self.head, b"\r\n").unwrap_or(self.head.len());
        String::from_utf8_lossy(&self.head[..end]).into_owned()
    }

    /// The method.
    pub fn method(&self) -> String {
        self.line().split(' ').next().unwrap_or_default().to_owned()
    }

    /// The target, as received.
    pub fn target(&self) -> String {
        self.line().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// The first value of header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// All values of header `name`.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        fields(&self.headers, name)
    }

    /// Builds the record of a head; the body is added by the reader.
    pub fn from_head(connection: usize, head: &[u8]) -> Self {
        let mut faults = line_faults(head);
        let headers = match parse_fields(head) {
            Ok(headers) => headers,
            Err(why) => {
                faults.push(why);
                Vec::new()
            }
        };
        let mut received = Self { connection, head: head.to_vec(), headers, faults, ..Self::default() };
        received.faults.extend(received.ambiguities());
        received
    }

    /// How its body is framed, as a strict server reads it.
    pub fn framing(&self) -> Framing {
        if !self.header_all("transfer-encoding").is_empty() {
            return Framing::Chunked;
        }
        match self.header("content-length").and_then(|value| value.parse().ok()) {
            Some(length) => Framing::Length(length),
            None => Framing::None,
        }
    }

    /// Invariant 7 of the design: one Host, one framing, no hop-by-hop header.
    fn ambiguities(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let line = self.line();
        let words: Vec<&str> = line.split(' ').collect();
        if words.len() != 3 || words[2] != "HTTP/1.1" || words[1].is_empty() {
            faults.push(format!("request line {line:?}"));
        }
        if self.header_all("host").len() != 1 {
            faults.push(format!("{} Host headers", self.header_all("host").len()));
        }
        let lengths = self.header_all("content-length");
        let codings = self.header_all("transfer-encoding");
        if lengths.len() + codings.len() > 1 {
            faults.push(format!("framed by {lengths:?} and {codings:?}"));
        }
        faults.extend(lengths.iter().filter(|v| !is_decimal(v)).map(|v| format!("Content-Length {v:?}")));
        faults
            .extend(codings.iter().filter(|v| **v != "chunked").map(|v| format!("Transfer-Encoding {v:?}")));
        for name in ["keep-alive", "proxy-connection", "te", "trailer", "proxy-authorization", "proxy"] {
            if self.header(name).is_some_and(|value| !(name == "te" && value == "trailers")) {
                faults.push(format!("hop-by-hop header {name}"));
            }
        }
        for value in self.header_all("connection") {
            let known = |token: &str| {
                ["keep-alive", "close", "upgrade"].iter().any(|k| token.trim().eq_ignore_ascii_case(k))
            };
            if !value.split(',').all(known) {
                faults.push(format!("Connection: {value}"));
            }
        }
        faults
            .extend(self.headers.iter().filter(|(n, _)| n.contains('_')).map(|(n, _)| format!("header {n}")));
        faults
    }
}

fn is_decimal(value: &str) -> bool {
    !value.is_empty() && value.len() < 20 && value.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a comma-separated header value has this token.
pub fn has_token(value: &str, token: &str) -> bool {
    value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Position of `needle` in `hay`.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

/// Bytes in a head that have no business there: bare CR or LF, NUL and other control bytes, folded lines.
fn line_faults(head: &[u8]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, &byte) in head.iter().enumerate() {
        let fault = match byte {
            b'\n' if at == 0 || head[at - 1] != b'\r' => "bare LF",
            b'\r' if head.get(at + 1) != Some(&b'\n') => "bare CR",
            b'\r' | b'\n' | b'\t' => continue,
            0..=31 | 127 => "control byte",
            b' ' if at > 0 && head[at - 1] == b'\n' => "folded line",
            _ => continue,
        };
        faults.push(format!("{fault} at {at}"));
    }
    faults
}

/// The header lines of a head (or trailer block), strictly.
pub fn parse_fields(head: &[u8]) -> Result<Vec<Field>, String> {
    let text = String::from_utf8_lossy(head);
    let mut out = Vec::new();
    for line in text.split("\r\n").skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no colon in {line:?}"))?;
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return Err(format!("header name {name:?}"));
        }
        out.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    Ok(out)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Why a message could not be read.
#[derive(Debug)]
pub enum Fault {
    /// The peer ended the connection before the first byte.
    Ended,
    /// The peer ended (or reset) the connection inside the message.
    Cut(Vec<u8>),
    /// Nothing came in time.
    Silent,
    /// It is not a valid message.
    Malformed(String),
}

/// A byte source with what was read ahead.
pub struct Source<R> {
    /// The stream.
    pub stream: R,
    /// Bytes read and not yet used.
    pub ahead: Vec<u8>,
}

impl<R: Read> Source<R> {
    /// A source that has read nothing yet.
    pub fn new(stream: R) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// Reads more; `Ok(false)` is the end of the stream, orderly or not.
    pub fn fill(&mut self) -> Result<bool, Fault> {
        let mut buffer = [0; 64 * 1024];
        loop {
            return match self.stream.read(&mut buffer) {
                Ok(0) => Ok(false),
                Ok(n) => {
                    self.ahead.extend_from_slice(&buffer[..n]);
                    Ok(true)
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    Err(Fault::Silent)
                }
                Err(_) => Ok(false),
            };
        }
    }

    /// Everything up to and including `mark`.
    pub fn until(&mut self, mark: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut from = 0;
        loop {
            if let Some(at) = find(&self.ahead[from..], mark) {
                return Ok(self.ahead.drain(..from + at + mark.len()).collect());
            }
            from = self.ahead.len().saturating_sub(mark.len() - 1);
            if !self.fill()? {
                return Err(if self.ahead.is_empty() { Fault::Ended } else { self.cut() });
            }
        }
    }

    /// Exactly `length` bytes, appended to `body`.
    pub fn exactly(&mut self, length: usize, body: &mut Vec<u8>) -> Result<(), Fault> {
        let mut left = length;
        loop {
            let take = left.min(self.ahead.len());
            body.extend(self.ahead.drain(..take));
            left -= take;
            if left == 0 {
                return Ok(());
            }
            if !self.fill()? {
                return Err(self.cut());
            }
        }
    }

    fn cut(&mut self) -> Fault {
        Fault::Cut(std::mem::take(&mut self.ahead))
    }

    /// A chunked body, appended to `body`; its trailer lines are returned.
    pub fn chunked(&mut self, body: &mut Vec<u8>) -> Result<Vec<Field>, Fault> {
        loop {
            let line = self.until(b"\r\n").map_err(inside)?;
            let size = chunk_size(&line)?;
            if size == 0 {
                return self.trailers();
            }
            self.exactly(size, body)?;
            let mut end = Vec::new();
            self.exactly(2, &mut end)?;
            if end != b"\r\n" {
                return Err(Fault::Malformed(format!("chunk ends with {end:?}")));
            }
        }
    }

    fn trailers(&mut self) -> Result<Vec<Field>, Fault> {
        let mut block = b"\r\n".to_vec();
        loop {
            let line = self.until(b"\r\n").map_err(inside)?;
            if line == b"\r\n" {
                return parse_fields(&block).map_err(Fault::Malformed);
            }
            block.extend(line);
        }
    }
}

/// The end of the stream inside a body is a cut, even between two chunks.
fn inside(fault: Fault) -> Fault {
    if matches!(fault, Fault::Ended) { Fault::Cut(Vec::new()) } else { fault }
}

fn chunk_size(line: &[u8]) -> Result<usize, Fault> {
    let text = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
    let strict = !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !strict {
        return Err(Fault::Malformed(format!("chunk size line {text:?}")));
    }
    usize::from_str_radix(&text, 16).map_err(|_| Fault::Malformed(format!("chunk size {text:?}")))
}

/// Reads one final response to a request with `method`, and the interim ones before it.
pub fn read_response<R: Read>(source: &mut Source<R>, method: &str) -> Result<Response, Fault> {
    let mut interim = Vec::new();
    loop {
        let head = source.until(b"\r\n\r\n")?;
        let status = status_of(&head)?;
        let headers = parse_fields(&head).map_err(Fault::Malformed)?;
        if let Some(fault) = line_faults(&head).first() {
            return Err(Fault::Malformed(format!("{fault} in {:?}", String::from_utf8_lossy(&head))));
        }
        if (100..200).contains(&status) && status != 101 {
            interim.push((status, headers));
            continue;
        }
        let framing = response_framing(method, status, &headers)?;
        let mut response =
            Response { status, head, headers, body: Vec::new(), trailers: Vec::new(), framing, interim };
        read_body(source, &mut response)?;
        return Ok(response);
    }
}

fn read_body<R: Read>(source: &mut Source<R>, response: &mut Response) -> Result<(), Fault> {
    match response.framing {
        Framing::None => {}
        Framing::Length(length) => source.exactly(length, &mut response.body)?,
        Framing::Chunked => response.trailers = source.chunked(&mut response.body)?,
        Framing::Close => {
            while source.fill()? {}
            response.body.append(&mut source.ahead);
        }
    }
    Ok(())
}

fn status_of(head: &[u8]) -> Result<u16, Fault> {
    let line = String::from_utf8_lossy(&head[..find(head, b"\r\n").unwrap_or(head.len())]).into_owned();
    let valid = line.starts_with("HTTP/1.1 ") && line.len() >= 13 && line.as_bytes()[12] == b' ';
    match line.get(9..12).and_then(|digits| digits.parse().ok()) {
        Some(status) if valid => Ok(status),
        _ => Err(Fault::Malformed(format!("status line {line:?}"))),
    }
}

fn response_framing(method: &str, status: u16, headers: &[Field]) -> Result<Framing, Fault> {
    let lengths = fields(headers, "content-length");
    let codings = fields(headers, "transfer-encoding");
    if lengths.len() + codings.len() > 1 || codings.iter().any(|value| *value != "chunked") {
        return Err(Fault::Malformed(format!("framed by {lengths:?} and {codings:?}")));
    }
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    match lengths.first() {
        Some(value) if is_decimal(value) => Ok(Framing::Length(value.parse().expect("it is decimal"))),
        Some(value) => Err(Fault::Malformed(format!("Content-Length {value:?}"))),
        None if !codings.is_empty() => Ok(Framing::Chunked),
        None => Ok(Framing::Close),
    }
}
