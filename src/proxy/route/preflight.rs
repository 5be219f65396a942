//! CORS preflights: what one asks for, and whether an answer allows it (Fetch, "CORS-preflight fetch").
//!
//! A browser sends no cookies with a preflight, so nobody knows whose it is. Stable answers it. If stable allows the origin
//! but not what the page wants to send, the page may be one of the candidate's, and the candidate is asked as well
//! (docs/design.md section 5).

use crate::proxy::codec::{
    head::{RequestHead, members},
    response::ResponseHead,
};
use crate::rollout::request;

/// What a preflight asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    origin: Box<[u8]>,
    method: Box<[u8]>,
    /// The names of header fields, as a list.
    fields: Box<[u8]>,
}

/// What an answer allows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Not even the origin.
    Nothing,
    /// The origin, but not the method or a field.
    OriginOnly,
    /// All of it.
    Everything,
}

impl Preflight {
    /// What a request asks for, if it is a preflight.
    pub fn of(head: &RequestHead<'_>) -> Option<Box<Self>> {
        if head.method == b"OPTIONS" { Self::read(head) } else { None }
    }

    #[cold]
    fn read(head: &RequestHead<'_>) -> Option<Box<Self>> {
        let value = |name: &str| request_value(head, name);
        let (origin, method) = (value("origin"), value("access-control-request-method"));
        if !request::is_preflight(head.method, origin, method) {
            return None;
        }
        let fields = value("access-control-request-headers").unwrap_or_default().into();
        Some(Box::new(Self { origin: origin?.into(), method: method?.into(), fields }))
    }

    /// What an answer allows.
    #[cold]
    pub fn permission(&self, head: &ResponseHead<'_>) -> Permission {
        let values = |name: &'static str| {
            let named = move |line: &&_| is_named(head.block, line, name);
            head.lines.iter().filter(named).map(|line| line.value(head.block))
        };
        let lists = |name, wanted: &[u8]| {
            values(name).flat_map(members).any(|member| member.eq_ignore_ascii_case(wanted))
        };
        let origin = values("access-control-allow-origin").next().unwrap_or_default();
        if origin != b"*" && !origin.eq_ignore_ascii_case(&self.origin) {
            return Permission::Nothing;
        }
        // With credentials `*` is a name like any other, and a preflight does not say whether there will be any.
        let with_credentials = values("access-control-allow-credentials").any(|value| value == b"true");
        let any = |name| !with_credentials && lists(name, b"*");
        let (methods, headers) = ("access-control-allow-methods", "access-control-allow-headers");
        let usual = matches!(&*self.method, b"GET" | b"HEAD" | b"POST");
        let method = usual || lists(methods, &self.method) || any(methods);
        let field = |field: &[u8]| {
            let covered = any(headers) && !field.eq_ignore_ascii_case(b"authorization");
            field.is_empty() || covered || lists(headers, field)
        };
        let ok = (200..300).contains(&head.status);
        if ok && method && members(&self.fields).all(field) {
            Permission::Everything
        } else {
            Permission::OriginOnly
        }
    }
}

/// The value of the first line of this name, which the router does not know otherwise.
#[cold]
pub fn request_value<'a>(head: &RequestHead<'a>, name: &str) -> Option<&'a [u8]> {
    let named = |line: &&_| is_named(head.block, line, name);
    head.lines.iter().find(named).map(|line| line.value(head.block))
}

fn is_named(block: &[u8], line: &crate::proxy::codec::head::HeaderLine, name: &str) -> bool {
    line.name(block).eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        proxy::codec::{lines::Progress, request::read_request, response::read_response},
    };

    fn preflight(lines: &str) -> Option<Box<Preflight>> {
        let text = format!("OPTIONS /a HTTP/1.1\r\nHost: api.example\r\n{lines}\r\n");
        let mut space = Vec::new();
        let read = read_request(text.as_bytes(), &mut space, &Limits::default());
        let Ok(Progress::Complete(request)) = read else { panic!("{text:?} is a request") };
        Preflight::of(&request.head)
    }

    fn permission(fields: &str, status: u16, answer: &str) -> Permission {
        let asked = "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n";
        let preflight = preflight(&format!("{asked}{fields}")).expect("it is a preflight");
        let text = format!("HTTP/1.1 {status} X\r\n{answer}\r\n");
        let mut space = Vec::new();
        let read = read_response(text.as_bytes(), &mut space, &Limits::default(), false).unwrap();
        let Progress::Complete(head) = read else { panic!("partial") };
        preflight.permission(&head)
    }

    #[test]
    fn a_preflight_names_an_origin_and_a_method() {
        assert!(preflight("Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n").is_some());
        assert!(preflight("Origin: https://a.example\r\n").is_none());
        assert!(preflight("Access-Control-Request-Method: PUT\r\n").is_none());
    }

    #[test]
    fn an_answer_allows_everything_the_origin_or_nothing() {
        use Permission::{Everything, Nothing, OriginOnly};
        let fields = "Access-Control-Request-Headers: x-new, Authorization\r\n";
        let origin = "Access-Control-Allow-Origin: https://a.example\r\n";
        let put = "Access-Control-Allow-Methods: GET, put\r\n";
        let all = "Access-Control-Allow-Headers: X-New\r\nAccess-Control-Allow-Headers: authorization\r\n";
        for (answer, wanted) in [
            (String::new(), Nothing),
            (format!("Access-Control-Allow-Origin: https://b.example\r\n{put}{all}"), Nothing),
            (format!("Access-Control-Allow-Origin: null\r\n{put}{all}"), Nothing),
            (origin.to_owned(), OriginOnly),
            (format!("{origin}{put}"), OriginOnly),
            (format!("{origin}{all}"), OriginOnly),
            (format!("{origin}{put}{all}"), Everything),
            (format!("Access-Control-Allow-Origin: *\r\n{put}{all}"), Everything),
            (format!("{origin}Access-Control-Allow-Methods: *\r\n{all}"), Everything),
            (format!("{origin}{put}Access-Control-Allow-Headers: *\r\n"), OriginOnly),
            (format!("{origin}{put}Access-Control-Allow-Headers: *, authorization\r\n"), Everything),
            (
                format!(
                    "{origin}{put}Access-Control-Allow-Headers: *, authorization\r\n\
                     Access-Control-Allow-Credentials: true\r\n"
                ),
                OriginOnly,
            ),
        ] {
            assert_eq!(permission(fields, 204, &answer), wanted, "{answer:?}");
        }
        assert_eq!(
            permission(fields, 405, &format!("{origin}{put}{all}")),
            OriginOnly,
            "browsers want an ok status"
        );
        assert_eq!(permission("", 200, &format!("{origin}{put}")), Everything);
    }
}
