//! The request to explain, and the draws it would meet.

use std::net::IpAddr;

use crate::rollout::{assign::Draw, request::Evidence, table::AppRoutes};

/// The request to explain, as its head describes it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a [u8],
    /// Its path, with the query if there is one.
    pub path: &'a str,
    /// `Sec-Fetch-Mode`.
    pub sec_fetch_mode: Option<&'a [u8]>,
    /// `Sec-Fetch-Dest`.
    pub sec_fetch_dest: Option<&'a [u8]>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a [u8]>,
    /// `Origin`.
    pub origin: Option<&'a [u8]>,
    /// `Access-Control-Request-Method`.
    pub requested_method: Option<&'a [u8]>,
    /// Its host, if it is known.
    pub host: Option<&'a str>,
    /// Whether it comes by https.
    pub https: bool,
    /// `Accept`.
    pub accept: Option<&'a [u8]>,
    /// What its cookies say.
    pub evidence: Evidence,
    /// The values of its tester's cookies: preview tokens.
    pub preview_tokens: &'a [&'a [u8]],
    /// The values of the app's override header.
    pub override_values: &'a [&'a [u8]],
    /// The value of the header that the app's setting `pin` names.
    pub client_header: Option<&'a [u8]>,
    /// The names of its header lines.
    pub header_names: &'a [&'a str],
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// When it arrives, Unix ms.
    pub now: u64,
}

/// Answers what would be drawn next, without drawing it.
#[derive(Debug, Clone, Copy)]
pub struct Peek {
    /// The bucket that the next new client would get.
    pub bucket: u16,
    /// Any number, for the choice among endpoints.
    pub random: u64,
}

impl Draw for Peek {
    fn bucket(&mut self, _: &AppRoutes) -> u16 {
        self.bucket
    }

    fn random(&mut self) -> u64 {
        self.random
    }
}

/// Why a request says nothing about its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// It does say something, or the client may be new.
    None,
    /// It is a CORS preflight.
    Preflight,
    /// It comes from another site and does more than read, so the browser withholds the pin.
    WithheldPin,
}
