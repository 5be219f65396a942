//! Which app has which paths of one host: the longest claimed prefix wins.
//!
//! Servers read some paths in several ways: `/shop/../admin`, `/shop%2f..%2fadmin`, `//shop`, `/shop/..;/admin`. What goes to an
//! endpoint is what the client sent, so a path that leads to one app as it is written and to another one as some server reads
//! it could pass an app by that guards a prefix. Where prefixes are claimed, such a path is refused; one that leads to the same
//! prefix in every reading is routed. Paths without any of these signs pay one look at their bytes for it.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Which app has which paths of one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostPaths {
    /// The slot of the app that has all paths which no prefix has.
    whole: Option<usize>,
    /// Every other prefix and the slot of its app, ordered by bytes.
    prefixes: Vec<(Box<str>, usize)>,
    /// The length of the longest of them.
    longest: usize,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathMatch {
    /// The app's slot.
    pub slot: usize,
    /// How many bytes of the target, as it was sent, are the prefix.
    pub prefix_bytes: usize,
}

/// A path that servers read in several ways, which lead to several apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", Self::MEANING)]
pub struct AmbiguousPath;

impl AmbiguousPath {
    /// What it means.
    pub const MEANING: &str = "servers read this path in several ways, and they lead to different places";
}

impl HostPaths {
    /// Adds a prefix in its canonical form.
    pub fn insert(&mut self, prefix: &str, slot: usize) {
        if prefix == "/" {
            self.whole = Some(slot);
            return;
        }
        match self.prefixes.binary_search_by(|(known, _)| (**known).cmp(prefix)) {
            Ok(at) => self.prefixes[at].1 = slot,
            Err(at) => self.prefixes.insert(at, (prefix.into(), slot)),
        }
        self.longest = self.longest.max(prefix.len());
    }

    /// The slot of the app that has exactly this prefix.
    pub fn holder(&self, prefix: &str) -> Option<usize> {
        if prefix == "/" {
            return self.whole;
        }
        let at = self.prefixes.binary_search_by(|(known, _)| (**known).cmp(prefix)).ok()?;
        Some(self.prefixes[at].1)
    }

    /// The slots of the apps that have some of them, that of the whole host first.
    pub fn slots(&self) -> impl Iterator<Item = usize> {
        self.whole.into_iter().chain(self.prefixes.iter().map(|(_, slot)| *slot))
    }

    /// Whether every path is somebody's.
    pub fn is_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether nobody has any path.
    pub fn is_empty(&self) -> bool {
        self.whole.is_none() && self.prefixes.is_empty()
    }

    /// Where a request's target leads.
    ///
    /// # Errors
    /// It can be read in several ways, which lead to different places.
    #[inline]
    pub fn find(&self, target: &[u8]) -> Result<Option<PathMatch>, AmbiguousPath> {
        if self.prefixes.is_empty() {
            return Ok(self.whole.map(|slot| PathMatch { slot, prefix_bytes: 0 }));
        }
        let path = memchr::memchr(b'?', target).map_or(target, |end| &target[..end]);
        if is_plain(path) { Ok(self.longest(path)) } else { self.find_read(path) }
    }

    /// The longest prefix of a path as it is written.
    fn longest(&self, path: &[u8]) -> Option<PathMatch> {
        let mut found = self.whole.map(|slot| PathMatch { slot, prefix_bytes: 0 });
        let Some(rest) = path.strip_prefix(b"/") else { return found };
        let ends = memchr::memchr_iter(b'/', rest).map(|end| end + 1).chain([path.len()]);
        for end in ends.take_while(|end| *end <= self.longest) {
            let prefix = &path[..end];
            if let Ok(at) = self.prefixes.binary_search_by(|(known, _)| known.as_bytes().cmp(prefix)) {
                found = Some(PathMatch { slot: self.prefixes[at].1, prefix_bytes: end });
            }
        }
        found
    }

    /// Where a path leads in every reading.
    #[cold]
    fn find_read(&self, path: &[u8]) -> Result<Option<PathMatch>, AmbiguousPath> {
        let Some(rest) = path.strip_prefix(b"/") else { return Ok(self.longest(path)) };
        let strict: Vec<Cow<'_, [u8]>> = rest.split(|byte| *byte == b'/').map(decode_unreserved).collect();
        let written = self.longest(&join(strict.iter().map(|segment| &**segment)));
        let depth = written.map_or(0, |found| depth_of(found.prefix_bytes, &strict));
        // Some servers decode every byte before they look for segments.
        let loose: Cow<'_, [u8]> = percent_decode(rest).into();
        let loose = loose.split(|byte| matches!(byte, b'/' | b'\\')).map(without_parameters);
        let loose: Vec<&[u8]> = loose.filter(|segment| !segment.is_empty()).collect();
        let strict_segments: Vec<&[u8]> = strict.iter().map(|segment| &**segment).collect();
        for reading in [&strict_segments, &loose] {
            let resolved = resolve(reading, depth).ok_or(AmbiguousPath)?;
            if self.longest(&resolved) != written {
                return Err(AmbiguousPath);
            }
        }
        Ok(written.map(|found| PathMatch { prefix_bytes: end_of(path, depth), ..found }))
    }
}

/// Whether every server reads a path in the same way: it has no encoded byte, no dot or empty segment, no parameter.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|&byte| {
        let odd = matches!(byte, b'%' | b'\\' | b';') || before == b'/' && matches!(byte, b'/' | b'.');
        before = byte;
        !odd
    })
}

/// Segments with the characters decoded that mean the same encoded or not (RFC 3986 section 6.2.2.2).
pub fn decode_unreserved(segment: &[u8]) -> Cow<'_, [u8]> {
    if !segment.contains(&b'%') {
        return Cow::Borrowed(segment);
    }
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let mut decoded = Vec::with_capacity(segment.len());
    let mut at = 0;
    while let Some(&byte) = segment.get(at) {
        let value = digit(segment.get(at + 1)).zip(digit(segment.get(at + 2)));
        let value = value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        match value.filter(|value| byte == b'%' && unreserved(value)) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(decoded)
}

/// What follows a prefix of so many bytes, as an endpoint is asked for it that does not know the prefix. It may begin with its
/// query, or be empty. Some servers take `//` at the beginning of a target for the start of a host's name.
pub fn without_prefix(target: &[u8], prefix_bytes: usize) -> &[u8] {
    let mut rest = &target[prefix_bytes..];
    while rest.starts_with(b"//") {
        rest = &rest[1..];
    }
    rest
}

/// A segment as servers read it that take what follows `;` for parameters.
fn without_parameters(segment: &[u8]) -> &[u8] {
    segment.split(|byte| *byte == b';').next().unwrap_or_default()
}

/// The path without dot segments (RFC 3986 section 5.2.4). `None` if it once leaves the place so many segments deep that it
/// had reached: an endpoint that does not know the prefix would leave its own root.
fn resolve(segments: &[&[u8]], depth: usize) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::with_capacity(segments.len());
    let (mut reached, last) = (depth == 0, segments.len().saturating_sub(1));
    for (number, &segment) in segments.iter().enumerate() {
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
        if reached && kept.len() < depth {
            return None;
        }
        reached |= kept.len() >= depth;
        if matches!(segment, b"." | b"..") && number == last {
            // `/a/.` is `/a/`.
            kept.push(b"");
        }
    }
    Some(join(kept.into_iter()))
}

fn join<'a>(segments: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut path = Vec::new();
    for segment in segments {
        path.push(b'/');
        path.extend_from_slice(segment);
    }
    path
}

/// How many segments a prefix of so many bytes has.
fn depth_of(prefix_bytes: usize, segments: &[Cow<'_, [u8]>]) -> usize {
    let mut bytes = 0;
    let counted = segments.iter().take_while(|segment| {
        bytes += 1 + segment.len();
        bytes <= prefix_bytes
    });
    counted.count()
}

/// Where so many segments of a path end, as it was sent.
fn end_of(path: &[u8], segments: usize) -> usize {
    if segments == 0 {
        return 0;
    }
    memchr::memchr_iter(b'/', path).nth(segments).unwrap_or(path.len())
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*, sample::select};

    use super::*;

    const ROOT: usize = 0;
    const SHOP: usize = 1;
    const CART: usize = 2;

    fn paths() -> HostPaths {
        let mut paths = HostPaths::default();
        for (prefix, slot) in [("/shop", SHOP), ("/", ROOT), ("/shop/cart", CART)] {
            paths.insert(prefix, slot);
        }
        paths
    }

    fn found(target: &str) -> Result<Option<(usize, usize)>, AmbiguousPath> {
        Ok(paths().find(target.as_bytes())?.map(|found| (found.slot, found.prefix_bytes)))
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        for (target, slot, prefix) in [
            ("/", ROOT, ""),
            ("/shop", SHOP, "/shop"),
            ("/shop/", SHOP, "/shop"),
            ("/shop/x", SHOP, "/shop"),
            ("/shop?x", SHOP, "/shop"),
            ("/shop?/../admin", SHOP, "/shop"),
            ("/shop/cart", CART, "/shop/cart"),
            ("/shop/cart/1?a=/../b", CART, "/shop/cart"),
            ("/shop/carts", SHOP, "/shop"),
            ("/shopping", ROOT, ""),
            ("/SHOP", ROOT, ""),
            ("/x/shop", ROOT, ""),
            ("?shop", ROOT, ""),
            ("*", ROOT, ""),
        ] {
            assert_eq!(found(target), Ok(Some((slot, prefix.len()))), "{target}");
        }
        let mut none = HostPaths::default();
        assert!(none.is_empty());
        none.insert("/a", 7);
        assert_eq!(none.find(b"/b"), Ok(None));
        assert_eq!((none.holder("/a"), none.holder("/")), (Some(7), None));
    }

    #[test]
    fn a_path_that_leads_to_one_place_in_every_reading_goes_there() {
        for (target, slot, prefix) in [
            ("/%73hop", SHOP, "/%73hop"),
            ("/sh%6Fp/x%2fy", SHOP, "/sh%6Fp"),
            ("/shop/%63art?q", CART, "/shop/%63art"),
            ("/shop/a/../b", SHOP, "/shop"),
            ("/shop/./b", SHOP, "/shop"),
            ("/shop/a/..", SHOP, "/shop"),
            ("/shop//x", SHOP, "/shop"),
            ("/shop/x;v=1", SHOP, "/shop"),
            ("/shop/cart%2f..", SHOP, "/shop"),
            ("/shop/caf%C3%A9", SHOP, "/shop"),
            ("/.well-known/x", ROOT, ""),
            ("/a/../b", ROOT, ""),
            ("/../b", ROOT, ""),
            ("/shop%2f..%2fadmin", ROOT, ""),
            ("/a%2fb", ROOT, ""),
            ("/100%", ROOT, ""),
            ("/%zz", ROOT, ""),
        ] {
            assert_eq!(found(target), Ok(Some((slot, prefix.len()))), "{target}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_in_another_reading_is_refused() {
        for target in [
            "/shop/../admin",
            "/shop/..",
            "/shop/../shop/x",
            "/shop/%2e%2e/admin",
            "/shop/.%2E/admin",
            "/shop/..%2fadmin",
            "/shop/..;/admin",
            "/shop/..%3b/admin",
            "/shop/x/../../admin",
            "/shop/..\\admin",
            "/shop\\x",
            "/shop%5cx",
            "/shop%2fx",
            "//shop",
            "//shop/x",
            "/./shop",
            "/x/../shop",
            "/shop;x/y",
            "/shop/cart/../x",
            "/shop/x/../cart",
            "/shop//cart",
        ] {
            assert_eq!(found(target), Err(AmbiguousPath), "{target}");
        }
    }

    /// The slot and the length of the longest prefix, found by trying all of them.
    fn naive(prefixes: &[String], path: &str) -> Option<usize> {
        let fits =
            |prefix: &&String| *prefix == "/" || path == *prefix || path.starts_with(&format!("{prefix}/"));
        prefixes.iter().filter(fits).map(|prefix| if prefix == "/" { 0 } else { prefix.len() }).max()
    }

    fn path() -> impl Strategy<Value = String> {
        let segment = select(vec!["a", "ab", "b", "a-b", "c"]);
        collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
    }

    proptest! {
        #[test]
        fn the_longest_prefix_is_that_of_a_search_through_all(
            prefixes in collection::vec(path(), 0..12),
            path in path(),
            query in select(vec!["", "?", "?/a/b", "?x=%2f.."]),
        ) {
            let mut paths = HostPaths::default();
            for (slot, prefix) in prefixes.iter().enumerate() {
                paths.insert(prefix, slot);
            }
            let found = paths.find(format!("{path}{query}").as_bytes()).unwrap();
            prop_assert_eq!(found.map(|found| found.prefix_bytes), naive(&prefixes, &path));
            if let Some(found) = found {
                let prefix = if found.prefix_bytes == 0 { "/" } else { &path[..found.prefix_bytes] };
                prop_assert_eq!(paths.holder(prefix), Some(found.slot));
            }
        }

        /// However a path is written, it leads where the app that gets it cannot be led out of its prefix.
        #[test]
        fn what_is_routed_stays_below_its_prefix(
            segments in collection::vec(
                select(vec!["shop", "cart", "..", ".", "", "%2e%2e", "..%2f..", "%73hop", "..;x", "x", "a%5c..", "%2f"]),
                1..6,
            ),
        ) {
            let target = format!("/{}", segments.join("/"));
            if let Ok(Some((slot, prefix_bytes))) = found(&target) {
                let loose: Cow<'_, [u8]> = percent_decode(&target.as_bytes()[1..]).into();
                let mut kept: Vec<&[u8]> = Vec::new();
                for segment in loose.split(|byte| matches!(byte, b'/' | b'\\')).map(without_parameters) {
                    match segment {
                        b"" | b"." => {}
                        b".." => drop(kept.pop()),
                        name => kept.push(name),
                    }
                }
                let read = paths().find(&join(kept.into_iter())).unwrap().unwrap();
                prop_assert_eq!(read.slot, slot, "{}", target);
                prop_assert!(prefix_bytes <= target.len());
            }
        }
    }
}
