//! The router's own cookies, on their way through: taken out of requests, and recognised in Set-Cookie.

use std::ops::Range;

pub use crate::rollout::cookie::find;
use crate::{proxy::codec::lines::is_blank, rollout::cookie::OwnKind};

/// Appends a Cookie value without these cookies (as [`find`] gave them). Nothing is appended if no other cookie is left.
pub fn write_without(header: &[u8], removed: impl IntoIterator<Item = Range<usize>>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut at = 0;
    for range in removed {
        out.extend_from_slice(&header[at..range.start]);
        at = range.end;
    }
    out.extend_from_slice(&header[at..]);
    trim_separators(out, start);
}

fn trim_separators(out: &mut Vec<u8>, start: usize) {
    let separator = |byte: u8| byte == b';' || is_blank(byte);
    while out.len() > start && separator(out[out.len() - 1]) {
        out.pop();
    }
    let leading = out[start..].iter().take_while(|byte| separator(**byte)).count();
    if leading > 0 {
        out.drain(start..start + leading);
    }
}

/// Whether a name is that of the pin cookie, or of one of those beside it.
pub fn is_own(name: &[u8], pin_cookie: &str) -> bool {
    OwnKind::of(name, pin_cookie.as_bytes()).is_some()
}

/// The name of the cookie that a Set-Cookie value sets.
pub fn set_cookie_name(value: &[u8]) -> &[u8] {
    let pair = value.split(|&byte| byte == b';').next().unwrap_or_default();
    pair.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(header: &str, name: &str) -> (Vec<String>, String) {
        let found: Vec<_> = find(header.as_bytes(), name.as_bytes()).collect();
        let values = found.iter().map(|cookie| String::from_utf8_lossy(cookie.value).into_owned()).collect();
        let removed: Vec<_> = found.into_iter().map(|cookie| cookie.whole).collect();
        let mut out = b"Cookie: ".to_vec();
        write_without(header.as_bytes(), removed, &mut out);
        (values, String::from_utf8_lossy(&out["Cookie: ".len()..]).into_owned())
    }

    #[test]
    fn the_routers_cookie_is_taken_out_and_the_rest_stays_as_it_was() {
        for (header, values, rest) in [
            ("a=1; p=x; b=2", vec!["x"], "a=1; b=2"),
            ("p=x", vec!["x"], ""),
            ("p=x; a=1", vec!["x"], "a=1"),
            ("a=1; p=x", vec!["x"], "a=1"),
            ("p=x; p=y;p=z", vec!["x", "y", "z"], ""),
            ("a=1;p=x;b=2", vec!["x"], "a=1;b=2"),
            ("pp=1; xp=2; P=3; p", vec![], "pp=1; xp=2; P=3; p"),
            ("a=\"1\";; b=", vec![], "a=\"1\";; b="),
            (" p = x ; b=2", vec!["x"], "b=2"),
            ("p=", vec![""], ""),
            ("p=a=b", vec!["a=b"], ""),
            ("a=1; p_preview=t; p=x", vec!["t", "x"], "a=1"),
            ("p_preview2=1; p_=2; xp_preview=3", vec![], "p_preview2=1; p_=2; xp_preview=3"),
            ("a=1; p_s=y; p=x", vec!["y", "x"], "a=1"),
            ("p_s2=1; p_session=2; p_s", vec![], "p_s2=1; p_session=2; p_s"),
            ("a=1; rolling-session-0f=s; p=x", vec!["s", "x"], "a=1"),
            (
                "rolling-session-=; xrolling-session-1=2; rolling-session",
                vec![""],
                "xrolling-session-1=2; rolling-session",
            ),
            ("", vec![], ""),
            (";;;", vec![], ""),
        ] {
            assert_eq!(
                without(header, "p"),
                (values.iter().map(ToString::to_string).collect(), rest.into()),
                "{header:?}"
            );
        }
    }

    #[test]
    fn the_routers_cookies_are_told_apart() {
        use OwnKind::{HttpsPin, Pin, Preview};
        let found: Vec<_> =
            find(b"p_preview=t; p=x; p_s=y; p_preview =", b"p").map(|found| found.kind).collect();
        assert_eq!(found, [Preview, Pin, HttpsPin, Preview]);
        for (name, own) in [
            ("p", true),
            ("p_preview", true),
            ("p_s", true),
            ("rolling-session-1", true),
            ("rolling-session", false),
            ("p_sx", false),
            ("p_", false),
            ("pp", false),
            ("", false),
        ] {
            assert_eq!(is_own(name.as_bytes(), "p"), own, "{name}");
        }
    }

    #[test]
    fn the_name_of_a_set_cookie_is_what_browsers_take() {
        for (value, name) in [("p=x; Path=/", "p"), (" p =x", "p"), ("=x", ""), ("p", "p"), ("p;a=b", "p")] {
            assert_eq!(set_cookie_name(value.as_bytes()), name.as_bytes(), "{value}");
        }
    }
}
