//! The header names that mean something to the router.

/// A header name, as far as the router cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each variant is the header of that name")]
pub enum Known {
    /// None of the others.
    Other,
    /// A name with `_`, which some servers read as `-`: never forwarded in a request.
    Underscored,
    Accept,
    CacheControl,
    Connection,
    ContentLength,
    Cookie,
    Date,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    KeepAlive,
    Proxy,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    Referer,
    SecFetchDest,
    SecFetchMode,
    SecWebSocketAccept,
    SecWebSocketKey,
    SecWebSocketVersion,
    SetCookie,
    Te,
    Traceparent,
    Tracestate,
    Trailer,
    TransferEncoding,
    Upgrade,
    UserAgent,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedPort,
    XForwardedPrefix,
    XForwardedProto,
    XRealIp,
    XRequestId,
    /// What is meant for shared caches alone and counts there instead of Cache-Control: CDN-Cache-Control and its kind (RFC
    /// 9213), Surrogate-Control, and what single products read.
    TargetedCaching,
    /// What the admin port's private listener is told by its own side; never accepted from anyone else.
    RollingPeer,
}

impl Known {
    /// Recognises a name, which is a token. The length decides first, so that most names cost one comparison or none.
    pub fn of(name: &[u8]) -> Self {
        let candidates: &[(&str, Self)] = match name.len() {
            2 => &[("te", Self::Te)],
            3 => &[("via", Self::Via)],
            4 => &[("host", Self::Host), ("date", Self::Date)],
            5 => &[("proxy", Self::Proxy)],
            6 => &[("cookie", Self::Cookie), ("accept", Self::Accept), ("expect", Self::Expect)],
            7 => &[("referer", Self::Referer), ("upgrade", Self::Upgrade), ("trailer", Self::Trailer)],
            9 => &[("forwarded", Self::Forwarded), ("x-real-ip", Self::XRealIp)],
            10 => &[
                ("connection", Self::Connection),
                ("user-agent", Self::UserAgent),
                ("set-cookie", Self::SetCookie),
                ("keep-alive", Self::KeepAlive),
                ("tracestate", Self::Tracestate),
            ],
            11 => &[("traceparent", Self::Traceparent)],
            12 => &[
                ("x-request-id", Self::XRequestId),
                ("edge-control", Self::TargetedCaching),
                ("rolling-peer", Self::RollingPeer),
            ],
            13 => &[("cache-control", Self::CacheControl)],
            14 => &[
                ("content-length", Self::ContentLength),
                ("sec-fetch-dest", Self::SecFetchDest),
                ("sec-fetch-mode", Self::SecFetchMode),
                ("http2-settings", Self::Http2Settings),
            ],
            15 => &[("x-forwarded-for", Self::XForwardedFor), ("x-accel-expires", Self::TargetedCaching)],
            16 => &[
                ("proxy-connection", Self::ProxyConnection),
                ("x-forwarded-host", Self::XForwardedHost),
                ("x-forwarded-port", Self::XForwardedPort),
            ],
            17 => &[
                ("transfer-encoding", Self::TransferEncoding),
                ("x-forwarded-proto", Self::XForwardedProto),
                ("sec-websocket-key", Self::SecWebSocketKey),
                ("cdn-cache-control", Self::TargetedCaching),
                ("surrogate-control", Self::TargetedCaching),
            ],
            18 => &[
                ("x-forwarded-prefix", Self::XForwardedPrefix),
                ("proxy-authenticate", Self::ProxyAuthenticate),
            ],
            19 => &[("proxy-authorization", Self::ProxyAuthorization)],
            20 => &[("sec-websocket-accept", Self::SecWebSocketAccept)],
            21 => &[("sec-websocket-version", Self::SecWebSocketVersion)],
            24 => &[("vercel-cdn-cache-control", Self::TargetedCaching)],
            25 => &[("netlify-cdn-cache-control", Self::TargetedCaching)],
            28 => &[("cloudflare-cdn-cache-control", Self::TargetedCaching)],
            _ => &[],
        };
        // The bit that tells `A` from `a` is set in digits and `-` too, and no other byte of a token becomes one of
        // these by it.
        let same = |(text, _): &&(&str, Self)| text.bytes().zip(name).all(|(own, byte)| own == byte | 0x20);
        candidates.iter().find(same).map_or(Self::Other, |&(_, known)| known)
    }

    /// Whether it belongs to one connection only (RFC 9110 section 7.6.1), or asks for a protocol change.
    pub fn hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyAuthenticate
                | Self::ProxyAuthorization
                | Self::ProxyConnection
                | Self::Te
                | Self::TransferEncoding
                | Self::Upgrade
                | Self::Http2Settings
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::http1::bytes::{TOKEN, all};

    #[test]
    fn names_are_recognised_in_any_case() {
        assert_eq!(Known::of(b"CoNtEnT-lEnGtH"), Known::ContentLength);
        assert_eq!(Known::of(b"x-forwarded-for"), Known::XForwardedFor);
        assert_eq!(Known::of(b"X-Forwarded-Fo"), Known::Other);
        assert_eq!(Known::of(b""), Known::Other);
    }

    #[test]
    fn a_name_with_another_byte_anywhere_is_another_one() {
        for name in ["te", "x-real-ip", "http2-settings"] {
            for (at, wrong) in (0..name.len()).flat_map(|at| (0..=255).map(move |wrong| (at, wrong))) {
                let mut other = name.as_bytes().to_vec();
                other[at] = wrong;
                let same = other.eq_ignore_ascii_case(name.as_bytes());
                let token = all(&other, TOKEN);
                assert!(!token || (Known::of(&other) != Known::Other) == same, "{}", other.escape_ascii());
            }
        }
    }

    #[test]
    fn every_listed_length_is_right() {
        for name in [
            "te",
            "via",
            "host",
            "date",
            "proxy",
            "cookie",
            "accept",
            "expect",
            "referer",
            "upgrade",
            "trailer",
            "forwarded",
            "x-real-ip",
            "connection",
            "user-agent",
            "set-cookie",
            "keep-alive",
            "tracestate",
            "traceparent",
            "x-request-id",
            "rolling-peer",
            "cache-control",
            "content-length",
            "sec-fetch-dest",
            "sec-fetch-mode",
            "http2-settings",
            "x-forwarded-for",
            "proxy-connection",
            "x-forwarded-host",
            "x-forwarded-port",
            "transfer-encoding",
            "x-forwarded-proto",
            "sec-websocket-key",
            "cdn-cache-control",
            "surrogate-control",
            "x-forwarded-prefix",
            "proxy-authenticate",
            "proxy-authorization",
            "sec-websocket-accept",
            "sec-websocket-version",
            "edge-control",
            "x-accel-expires",
            "vercel-cdn-cache-control",
            "netlify-cdn-cache-control",
            "cloudflare-cdn-cache-control",
        ] {
            assert_ne!(Known::of(name.as_bytes()), Known::Other, "{name}");
        }
    }
}
