//! What routing reads of a request beside its Host: whether it is a navigation, and the pins in its cookies.
//!
//! Here and not in the data plane, so that whoever explains a request reads it with the same eyes as whoever routes it.

use super::{assign::PinEvidence, cookie, table::AppRoutes};

/// What the cookies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The pin.
    pub pin: PinEvidence,
    /// How many cookies bear its name.
    pub values: usize,
    /// How many bear that of a tester's cookie.
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

/// Whether a browser loads a page. It says so itself (`Sec-Fetch-Mode`) only towards https and localhost (Fetch Metadata
/// sends nothing to other origins), and a site on plain http must drain and renew its pins too: there, a GET that asks
/// for a page is one.
pub fn is_navigation(method: &[u8], sec_fetch_mode: Option<&[u8]>, accept: Option<&[u8]>) -> bool {
    match sec_fetch_mode {
        Some(mode) => mode.eq_ignore_ascii_case(b"navigate"),
        None => method == b"GET" && accept.is_some_and(names_html),
    }
}

fn names_html(accept: &[u8]) -> bool {
    let mut members = accept.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    members.any(|member| member.get(..9).is_some_and(|media| media.eq_ignore_ascii_case(b"text/html")))
}
