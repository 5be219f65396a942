//! Names of images, in the one form that engines give them: `shop` is `docker.io/library/shop:latest`.
//!
//! The grammar is the one of registries (github.com/distribution/reference): `[domain/]path[:tag][@digest]`.

use std::fmt;

use super::refusal::Refusal;

/// The domain of an image that names none.
const DOMAIN_DEFAULT: &str = "docker.io";
/// Other names of the same registry.
const DOMAIN_OTHERS: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// Where that registry keeps images that name no owner.
const OWNER_DEFAULT: &str = "library";
/// The longest name, without tag and digest, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// The longest tag, in bytes.
const TAG_BYTES_MAX: usize = 128;
/// What an image is, in words.
const IMAGE: &str = "an image such as shop, shop:1.2, registry.example/team/shop:1.2 or registry.example/shop@sha256:<64 hex digits>, \
                     in lower case but for the tag";

/// What an engine calls an image's id: the hash of its configuration and layers, `sha256:` and 64 hex digits. The same content
/// has the same digest on every engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

/// An image as people name it, normalised: domain and owner are always there, and a tag is where no digest is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageReference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Digest {
    /// All of it, with `sha256:`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first twelve hex digits, as people compare them.
    pub fn short(&self) -> &str {
        &self.0[7..19]
    }
}

impl std::str::FromStr for Digest {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 && digits.bytes().all(hex) => Ok(Self(text.into())),
            _ => Err(Refusal::new("digest", text, "sha256: and 64 hex digits in lower case")),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ImageReference {
    /// Domain and path, such as `docker.io/library/shop`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The registry's host, perhaps with a port.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What comes behind the domain, such as `library/shop`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag. None: the image is named by its digest alone.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest in its registry, if the image is named by it.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same image by the digest of a manifest.
    pub fn at(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// What comes behind the name where it is pulled: the digest, else the tag.
    pub(super) fn version(&self) -> &str {
        let digest = self.digest.as_ref().map(Digest::as_str);
        digest.or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// How an engine is asked for it: old ones do not take tag and digest together.
    pub(super) fn asked(&self) -> String {
        let sign = if self.digest.is_some() { '@' } else { ':' };
        format!("{}{sign}{}", self.name(), self.version())
    }
}

impl std::str::FromStr for ImageReference {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| Refusal::new("image", text, IMAGE))
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

fn parse(text: &str) -> Option<ImageReference> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse().ok()?)),
        None => (text, None),
    };
    // A colon before the last slash belongs to the domain's port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return None;
    }
    let (domain, path) = split_domain(name);
    let domain = normal_domain(domain)?;
    let path = match domain == DOMAIN_DEFAULT && !path.contains('/') {
        true => format!("{OWNER_DEFAULT}/{path}"),
        false => path.to_owned(),
    };
    if !is_path(&path) || domain.len() + 1 + path.len() > NAME_BYTES_MAX {
        return None;
    }
    let tag = tag.map(str::to_owned).or_else(|| digest.is_none().then(|| "latest".to_owned()));
    Some(ImageReference { domain, path, tag, digest })
}

/// Domain and path; the domain is empty where the text names none.
pub(super) fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest)) if is_domain_like(first) => (first, rest),
        _ => ("", name),
    }
}

/// Whether the first part of a name is a host: it has a dot or a port, or is this machine.
pub(super) fn is_domain_like(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

/// The domain in its one form; none: it is not one.
pub(super) fn normal_domain(domain: &str) -> Option<String> {
    let lower = domain.to_ascii_lowercase();
    if lower.is_empty() || DOMAIN_OTHERS.contains(&lower.as_str()) {
        return Some(DOMAIN_DEFAULT.into());
    }
    let (host, port) =
        lower.split_once(':').map_or((lower.as_str(), None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0)
    };
    (host.split('.').all(label) && port.is_none_or(is_port)).then_some(lower)
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let inner = |byte: u8| word(byte) || b".-".contains(&byte);
    tag.len() <= TAG_BYTES_MAX && tag.bytes().next().is_some_and(word) && tag.bytes().all(inner)
}

/// Whether every part of a path is letters and digits, with `.`, `_`, `__` or hyphens between them.
pub(super) fn is_path(path: &str) -> bool {
    path.split('/').all(is_path_part)
}

fn is_path_part(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends =
        bytes.first().copied().is_some_and(alphanumeric) && bytes.last().copied().is_some_and(alphanumeric);
    let mut separators = part.split(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit());
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    ends && separators.all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<ImageReference>().unwrap_or_else(|error| panic!("{error}")).to_string()
    }

    #[test]
    fn an_image_has_one_form() {
        assert_eq!(read("shop"), "docker.io/library/shop:latest");
        assert_eq!(read("team/shop:1.2"), "docker.io/team/shop:1.2");
        assert_eq!(read("index.docker.io/shop"), "docker.io/library/shop:latest");
        assert_eq!(read("docker.io/library/shop"), read("shop"));
        assert_eq!(read("Registry.Example:5000/a/b__c-d:V1_x"), "registry.example:5000/a/b__c-d:V1_x");
        assert_eq!(read("localhost/shop"), "localhost/shop:latest");
        let digest = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(read(&format!("shop@{digest}")), format!("docker.io/library/shop@{digest}"));
        assert_eq!(read(&format!("shop:1@{digest}")), format!("docker.io/library/shop:1@{digest}"));
    }

    #[test]
    fn what_is_no_image_is_refused_with_what_is_allowed() {
        let long = format!("shop:{}", "a".repeat(129));
        let endless = "a".repeat(256);
        let wrong = [
            "",
            " ",
            "Shop",
            "shop:",
            "shop:.x",
            "shop: 1",
            "a//b",
            "/shop",
            "shop/",
            "a..b",
            "../../etc",
            "shop@sha256:00",
            "shop@md5:d41d8cd98f00b204e9800998ecf8427e",
            "shop\n",
            "shop?x",
            "https://registry.example/shop",
            "-shop",
            "shop-",
            "a___b",
            "registry.example:/shop",
            "registry.example:99999/shop",
            "a b",
            "shop%2f",
            "sh\u{f6}p",
            &long,
            &endless,
        ];
        for text in wrong {
            let refusal = text.parse::<ImageReference>().expect_err(text);
            assert_eq!(refusal.field, "image", "{text}");
        }
        let refusal = "Shop\nx".parse::<ImageReference>().unwrap_err().to_string();
        assert!(refusal.starts_with("image is `Shop\\nx`; allowed: an image such as shop"), "{refusal}");
    }

    #[test]
    fn a_digest_is_lower_case_and_whole() {
        let digits = "ab".repeat(32);
        let digest: Digest = format!("sha256:{digits}").parse().unwrap();
        assert_eq!(digest.short(), "abababababab");
        for text in [digits.clone(), format!("sha256:{}", "AB".repeat(32)), "sha256:".into()] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
