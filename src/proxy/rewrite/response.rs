//! A response's header lines as they go to the client: nothing that belongs to the connection to the endpoint, no cookie
//! with the router's names, the pin if it changes, and `private` where a shared cache would mix releases.

use std::io::Write as _;

use super::{cache, compression::Compression, cookie, login, page_lines::PageLines, prefix::Prefix};
use crate::{
    limits::PREFLIGHT_AGE_SECONDS_MAX,
    proxy::codec::{
        head::{HeaderLine, KnownName, is_named_by_connection},
        response::ResponseHead,
    },
    rollout::{
        request::Leftover,
        set_cookie::PinCookie,
        settings::{headers::HeaderRule, hsts::HstsSettings},
    },
};

/// What caches are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// What the endpoint said.
    AsSent,
    /// Shared caches may not keep it.
    Private,
    /// No cache may keep it.
    NoStore,
}

/// What is done to a response.
#[derive(Debug, Clone, Copy)]
pub struct Changes<'a> {
    /// The name of the app's pin cookie. The endpoint may set neither it nor the tester's cookie.
    pub pin_cookie: &'a str,
    /// A pin that is sent.
    pub pin: Option<SentPin<'a>>,
    /// It answers a preflight, which browsers may remember for a minute only.
    pub cuts_max_age: bool,
    /// What caches are told.
    pub caching: Caching,
    /// The prefix that was taken off the request's path.
    pub prefix: Option<Prefix<'a>>,
    /// What browsers are told about https.
    pub hsts: Option<&'a HstsSettings>,
    /// The app's header rules.
    pub rules: &'a [HeaderRule],
    /// What is done about its coding.
    pub compression: Compression,
    /// The release to name, for a tester.
    pub release: Option<&'a str>,
    /// What a page is told of its release, if the app says so.
    pub page: Option<PageLines<'a>>,
    /// It comes from a sibling, which was asked as a stranger would ask: its cookies are not for the client.
    pub from_sibling: bool,
    /// The client's connection is not one client's alone, so no login may go with it: the client is not asked for one.
    pub hides_logins: bool,
}

/// A pin that is sent.
#[derive(Debug, Clone, Copy)]
pub struct SentPin<'a> {
    /// How it is set.
    pub cookie: &'a PinCookie,
    /// Its text.
    pub pin: &'a [u8],
    /// The cookies that go.
    pub leftover: Leftover,
}

/// How long browsers may remember what a preflight was answered.
const MAX_AGE: &[u8] = b"access-control-max-age";

/// The header that names the release to a tester.
const RELEASE: &[u8] = b"x-rolling-release";

/// What was found in the response's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Findings {
    /// Set-Cookie lines that were dropped.
    pub cookies_dropped: u64,
    /// Shared caches might have kept it, and now may not.
    pub guarded: bool,
    /// It has no Date.
    pub undated: bool,
    /// It asks for a login that goes with its connection, and the client is not told.
    pub login_hidden: bool,
}

impl Changes<'_> {
    /// Whether headers count that the router does not know by a [`KnownName`].
    fn look_at_all_names(&self) -> bool {
        self.release.is_some() || self.cuts_max_age || self.prefix.is_some() || self.replaces_lines()
    }

    /// Whether lines come instead of the endpoint's.
    fn replaces_lines(&self) -> bool {
        self.compression != Compression::Never
            || self.hsts.is_some()
            || self.page.is_some()
            || !self.rules.is_empty()
    }

    /// Whether another line comes instead of a line of this name, or none.
    fn replace(&self, name: &[u8]) -> bool {
        self.replaces_lines()
            && (self.compression.replaces(name)
                || self.hsts.is_some() && name.eq_ignore_ascii_case(b"strict-transport-security")
                || self.page.is_some() && PageLines::replaces(name)
                || self.rules().any(|rule| rule.removes(name)))
    }

    /// Appends the lines that come instead.
    fn write(&self, head: &ResponseHead<'_>, out: &mut Vec<u8>) {
        self.compression.write(head, out);
        if let Some(hsts) = self.hsts {
            hsts.write(out);
        }
        self.rules().for_each(|rule| rule.write(out));
        if let Some(page) = self.page {
            page.write(out);
        }
    }

    /// The rules that count: what caches are told is the router's where it tells them anything.
    fn rules(&self) -> impl Iterator<Item = &HeaderRule> {
        let own_caching = self.caching != Caching::AsSent;
        self.rules.iter().filter(move |rule| !(own_caching && rule.is_caching()))
    }
}

/// Appends the header lines.
pub fn write(head: &ResponseHead<'_>, changes: &Changes<'_>, out: &mut Vec<u8>) -> Findings {
    let guards = changes.caching == Caching::Private;
    let made_private = guards && !cache::is_private(head.block, head.lines);
    let own_caching = made_private || changes.caching == Caching::NoStore;
    let named = changes.release.is_some();
    let looks = changes.look_at_all_names();
    let mut max_age_cut = false;
    let mut findings = Findings { guarded: made_private, undated: true, ..Findings::default() };
    let mut run_start = 0;
    for line in head.lines {
        let stays = match line.known {
            KnownName::Other if !head.connection_names_headers && !looks => continue,
            KnownName::Other if changes.cuts_max_age && is_long_max_age(head, line) => {
                max_age_cut = true;
                false
            }
            KnownName::Other if named && line.name(head.block).eq_ignore_ascii_case(RELEASE) => false,
            _ if changes.replace(line.name(head.block)) => false,
            KnownName::Other if is_relocated(head, changes, line) => {
                out.extend_from_slice(&head.block[run_start..usize::from(line.start)]);
                run_start = usize::from(line.end);
                changes.prefix.iter().for_each(|prefix| prefix.write_place(line, head.block, out));
                true
            }
            KnownName::SetCookie => {
                let ours =
                    cookie::is_own(cookie::set_cookie_name(line.value(head.block)), changes.pin_cookie);
                findings.cookies_dropped += u64::from(ours);
                let stays = !ours && !changes.from_sibling;
                if let Some(prefix) = changes.prefix.as_ref().filter(|_| stays) {
                    out.extend_from_slice(&head.block[run_start..usize::from(line.start)]);
                    run_start = usize::from(line.end);
                    prefix.write_cookie(line, head.block, out);
                }
                stays
            }
            KnownName::Date => {
                findings.undated = false;
                true
            }
            KnownName::WwwAuthenticate | KnownName::PersistentAuth if changes.hides_logins => {
                out.extend_from_slice(&head.block[run_start..usize::from(line.start)]);
                run_start = usize::from(line.end);
                findings.login_hidden |= hide_login(line, head.block, out);
                true
            }
            KnownName::TargetedCaching => {
                // Shared caches read it instead of `private` in Cache-Control (RFC 9213 section 2.2).
                findings.guarded |= guards;
                changes.caching == Caching::AsSent
            }
            _ => stays(head, line, own_caching),
        };
        if !stays {
            out.extend_from_slice(&head.block[run_start..usize::from(line.start)]);
            run_start = usize::from(line.end);
        }
    }
    out.extend_from_slice(&head.block[run_start..head.lines.last().map_or(0, |line| usize::from(line.end))]);
    if made_private {
        cache::write_private(head.block, head.lines, out);
    } else if own_caching {
        out.extend_from_slice(b"cache-control: no-store\r\n");
    }
    if max_age_cut {
        let _ = write!(out, "access-control-max-age: {PREFLIGHT_AGE_SECONDS_MAX}\r\n");
    }
    write_own(head, changes, out);
    findings
}

/// Appends the lines of the router's own: about the coding, the release for a tester, and the pin.
#[inline]
fn write_own(head: &ResponseHead<'_>, changes: &Changes<'_>, out: &mut Vec<u8>) {
    changes.write(head, out);
    if let Some(release) = changes.release {
        out.extend_from_slice(RELEASE);
        out.extend_from_slice(b": ");
        out.extend_from_slice(release.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if let Some(sent) = changes.pin {
        write_pin(&sent, out);
    }
}

/// Appends what a line asks for beside logins that go with a connection. `true` if it asks for such a login.
#[cold]
fn hide_login(line: &HeaderLine, block: &[u8], out: &mut Vec<u8>) -> bool {
    if line.known == KnownName::PersistentAuth {
        return true;
    }
    let start = out.len();
    out.extend_from_slice(b"www-authenticate: ");
    let value_start = out.len();
    let hidden = login::write_other_challenges(line.value(block), out);
    if out.len() == value_start {
        out.truncate(start);
    } else {
        out.extend_from_slice(b"\r\n");
    }
    hidden
}

fn write_pin(sent: &SentPin<'_>, out: &mut Vec<u8>) {
    let SentPin { cookie, pin, leftover } = sent;
    if leftover.same_name {
        cookie.same_name.iter().for_each(|removal| write_set_cookie(&[removal.as_bytes()], out));
    }
    write_set_cookie(&[cookie.set.before.as_bytes(), pin, cookie.set.after.as_bytes()], out);
    if let Some(removal) = cookie.other_name.as_ref().filter(|_| leftover.other_name) {
        write_set_cookie(&[removal.as_bytes()], out);
    }
}

fn write_set_cookie(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(b"set-cookie: ");
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

/// Whether a line says Access-Control-Max-Age, and more than is allowed while several releases are routed.
fn is_long_max_age(head: &ResponseHead<'_>, line: &HeaderLine) -> bool {
    let value = line.value(head.block);
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
    // What has more digits than a number can have is too long as well.
    let long = || number().is_none_or(|seconds| seconds > PREFLIGHT_AGE_SECONDS_MAX);
    line.name(head.block).eq_ignore_ascii_case(MAX_AGE) && digits && long()
}

/// Whether a line says where something is, and goes on with the prefix that was taken off the request.
fn is_relocated(head: &ResponseHead<'_>, changes: &Changes<'_>, line: &HeaderLine) -> bool {
    changes.prefix.is_some()
        && Prefix::is_place(line, head.block)
        && !is_named_by_connection(head.block, head.lines, line)
}

fn stays(head: &ResponseHead<'_>, line: &HeaderLine, own_caching: bool) -> bool {
    match line.known {
        KnownName::Other => !is_named_by_connection(head.block, head.lines, line),
        KnownName::ContentLength => false,
        KnownName::CacheControl => !own_caching,
        known => !known.hop_by_hop(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        proxy::codec::{lines::Progress, response::read_response},
        rollout::{set_cookie::PinCookies, settings::Settings},
    };

    fn rewritten(lines: &str, caching: Caching, pin: bool, release: Option<&str>) -> (String, Findings) {
        let response = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        let mut space = Vec::new();
        let read = read_response(response.as_bytes(), &mut space, &Limits::default(), false).unwrap();
        let Progress::Complete(head) = read else { panic!("partial") };
        let settings = br#"{"cookie": {"name": "p", "session": true}}"#;
        let cookies = PinCookies::new(&Settings::parse(settings).unwrap());
        let sent = SentPin { cookie: cookies.by(false), pin: b"PIN", leftover: Leftover::default() };
        let pin = pin.then_some(sent);
        let mut out = Vec::new();
        let cuts_max_age = caching == Caching::AsSent;
        let changes = Changes {
            pin_cookie: "p",
            pin,
            cuts_max_age,
            caching,
            prefix: None,
            hsts: None,
            rules: &[],
            compression: Compression::Never,
            release,
            page: None,
            from_sibling: false,
            hides_logins: false,
        };
        let findings = write(&head, &changes, &mut out);
        (String::from_utf8(out).unwrap(), findings)
    }

    #[test]
    fn what_belongs_to_the_connection_or_the_router_is_dropped() {
        let (out, findings) = rewritten(
            "A: 1\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 5\r\nDate: now\r\n\
             Set-Cookie: p_preview=evil\r\nSet-Cookie: p_s=evil\r\nSet-Cookie: p=evil\r\nSet-Cookie: q=1\r\nUpgrade: h2c\r\nX_Y: kept\r\nCache-Control: public\r\n",
            Caching::AsSent,
            true,
            None,
        );
        let expected = "A: 1\r\nDate: now\r\nSet-Cookie: q=1\r\nX_Y: kept\r\nCache-Control: public\r\n\
            set-cookie: p=PIN; HttpOnly; SameSite=Lax; Path=/\r\n";
        assert_eq!(out, expected);
        assert_eq!(findings, Findings { cookies_dropped: 3, ..Findings::default() });
    }

    #[test]
    fn shared_caches_are_kept_from_what_is_not_private() {
        for (lines, expected, made_private) in [
            ("", "cache-control: private\r\n", true),
            (
                "Cache-Control: max-age=60, public, s-maxage=5\r\n",
                "cache-control: private, max-age=60\r\n",
                true,
            ),
            (
                "Cache-Control: no-cache\r\nCache-Control: Public\r\n",
                "cache-control: private, no-cache\r\n",
                true,
            ),
            ("Surrogate-Control: a\r\nCDN-Cache-Control: b\r\n", "cache-control: private\r\n", true),
            ("Cache-Control: No-Store\r\n", "Cache-Control: No-Store\r\n", false),
            ("Cache-Control: max-age=0, Private\r\n", "Cache-Control: max-age=0, Private\r\n", false),
            (
                "Cache-Control: max-age=0, private=\"x\"\r\n",
                "cache-control: private, max-age=0, private=\"x\"\r\n",
                true,
            ),
        ] {
            let (out, findings) = rewritten(lines, Caching::Private, false, None);
            assert_eq!((out.as_str(), findings.guarded), (expected, made_private), "{lines:?}");
        }
    }

    /// A shared cache that reads one of these ignores Cache-Control, so `private` there did not keep it from anything.
    #[test]
    fn what_is_meant_for_shared_caches_alone_goes_also_where_a_response_is_private() {
        for targeted in [
            "CDN-Cache-Control: max-age=60",
            "Surrogate-Control: max-age=60",
            "Cloudflare-CDN-Cache-Control: max-age=60",
            "netlify-cdn-cache-control: public",
            "Vercel-CDN-Cache-Control: max-age=1",
            "Edge-Control: cache-maxage=1d",
            "X-Accel-Expires: 60",
        ] {
            for caching in ["private, max-age=5", "no-store"] {
                let lines = format!("{targeted}\r\nCache-Control: {caching}\r\nA: 1\r\n");
                let (out, findings) = rewritten(&lines, Caching::Private, false, None);
                assert_eq!(out, format!("Cache-Control: {caching}\r\nA: 1\r\n"), "{targeted}");
                assert!(findings.guarded, "{targeted}");
                let (out, findings) = rewritten(&lines, Caching::AsSent, false, None);
                assert_eq!(
                    (out.as_str(), findings.guarded),
                    (lines.as_str(), false),
                    "one release is routed"
                );
            }
        }
    }

    #[test]
    fn a_preflight_is_remembered_for_a_minute_at_most() {
        for (age, out) in [
            ("86400", "access-control-max-age: 60\r\n"),
            ("99999999999999999999", "access-control-max-age: 60\r\n"),
            ("60", "Access-Control-Max-Age: 60\r\n"),
            ("0", "Access-Control-Max-Age: 0\r\n"),
            ("-1", "Access-Control-Max-Age: -1\r\n"),
            ("soon", "Access-Control-Max-Age: soon\r\n"),
        ] {
            let lines = format!("Access-Control-Max-Age: {age}\r\n");
            assert_eq!(rewritten(&lines, Caching::AsSent, false, None).0, out);
            let uncut = rewritten(&lines, Caching::NoStore, false, None).0;
            assert_eq!(uncut, format!("{lines}cache-control: no-store\r\n"));
        }
    }

    #[test]
    fn what_stands_beside_the_pin_goes_with_it() {
        let cookies = PinCookies::new(&Settings::default());
        let leftover = Leftover { same_name: true, other_name: true, resend: true };
        let mut out = Vec::new();
        write_pin(&SentPin { cookie: cookies.by(true), pin: b"PIN", leftover }, &mut out);
        let gone = "HttpOnly; SameSite=None; Secure; Path=/; Max-Age=0\r\n";
        let set = "HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Max-Age=86400\r\n";
        let wanted = format!(
            "set-cookie: rolling_pin_s=; {gone}set-cookie: rolling_pin_s=PIN; {set}set-cookie: rolling_pin=; {gone}"
        );
        assert_eq!(String::from_utf8(out).unwrap(), wanted, "a browser may take the first two for one");
    }

    #[test]
    fn a_tester_is_told_the_release_and_no_cache_keeps_the_answer() {
        let lines = "A: 1\r\nCache-Control: public, max-age=9\r\nX-Rolling-Release: other\r\nCDN-Cache-Control: a\r\n";
        let (out, findings) = rewritten(lines, Caching::NoStore, false, Some("apps/shop-2-80/containers"));
        let expected = "A: 1\r\ncache-control: no-store\r\nx-rolling-release: apps/shop-2-80/containers\r\n";
        assert_eq!((out.as_str(), findings.guarded), (expected, false));
    }
}
