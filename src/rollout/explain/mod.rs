//! Explaining: which rule gives one request its release and endpoint, and why.
//!
//! The decision itself is [`assign`]'s, asked on the table as it is (or at another blend); what stands here is only what
//! it was decided on. Nothing is drawn or counted: the caller looks at the bucket that would be drawn next. Deliberately
//! absent: key ids, MACs, endpoint tags and client numbers, so that an explanation can be shown to whoever may look.

mod tester;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;

use serde::Serialize;

use self::tester::Chooser;
pub use self::tester::TesterSaid;
use super::{
    assign::{Asked, Assignment, Draw, Health, PinChange, PinEvidence, Reason, assign, overridden},
    blend::Blend,
    bucket,
    pin::Pin,
    record::{LeftReason, Tenure},
    release::ReleaseId,
    request::{Evidence, is_navigation},
    settings::PinSource,
    table::{AppRoutes, EndpointRoute, Standing},
};

/// A request to be explained, as its head says it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a [u8],
    /// Its path, with the query if there is one.
    pub path: &'a str,
    /// `Sec-Fetch-Mode`.
    pub sec_fetch_mode: Option<&'a [u8]>,
    /// Whether `Sec-Fetch-Dest` is there.
    pub has_destination: bool,
    /// `Accept`.
    pub accept: Option<&'a [u8]>,
    /// What its cookies say.
    pub evidence: Evidence,
    /// The values of its tester's cookies.
    pub grants: &'a [&'a [u8]],
    /// The values of the app's override header.
    pub overrides: &'a [&'a [u8]],
    /// The value of the header by which the app knows its clients.
    pub known_by: Option<&'a [u8]>,
    /// Where it comes from; none where that is not said.
    pub address: Option<IpAddr>,
    /// When it comes, Unix ms.
    pub now: u64,
}

/// Why one request goes where it goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The seq of the record that routes it.
    pub seq: u64,
    /// The blend it is explained at.
    pub blend: Blend,
    /// Whether the app is sticky.
    pub sticky: bool,
    /// Whether it counts as a top-level navigation.
    pub navigation: bool,
    /// Whether its path is that of a fingerprinted asset.
    pub asset: bool,
    /// `override`, `pin`, `bucket`, or `none` when no release is routed.
    pub rule: &'static str,
    /// The status of the router's own answer; none where the request goes to an endpoint.
    pub status: Option<u16>,
    /// The reason of the assignment; none where there is none.
    pub reason: Option<&'static str>,
    /// Where it goes.
    pub release: Option<Named>,
    /// The endpoint.
    pub endpoint: Option<Chosen>,
    /// What a tester's grant or header says.
    pub tester: TesterSaid,
    /// What its pin says.
    pub pin: PinSaid,
    /// Where its bucket lies.
    pub bucket: Arithmetic,
    /// What the response does with the pin.
    pub cookie: Sent,
    /// Stable would answer it, should the candidate fail it.
    pub shielded: bool,
    /// Every routed release, and how it does.
    pub releases: Vec<Standings>,
    /// All of it in sentences.
    pub why: Vec<String>,
}

/// A release and what it is to the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The release.
    pub id: ReleaseId,
    /// Its own name.
    pub release: String,
    /// Its tenure.
    pub tenure: Tenure,
    /// `stable`, `candidate` or `draining`.
    pub track: &'static str,
}

/// The endpoint that gets the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// Its address.
    pub address: String,
    /// Whether it serves, as this router sees it, and does not drain.
    pub serves: bool,
    /// It is the one the pin names.
    pub pinned: bool,
    /// All requests like this one go there as long as it serves: by the pin, the preview, or what the client is known
    /// by. Otherwise one of those that serve is drawn for each.
    pub kept: bool,
}

/// What a pin says, verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinSaid {
    /// `none`, `valid`, `forged`, `foreign-key`, or `unread`: in an app that is not sticky or knows its clients by
    /// something else, and where a tester chose the release.
    pub found: &'static str,
    /// How many cookies bear the pin's name.
    pub values: usize,
    /// What a valid one says.
    #[serde(flatten)]
    pub says: Option<Says>,
}

/// The parts of a valid pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Says {
    /// The tenure it is pinned to.
    pub tenure: Tenure,
    /// The release of that tenure, while it is routed.
    pub release: Option<Named>,
    /// Why that tenure left, when it did.
    pub left: Option<LeftReason>,
    /// It is newer than this router's table.
    pub ahead: bool,
    /// The address of its endpoint, while the release lists it.
    pub endpoint: Option<String>,
    /// Moves on its move day.
    pub moves: u8,
    /// `shielded` or `fallback` moved the client off the candidate.
    pub left_candidate: bool,
}

/// Whether a bucket is among the candidate's: `place` below `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Arithmetic {
    /// 0..10,000.
    pub bucket: u16,
    /// `pin`, `header` or `address` (what the client is known by), `next` (what this router would draw for its next new
    /// client), or `any` (every request draws, or nothing was said of what the client is known by).
    pub from: &'static str,
    /// Hash of the candidate's tenure; 0 without a candidate.
    pub offset: u16,
    /// `(bucket + offset) mod 10000`.
    pub place: u16,
    /// The blend in hundredths of a percent.
    pub threshold: u16,
    /// Whether there is a candidate and the place is below the threshold.
    pub candidate: bool,
}

/// What the response does with the pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// `keep`, `first`, `replace` or `refresh`.
    pub change: &'static str,
    /// Whether this response carries it.
    pub set: bool,
}

/// One routed release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standings {
    #[serde(flatten)]
    #[allow(missing_docs, reason = "its fields are the object's own")]
    pub named: Named,
    /// How many endpoints it lists.
    pub endpoints: usize,
    /// How many of them serve and take requests.
    pub serving: usize,
    /// How many of them were told to drain.
    pub draining_endpoints: usize,
    /// It drains, and `drainseconds` have passed: its clients move at their next navigation.
    pub drain_over: bool,
    /// When it retires, Unix ms, if it drains.
    pub until: Option<u64>,
}

/// Looks at what would be drawn, and draws nothing.
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

/// Explains one request to an app.
pub fn explain(app: &AppRoutes, request: &Request<'_>, health: &dyn Health, peek: Peek) -> Explanation {
    let navigation = is_navigation(request.method, request.sec_fetch_mode, request.accept);
    let (tester, chooser) = tester::read(app, request);
    let (evidence, known) = evidence(app, request, chooser, peek);
    let hour = u32::try_from(request.now / 3_600_000).unwrap_or(u32::MAX);
    let asked = Asked { pin: evidence, navigation, hour };
    let (assignment, affinity) = match chooser {
        Chooser::Nobody => (assign(app, &asked, health, &mut { peek }).ok(), None),
        Chooser::Sender(release, affinity) => {
            (overridden(app, release, affinity, health, &mut { peek }).ok(), affinity)
        }
        Chooser::Vain(_) => (None, None),
    };
    let status = match chooser {
        Chooser::Vain(status) => Some(status),
        _ => assignment.is_none().then_some(503),
    };
    let asset = app.settings.assets.is_fingerprinted(request.path);
    let change = assignment.map_or(PinChange::Keep, |to| to.pin);
    let mut explanation = Explanation {
        seq: app.seq,
        blend: app.blend,
        sticky: app.sticky,
        navigation,
        asset,
        rule: if tester.decides() { "override" } else { rule(evidence, assignment) },
        status,
        reason: assignment.map(|to| to.reason.as_str()),
        release: assignment.map(|to| Named::of(app, to.release)),
        endpoint: assignment.map(|to| chosen(app, evidence, affinity.is_some(), &to, health)),
        tester,
        pin: pin_said(app, evidence, tester.decides(), request.evidence.values),
        bucket: arithmetic(app, evidence, known, peek),
        cookie: Sent {
            change: change_word(change),
            set: change.sent(navigation, request.has_destination, asset).is_some(),
        },
        shielded: assignment.is_some_and(|to| is_shielded(app, request, &to)),
        releases: standings(app, health),
        why: Vec::new(),
    };
    explanation.why = words::sentences(app, request, &explanation, assignment.map(|to| to.reason));
    explanation
}

/// What the client is known by, and the word for what that is.
fn evidence(
    app: &AppRoutes,
    request: &Request<'_>,
    chooser: Chooser,
    peek: Peek,
) -> (PinEvidence, &'static str) {
    let source = match (chooser, app.sticky, &app.settings.pin) {
        (Chooser::Nobody, true, PinSource::Cookie) => return (request.evidence.pin, "pin"),
        (Chooser::Nobody, true, source) => source,
        _ => return (PinEvidence::None, "pin"),
    };
    let named = matches!(source, PinSource::Header(_)).then_some(request.known_by).flatten();
    let (hash, known) = match (named, request.address) {
        (Some(value), _) => (app.pins.hash_client(value), "header"),
        (None, Some(address)) => (app.pins.hash_address(address), "address"),
        // Nobody said: anybody may ask.
        (None, None) => (peek.random, "any"),
    };
    (PinEvidence::Hashed(hash), known)
}

/// Whether stable would answer it, should the candidate fail it.
fn is_shielded(app: &AppRoutes, request: &Request<'_>, to: &Assignment) -> bool {
    Some(to.release) == app.candidate
        && to.reason != Reason::Override
        && matches!(request.method, b"GET" | b"HEAD" | b"OPTIONS")
        && app.stable.is_some()
        && app.settings.shielding.covers(request.path.as_bytes())
}

/// Which of pin and bucket decided.
fn rule(evidence: PinEvidence, assignment: Option<Assignment>) -> &'static str {
    match (assignment.map(|to| to.reason), evidence) {
        (None, _) => "none",
        (Some(Reason::Bucket | Reason::Ahead), _) => "bucket",
        (_, PinEvidence::Valid(_)) => "pin",
        _ => "bucket",
    }
}

impl Named {
    /// A release of an app, by its index.
    pub fn of(app: &AppRoutes, index: usize) -> Self {
        let release = &app.releases[index];
        Self {
            id: release.id.clone(),
            release: release.id.name().to_owned(),
            tenure: release.tenure,
            track: release.standing.as_str(),
        }
    }
}

/// `affine`: a preview keeps to one endpoint.
fn chosen(
    app: &AppRoutes,
    evidence: PinEvidence,
    affine: bool,
    to: &Assignment,
    health: &dyn Health,
) -> Chosen {
    let release = &app.releases[to.release];
    let endpoint = &release.endpoints[to.endpoint];
    let by_pin = |pin: Pin| pin.tenure == release.tenure && release.by_tag(pin.endpoint) == Some(to.endpoint);
    let pinned = matches!(evidence, PinEvidence::Valid(pin) if by_pin(pin));
    let serves = takes(endpoint, health);
    // Of those that serve it is then the one that its number likes best.
    let liked = serves && (affine || matches!(evidence, PinEvidence::Hashed(_)));
    Chosen { address: endpoint.address.to_string(), serves, pinned, kept: pinned || liked }
}

fn pin_said(app: &AppRoutes, evidence: PinEvidence, overridden: bool, values: usize) -> PinSaid {
    let found = match evidence {
        _ if !app.sticky || overridden => "unread",
        PinEvidence::Hashed(_) => "unread",
        PinEvidence::None => "none",
        PinEvidence::Valid(_) => "valid",
        PinEvidence::Forged => "forged",
        PinEvidence::ForeignKey => "foreign-key",
    };
    let says = match evidence {
        PinEvidence::Valid(pin) => Some(says(app, &pin)),
        _ => None,
    };
    PinSaid { found, values, says }
}

fn says(app: &AppRoutes, pin: &Pin) -> Says {
    let release = app.by_tenure(pin.tenure);
    let ahead = release.is_none() && pin.tenure > app.tenures.last;
    let endpoint = release.and_then(|index| {
        let release = &app.releases[index];
        release.by_tag(pin.endpoint).map(|endpoint| release.endpoints[endpoint].address.to_string())
    });
    Says {
        tenure: pin.tenure,
        release: release.map(|index| Named::of(app, index)),
        left: (release.is_none() && !ahead).then(|| app.left(pin.tenure)),
        ahead,
        endpoint,
        moves: pin.moves,
        left_candidate: pin.left_candidate,
    }
}

fn arithmetic(app: &AppRoutes, evidence: PinEvidence, known: &'static str, mut peek: Peek) -> Arithmetic {
    let (bucket, from) = match evidence {
        PinEvidence::Valid(pin) => (pin.bucket, known),
        PinEvidence::Hashed(hash) => (bucket::of_random(hash), known),
        _ if app.sticky => (peek.bucket, "next"),
        _ => (peek.request_bucket(app), "any"),
    };
    let offset = app.bucket_offset;
    let candidate = app.candidate.is_some() && bucket::is_candidates(bucket, offset, app.blend);
    let place = bucket::place(bucket, offset);
    Arithmetic { bucket, from, offset, place, threshold: app.blend.hundredths(), candidate }
}

const fn change_word(change: PinChange) -> &'static str {
    match change {
        PinChange::Keep => "keep",
        PinChange::First(_) => "first",
        PinChange::Replace(_) => "replace",
        PinChange::Refresh(_) => "refresh",
    }
}

fn takes(endpoint: &EndpointRoute, health: &dyn Health) -> bool {
    !endpoint.draining && health.serves(endpoint.slot)
}

fn standings(app: &AppRoutes, health: &dyn Health) -> Vec<Standings> {
    let routed = app.releases.iter().enumerate().filter(|(_, each)| each.standing != Standing::Previous);
    routed
        .map(|(index, release)| {
            let draining = match release.standing {
                Standing::Draining { until, .. } => Some(until),
                _ => None,
            };
            Standings {
                named: Named::of(app, index),
                endpoints: release.endpoints.len(),
                serving: release.endpoints.iter().filter(|endpoint| takes(endpoint, health)).count(),
                draining_endpoints: release.endpoints.iter().filter(|endpoint| endpoint.draining).count(),
                drain_over: draining.is_some() && health.drain_over(release.slot),
                until: draining,
            }
        })
        .collect()
}
