//! Testers: links, cookies and headers that send a request to a release of its sender's choice (docs/design.md section 5).
//!
//! A link is opened on the front port. Its token becomes a cookie, and the browser goes on to a path of the same origin. From
//! then on the cookie decides, until it ends in one of four ways. Each of them is told once, on a plain page that takes the
//! cookie away. A request without such a cookie, to an app without an override header, pays two comparisons.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use crate::{
    live::handover::Track,
    proxy::{
        codec::head::{HeaderLine, KnownName, RequestHead},
        rewrite::{
            cookie,
            refusal::{Refusal, Reply},
        },
        worker::{
            client::{Client, Door},
            coarse,
            local::LocalApp,
        },
    },
    rollout::{
        cookie::OwnKind,
        preview::PREVIEW_PATH,
        set_cookie::SetCookie,
        table::AppRoutes,
        target::ReleaseIndex,
        tester::{
            HeaderFault, PreviewFault, PreviewTarget, choose_by_header, choose_by_preview, open_preview,
        },
    },
};

/// A release that the sender of a request chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TesterChoice {
    /// The release.
    pub release: ReleaseIndex,
    /// Requests with the same number keep to one endpoint.
    pub affinity: Option<u64>,
}

/// What must be escaped again in a Location after it was unescaped in a query.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}');

const fn page(status: u16, detail: &'static str) -> Refusal {
    Refusal { status, detail, retry_after: None }
}

const GO_ON: Refusal = page(303, "the preview goes on at another address");
const NO_TOKEN: Refusal = page(404, "this preview link has no token");
const NO_PATH: Refusal = page(400, "`to` must be a path on this site, such as /shop");
const NO_GRANT: Refusal = page(
    403,
    "this address shows a release to testers. Ask an operator for a preview link, and open its path under this address",
);
const OTHER_GRANT: Refusal = page(403, "this preview link does not show the candidate");
const NO_TRACK: Refusal = page(404, "the app has no release on this track");

const fn header_detail(fault: HeaderFault) -> &'static str {
    match fault {
        HeaderFault::Twice => "the request has two override headers",
        HeaderFault::UnknownRelease => {
            "the override header must say stable, candidate, or the name or the id of one release that is routed"
        }
    }
}

const fn fault_page(fault: PreviewFault) -> Refusal {
    let detail = match fault {
        PreviewFault::Forged => "this preview link is not valid for this site. Ask for a new one",
        PreviewFault::Expired => {
            "this preview has expired. Ask for a new link, or reload to see what everybody sees"
        }
        PreviewFault::Revoked => {
            "this preview was revoked. Ask for a new link, or reload to see what everybody sees"
        }
        PreviewFault::Left => {
            "the release that this preview showed is no longer served. Reload to see what everybody sees"
        }
    };
    page(fault.status(), detail)
}

/// Whether this is the target of a preview link. The prefix by which its app was found is no part of it.
pub fn is_link(target: &[u8]) -> bool {
    let rest = target.strip_prefix(PREVIEW_PATH.as_bytes());
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'?')))
}

/// Opens a preview link: `?token=` sets the cookie, `?end` takes it away. Both lead on to `to`, or to the start page.
#[cold]
pub fn open_link(head: &RequestHead<'_>, prefix_bytes: usize, app: &LocalApp, client: Client) -> Reply {
    let query = head.target.get(prefix_bytes + PREVIEW_PATH.len() + 1..).unwrap_or_default();
    let to = parameter(query, b"to");
    let start = (prefix_bytes > 0).then(|| &head.target[..prefix_bytes]);
    let Some(location) = location(to.as_deref().or(start)) else { return NO_PATH.into() };
    let Some(token) = parameter(query, b"token") else {
        if parameter(query, b"end").is_none() {
            return NO_TOKEN.into();
        }
        let mut reply = end_preview(app, client, GO_ON);
        reply.lines = format!("{}location: {location}\r\n", reply.lines).into();
        return reply;
    };
    let now = coarse::wall_ms();
    match open_preview(&app.routes, &token, now) {
        Err(fault) => end_preview(app, client, fault_page(fault)),
        Ok(PreviewTarget { expires, .. }) => {
            let seconds = expires.saturating_sub(now).div_ceil(1_000);
            // A valid token is base64url, so it is text.
            let cookie = set_cookie(app, client, &String::from_utf8_lossy(&token), seconds);
            let lines = format!("{cookie}location: {location}\r\nreferrer-policy: no-referrer\r\n");
            Reply::with_lines(GO_ON, lines)
        }
    }
}

/// Whether this may be the target of a preview link below some prefix, so that its query is a secret.
pub fn may_be_link(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    path.ends_with(PREVIEW_PATH.as_bytes())
}

/// The release that the sender of a request chose, if any. `cookie`: the request has a tester's cookie.
pub fn choose(
    head: &RequestHead<'_>,
    app: &LocalApp,
    client: Client,
    cookie: bool,
) -> Result<Option<TesterChoice>, Reply> {
    if let Door::Track(track) = client.door {
        let granted = if cookie { Some(choose_by_cookie(head, app, client)?) } else { None };
        return choose_track(&app.routes, track, granted).map(Some).map_err(Reply::from);
    }
    let overriding = &app.routes.settings.overriding;
    if let Some(name) = &overriding.header
        && client.named
        && overriding.trusts(client.address)
        && let Some(chosen) = choose_by_override(head, &app.routes, name)?
    {
        return Ok(Some(chosen));
    }
    if cookie {
        choose_by_cookie(head, app, client).map(|found| Some(TesterChoice::from(found)))
    } else {
        Ok(None)
    }
}

impl From<PreviewTarget> for TesterChoice {
    fn from(target: PreviewTarget) -> Self {
        Self { release: target.release, affinity: Some(target.affinity) }
    }
}

/// Where the tester's cookies lead. Of several cookies the first counts that leads to a release.
fn choose_by_cookie(head: &RequestHead<'_>, app: &LocalApp, client: Client) -> Result<PreviewTarget, Reply> {
    let name = app.routes.settings.cookie.name.as_bytes();
    let own = head
        .values(KnownName::Cookie)
        .flat_map(|line| cookie::find(line, name))
        .filter(|found| found.kind == OwnKind::Preview);
    let values = own.map(|found| found.value);
    choose_by_preview(&app.routes, values, coarse::wall_ms())
        .map_err(|fault| end_preview(app, client, fault_page(fault)))
}

fn choose_by_override(
    head: &RequestHead<'_>,
    app: &AppRoutes,
    name: &str,
) -> Result<Option<TesterChoice>, Refusal> {
    let is_override = |line: &&HeaderLine| {
        line.known == KnownName::Other && line.name(head.block).eq_ignore_ascii_case(name.as_bytes())
    };
    let values = head.lines.iter().filter(is_override).map(|line| line.value(head.block));
    let found = choose_by_header(app, values).map_err(|fault| page(fault.status(), header_detail(fault)))?;
    Ok(found.map(|release| TesterChoice { release, affinity: None }))
}

/// The release on the track that a host of the admin port shows. Stable is shown to everybody with a grant, the candidate
/// only with a grant for it.
fn choose_track(
    app: &AppRoutes,
    track: Track,
    granted: Option<PreviewTarget>,
) -> Result<TesterChoice, Refusal> {
    let granted = granted.ok_or(NO_GRANT)?;
    let (on, restricted) = match track {
        Track::Stable => (app.stable, false),
        Track::Candidate => (app.candidate, true),
    };
    let release = on.ok_or(NO_TRACK)?;
    if restricted && granted.release != release {
        return Err(OTHER_GRANT);
    }
    Ok(TesterChoice { release, affinity: Some(granted.affinity) })
}

/// Answers with this page, and takes the cookie away.
fn end_preview(app: &LocalApp, client: Client, refusal: Refusal) -> Reply {
    Reply::with_lines(refusal, set_cookie(app, client, "", 0))
}

/// The header line that sets the tester's cookie. Without value and time it takes the cookie away.
fn set_cookie(app: &LocalApp, client: Client, value: &str, seconds: u64) -> String {
    let routes = &app.routes;
    let SetCookie { before, after } = match client.door {
        Door::Front if client.secure => &routes.secure_preview_cookie,
        Door::Front => &routes.preview_cookie,
        _ => &routes.admin_preview_cookie,
    };
    format!("set-cookie: {before}{value}{after}; Max-Age={seconds}\r\n")
}

/// The first value of a parameter, unescaped.
fn parameter<'a>(query: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    query.split(|&byte| byte == b'&').find_map(|pair| {
        let rest = pair.strip_prefix(name)?;
        let value = if rest.is_empty() { rest } else { rest.strip_prefix(b"=")? };
        Some(percent_decode(value).into())
    })
}

/// Where to go on: a path on the same origin. Browsers take `//` and `/\` for the start of another host's address, and
/// drop tabs and line ends before.
fn location(to: Option<&[u8]>) -> Option<String> {
    let Some(to) = to else { return Some("/".into()) };
    let path = std::str::from_utf8(to).ok()?.strip_prefix('/')?;
    let odd = |char: char| char.is_control() || char == '\\';
    if path.starts_with('/') || path.contains(odd) {
        return None;
    }
    Some(format!("/{}", utf8_percent_encode(path, UNSAFE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_link_itself_is_one() {
        for target in ["/_rolling/preview", "/_rolling/preview?", "/_rolling/preview?token=x&to=/"] {
            assert!(is_link(target.as_bytes()), "{target}");
        }
        for target in
            ["/", "/_rolling/previews", "/_rolling/preview/x", "/a/_rolling/preview", "/_Rolling/preview"]
        {
            assert!(!is_link(target.as_bytes()), "{target}");
        }
    }

    #[test]
    fn it_goes_on_to_a_path_of_the_same_origin_alone() {
        let of = |to: &str| {
            let decoded: Cow<'_, [u8]> = percent_decode(to.as_bytes()).into();
            location(Some(&decoded))
        };
        for (to, wanted) in [
            ("/", "/"),
            ("/a?b=c%26d#e", "/a?b=c&d#e"),
            ("/a%20b", "/a%20b"),
            ("/a%2520b", "/a%20b"),
            ("/gr%C3%BCn", "/gr%C3%BCn"),
            ("%2Fa", "/a"),
            ("/https://evil", "/https://evil"),
        ] {
            assert_eq!(of(to).as_deref(), Some(wanted), "{to}");
        }
        for to in [
            "",
            "a",
            "//evil",
            "/%2Fevil",
            "%2F%2Fevil",
            "/\\evil",
            "/%5Cevil",
            "\\\\evil",
            "https://evil",
            "https:evil",
            "javascript:alert(1)",
            "/%09/evil",
            "/%0A/evil",
            "/%0D%0ASet-Cookie:a=b",
            "/%00",
            "%20//evil",
            "/a%5C..",
            "/%FF",
            "/%C2%85",
        ] {
            assert_eq!(of(to), None, "{to}");
        }
    }

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        let query = b"atoken=1&token=a%2Bb&to&token=2";
        assert_eq!(parameter(query, b"token").as_deref(), Some(&b"a+b"[..]));
        assert_eq!(parameter(query, b"to").as_deref(), Some(&b""[..]));
        assert_eq!(parameter(query, b"end"), None);
    }
}
