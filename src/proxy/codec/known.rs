//! The header names that mean something to the router.

/// A header name that the router knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each variant is the header of that name")]
pub enum KnownName {
    /// A name that the router does not know.
    Other,
    /// A name with `_`, which some servers read as `-`: forwarded in a request only where the app asks for it.
    Underscored,
    Accept,
    Authorization,
    CacheControl,
    CdnLoop,
    ClientCert,
    ClientCertChain,
    Connection,
    ContentLength,
    Cookie,
    Date,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    KeepAlive,
    PersistentAuth,
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
    WwwAuthenticate,
    XForwardedFor,
    XForwardedHost,
    XForwardedPort,
    XForwardedPrefix,
    XForwardedProto,
    XForwardedScheme,
    XForwardedSsl,
    XRealIp,
    XRequestId,
    /// Headers for shared caches alone, which read them instead of Cache-Control: CDN-Cache-Control and its kind (RFC 9213),
    /// Surrogate-Control, and those of single products.
    TargetedCaching,
}

/// The known headers that a head has. It is asked before lines are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownSet(u64);

impl KnownSet {
    /// Adds a header.
    pub fn add(&mut self, known: KnownName) {
        self.0 |= 1 << known as u32;
    }

    /// Whether it was added.
    pub fn has(self, known: KnownName) -> bool {
        self.0 >> known as u32 & 1 == 1
    }
}

/// Each header has a bit in a [`KnownSet`].
const _: () = assert!((KnownName::TargetedCaching as u32) < u64::BITS);

/// Finds the [`KnownName`] of a name among those of its length.
macro_rules! by_length {
    ($name:ident: $($length:literal => $($text:literal $known:ident),+;)+) => {
        match $name.len() {
            $($length => match $name.first_chunk::<$length>() {
                $(Some(name) if is(name, $text) => Self::$known,)+
                _ => Self::Other,
            },)+
            _ => Self::Other,
        }
    };
}

impl KnownName {
    /// Recognises a name, which is a token. The length decides first, so that most names cost one comparison or none.
    // Left to itself, the compiler calls it for every line, since it has two callers.
    #[inline(always)]
    pub fn of(name: &[u8]) -> Self {
        by_length! { name:
            2 => b"te" Te;
            3 => b"via" Via;
            4 => b"host" Host, b"date" Date;
            5 => b"proxy" Proxy;
            6 => b"cookie" Cookie, b"accept" Accept, b"expect" Expect;
            7 => b"referer" Referer, b"upgrade" Upgrade, b"trailer" Trailer;
            8 => b"cdn-loop" CdnLoop;
            9 => b"forwarded" Forwarded, b"x-real-ip" XRealIp;
            10 =>
                b"connection" Connection, b"user-agent" UserAgent, b"set-cookie" SetCookie,
                b"keep-alive" KeepAlive, b"tracestate" Tracestate;
            11 => b"traceparent" Traceparent, b"client-cert" ClientCert;
            12 => b"x-request-id" XRequestId, b"edge-control" TargetedCaching;
            13 => b"cache-control" CacheControl, b"authorization" Authorization;
            14 =>
                b"content-length" ContentLength, b"sec-fetch-dest" SecFetchDest,
                b"sec-fetch-mode" SecFetchMode, b"http2-settings" Http2Settings;
            15 =>
                b"x-forwarded-for" XForwardedFor, b"x-forwarded-ssl" XForwardedSsl,
                b"persistent-auth" PersistentAuth, b"x-accel-expires" TargetedCaching;
            16 =>
                b"proxy-connection" ProxyConnection, b"x-forwarded-host" XForwardedHost,
                b"x-forwarded-port" XForwardedPort, b"www-authenticate" WwwAuthenticate;
            17 =>
                b"transfer-encoding" TransferEncoding, b"x-forwarded-proto" XForwardedProto,
                b"sec-websocket-key" SecWebSocketKey, b"cdn-cache-control" TargetedCaching,
                b"surrogate-control" TargetedCaching, b"client-cert-chain" ClientCertChain;
            18 =>
                b"x-forwarded-prefix" XForwardedPrefix, b"x-forwarded-scheme" XForwardedScheme,
                b"proxy-authenticate" ProxyAuthenticate;
            19 => b"proxy-authorization" ProxyAuthorization;
            20 => b"sec-websocket-accept" SecWebSocketAccept;
            21 => b"sec-websocket-version" SecWebSocketVersion;
            24 => b"vercel-cdn-cache-control" TargetedCaching;
            25 => b"netlify-cdn-cache-control" TargetedCaching;
            28 => b"cloudflare-cdn-cache-control" TargetedCaching;
        }
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

/// Whether a token is this name, which is in lower case.
///
/// Setting the bit that tells `A` from `a` leaves digits and `-` as they are, and makes no other byte of a token one of them.
#[inline]
fn is<const LENGTH: usize>(token: &[u8; LENGTH], name: &[u8; LENGTH]) -> bool {
    let ((words, bytes), (own_words, own_bytes)) = (token.as_chunks(), name.as_chunks());
    let word = |word: &[u8; 8]| u64::from_le_bytes(*word);
    let lower = u64::from_le_bytes([0x20; 8]);
    words.iter().zip(own_words).all(|(one, own)| word(one) | lower == word(own))
        && bytes.iter().zip(own_bytes).all(|(byte, own)| byte | 0x20 == *own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::codec::bytes::{TOKEN, all};

    #[test]
    fn names_are_recognised_in_any_case() {
        assert_eq!(KnownName::of(b"CoNtEnT-lEnGtH"), KnownName::ContentLength);
        assert_eq!(KnownName::of(b"x-forwarded-for"), KnownName::XForwardedFor);
        assert_eq!(KnownName::of(b"X-Forwarded-Fo"), KnownName::Other);
        assert_eq!(KnownName::of(b""), KnownName::Other);
    }

    #[test]
    fn a_name_with_another_byte_anywhere_is_another_one() {
        for name in ["te", "x-real-ip", "http2-settings"] {
            for (at, wrong) in (0..name.len()).flat_map(|at| (0..=255).map(move |wrong| (at, wrong))) {
                let mut other = name.as_bytes().to_vec();
                other[at] = wrong;
                let same = other.eq_ignore_ascii_case(name.as_bytes());
                let token = all(&other, TOKEN);
                assert!(
                    !token || (KnownName::of(&other) != KnownName::Other) == same,
                    "{}",
                    other.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn every_name_is_recognised() {
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
            "cdn-loop",
            "forwarded",
            "x-real-ip",
            "connection",
            "user-agent",
            "set-cookie",
            "keep-alive",
            "tracestate",
            "traceparent",
            "client-cert",
            "client-cert-chain",
            "x-request-id",
            "authorization",
            "cache-control",
            "content-length",
            "sec-fetch-dest",
            "sec-fetch-mode",
            "http2-settings",
            "x-forwarded-for",
            "persistent-auth",
            "www-authenticate",
            "proxy-connection",
            "x-forwarded-host",
            "x-forwarded-port",
            "transfer-encoding",
            "x-forwarded-proto",
            "sec-websocket-key",
            "cdn-cache-control",
            "surrogate-control",
            "x-forwarded-prefix",
            "x-forwarded-scheme",
            "x-forwarded-ssl",
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
            assert_ne!(KnownName::of(name.as_bytes()), KnownName::Other, "{name}");
        }
    }
}
