//! An embedded file as it is sent: compressed once, for every client that accepts it.

use std::io::Write as _;

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::control::shared::hex::hex;

/// A file that never changes while the process lives, as it is and compressed (RFC 1952).
#[derive(Debug)]
pub struct Asset {
    media_type: &'static str,
    identity: Form,
    /// `None` where compression saves nothing.
    gzip: Option<Form>,
}

/// The bytes of one content coding, and the strong entity tag that belongs to them alone (RFC 9110, section 8.8.3.3).
#[derive(Debug)]
struct Form {
    bytes: Bytes,
    tag: String,
}

impl Asset {
    /// Compresses `contents`.
    pub fn new(media_type: &'static str, contents: impl Into<Bytes>) -> Self {
        let contents = contents.into();
        let digest = hex(&Sha256::digest(&contents)[..16]);
        let form = |bytes: Bytes, coding: &str| Form { bytes, tag: format!("\"{digest}{coding}\"") };
        let gzip = compress(&contents).filter(|gzip| gzip.len() < contents.len());
        Self { media_type, gzip: gzip.map(|bytes| form(bytes.into(), "-gzip")), identity: form(contents, "") }
    }

    /// The answer to a request with these headers: 200 in the best coding that the client accepts, or 304 when it
    /// holds that already. `own` are further header lines of both.
    pub fn respond(&self, asked: &HeaderMap, own: &[(HeaderName, &'static str)]) -> Response {
        let gzip = self.gzip.as_ref().filter(|_| accepts_gzip(asked));
        let form = gzip.unwrap_or(&self.identity);
        let lines = [(header::ETAG, form.tag.clone()), (header::VARY, "accept-encoding".to_owned())];
        let mut response = if is_known(asked, &form.tag) {
            (StatusCode::NOT_MODIFIED, lines).into_response()
        } else {
            (lines, [(header::CONTENT_TYPE, self.media_type)], form.bytes.clone()).into_response()
        };
        let headers = response.headers_mut();
        if gzip.is_some() {
            headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
        }
        headers
            .extend(own.iter().map(|(name, value)| (name.clone(), header::HeaderValue::from_static(value))));
        response
    }
}

fn compress(contents: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(contents).and_then(|()| encoder.finish()).ok()
}

/// The words of a header that lists them, over all its lines.
fn words(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether `Accept-Encoding` allows gzip: by its name, else by `*`, with a weight above 0 (RFC 9110, section 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let weight = |coding: &str| {
        words(headers, header::ACCEPT_ENCODING).find_map(|word| {
            let (name, parameter) = word.split_once(';').unwrap_or((word, "q=1"));
            let (key, value) = parameter.split_once('=')?;
            let is_meant = name.trim().eq_ignore_ascii_case(coding) && key.trim().eq_ignore_ascii_case("q");
            is_meant.then(|| value.trim().parse::<f32>().unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("x-gzip")).or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// Whether `If-None-Match` names this tag; a weak comparison, as RFC 9110, section 13.1.2, has it.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    words(headers, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        for (value, accepted) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, *", true),
            ("*;q=0, gzip", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0.000", false),
            ("gzip;q=garbage", false),
            ("identity, br", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(&asked(header::ACCEPT_ENCODING, value)), accepted, "{value:?}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()), "nothing was said");
    }

    #[test]
    fn each_coding_has_a_tag_of_its_own() {
        let asset =
            Asset::new("text/plain", "again and again and again and again and again and again and again");
        let plain = asset.respond(&HeaderMap::new(), &[]);
        let packed = asset.respond(&asked(header::ACCEPT_ENCODING, "gzip"), &[]);
        assert_ne!(plain.headers()[header::ETAG], packed.headers()[header::ETAG]);
        let tag = packed.headers()[header::ETAG].to_str().unwrap().to_owned();
        let mut again = asked(header::IF_NONE_MATCH, &format!("\"another\", W/{tag}"));
        assert_eq!(
            asset.respond(&again, &[]).status(),
            StatusCode::OK,
            "that is the tag of the other coding"
        );
        again.insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(asset.respond(&again, &[]).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is() {
        let asset = Asset::new("text/plain", "short");
        let answer = asset.respond(&asked(header::ACCEPT_ENCODING, "gzip"), &[]);
        assert!(!answer.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(answer.headers()[header::VARY], "accept-encoding");
    }
}
