//! Why a request goes where it goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::release::RoutedRelease;
use crate::rollout::{blend::Blend, record::LeftReason};

/// Describe a request, to be told where it goes and why.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The host, to see which app it leads to.
    pub host: Option<String>,
    /// The path, with its query; left out: `/`.
    pub path: Option<String>,
    /// The method; left out: `GET`.
    pub method: Option<String>,
    /// A Cookie header's value, or the value of the pin cookie alone.
    pub cookies: Option<String>,
    /// Headers by name. Those that count: Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest, the header of the app setting
    /// `override`, and the one of `pin`.
    pub headers: Option<BTreeMap<String, String>>,
    /// Explain it as if the blend were this, 0 to 100 with at most two decimals.
    pub blend: Option<Blend>,
    /// A preview link, or the token in it; the same as the tester's cookie among `cookies`.
    pub preview: Option<String>,
    /// The IP address that the request comes from: what `override.networks` and clients without cookies go by. Behind
    /// trusted proxies it is what the last of them says.
    pub address: Option<String>,
}

/// Why a request goes where it goes. No key, MAC or client number is told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// The app's name.
    pub app: String,
    /// The seq of the record that this router routes by.
    pub seq: u64,
    /// The blend that it is explained at, in percent.
    pub blend: Blend,
    /// Whether that blend was asked for and is not the app's.
    pub supposed: bool,
    /// Whether the app is sticky.
    pub sticky: bool,
    /// The host that was asked about, and where it leads; null: none was.
    pub host: Option<ExplainedHost>,
    /// Whether the request counts as a top-level navigation.
    pub navigation: bool,
    /// Whether its path is that of a fingerprinted asset.
    pub asset: bool,
    /// What decided: `override` (a tester's grant or header, also one that leads nowhere), `pin`, `bucket`, or `none` where
    /// no release is routed.
    pub rule: String,
    /// The status of the router's own answer: 503 where no release is routed, 400, 403, 404 or 410 where a tester's grant or
    /// header leads nowhere; null where the request goes to an endpoint.
    pub status: Option<u16>,
    /// The reason of the assignment, as in metrics and the access log; null: there is no assignment.
    pub reason: Option<String>,
    /// The release that it goes to; null: none.
    pub release: Option<RoutedRelease>,
    /// The endpoint that it goes to; null: none.
    pub endpoint: Option<ExplainedEndpoint>,
    /// What a tester's grant or header says.
    pub tester: TesterEvidence,
    /// What the pin says, verified.
    pub pin: PinEvidence,
    /// Where its bucket lies.
    pub bucket: BucketPlace,
    /// What the response does with the pin cookie.
    pub cookie: CookieChange,
    /// Whether stable would answer it, should the candidate fail it.
    pub shielded: bool,
    /// Every routed release, and how it does.
    pub releases: Vec<ReleaseHealth>,
    /// All of it in sentences.
    pub why: Vec<String>,
}

/// A host, and the app that it leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplainedHost {
    /// The host that was asked about.
    pub asked: String,
    /// The app that it leads to; null: none, so the answer is 421.
    pub app: Option<String>,
}

/// The endpoint that gets a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplainedEndpoint {
    /// Its address, `ip:port`.
    pub address: String,
    /// Whether it serves, as this router sees it, and does not drain.
    pub serves: bool,
    /// Whether the pin names it.
    pub pinned: bool,
    /// Whether all requests like this one go there as long as it serves: by the pin, the preview, or what the client is
    /// known by.
    pub kept: bool,
}

/// What a tester's grant or header says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TesterEvidence {
    /// `none`, `preview` (a grant) or `header`.
    pub found: String,
    /// Why it leads nowhere: `forged`, `expired`, `revoked`, `left`, `twice` or `unknown-release`; or `untrusted`: the
    /// header does not count, since it comes from elsewhere than the app's `override.networks`. Null: nothing is wrong.
    pub fault: Option<String>,
    /// When the grant ends, Unix ms; null: there is none.
    pub expires: Option<u64>,
}

/// What a pin says, verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PinEvidence {
    /// `none`, `valid`, `forged`, `foreign-key`, or `unread`: where the app is not sticky, knows its clients by something
    /// else, or a tester chose the release.
    pub found: String,
    /// How many cookies bear the pin's name.
    pub values: usize,
    /// What a valid pin says; its fields are missing where there is none.
    #[serde(flatten)]
    pub says: Option<ValidPin>,
}

/// The parts of a valid pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidPin {
    /// The tenure that it is pinned to.
    pub tenure: u32,
    /// The release of that tenure; null: it is not routed any more.
    pub release: Option<RoutedRelease>,
    /// Why that tenure left; null: it did not.
    pub left: Option<LeftReason>,
    /// Whether it is newer than what this router routes by.
    pub ahead: bool,
    /// The address of its endpoint, `ip:port`; null: the release does not list it.
    pub endpoint: Option<String>,
    /// How often the client moved on the day of its last move.
    pub moves: u8,
    /// Whether `shielded` or `fallback` moved the client off the candidate.
    pub left_candidate: bool,
}

/// Whether a bucket is among the candidate's: `place` below `threshold`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BucketPlace {
    /// 0 to 9999.
    pub bucket: u16,
    /// Where it comes from: `pin`; `header` or `address`, which the client is known by; `next`: what this router would draw
    /// for its next new client; `any`: every request draws, or nothing was said of what the client is known by.
    pub from: String,
    /// The hash of the candidate's tenure; 0 without a candidate.
    pub offset: u16,
    /// (bucket + offset) modulo 10000.
    pub place: u16,
    /// The blend in hundredths of a percent.
    pub threshold: u16,
    /// Whether there is a candidate, and the place is below the threshold.
    pub candidate: bool,
}

/// What a response does with the pin cookie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CookieChange {
    /// `keep`, `first`, `replace` or `refresh`.
    pub change: String,
    /// Whether this response sets the cookie.
    pub set: bool,
}

/// A routed release, and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHealth {
    /// Its id.
    pub id: String,
    /// Its own name.
    pub release: String,
    /// The number of this stay on tracks.
    pub tenure: u32,
    /// What it is to the app: `stable`, `candidate` or `draining`.
    pub track: String,
    /// How many endpoints it lists.
    pub endpoints: usize,
    /// How many of them serve and take requests.
    pub serving: usize,
    /// How many of them were told to drain.
    pub draining_endpoints: usize,
    /// Whether it drains, and its clients move at their next navigation.
    pub drain_over: bool,
    /// When it retires, Unix ms; null: it does not drain.
    pub until: Option<u64>,
}
