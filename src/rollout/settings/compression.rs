//! Compression: which responses the router compresses for clients that take it.

use serde::{Deserialize, Serialize};

use super::{
    assets::matches,
    error::{SettingsError, check_range},
};

/// The most media types. With more, one pattern that covers several serves better.
const TYPES_MAX: usize = 64;
/// The longest media type, in bytes.
const TYPE_BYTES_MAX: usize = 100;
/// The most that `min_bytes` may be: above it nothing would be compressed that does not come as a stream.
const MIN_BYTES_MAX: u32 = 1 << 30;

/// Events have to arrive one by one, and some clients read them only as they are.
const EVENTS: &str = "text/event-stream";
/// gRPC compresses its messages itself. Its clients do not know another coding around them.
const GRPC: &str = "application/grpc";

/// Which responses are compressed (docs/design.md section 14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionSettings {
    /// Whether any is.
    pub enabled: bool,
    /// The media types that are, in lower case. `*` stands for any characters.
    pub types: Vec<String>,
    /// A response of which it is known that it is shorter is not, in bytes: it fits into one packet anyway.
    pub min_bytes: u32,
}

impl Default for CompressionSettings {
    fn default() -> Self {
        let types = [
            "text/*",
            "application/json",
            "*/*+json",
            "application/javascript",
            "application/x-javascript",
            "application/xml",
            "*/*+xml",
            "image/svg+xml",
            "application/wasm",
        ];
        Self { enabled: false, types: types.map(str::to_owned).into(), min_bytes: 1_400 }
    }
}

impl CompressionSettings {
    /// Whether responses of this media type are compressed. Events and gRPC never are.
    pub fn covers(&self, media_type: &[u8]) -> bool {
        let media_type = media_type[..media_type.len().min(TYPE_BYTES_MAX)].to_ascii_lowercase();
        let never = media_type == EVENTS.as_bytes() || media_type.starts_with(GRPC.as_bytes());
        !never && self.types.iter().any(|pattern| matches(pattern.as_bytes(), &media_type))
    }

    pub(super) fn canonicalise(&mut self) {
        self.types.iter_mut().for_each(|media_type| media_type.make_ascii_lowercase());
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        check_range("compression.min_bytes", self.min_bytes, 0..=MIN_BYTES_MAX)?;
        if let Some(wrong) = self.types.iter().find(|pattern| !is_pattern(pattern)) {
            return Err(SettingsError::entry("compression.types", wrong));
        }
        if self.types.len() > TYPES_MAX {
            return Err(SettingsError::value("compression.types", self.types.as_slice()));
        }
        Ok(())
    }
}

/// Whether it is a media type or a pattern of some, and not only of those that are never compressed.
fn is_pattern(text: &str) -> bool {
    let part = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&byte);
        !part.is_empty() && part.bytes().all(allowed)
    };
    let never = text == EVENTS || text.starts_with(GRPC);
    text.len() <= TYPE_BYTES_MAX
        && !never
        && text.split_once('/').is_some_and(|(kind, rest)| part(kind) && part(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_covered_and_what_is_compressed_already_is_not() {
        let default = CompressionSettings::default();
        for media_type in [
            "text/html",
            "TEXT/Plain",
            "application/json",
            "application/ld+json",
            "text/javascript",
            "application/javascript",
            "application/xml",
            "application/atom+xml",
            "image/svg+xml",
            "application/wasm",
        ] {
            assert!(default.covers(media_type.as_bytes()), "{media_type}");
        }
        for media_type in [
            "image/png",
            "video/mp4",
            "application/zip",
            "text/event-stream",
            "Text/Event-Stream",
            "font/woff2",
            "",
        ] {
            assert!(!default.covers(media_type.as_bytes()), "{media_type}");
        }
        let all = CompressionSettings { types: vec!["*/*".into()], ..default };
        assert!(all.covers(b"image/png"));
        assert!(!all.covers(b"text/event-stream") && !all.covers(b"application/grpc-web+proto"));
    }
}
