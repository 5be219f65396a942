//! The prefix that was taken off a request's path, put back where its response speaks of paths: in Location and Content-Location,
//! and in the `Path` of cookies. What has the prefix already stays, as an app writes it that reads X-Forwarded-Prefix.
//!
//! Bodies and other headers are not looked at.

use crate::proxy::codec::head::HeaderLine;

/// The prefix that was taken off a request's path.
#[derive(Debug, Clone, Copy)]
pub struct Prefix<'a> {
    /// The prefix, such as `/shop`.
    pub path: &'a [u8],
    /// The authority that was asked.
    pub authority: &'a [u8],
}

impl Prefix<'_> {
    /// Whether a line says where something is.
    pub fn is_place(line: &HeaderLine, block: &[u8]) -> bool {
        let name = line.name(block);
        name.eq_ignore_ascii_case(b"location") || name.eq_ignore_ascii_case(b"content-location")
    }

    /// Appends what a line says where something is, as the client has to ask for it.
    pub fn write_place(&self, line: &HeaderLine, block: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(line.name(block));
        out.extend_from_slice(b": ");
        let value = line.value(block);
        let path = self.path_of(value);
        out.extend_from_slice(&value[..path]);
        let rest = &value[path..];
        let is_path = path > 0 || rest.starts_with(b"/") && !rest.starts_with(b"//");
        if is_path && !self.has_prefix(rest) {
            out.extend_from_slice(self.path);
        }
        out.extend_from_slice(rest);
        out.extend_from_slice(b"\r\n");
    }

    /// Where the path begins in an address of this site; 0 in all else.
    fn path_of(&self, value: &[u8]) -> usize {
        let is_scheme =
            |scheme: &[u8]| value.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme));
        let schemes: [&[u8]; 2] = [b"http://", b"https://"];
        let Some(scheme) = schemes.into_iter().find(|scheme| is_scheme(scheme)) else { return 0 };
        let rest = &value[scheme.len()..];
        let length = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let is_own = rest[..length].eq_ignore_ascii_case(self.authority) && rest.get(length) == Some(&b'/');
        if is_own { scheme.len() + length } else { 0 }
    }

    fn has_prefix(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(self.path);
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b'?' | b'#')))
    }

    /// Appends a Set-Cookie line. A cookie whose name begins with `__Host-` has to be for all paths.
    pub fn write_cookie(&self, line: &HeaderLine, block: &[u8], out: &mut Vec<u8>) {
        let value = line.value(block);
        out.extend_from_slice(b"set-cookie: ");
        if value.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"__host-")) {
            out.extend_from_slice(value);
        } else {
            self.write_attributes(value, out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_attributes(&self, value: &[u8], out: &mut Vec<u8>) {
        for (number, part) in value.split(|byte| *byte == b';').enumerate() {
            if number > 0 {
                out.push(b';');
            }
            match path_attribute(part).filter(|path| number > 0 && !self.has_prefix(path)) {
                None => out.extend_from_slice(part),
                Some(path) => {
                    out.extend_from_slice(b" Path=");
                    out.extend_from_slice(self.path);
                    out.extend_from_slice(
                        path.strip_suffix(b"/").filter(|rest| rest.is_empty()).unwrap_or(path),
                    );
                }
            }
        }
    }
}

/// The value of a `Path` attribute that is a path; browsers take anything else for none.
fn path_attribute(part: &[u8]) -> Option<&[u8]> {
    let (name, value) = part.split_at(part.iter().position(|byte| *byte == b'=')?);
    let value = value[1..].trim_ascii();
    (name.trim_ascii().eq_ignore_ascii_case(b"path") && value.starts_with(b"/")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::codec::lines::read_lines;

    fn with(write: impl Fn(&Prefix<'_>, &HeaderLine, &[u8], &mut Vec<u8>), line: &str) -> String {
        let block = format!("{line}\r\n\r\n");
        let mut lines = Vec::new();
        read_lines(block.as_bytes(), &mut lines, 9).unwrap();
        let prefix = Prefix { path: b"/shop", authority: b"a.example:8080" };
        let mut out = Vec::new();
        write(&prefix, &lines[0], block.as_bytes(), &mut out);
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    #[test]
    fn a_place_on_this_site_gets_the_prefix_once() {
        for (value, wanted) in [
            ("/login?to=/x", "/shop/login?to=/x"),
            ("/", "/shop/"),
            ("/shop", "/shop"),
            ("/shop/x", "/shop/x"),
            ("/shop?x", "/shop?x"),
            ("/shopping", "/shop/shopping"),
            ("http://a.example:8080/login", "http://a.example:8080/shop/login"),
            ("HTTPS://A.example:8080/", "HTTPS://A.example:8080/shop/"),
            ("https://a.example:8080/shop/x", "https://a.example:8080/shop/x"),
            ("https://a.example/login", "https://a.example/login"),
            ("https://b.example/login", "https://b.example/login"),
            ("//b.example/login", "//b.example/login"),
            ("login", "login"),
            ("../x", "../x"),
            ("?x", "?x"),
            ("http://", "http://"),
            ("", ""),
        ] {
            let line = with(
                |prefix, line, block, out| prefix.write_place(line, block, out),
                &format!("Location: {value}"),
            );
            assert_eq!(line, format!("Location: {wanted}").trim_end(), "{value}");
        }
    }

    #[test]
    fn a_cookie_is_for_paths_below_the_prefix() {
        for (value, wanted) in [
            ("a=b", "a=b"),
            ("a=b; Path=/", "a=b; Path=/shop"),
            ("a=b;path=/x ;Secure", "a=b; Path=/shop/x;Secure"),
            ("a=b; Path=/shop/x", "a=b; Path=/shop/x"),
            ("a=b; Path=", "a=b; Path="),
            ("a=b; Path=x", "a=b; Path=x"),
            ("path=/", "path=/"),
            ("__Host-a=b; Path=/", "__Host-a=b; Path=/"),
        ] {
            assert_eq!(
                with(
                    |prefix, line, block, out| prefix.write_cookie(line, block, out),
                    &format!("Set-Cookie: {value}")
                ),
                format!("set-cookie: {wanted}")
            );
        }
    }
}
