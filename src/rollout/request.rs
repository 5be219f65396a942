//! What routing reads from a request beside its Host: whether it is a navigation, and the pins in its cookies.
//!
//! This is part of the core and not of the data plane, so that explaining a request and routing it use the same code.

use super::{assign::PinEvidence, cookie, table::AppRoutes};

/// What the cookies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The pin.
    pub pin: PinEvidence,
    /// How many cookies bear the pin's name.
    pub values: usize,
    /// How many cookies bear the name of the tester's cookie.
    pub previews: usize,
}

impl Evidence {
    /// Reads the values of a request's Cookie lines.
    pub fn read<'a>(app: &AppRoutes, cookies: impl Iterator<Item = &'a [u8]>) -> Self {
        let name = app.settings.cookie.name.as_bytes();
        let mut evidence = Self::default();
        for line in cookies {
            for found in cookie::find(line, name) {
                if found.preview {
                    evidence.previews += 1;
                } else {
                    evidence.pin = evidence.pin.add(app, found.value);
                    evidence.values += 1;
                }
            }
        }
        evidence
    }
}

/// Whether a browser is loading a page. Browsers send `Sec-Fetch-Mode` only to https and localhost. Sites on plain http must
/// drain and renew pins as well, so without that header a GET that accepts HTML counts as a navigation.
pub fn is_navigation(method: &[u8], sec_fetch_mode: Option<&[u8]>, accept: Option<&[u8]>) -> bool {
    match sec_fetch_mode {
        Some(mode) => mode.eq_ignore_ascii_case(b"navigate"),
        None => method == b"GET" && accept.is_some_and(accepts_html),
    }
}

fn accepts_html(accept: &[u8]) -> bool {
    let mut members = accept.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    members.any(|member| member.get(..9).is_some_and(|media| media.eq_ignore_ascii_case(b"text/html")))
}
