//! An end user with its cookie, and what can be read of an answer from outside.

use super::routing::{Draw, Evidence, Outcome, Pin};
use super::site::Site;
use super::world::name;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;
use support::visitor::pin_of;
use support::{Response, Wire};

/// An end user.
pub(super) struct Client {
    pub(super) wire: Option<Wire>,
    pub(super) cookie: Option<String>,
    pub(super) evidence: Evidence,
    /// The hour that its pin names.
    pub(super) hour: u16,
}

impl Client {
    pub(super) fn pin(&self) -> Option<Pin> {
        match self.evidence {
            Evidence::Valid(pin) => Some(pin),
            _ => None,
        }
    }
}

/// What can be read of a pin without its key (docs/design.md section 8).
pub(super) struct Read {
    pub(super) bucket: u32,
    pub(super) tenure: u32,
    pub(super) hour: u16,
    pub(super) left_candidate: bool,
    pub(super) draw: Draw,
}

impl Read {
    /// Reads a pin of format 2.
    pub(super) fn of(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 33 && bytes[0] == 2)?;
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
        };
        Some(Self {
            bucket: number(2..4),
            tenure: number(12..16),
            hour: u16::from_be_bytes([bytes[20], bytes[21]]),
            left_candidate: bytes[23] & 0x80 != 0,
            draw: Draw { epoch: bytes[24], to_candidate: bytes[23] & 0x40 != 0 },
        })
    }
}

/// Whether an answer comes from where an outcome says; the router itself answers for nobody.
pub(super) fn is_at(outcome: Outcome, answer: &Response) -> bool {
    match outcome.release {
        Some(release) => answer.header("x-release") == Some(&name(release)),
        None => {
            answer.status == 503
                && answer.header("retry-after").is_some()
                && answer.header("x-release").is_none()
        }
    }
}

pub(super) fn told(answer: &Response, sites: &BTreeMap<(usize, usize), Site>) -> String {
    let (release, endpoint) = (answer.header("x-release"), answer.header("x-endpoint").unwrap_or_default());
    let number =
        sites.iter().find(|(_, site)| site.address.to_string() == endpoint).map(|((_, number), _)| number);
    let pin = pin_of(answer).and_then(|text| Read::of(&text));
    let pin = pin.map(|pin| (pin.bucket, pin.tenure, pin.hour, pin.left_candidate, pin.draw));
    format!("{} {release:?} {number:?}, pin (bucket, tenure, hour, left, draw) {pin:?}", answer.status)
}
