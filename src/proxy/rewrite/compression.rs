//! Whether a response is compressed on its way to the client, and what its head says then.
//!
//! A compressed response is another representation (RFC 9110 section 8.4). So caches are told that it depends on Accept-Encoding,
//! whoever gets it as it is included; its entity tag becomes weak, since the bytes are not those that the endpoint tagged; and
//! neither its length nor the ranges of the endpoint are known any more.

use crate::{
    proxy::codec::{
        coding::Coding,
        head::{HeaderLine, KnownName, RequestHead, members},
        response::ResponseHead,
    },
    rollout::settings::CompressionSettings,
};

/// What the router does about the coding of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Nothing: it may not be compressed.
    #[default]
    Never,
    /// It could be compressed, and this client gets it as it is.
    Possible,
    /// The client gets it compressed.
    By(Coding),
}

/// What a response's head says about compressing it.
#[derive(Default)]
struct Facts<'a> {
    content_type: Option<&'a [u8]>,
    etag: Option<&'a [u8]>,
    /// It is encoded already, a part of something, bound to its bytes, or not to be changed.
    forbidden: bool,
}

/// The coding in which the client wants its response.
pub fn wanted(head: &RequestHead<'_>) -> Option<Coding> {
    // Without chunks, the end of the connection would be the end of the response, and nobody could tell a whole one from a cut one.
    if head.minor_version == 0 || head.values(KnownName::CacheControl).any(is_no_transform) {
        return None;
    }
    let accepts = |line: &&HeaderLine| is(line.name(head.block), "accept-encoding");
    Coding::wanted(head.lines.iter().filter(accepts).map(|line| line.value(head.block)))
}

impl Compression {
    /// What is done about a response. `knows`: whether the client named a strong entity tag in If-None-Match.
    pub fn of(
        head: &ResponseHead<'_>,
        settings: &CompressionSettings,
        wanted: Option<Coding>,
        knows: impl FnOnce(&[u8]) -> bool,
    ) -> Self {
        let short = head.content_length.is_some_and(|length| length < u64::from(settings.min_bytes).max(1));
        if !settings.enabled || short || matches!(head.status, ..200 | 204..=206) {
            return Self::Never;
        }
        let facts = Facts::of(head);
        // A 304 says what a 200 would say, but for its type. The tag that the client knows says how it got it.
        let fits = match facts.content_type {
            Some(content_type) => settings.covers(media_type(content_type)),
            None => head.status == 304 && facts.etag.is_none_or(|tag| !knows(tag)),
        };
        match wanted {
            _ if facts.forbidden || !fits => Self::Never,
            Some(coding) => Self::By(coding),
            None => Self::Possible,
        }
    }

    /// The coding, if it is compressed.
    pub fn coding(self) -> Option<Coding> {
        match self {
            Self::By(coding) => Some(coding),
            Self::Never | Self::Possible => None,
        }
    }

    /// Whether [`Compression::write`] writes another line instead of this one, or none.
    pub fn replaces(self, name: &[u8]) -> bool {
        match self {
            Self::Never => false,
            Self::Possible => is(name, "vary"),
            Self::By(_) => is(name, "vary") || is(name, "etag") || is(name, "accept-ranges"),
        }
    }

    /// Appends the lines that differ.
    pub fn write(self, head: &ResponseHead<'_>, out: &mut Vec<u8>) {
        if self == Self::Never {
            return;
        }
        write_vary(head, out);
        let Self::By(coding) = self else { return };
        if head.status != 304 {
            out.extend_from_slice(b"content-encoding: ");
            out.extend_from_slice(coding.name().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        for tag in values(head, "etag") {
            out.extend_from_slice(if is_strong(tag) { b"etag: W/" } else { b"etag: " });
            out.extend_from_slice(tag);
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl<'a> Facts<'a> {
    fn of(head: &ResponseHead<'a>) -> Self {
        let mut facts = Self::default();
        for line in head.lines {
            let value = line.value(head.block);
            match line.known {
                KnownName::CacheControl => facts.forbidden |= is_no_transform(value),
                KnownName::Other => facts.take(line.name(head.block), value),
                _ => {}
            }
        }
        facts
    }

    fn take(&mut self, name: &[u8], value: &'a [u8]) {
        match name.len() {
            4 if is(name, "etag") => self.etag = Some(value),
            12 if is(name, "content-type") => self.content_type = Some(value),
            // A digest of the bytes would be wrong afterwards (RFC 9530).
            6 => self.forbidden |= is(name, "digest"),
            11 => self.forbidden |= is(name, "content-md5") || is(name, "repr-digest"),
            13 => self.forbidden |= is(name, "content-range"),
            14 => self.forbidden |= is(name, "content-digest"),
            16 => self.forbidden |= is(name, "content-encoding"),
            _ => {}
        }
    }
}

/// Whether a list of entity tags has this one as it is, and not only its weak form.
pub fn has_strong(list: &[u8], tag: &[u8]) -> bool {
    is_strong(tag) && memchr::memmem::find_iter(list, tag).any(|at| !list[..at].ends_with(b"W/"))
}

/// Appends one Vary line: what the response says, and Accept-Encoding.
fn write_vary(head: &ResponseHead<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"vary: ");
    let mut said = false;
    for member in values(head, "vary").flat_map(members) {
        said |= member == b"*" || is(member, "accept-encoding");
        out.extend_from_slice(member);
        out.extend_from_slice(b", ");
    }
    if said {
        out.truncate(out.len() - 2);
    } else {
        out.extend_from_slice(b"Accept-Encoding");
    }
    out.extend_from_slice(b"\r\n");
}

fn values<'a>(head: &ResponseHead<'a>, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let (block, lines) = (head.block, head.lines.iter());
    let named = lines.filter(move |line| line.known == KnownName::Other && is(line.name(block), name));
    named.map(move |line| line.value(block))
}

fn is(name: &[u8], own: &str) -> bool {
    name.eq_ignore_ascii_case(own.as_bytes())
}

fn is_strong(tag: &[u8]) -> bool {
    tag.starts_with(b"\"")
}

fn is_no_transform(cache_control: &[u8]) -> bool {
    members(cache_control).any(|member| is(member, "no-transform"))
}

/// The media type in a Content-Type, without its parameters.
fn media_type(content_type: &[u8]) -> &[u8] {
    content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        proxy::codec::{lines::Progress, response::read_response},
    };

    /// What is done about a response, and the lines that are written.
    fn treated(status: &str, lines: &str, wanted: Option<Coding>) -> (Compression, String) {
        let response = format!("HTTP/1.1 {status}\r\n{lines}\r\n");
        let mut space = Vec::new();
        let read = read_response(response.as_bytes(), &mut space, &Limits::default(), false).unwrap();
        let Progress::Complete(head) = read else { panic!("{lines:?} is a head") };
        let settings = CompressionSettings { enabled: true, ..CompressionSettings::default() };
        let compression = Compression::of(&head, &settings, wanted, |tag| tag == b"\"known\"");
        let mut out = Vec::new();
        compression.write(&head, &mut out);
        (compression, String::from_utf8(out).unwrap())
    }

    const HTML: &str = "Content-Type: Text/HTML; charset=utf-8\r\n";

    #[test]
    fn what_may_not_be_changed_never_is() {
        for lines in [
            "Content-Encoding: gzip\r\n",
            "content-encoding: identity\r\n",
            "Content-Range: bytes 0-1/2\r\n",
            "Cache-Control: max-age=5, No-Transform\r\n",
            "Content-Length: 1399\r\n",
            "Content-MD5: a\r\n",
            "Digest: a\r\n",
            "Repr-Digest: a\r\n",
            "Content-Digest: a\r\n",
        ] {
            let outcome = treated("200 OK", &format!("{HTML}{lines}"), Some(Coding::Gzip));
            assert_eq!(outcome, (Compression::Never, String::new()), "{lines:?}");
        }
        for content_type in ["text/event-stream", "image/png", "application/grpc+proto", "", "text"] {
            let lines = format!("Content-Type: {content_type}\r\n");
            assert_eq!(treated("200 OK", &lines, Some(Coding::Gzip)).0, Compression::Never, "{content_type}");
        }
        for status in ["103 A", "204 A", "205 A", "206 A"] {
            assert_eq!(treated(status, HTML, Some(Coding::Gzip)).0, Compression::Never, "{status}");
        }
        assert_eq!(treated("200 OK", "", Some(Coding::Gzip)).0, Compression::Never, "nobody knows its type");
    }

    #[test]
    fn what_could_be_compressed_varies_for_every_client() {
        let vary = |vary: &str, wanted| {
            let (compression, out) =
                treated("404 A", &format!("{HTML}{vary}Content-Length: 1400\r\n"), wanted);
            let compressed = out.contains("content-encoding: br\r\n");
            assert_eq!(compressed, compression == Compression::By(Coding::Brotli), "{out}");
            out.lines().next().unwrap().to_owned()
        };
        for wanted in [None, Some(Coding::Brotli)] {
            assert_eq!(vary("", wanted), "vary: Accept-Encoding");
            assert_eq!(
                vary("Vary: Origin\r\nvary: Cookie,\r\n", wanted),
                "vary: Origin, Cookie, Accept-Encoding"
            );
            assert_eq!(vary("Vary: accept-encoding, Origin\r\n", wanted), "vary: accept-encoding, Origin");
            assert_eq!(vary("Vary: *\r\n", wanted), "vary: *");
        }
    }

    #[test]
    fn tags_of_what_is_compressed_are_weak() {
        for (tag, wanted, said) in [
            ("\"x\"", Some(Coding::Gzip), "etag: W/\"x\"\r\n"),
            ("W/\"x\"", Some(Coding::Gzip), "etag: W/\"x\"\r\n"),
            ("\"x\"", None, ""),
        ] {
            let (_, out) = treated("200 OK", &format!("{HTML}ETag: {tag}\r\n"), wanted);
            let encoding = if wanted.is_some() { "content-encoding: gzip\r\n" } else { "" };
            assert_eq!(out, format!("vary: Accept-Encoding\r\n{encoding}{said}"), "{tag}");
        }
    }

    #[test]
    fn a_304_says_what_the_200_said() {
        let weak = "vary: Accept-Encoding\r\netag: W/\"x\"\r\n";
        assert_eq!(treated("304 A", "ETag: \"x\"\r\n", Some(Coding::Gzip)).1, weak);
        assert_eq!(
            treated("304 A", &format!("{HTML}ETag: \"known\"\r\n"), Some(Coding::Gzip)).1,
            weak.replace('x', "known")
        );
        assert_eq!(
            treated("304 A", "ETag: \"known\"\r\n", Some(Coding::Gzip)).1,
            "",
            "it was no such type then"
        );
        assert_eq!(treated("304 A", "Content-Type: image/png\r\nETag: \"x\"\r\n", Some(Coding::Gzip)).1, "");
        assert_eq!(treated("304 A", "ETag: \"x\"\r\n", None).1, "vary: Accept-Encoding\r\n");
    }

    #[test]
    fn a_list_has_a_strong_tag_only_as_it_is() {
        for (list, found) in
            [("\"x\"", true), ("W/\"x\"", false), ("W/\"x\", \"x\"", true), ("\"y\"", false), ("*", false)]
        {
            assert_eq!(has_strong(list.as_bytes(), b"\"x\""), found, "{list}");
        }
        assert!(!has_strong(b"W/\"x\"", b"W/\"x\""));
    }
}
