//! A port of a container, and the one of its host where it is published: `80`, `8080:80`, `8080:80/tcp`.

use std::{fmt, str::FromStr};

use crate::rollout::text_form::serde_as_text;

/// A port of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// The port of the host; none: whichever is free.
    pub host: Option<u16>,
    /// The port in the container.
    pub container: u16,
}

/// A text is no port. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a port is `80`, `80/tcp` or `8080:80`, each from 1 to 65535; UDP, ranges and addresses of the host are not allowed"
)]
pub struct PortError;

impl FromStr for Port {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let text = text.strip_suffix("/tcp").unwrap_or(text);
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| digits && *port > 0).ok_or(PortError)
        };
        match text.split_once(':') {
            None => Ok(Self { host: None, container: number(text)? }),
            // `0` and nothing stand for any free one.
            Some(("" | "0", container)) => Ok(Self { host: None, container: number(container)? }),
            Some((host, container)) => Ok(Self { host: Some(number(host)?), container: number(container)? }),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Some(host) => write!(f, "{host}:{}", self.container),
            None => write!(f, "{}", self.container),
        }
    }
}

serde_as_text!(Port);
