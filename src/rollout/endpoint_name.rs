//! Names of endpoints: `name:port`, such as `web:3000`. What a name stands for is found out anew every few seconds, so
//! nothing but its spelling is checked here. Its addresses are checked each time, as if they had been written.

use std::{fmt, str::FromStr, sync::Arc};

use super::host_name::{HOST_CHARS_MAX, LABEL_CHARS_MAX, is_label};

/// An endpoint by name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName {
    host: Arc<str>,
    port: u16,
}

/// Why a text is no name of an endpoint. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointNameError {
    /// It is more than a name and a port.
    #[error("an endpoint has no scheme, user or path: write `name:port`, such as web:3000")]
    Decorated,
    /// No port follows.
    #[error("an endpoint ends in `:` and its port, 1 to 65535, such as web:3000 or 10.0.0.9:3000")]
    Port,
    /// A label is not allowed, or the whole is too long.
    #[error(
        "a name has at most {HOST_CHARS_MAX} characters, in labels of 1 to {LABEL_CHARS_MAX} letters, digits, `-` and `_` with dots \
         between them; no label begins or ends with `-`"
    )]
    Label,
    /// It ends in a number, so that some programs would read an address in it.
    #[error("the last label of a name is not a number; an address is written in full, such as 10.0.0.9:3000")]
    Number,
}

impl EndpointName {
    /// The name without the port, in lower case.
    pub fn host(&self) -> &Arc<str> {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for EndpointName {
    type Err = EndpointNameError;

    fn from_str(text: &str) -> Result<Self, EndpointNameError> {
        if text.contains(['/', '@', '?', '#', '\\']) {
            return Err(EndpointNameError::Decorated);
        }
        let (host, port) = text.rsplit_once(':').ok_or(EndpointNameError::Port)?;
        let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        let port =
            port.parse::<u16>().ok().filter(|port| is_number && *port > 0).ok_or(EndpointNameError::Port)?;
        // A dot at the end only says that no search domain is to be added.
        let labels = host.strip_suffix('.').unwrap_or(host);
        if host.len() > HOST_CHARS_MAX || !labels.split('.').all(is_label) {
            return Err(EndpointNameError::Label);
        }
        if labels.rsplit('.').next().is_none_or(is_numeric) {
            return Err(EndpointNameError::Number);
        }
        Ok(Self { host: host.to_ascii_lowercase().into(), port })
    }
}

/// Whether a last label makes the name an IPv4 address to those who read it as `inet_aton` does: 10.9, 0x7f000001.
fn is_numeric(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_host_names_and_the_names_of_compose_services() {
        for (text, written) in [
            ("web:3000", "web:3000"),
            ("Web-V1.Shop.Example:80", "web-v1.shop.example:80"),
            ("shop_web_1:8080", "shop_web_1:8080"),
            ("_grpc.web:1", "_grpc.web:1"),
            ("web.default.svc.cluster.local.:65535", "web.default.svc.cluster.local.:65535"),
            ("3com.example:80", "3com.example:80"),
            ("0xy:80", "0xy:80"),
        ] {
            assert_eq!(text.parse::<EndpointName>().map(|name| name.to_string()), Ok(written.to_owned()));
        }
        let long = format!("{}.{}:80", "a".repeat(63), "b".repeat(63));
        assert!(long.parse::<EndpointName>().is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_all_else() {
        let refusal = |text: &str| text.parse::<EndpointName>().unwrap_err();
        for text in ["http://web:3000", "web:3000/x", "user@web:3000", "web:80?x", "web:80#x", "//web:80"] {
            assert_eq!(refusal(text), EndpointNameError::Decorated, "{text}");
        }
        for text in
            ["web", "web:", "web:0", "web:65536", "web:+80", "web:80 ", "web:8\u{660}", "web:http", ""]
        {
            assert_eq!(refusal(text), EndpointNameError::Port, "{text}");
        }
        let long_name = format!("{}:80", "a.".repeat(127) + "a");
        let long_label = format!("{}:80", "a".repeat(64));
        for text in [
            ":80",
            ".:80",
            "web..x:80",
            ".web:80",
            "-web:80",
            "web-:80",
            "web.-x:80",
            "we b:80",
            " web:80",
            "w\u{e4}b:80",
            "web%2e:80",
            "web:80:80",
            "[web]:80",
            "*.web:80",
            "web\0:80",
            "web..:80",
            &long_name,
            &long_label,
        ] {
            assert_eq!(refusal(text), EndpointNameError::Label, "{text}");
        }
        for text in [
            "10.0.9:80",
            "2130706433:80",
            "0x7f.1:80",
            "010.0.0.9:80",
            "0x7f000001:80",
            "web.1:80",
            "web.0x1:80",
            "1.:80",
        ] {
            assert_eq!(refusal(text), EndpointNameError::Number, "{text}");
        }
    }
}
