//! Composing the explanation: the assignment of a request, and the facts that it was based on.

use super::{
    explanation::{
        BucketReport, CookieReport, EndpointFailure, EndpointReport, Explanation, PinContents, PinReport,
        ReleaseReport, ReleaseSummary,
    },
    headers,
    request::{Peek, Request, Silence},
    tester::{self, TesterChoice},
    word::{BucketSource, CookieChange, PinState, Rule},
    words,
};
use crate::authority::Authority;
use crate::rollout::{
    assign::{
        Assignment, Draw, Health, PinChange, PinEvidence, Reason, RequestFacts, assign, assign_override,
    },
    bucket,
    pin::Pin,
    request::{is_navigation, is_preflight, is_subresource, withholds_pin},
    settings::PinSource,
    table::{AppRoutes, EndpointRoute, Standing},
    target::ReleaseIndex,
};

/// Explains one request to an app. `peek` answers what would be drawn next; nothing is drawn.
pub fn explain(app: &AppRoutes, request: &Request<'_>, health: &dyn Health, peek: Peek) -> Explanation {
    let navigation = is_navigation(request.method, request.sec_fetch_mode, request.accept);
    let (tester, choice) = tester::read(app, request);
    let (mut pin, source) = evidence(app, request, choice, peek);
    let silence = match choice {
        TesterChoice::None => silence(app, request, pin),
        _ => Silence::None,
    };
    if silence == Silence::Preflight {
        pin = PinEvidence::None;
    }
    let facts = RequestFacts {
        pin,
        navigation,
        anonymous: silence != Silence::None,
        resend: request.evidence.leftover.resend,
        seconds: request.now / 1_000,
    };
    let (assignment, affinity) = match choice {
        TesterChoice::None => (assign(app, &facts, health, &mut { peek }).ok(), None),
        TesterChoice::Release { release, affinity } => {
            (assign_override(app, release, affinity, health, &mut { peek }).ok(), affinity)
        }
        TesterChoice::Refused { .. } => (None, None),
    };
    let status = match choice {
        TesterChoice::Refused { status } => Some(status),
        _ => assignment.is_none().then_some(503),
    };
    let asset = app.settings.assets.is_fingerprinted(request.path);
    let mut explanation = Explanation {
        seq: app.seq,
        blend: app.blend,
        sticky: app.sticky,
        navigation,
        asset,
        rule: match silence {
            _ if tester.decides() => Rule::Override,
            Silence::None => rule(pin, assignment),
            Silence::Preflight | Silence::WithheldPin => Rule::Anonymous,
        },
        status,
        reason: assignment.map(|to| to.reason),
        release: assignment.map(|to| ReleaseSummary::of(app, to.target.release)),
        endpoint: assignment.map(|to| endpoint_report(app, pin, affinity.is_some(), &to, health)),
        failures: assignment.map(|to| failures(app, to.target.release, health)).unwrap_or_default(),
        tester,
        pin: pin_report(app, pin, tester.decides(), request.evidence.values),
        bucket: bucket_report(app, pin, source, peek),
        cookie: cookie_report(assignment, request.sec_fetch_dest.is_some_and(is_subresource), asset),
        shielded: assignment.is_some_and(|to| is_shielded(app, request, &to)),
        headers_dropped: headers::dropped(app, request),
        releases: release_reports(app, health),
        why: Vec::new(),
    };
    let reason = assignment.map(|to| to.reason);
    explanation.why = words::sentences(app, request, &explanation, silence, reason);
    explanation
}

/// What the client is known by, and the word for the source of that.
fn evidence(
    app: &AppRoutes,
    request: &Request<'_>,
    choice: TesterChoice,
    peek: Peek,
) -> (PinEvidence, BucketSource) {
    let source = match (choice, app.sticky, &app.settings.pin) {
        (TesterChoice::None, true, PinSource::Cookie) => return (request.evidence.pin, BucketSource::Pin),
        (TesterChoice::None, true, source) => source,
        _ => return (PinEvidence::None, BucketSource::Pin),
    };
    let header = matches!(source, PinSource::Header(_)).then_some(request.client_header).flatten();
    let (hash, source) = match (header, request.address) {
        (Some(value), _) => (app.pins.hash_client(value), BucketSource::Header),
        (None, Some(address)) => (app.pins.hash_address(address), BucketSource::Address),
        // The client is not described, so any client stands for it.
        (None, None) => (peek.random, BucketSource::Any),
    };
    (PinEvidence::Hashed(hash), source)
}

/// Why a request says nothing about its client.
fn silence(app: &AppRoutes, request: &Request<'_>, pin: PinEvidence) -> Silence {
    if is_preflight(request.method, request.origin, request.requested_method) {
        return Silence::Preflight;
    }
    let host = Authority::split(request.host.unwrap_or_default());
    let withheld = app.sticky
        && pin == PinEvidence::None
        && app.pin_cookies.by(request.https).withheld
        && withholds_pin(request.method, request.sec_fetch_site, request.origin, host);
    if withheld { Silence::WithheldPin } else { Silence::None }
}

/// Whether stable would answer, should the candidate fail this request.
fn is_shielded(app: &AppRoutes, request: &Request<'_>, to: &Assignment) -> bool {
    Some(to.target.release) == app.candidate
        && to.reason != Reason::Override
        && matches!(request.method, b"GET" | b"HEAD" | b"OPTIONS")
        && app.stable.is_some()
        && app.settings.shielding.covers(request.path.as_bytes())
}

/// Whether the pin or the bucket decided.
fn rule(pin: PinEvidence, assignment: Option<Assignment>) -> Rule {
    match (assignment.map(|to| to.reason), pin) {
        (None, _) => Rule::None,
        (Some(Reason::Bucket | Reason::Ahead), _) => Rule::Bucket,
        (_, PinEvidence::Valid(_)) => Rule::Pin,
        _ => Rule::Bucket,
    }
}

/// `affine`: a preview keeps to one endpoint.
fn endpoint_report(
    app: &AppRoutes,
    pin: PinEvidence,
    affine: bool,
    to: &Assignment,
    health: &dyn Health,
) -> EndpointReport {
    let (release, endpoint) = (app.release(to.target.release), app.endpoint(to.target));
    let by_pin =
        |pin: Pin| pin.tenure == release.tenure && release.by_tag(pin.endpoint) == Some(to.target.endpoint);
    let pinned = matches!(pin, PinEvidence::Valid(pin) if by_pin(pin));
    let serves = takes_requests(endpoint, health);
    // A serving endpoint was then chosen by the client's number, which is the same for its next request.
    let by_number = serves && (affine || matches!(pin, PinEvidence::Hashed(_)));
    let name = release.name_of(endpoint.address).map(ToString::to_string);
    EndpointReport { address: endpoint.address.to_string(), name, serves, pinned, kept: pinned || by_number }
}

fn failures(app: &AppRoutes, release: ReleaseIndex, health: &dyn Health) -> Vec<EndpointFailure> {
    let endpoints = app.release(release).endpoints.iter();
    endpoints
        .filter_map(|endpoint| {
            let failure = health.last_failure(endpoint.slot)?;
            Some(EndpointFailure { address: endpoint.address.to_string(), failure })
        })
        .collect()
}

fn pin_report(app: &AppRoutes, pin: PinEvidence, overridden: bool, values: usize) -> PinReport {
    let found = match pin {
        _ if !app.sticky || overridden => PinState::Unread,
        PinEvidence::Hashed(_) => PinState::Unread,
        PinEvidence::None => PinState::None,
        PinEvidence::Valid(_) => PinState::Valid,
        PinEvidence::Forged => PinState::Forged,
        PinEvidence::ForeignKey => PinState::ForeignKey,
    };
    let contents = match pin {
        PinEvidence::Valid(pin) => Some(pin_contents(app, &pin)),
        _ => None,
    };
    PinReport { found, values, contents }
}

fn pin_contents(app: &AppRoutes, pin: &Pin) -> PinContents {
    let release = app.by_tenure(pin.tenure);
    let ahead = release.is_none() && pin.tenure > app.tenures.last;
    let endpoint = release.and_then(|index| {
        let release = app.release(index);
        release.by_tag(pin.endpoint).map(|endpoint| release.endpoint(endpoint).address.to_string())
    });
    PinContents {
        tenure: pin.tenure,
        release: release.map(|index| ReleaseSummary::of(app, index)),
        left: (release.is_none() && !ahead).then(|| app.left(pin.tenure)),
        ahead,
        endpoint,
        moves: pin.moves,
        left_candidate: pin.left_candidate,
    }
}

fn bucket_report(app: &AppRoutes, pin: PinEvidence, source: BucketSource, mut peek: Peek) -> BucketReport {
    let (bucket, from) = match pin {
        PinEvidence::Valid(pin) => (pin.bucket, source),
        PinEvidence::Hashed(hash) => (bucket::of_random(hash), source),
        _ if app.sticky => (peek.bucket, BucketSource::Next),
        _ => (peek.request_bucket(app), BucketSource::Any),
    };
    let offset = app.bucket_offset;
    let candidate = app.candidate.is_some() && bucket::is_candidates(bucket, offset, app.blend);
    let place = bucket::place(bucket, offset);
    BucketReport { bucket, from, offset, place, threshold: app.blend.hundredths(), candidate }
}

fn cookie_report(assignment: Option<Assignment>, subresource: bool, asset: bool) -> CookieReport {
    let pin = assignment.map_or(PinChange::Keep, |to| to.pin);
    let change = match pin {
        PinChange::Keep => CookieChange::Keep,
        PinChange::First(_) => CookieChange::First,
        PinChange::Replace(_) => CookieChange::Replace,
        PinChange::Refresh(_) => CookieChange::Refresh,
    };
    CookieReport { change, set: pin.pin_to_send(subresource, asset).is_some() }
}

fn takes_requests(endpoint: &EndpointRoute, health: &dyn Health) -> bool {
    !endpoint.draining && health.serves(endpoint.slot)
}

fn release_reports(app: &AppRoutes, health: &dyn Health) -> Vec<ReleaseReport> {
    let releases = app.releases.iter().enumerate();
    releases
        .map(|(index, release)| {
            let until = match release.standing {
                Standing::Draining { until, .. } => Some(until),
                _ => None,
            };
            let endpoints = || release.endpoints.iter();
            ReleaseReport {
                summary: ReleaseSummary::of(app, ReleaseIndex(index)),
                endpoints: release.endpoints.len(),
                serving: endpoints().filter(|endpoint| takes_requests(endpoint, health)).count(),
                draining_endpoints: endpoints().filter(|endpoint| endpoint.draining).count(),
                drain_over: until.is_some() && health.drain_over(release.slot),
                until,
            }
        })
        .collect()
}
