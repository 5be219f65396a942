//! What routing reads from a request beside its Host: what kind of request it is, and the pins in its cookies.
//!
//! This is part of the core and not of the data plane, so that explaining a request and routing it use the same code.

use super::{
    assign::PinEvidence,
    cookie::{self, OwnKind},
    table::AppRoutes,
};
use crate::authority::Authority;

/// What the cookies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The pin: the one under the name of the request's scheme, or, where there is none, under the other name.
    pub pin: PinEvidence,
    /// How many cookies bear one of the pin's two names.
    pub values: usize,
    /// How many cookies bear the name of the tester's cookie.
    pub previews: usize,
    /// How many cookies are sessions of the admin port.
    pub sessions: usize,
    /// Where the only one of all these stands in the only Cookie line. `None` if there are several, or several lines.
    pub only: Option<Place>,
    /// What stands beside the pin and has to go.
    pub leftover: Leftover,
}

/// The bytes to leave out of a Cookie line to remove a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first of them.
    pub start: usize,
    /// Behind the last of them.
    pub end: usize,
}

/// Cookies that stand beside the pin. The answer that sends the pin takes them away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftover {
    /// Several cookies have the pin's name.
    pub same_name: bool,
    /// By https, a cookie has the name of http.
    pub other_name: bool,
    /// The pin is that cookie, or one of several, so it has to be sent again as the only one.
    pub resend: bool,
}

impl Evidence {
    /// Reads the values of the Cookie lines of a request that came by https, or by http.
    pub fn read<'a>(app: &AppRoutes, cookies: impl Iterator<Item = &'a [u8]>, https: bool) -> Self {
        let name = app.settings.cookie.name.as_bytes();
        let mut found = [FoundPin::default(); 2];
        let (mut previews, mut sessions, mut lines, mut only) = (0, 0, 0, None);
        for line in cookies {
            lines += 1;
            for own in cookie::find(line, name) {
                only = Some(Place { start: own.whole.start, end: own.whole.end });
                match own.kind {
                    OwnKind::Preview => previews += 1,
                    OwnKind::Session => sessions += 1,
                    OwnKind::Pin => found[0].add(app, own.value),
                    OwnKind::HttpsPin => found[1].add(app, own.value),
                }
            }
        }
        let [http, by_https] = found;
        let (own, other) = if https { (by_https, http) } else { (http, by_https) };
        let used = if own.meant > 0 { own } else { other };
        let several = used.meant > 1 && !app.pin_cookies.by(https).same_name.is_empty();
        let other_name = https && other.meant > 0;
        let leftover =
            Leftover { same_name: several, other_name, resend: several || other_name && own.meant == 0 };
        let values = http.count + by_https.count;
        if lines > 1 || values + previews + sessions > 1 {
            only = None;
        }
        Self { pin: used.pin, values, previews, sessions, only, leftover }
    }
}

/// The pins under one name.
#[derive(Debug, Clone, Copy, Default)]
struct FoundPin {
    pin: PinEvidence,
    count: usize,
    /// How many of them are meant for this app, as far as that can be told.
    meant: usize,
}

impl FoundPin {
    fn add(&mut self, app: &AppRoutes, value: &[u8]) {
        self.count += 1;
        // A browser sends the pins of shorter prefixes too. They are those of other apps, which alone can verify them.
        if app.settings.paths.is_empty() || app.pins.decode(value).is_ok() {
            self.pin = self.pin.add(app, value);
            self.meant += 1;
        }
    }
}

/// Whether a browser is loading a page. Browsers send `Sec-Fetch-Mode` only to https and localhost. Sites on plain http must
/// drain and renew pins as well, so without that header a GET that accepts HTML counts as a navigation.
pub fn is_navigation(method: &[u8], sec_fetch_mode: Option<&[u8]>, accept: Option<&[u8]>) -> bool {
    match sec_fetch_mode {
        Some(mode) => mode.eq_ignore_ascii_case(b"navigate"),
        None => method == b"GET" && accept.is_some_and(accepts_html),
    }
}

fn accepts_html(accept: &[u8]) -> bool {
    let mut members = accept.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    members.any(|member| member.get(..9).is_some_and(|media| media.eq_ignore_ascii_case(b"text/html")))
}

/// What a page loads for itself (Fetch, "destination"). `empty` (fetch, XHR, EventSource, beacons), `document`, frames and
/// `websocket` are none: their answers may be the first that a client gets.
const SUBRESOURCES: [&str; 13] = [
    "audio",
    "audioworklet",
    "font",
    "image",
    "manifest",
    "paintworklet",
    "script",
    "serviceworker",
    "sharedworker",
    "style",
    "track",
    "video",
    "worker",
];

/// Whether `Sec-Fetch-Dest` names a subresource.
pub fn is_subresource(sec_fetch_dest: &[u8]) -> bool {
    SUBRESOURCES.iter().any(|name| sec_fetch_dest.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether a request is of a kind from which browsers withhold a `Lax` or `Strict` cookie, though the client may have one: it
/// comes from another site and does more than read. Browsers send `Sec-Fetch-Site` only to https and localhost; elsewhere
/// `Origin` tells at least whether it comes from another host.
pub fn withholds_pin(
    method: &[u8],
    sec_fetch_site: Option<&[u8]>,
    origin: Option<&[u8]>,
    authority: Authority<'_>,
) -> bool {
    if matches!(method, b"GET" | b"HEAD") {
        return false;
    }
    match (sec_fetch_site, origin) {
        (Some(site), _) => site.eq_ignore_ascii_case(b"cross-site"),
        (None, Some(origin)) => !is_origin_of(origin, authority),
        (None, None) => false,
    }
}

/// Whether a request surely comes from a script of a page, and is not a form that the browser sends.
pub fn is_scripted(sec_fetch_mode: Option<&[u8]>, accept: Option<&[u8]>) -> bool {
    match sec_fetch_mode {
        Some(mode) => !mode.eq_ignore_ascii_case(b"navigate"),
        None => accept.is_some_and(|accept| !accepts_html(accept)),
    }
}

/// Whether an Origin is that of a host. Cookies know neither scheme nor port.
fn is_origin_of(origin: &[u8], authority: Authority<'_>) -> bool {
    let origin = std::str::from_utf8(origin).ok().and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, of)| Authority::split(of).host().eq_ignore_ascii_case(authority.host()))
}

/// Whether a request is a CORS preflight (Fetch, "CORS-preflight fetch"). It carries no cookies, so it says nothing about
/// its client.
pub fn is_preflight(method: &[u8], origin: Option<&[u8]>, requested_method: Option<&[u8]>) -> bool {
    method == b"OPTIONS" && origin.is_some() && requested_method.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_loads_for_itself_is_a_subresource() {
        for name in ["image", "Style", "script", "serviceworker", "audioworklet"] {
            assert!(is_subresource(name.as_bytes()), "{name}");
        }
        for name in ["", "empty", "document", "iframe", "embed", "websocket", "report", "images"] {
            assert!(!is_subresource(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_pin_is_withheld_from_what_another_site_has_done() {
        let withheld = |method: &str, site: Option<&str>, origin: Option<&str>| {
            let (site, origin) = (site.map(str::as_bytes), origin.map(str::as_bytes));
            withholds_pin(method.as_bytes(), site, origin, Authority::split("shop.example:8080"))
        };
        assert!(withheld("POST", Some("cross-site"), None));
        assert!(withheld("PUT", Some("cross-site"), Some("https://shop.example:8080")));
        for method in ["GET", "HEAD"] {
            assert!(!withheld(method, Some("cross-site"), Some("https://idp.example")), "{method}");
        }
        for site in ["same-site", "same-origin", "none"] {
            assert!(!withheld("POST", Some(site), Some("https://idp.example")), "{site}");
        }
        for origin in ["http://idp.example", "null", "http://shop.example.evil", ""] {
            assert!(withheld("POST", None, Some(origin)), "{origin}");
        }
        for origin in ["http://shop.example:8080", "https://SHOP.example", "http://shop.example:80"] {
            assert!(!withheld("POST", None, Some(origin)), "{origin}");
        }
        assert!(!withheld("POST", None, None));
    }

    #[test]
    fn a_script_says_so_and_a_form_asks_for_a_page() {
        assert!(is_scripted(Some(b"cors"), None) && is_scripted(None, Some(b"*/*")));
        assert!(!is_scripted(Some(b"navigate"), Some(b"*/*")) && !is_scripted(None, None));
        assert!(!is_scripted(None, Some(b"text/html,*/*;q=0.8")));
    }

    #[test]
    fn a_preflight_asks_for_a_method() {
        let (origin, method) = (Some(&b"https://a.example"[..]), Some(&b"PUT"[..]));
        assert!(is_preflight(b"OPTIONS", origin, method));
        assert!(!is_preflight(b"OPTIONS", origin, None));
        assert!(!is_preflight(b"OPTIONS", None, method));
        assert!(!is_preflight(b"GET", origin, method));
    }
}
