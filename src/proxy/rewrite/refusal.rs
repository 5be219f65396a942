//! Answers of the router itself: a page for browsers, JSON for those who ask for it, else plain text.
//!
//! Their text is fixed: they repeat nothing of the request and name no endpoint. Only the Location of a redirect (to https,
//! or from a preview link) repeats what was asked for. No answer may be cached.

use crate::{
    proxy::codec::{
        head::{HeaderLine, KnownName, RequestHead, members},
        number::write_number,
    },
    rollout::settings::Settings,
};

/// An answer of the router itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// 200, 303, 308, or 400..=599.
    pub status: u16,
    /// What is wrong, in fixed words.
    pub detail: &'static str,
    /// When to come back, in seconds.
    pub retry_after: Option<u32>,
}

/// An answer of the router itself, with further header lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answer.
    pub refusal: Refusal,
    /// Further header lines as text (`name: value\r\n`), checked.
    pub lines: Box<str>,
    /// The app's own page, for a browser.
    pub page: Option<Box<str>>,
    /// What is said in place of the fixed words and of that page: what an operator wrote. It may be anything.
    pub message: Option<Box<str>>,
    /// Nothing more is to come on this connection: another one is better.
    pub ends_connection: bool,
}

/// The request's body is longer than `body_max` of the app.
pub const TOO_LARGE: Refusal = Refusal {
    status: 413,
    detail: "the request's body is larger than the application takes",
    retry_after: None,
};

impl Reply {
    /// An answer with further header lines.
    pub fn with_lines(refusal: Refusal, lines: impl Into<Box<str>>) -> Self {
        Self { lines: lines.into(), ..refusal.into() }
    }

    /// The same answer for an app: with its own page, and with what it tells browsers that come by https.
    #[must_use]
    pub fn of_app(mut self, settings: &Settings, secure: bool) -> Self {
        self.page = settings.error_pages.of(self.refusal.status).map(Box::from);
        if secure && settings.hsts.max_age.is_some() {
            let mut lines = self.lines.into_string().into_bytes();
            settings.hsts.write(&mut lines);
            self.lines = String::from_utf8_lossy(&lines).into();
        }
        self
    }

    /// The body.
    pub fn body(&self, form: Form) -> String {
        match (&self.message, &self.page) {
            (Some(message), _) => self.refusal.body_saying(form, &escaped(message, form)),
            (None, Some(page)) if form == Form::Html => page.clone().into(),
            _ => self.refusal.body(form),
        }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, lines: Box::default(), page: None, message: None, ends_connection: false }
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Plain text.
    #[default]
    Text,
    /// A page.
    Html,
    /// `{"error": {"code", "message"}}`, as the API does.
    Json,
    /// A status of gRPC, in the head, as calls need it.
    Grpc,
    /// What is said, and nothing around it.
    Verbatim,
}

impl Form {
    /// The form that a request asks for in Accept; browsers ask for `text/html`.
    pub fn of_request(head: &RequestHead<'_>) -> Self {
        Self::of_lines(head.block, head.lines)
    }

    /// The form that header lines ask for in Accept.
    pub fn of_lines(block: &[u8], lines: &[HeaderLine]) -> Self {
        if lines.iter().any(|line| is_grpc(line, block)) {
            return Self::Grpc;
        }
        let accept = lines.iter().filter(|line| line.known == KnownName::Accept);
        for member in accept.flat_map(|line| members(line.value(block))) {
            let media = member.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
            if media.eq_ignore_ascii_case(b"text/html") {
                return Self::Html;
            }
            if media.eq_ignore_ascii_case(b"application/json") || media.ends_with(b"+json") {
                return Self::Json;
            }
        }
        Self::Text
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Text | Self::Verbatim => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Grpc => "application/grpc",
        }
    }
}

fn is_grpc(line: &HeaderLine, block: &[u8]) -> bool {
    let value = || line.value(block);
    line.name(block).eq_ignore_ascii_case(b"content-type")
        && value().get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/grpc"))
        && matches!(value().get(16), None | Some(b'+' | b';' | b' '))
}

/// A text as it stands in an answer of this form.
fn escaped(text: &str, form: Form) -> String {
    match form {
        Form::Text | Form::Grpc | Form::Verbatim => text.to_owned(),
        Form::Html => escape_html(text),
        // What JSON puts into quotes, without the quotes.
        Form::Json => {
            let quoted = serde_json::Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    }
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("<br>"),
            char if char.is_control() => {}
            char => escaped.push(char),
        }
    }
    escaped
}

impl Refusal {
    /// Appends the header lines.
    pub fn write_fields(&self, form: Form, out: &mut Vec<u8>) {
        out.extend_from_slice(b"content-type: ");
        out.extend_from_slice(form.content_type().as_bytes());
        if form == Form::Grpc {
            out.extend_from_slice(b"\r\ngrpc-status: ");
            write_number(self.grpc_status().into(), out);
            out.extend_from_slice(b"\r\ngrpc-message: ");
            out.extend_from_slice(self.detail.replace('%', "%25").as_bytes());
        }
        out.extend_from_slice(b"\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n");
        if let Some(seconds) = self.retry_after {
            out.extend_from_slice(b"retry-after: ");
            write_number(seconds.into(), out);
            out.extend_from_slice(b"\r\n");
        }
        if self.status == 405 {
            out.extend_from_slice(b"allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
        }
    }

    /// The status of HTTP in which it goes out: a status of gRPC stands in the head of a success.
    pub fn sent_status(&self, form: Form) -> u16 {
        if form == Form::Grpc { 200 } else { self.status }
    }

    /// The status of gRPC that says the same, by gRPC's mapping (`http-grpc-status-mapping.md`); a gateway that waited for too long
    /// says that the deadline has passed.
    fn grpc_status(&self) -> u32 {
        match self.status {
            403 => 7,
            404 | 421 => 12,
            413 => 8,
            408 | 504 => 4,
            429 | 502 | 503 => 14,
            400..500 => 13,
            _ => 2,
        }
    }

    /// The body.
    pub fn body(&self, form: Form) -> String {
        self.body_saying(form, self.detail)
    }

    fn body_saying(&self, form: Form, detail: &str) -> String {
        let (status, reason) = (self.status, reason(self.status));
        match form {
            Form::Text => format!("{status} {reason}: {detail}\n"),
            Form::Grpc => String::new(),
            Form::Verbatim => detail.to_owned(),
            Form::Json => {
                let code = reason.to_ascii_lowercase().replace([' ', '-'], "_");
                format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"{detail}\"}}}}\n")
            }
            Form::Html => format!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
                 content=\"width=device-width\"><title>{status} {reason}</title><style>:root{{color-scheme:light \
                 dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 \
                 1.5rem}}h1{{font-size:1.5rem}}p{{opacity:.8}}</style></head><body><h1>{reason}</h1><p>{detail}.\
                 </p><p><small>{status}</small></p></body></html>\n"
            ),
        }
    }
}

/// The reason phrase of a status that the router may send itself.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        303 => "See Other",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        proxy::codec::{lines::Progress, request::read_request},
    };

    fn form(accept: &str) -> Form {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
        let mut lines = Vec::new();
        match read_request(request.as_bytes(), &mut lines, &Limits::default()) {
            Ok(Progress::Complete(request)) => Form::of_request(&request.head),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_form_is_what_is_asked_for_first() {
        assert_eq!(form("text/html,application/xhtml+xml,*/*;q=0.8"), Form::Html);
        assert_eq!(form("application/json, text/html"), Form::Json);
        assert_eq!(form("application/problem+json;q=1"), Form::Json);
        assert_eq!(form("*/*"), Form::Text);
    }

    #[test]
    fn what_an_operator_wrote_is_text_in_every_form() {
        let refusal = Refusal { status: 503, detail: "stopped", retry_after: None };
        let message = Some("<script>\"x\"</script>\nback at 10 & 11".into());
        let reply = Reply { message, ..Reply::from(refusal) };
        assert!(
            reply
                .body(Form::Html)
                .contains("&lt;script&gt;&quot;x&quot;&lt;/script&gt;<br>back at 10 &amp; 11")
        );
        let json: serde_json::Value = serde_json::from_str(&reply.body(Form::Json)).unwrap();
        assert_eq!(json["error"]["message"], "<script>\"x\"</script>\nback at 10 & 11");
        assert!(reply.body(Form::Text).ends_with("back at 10 & 11\n"));
    }

    #[test]
    fn json_is_json() {
        let refusal = Refusal { status: 503, detail: "no release is routed", retry_after: Some(5) };
        let json: serde_json::Value = serde_json::from_str(&refusal.body(Form::Json)).unwrap();
        assert_eq!(json["error"]["code"], "service_unavailable");
    }
}
