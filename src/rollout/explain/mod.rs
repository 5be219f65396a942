//! Explaining: which rule gives one request its release and endpoint, and why.
//!
//! The decision itself is [`assign`]'s, asked on the table as it is (or at another blend); what stands here is only what
//! it was decided on. Nothing is drawn or counted: the caller looks at the bucket that would be drawn next. Deliberately
//! absent: key ids, MACs, endpoint tags and client numbers, so that an explanation can be shown to whoever may look.

#[cfg(test)]
mod tests;
mod words;

use serde::Serialize;

use super::{
    assign::{Asked, Assignment, Draw, Health, PinChange, PinEvidence, Reason, assign},
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
    /// The reason of the assignment; none when no release is routed.
    pub reason: Option<&'static str>,
    /// Where it goes.
    pub release: Option<Named>,
    /// The endpoint.
    pub endpoint: Option<Chosen>,
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
    /// It is the one the pin names. Otherwise one of those that serve is drawn for each request.
    pub pinned: bool,
}

/// What a pin says, verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinSaid {
    /// `none`, `valid`, `forged`, `foreign-key`, or `unread` in an app that is not sticky or knows its clients by something else.
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
    /// `pin`, `next` (what this router would draw for its next new client), or `any` (every request draws).
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
pub fn explain(
    app: &AppRoutes,
    request: &Request<'_>,
    hour: u32,
    health: &dyn Health,
    peek: Peek,
) -> Explanation {
    let navigation = is_navigation(request.method, request.sec_fetch_mode, request.accept);
    let evidence = match (app.sticky, &app.settings.pin) {
        (false, _) => PinEvidence::None,
        (true, PinSource::Cookie) => request.evidence.pin,
        // Who asks is not part of the request that is explained: anybody may.
        (true, PinSource::Header(_) | PinSource::Address) => PinEvidence::Hashed(peek.random),
    };
    let asked = Asked { pin: evidence, navigation, hour };
    let assignment = assign(app, &asked, health, &mut { peek }).ok();
    let asset = app.settings.assets.is_fingerprinted(request.path);
    let reads = matches!(request.method, b"GET" | b"HEAD" | b"OPTIONS");
    let on_candidate = assignment.is_some_and(|to| Some(to.release) == app.candidate);
    let change = assignment.map_or(PinChange::Keep, |to| to.pin);
    let mut explanation = Explanation {
        seq: app.seq,
        blend: app.blend,
        sticky: app.sticky,
        navigation,
        asset,
        rule: assignment.map_or("none", |to| rule(evidence, to.reason)),
        reason: assignment.map(|to| to.reason.as_str()),
        release: assignment.map(|to| Named::of(app, to.release)),
        endpoint: assignment.map(|to| chosen(app, evidence, &to, health)),
        pin: pin_said(app, evidence, request.evidence.values),
        bucket: arithmetic(app, evidence, peek),
        cookie: Sent {
            change: change_word(change),
            set: change.sent(navigation, request.has_destination, asset).is_some(),
        },
        shielded: on_candidate
            && reads
            && app.stable.is_some()
            && app.settings.shielding.covers(request.path.as_bytes()),
        releases: standings(app, health),
        why: Vec::new(),
    };
    explanation.why = words::sentences(app, &explanation, assignment.map(|to| to.reason));
    explanation
}

/// Which of override, pin and bucket decided.
fn rule(evidence: PinEvidence, reason: Reason) -> &'static str {
    match (reason, evidence) {
        (Reason::Override, _) => "override",
        (Reason::Bucket | Reason::Ahead, _) => "bucket",
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

fn chosen(app: &AppRoutes, evidence: PinEvidence, to: &Assignment, health: &dyn Health) -> Chosen {
    let release = &app.releases[to.release];
    let endpoint = &release.endpoints[to.endpoint];
    let by_pin = |pin: Pin| pin.tenure == release.tenure && release.by_tag(pin.endpoint) == Some(to.endpoint);
    Chosen {
        address: endpoint.address.to_string(),
        serves: takes(endpoint, health),
        pinned: matches!(evidence, PinEvidence::Valid(pin) if by_pin(pin)),
    }
}

fn pin_said(app: &AppRoutes, evidence: PinEvidence, values: usize) -> PinSaid {
    let found = match evidence {
        _ if !app.sticky => "unread",
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

fn arithmetic(app: &AppRoutes, evidence: PinEvidence, mut peek: Peek) -> Arithmetic {
    let (bucket, from) = match evidence {
        PinEvidence::Valid(pin) => (pin.bucket, "pin"),
        PinEvidence::Hashed(hash) => (bucket::of_random(hash), "any"),
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
