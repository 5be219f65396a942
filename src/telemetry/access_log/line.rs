//! One line of the access log, in each format.

use std::{
    borrow::Cow,
    fmt,
    io::Write as _,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::link_tokens::without_tokens;
use crate::rollout::address::Address;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object with every field.
    Json,
    /// NCSA common log format.
    Common,
    /// NCSA combined log format.
    Combined,
}

/// What is known about one answered request.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// When it was answered, Unix ms.
    pub at_ms: u64,
    /// The client's own address: behind trusted proxies what the last of them says.
    pub client: IpAddr,
    /// The address that connected.
    pub peer: IpAddr,
    /// The method.
    pub method: &'a [u8],
    /// The authority of the request.
    pub host: &'a [u8],
    /// The prefix that was taken off the target.
    pub prefix: &'a [u8],
    /// The target, as it was sent, less the prefix.
    pub target: &'a [u8],
    /// HTTP's minor version: 0 or 1.
    pub minor_version: u8,
    /// It came in HTTP/2, and `minor_version` means nothing.
    pub http2: bool,
    /// The status that the client got. 0: it left before one.
    pub status: u16,
    /// Bytes of response body sent.
    pub bytes: u64,
    /// From the first byte of the request to the last of the response.
    pub duration_us: u64,
    /// The app, if the host led to one.
    pub app: &'a str,
    /// The release's id.
    pub release: &'a str,
    /// The release's standing: `stable`, `candidate`, `draining`.
    pub track: &'a str,
    /// The endpoint that answered.
    pub endpoint: Option<Address>,
    /// The assignment's reason.
    pub reason: &'a str,
    /// The sibling release that answered with an asset which this one does not have; empty if none did.
    pub sibling: &'a str,
    /// How often it was repeated.
    pub retries: u32,
    /// Why it did not end well: a 502's cause, a response that was cut, a client that left.
    pub failure: Option<&'a dyn fmt::Display>,
    /// Whose fault that is: `client`, `endpoint`, `router`; empty without a failure.
    pub fault: &'a str,
    /// Its X-Request-Id.
    pub request_id: &'a [u8],
    /// Its Referer (combined format).
    pub referer: &'a [u8],
    /// Its User-Agent (combined format).
    pub user_agent: &'a [u8],
}

impl Line<'static> {
    /// The line of a request of which nothing is known but its client and its answer.
    pub fn empty(at_ms: u64, client: IpAddr, peer: IpAddr, status: u16) -> Self {
        Self {
            at_ms,
            client,
            peer,
            method: b"",
            host: b"",
            prefix: b"",
            target: b"",
            minor_version: 1,
            http2: false,
            status,
            bytes: 0,
            duration_us: 0,
            app: "",
            release: "",
            track: "",
            endpoint: None,
            reason: "",
            sibling: "",
            retries: 0,
            failure: None,
            fault: "",
            request_id: b"",
            referer: b"",
            user_agent: b"",
        }
    }
}

impl Line<'_> {
    /// Appends the line, newline included.
    pub fn write(&self, format: LogFormat, date: &mut DateText, out: &mut Vec<u8>) {
        match format {
            LogFormat::Json => self.write_json(date, out),
            LogFormat::Common => self.write_common(date, out),
            LogFormat::Combined => {
                self.write_common(date, out);
                out.pop();
                out.extend_from_slice(b" \"");
                quote_or_dash(&without_tokens(self.referer), out);
                out.extend_from_slice(b"\" \"");
                quote_or_dash(self.user_agent, out);
                out.extend_from_slice(b"\"\n");
            }
        }
    }

    /// The target as it was sent, less tokens of preview links.
    fn whole_target(&self) -> Cow<'_, [u8]> {
        let target = without_tokens(self.target);
        if self.prefix.is_empty() { target } else { Cow::Owned([self.prefix, &target].concat()) }
    }

    fn write_json(&self, date: &mut DateText, out: &mut Vec<u8>) {
        date.at(self.at_ms);
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(&date.iso);
        out.push(b'.');
        push_millis(self.at_ms % 1_000, out);
        out.extend_from_slice(b"Z\",\"client\":\"");
        push_ip(self.client, out);
        out.push(b'"');
        if self.peer != self.client {
            out.extend_from_slice(b",\"peer\":\"");
            push_ip(self.peer, out);
            out.push(b'"');
        }
        // What a client or an endpoint chose is escaped; the router's own words need no look.
        let chosen: [(&[u8], &[u8]); 4] = [
            (b",\"method\":\"", self.method),
            (b",\"host\":\"", self.host),
            (b",\"target\":\"", &self.whole_target()),
            (b",\"request_id\":\"", self.request_id),
        ];
        for (name, value) in chosen {
            out.extend_from_slice(name);
            escape_json(value, out);
            out.push(b'"');
        }
        let own: [(&[u8], &str); 4] = [
            (b",\"app\":\"", self.app),
            (b",\"release\":\"", self.release),
            (b",\"track\":\"", self.track),
            (b",\"reason\":\"", self.reason),
        ];
        for (name, value) in own {
            out.extend_from_slice(name);
            out.extend_from_slice(value.as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b",\"endpoint\":");
        match self.endpoint {
            Some(endpoint) => {
                out.push(b'"');
                push_address(endpoint, out);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        let numbers: [(&[u8], u64); 4] = [
            (b",\"status\":", self.status.into()),
            (b",\"bytes\":", self.bytes),
            (b",\"duration_us\":", self.duration_us),
            (b",\"retries\":", self.retries.into()),
        ];
        for (name, number) in numbers {
            out.extend_from_slice(name);
            push_number(number, out);
        }
        if self.http2 {
            out.extend_from_slice(b",\"protocol\":\"HTTP/2.0\"");
        }
        if !self.sibling.is_empty() {
            out.extend_from_slice(b",\"sibling\":\"");
            out.extend_from_slice(self.sibling.as_bytes());
            out.push(b'"');
        }
        if let Some(failure) = self.failure {
            // Its words are the router's own, and have nothing to be escaped.
            write_to(out, format_args!(",\"failure\":\"{failure}\",\"fault\":\"{}\"", self.fault));
        }
        out.extend_from_slice(b"}\n");
    }

    fn write_common(&self, date: &mut DateText, out: &mut Vec<u8>) {
        date.at(self.at_ms);
        push_ip(self.client, out);
        out.extend_from_slice(b" - - [");
        out.extend_from_slice(&date.common);
        out.extend_from_slice(b" +0000] \"");
        escape_quoted(self.method, out);
        out.push(b' ');
        escape_quoted(&self.whole_target(), out);
        if self.http2 {
            out.extend_from_slice(b" HTTP/2.0");
        } else {
            out.extend_from_slice(b" HTTP/1.");
            push_number(self.minor_version, out);
        }
        out.extend_from_slice(b"\" ");
        push_number(self.status, out);
        out.push(b' ');
        push_number(self.bytes, out);
        out.push(b'\n');
    }
}

/// The date of the last second asked for, since thousands of lines share one.
#[derive(Debug, Default)]
pub struct DateText {
    second: u64,
    iso: Vec<u8>,
    common: Vec<u8>,
}

impl DateText {
    fn at(&mut self, at_ms: u64) {
        let second = at_ms / 1_000;
        if second == self.second && !self.iso.is_empty() {
            return;
        }
        self.second = second;
        // IMF-fixdate has every part at a fixed place: `Fri, 20 Nov 2026 11:19:45 GMT` (RFC 9110, 5.6.7).
        let text = httpdate::fmt_http_date(time_at(second));
        let (day, month, year, time) = (&text[5..7], &text[8..11], &text[12..16], &text[17..25]);
        const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
        let number = MONTHS.find(month).unwrap_or(0) / 3 + 1;
        self.iso = format!("{year}-{number:02}-{day}T{time}").into_bytes();
        self.common = format!("{day}/{month}/{year}:{time}").into_bytes();
    }
}

fn time_at(second: u64) -> SystemTime {
    // httpdate writes years up to 9999 and panics beyond.
    const LAST_SECOND_OF_9999: u64 = 253_402_300_799;
    UNIX_EPOCH + Duration::from_secs(second.min(LAST_SECOND_OF_9999))
}

fn push_number(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Three digits.
fn push_millis(millis: u64, out: &mut Vec<u8>) {
    let digit = |value: u64| b'0' + u8::try_from(value % 10).unwrap_or(0);
    out.extend_from_slice(&[digit(millis / 100), digit(millis / 10), digit(millis)]);
}

/// An address without `Display`, whose padding logic costs more than the rest of a line.
fn push_ip(address: IpAddr, out: &mut Vec<u8>) {
    let IpAddr::V4(address) = address else { return write_to(out, format_args!("{address}")) };
    for (index, part) in address.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        push_number(part, out);
    }
}

fn push_address(address: Address, out: &mut Vec<u8>) {
    let Some(address) = address.tcp().filter(SocketAddr::is_ipv4) else {
        return write_to(out, format_args!("{address}"));
    };
    push_ip(address.ip(), out);
    out.push(b':');
    push_number(address.port(), out);
}

fn write_to(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}

/// JSON string content: what is not printable ASCII becomes `\u00XX`, byte by byte, so that a line is ASCII whatever
/// the bytes were.
fn escape_json(bytes: &[u8], out: &mut Vec<u8>) {
    escape(bytes, out, |byte, out| match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        other => write_to(out, format_args!("\\u{other:04x}")),
    });
}

/// Content between quotes, as nginx and Apache write it: `\xHH`.
fn escape_quoted(bytes: &[u8], out: &mut Vec<u8>) {
    escape(bytes, out, |byte, out| write_to(out, format_args!("\\x{byte:02x}")));
}

fn quote_or_dash(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.is_empty() { out.push(b'-') } else { escape_quoted(bytes, out) }
}

/// What stands for itself in both formats: printable ASCII but `"` and `\`.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Copies runs of plain bytes at once and hands every other byte to `special`.
fn escape(mut bytes: &[u8], out: &mut Vec<u8>, special: impl Fn(u8, &mut Vec<u8>)) {
    // Most need no escape, and a look at all of them without an end in between runs on whole vectors.
    if bytes.iter().fold(true, |plain, &byte| plain & is_plain(byte)) {
        return out.extend_from_slice(bytes);
    }
    while !bytes.is_empty() {
        let plain = bytes.iter().position(|byte| !is_plain(*byte)).unwrap_or(bytes.len());
        out.extend_from_slice(&bytes[..plain]);
        bytes = &bytes[plain..];
        if let Some((first, rest)) = bytes.split_first() {
            special(*first, out);
            bytes = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line<'static> {
        Line {
            at_ms: 1_795_173_585_042,
            client: IpAddr::from([127, 0, 0, 1]),
            peer: IpAddr::from([127, 0, 0, 1]),
            method: b"GET",
            host: b"shop.example",
            prefix: b"",
            target: b"/a\"b\\c\r\nd\xff",
            minor_version: 1,
            http2: false,
            status: 200,
            bytes: 5,
            duration_us: 1_234,
            app: "shop",
            release: "apps/shop-1-80/containers",
            track: "stable",
            endpoint: Some(Address::from(([10, 0, 0, 9], 3_000))),
            reason: "pin",
            sibling: "",
            retries: 0,
            failure: None,
            fault: "",
            request_id: b"7b1c",
            referer: b"",
            user_agent: b"curl/8 \"x\"",
        }
    }

    #[test]
    fn a_json_line_is_one_line_of_json_whatever_the_client_sent() {
        let mut out = Vec::new();
        line().write(LogFormat::Json, &mut DateText::default(), &mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["target"], "/a\"b\\c\r\nd\u{ff}");
        assert_eq!(json["time"], "2026-11-20T11:19:45.042Z");
        assert_eq!(json["endpoint"], "10.0.0.9:3000");
    }

    #[test]
    fn a_combined_line_escapes_quotes_and_line_ends() {
        let mut out = Vec::new();
        line().write(LogFormat::Combined, &mut DateText::default(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "127.0.0.1 - - [20/Nov/2026:11:19:45 +0000] \"GET /a\\x22b\\x5cc\\x0d\\x0ad\\xff HTTP/1.1\" 200 5 \"-\" \"curl/8 \\x22x\\x22\"\n"
        );
    }
}
