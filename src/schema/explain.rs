//! Why a request goes where it goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::rollout::{
    blend::Blend,
    explain::{Explanation as Findings, TrackName},
};

/// Describe a request, to be told where it goes and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
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
    /// Headers by name. Those that count: Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest, Sec-Fetch-Site, Origin,
    /// Access-Control-Request-Method, X-Forwarded-Proto (`https`: the request comes by https), the header of the app setting
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Explanation {
    /// The app's name.
    pub app: String,
    /// Whether the blend was asked for and is not the app's.
    pub supposed: bool,
    /// The host that was asked about, and where it leads; null: none was.
    pub host: Option<ExplainedHost>,
    /// What the router found.
    #[serde(flatten)]
    pub findings: Findings,
}

/// A host, and the app that it leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ExplainedHost {
    /// The host that was asked about.
    pub asked: String,
    /// The app that it leads to; null: none, so the answer is 421.
    pub app: Option<String>,
}
