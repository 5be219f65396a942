//! The explanation in sentences.

use super::{
    explanation::{BucketReport, EndpointFailure, Explanation, PinContents, ReleaseReport},
    headers,
    request::{Request, Silence},
    word::{BucketSource, CookieChange, PinState, Rule, TesterFault, TesterMeans, TrackName},
};
use crate::{
    rollout::{assign::Reason, table::AppRoutes},
    span::in_words,
};

pub(super) fn sentences(
    app: &AppRoutes,
    request: &Request<'_>,
    explanation: &Explanation,
    silence: Silence,
    reason: Option<Reason>,
) -> Vec<String> {
    let mut lines: Vec<String> = tester(app, request, explanation).into_iter().collect();
    if !explanation.tester.decides() {
        lines.push(pin(app, request, explanation));
    }
    lines.extend(headers::sentences(app, explanation));
    let Some(reason) = reason else {
        lines.push(nowhere(explanation));
        return lines;
    };
    lines.push(anonymous(silence, explanation).unwrap_or_else(|| decision(app, explanation, reason)));
    if explanation.rule == Rule::Bucket {
        lines.push(arithmetic(app, explanation));
    }
    lines.extend(health(explanation));
    lines.extend(endpoint(explanation));
    lines.extend(explanation.failures.iter().map(|failure| failed(request, failure)));
    lines.push(if explanation.tester.decides() { OVERRIDDEN.into() } else { cookie(explanation) });
    if explanation.shielded {
        lines.push(
            "If the candidate fails this request, stable answers it and the client moves there (`shielded`)."
                .into(),
        );
    }
    lines
}

/// What happens to the pin when a tester chose the release.
const OVERRIDDEN: &str =
    "Its pin is neither read nor changed, no statistics count the request, and the response is `no-store`.";

fn nowhere(explanation: &Explanation) -> String {
    match explanation.status {
        Some(status) if explanation.tester.decides() && explanation.tester.fault.is_some() => {
            format!("The router answers {status}, with a page that says so.")
        }
        _ => "The app has no stable release with an endpoint: the router answers 503.".into(),
    }
}

/// Why a request goes to stable that says nothing about its client.
fn anonymous(silence: Silence, explanation: &Explanation) -> Option<String> {
    let why = match silence {
        Silence::None => return None,
        Silence::Preflight => {
            "It is a CORS preflight, which carries no cookies. If stable's answer allows the origin and not the rest, a candidate at a blend above 0 is asked as well"
        }
        Silence::WithheldPin => {
            "It comes from another site and does more than read, so the browser would not send a pin that is Lax or Strict, and the client may have one"
        }
    };
    let to = explanation.release.as_ref().map_or("", |release| release.release.as_str());
    Some(format!("{why}: {to} gets it, and nothing is drawn."))
}

/// What a tester's preview or header comes to, if there is one.
fn tester(app: &AppRoutes, request: &Request<'_>, explanation: &Explanation) -> Option<String> {
    let overriding = &app.settings.overriding;
    let header = overriding.header.as_deref().unwrap_or_default();
    let text = match (explanation.tester.found, explanation.tester.fault) {
        (TesterMeans::Header, Some(TesterFault::Untrusted)) => {
            let networks: Vec<String> = overriding.networks.iter().map(ToString::to_string).collect();
            let from = match request.address {
                Some(address) => format!("{address} is in none of these networks"),
                None => "the address of this request is not given".to_owned(),
            };
            format!(
                "The header {header} is removed and ignored: it is trusted from {} only, and {from}.",
                networks.join(", ")
            )
        }
        (TesterMeans::Header, Some(TesterFault::Twice)) => {
            format!("The request has the header {header} twice; only one is allowed.")
        }
        (TesterMeans::Header, Some(_)) => {
            format!(
                "The header {header} must name one routed release: by `stable`, `candidate`, its name or its id."
            )
        }
        (TesterMeans::Header, None) => {
            format!("The header {header} comes from a trusted network, so it decides.")
        }
        (TesterMeans::Preview, Some(TesterFault::Expired)) => "Its preview has expired.".into(),
        (TesterMeans::Preview, Some(TesterFault::Revoked)) => "Its preview was revoked.".into(),
        (TesterMeans::Preview, Some(TesterFault::Left)) => {
            "The release of its preview is not routed any more.".into()
        }
        (TesterMeans::Preview, Some(_)) => {
            "Its preview was not signed for this app, or was changed afterwards.".into()
        }
        (TesterMeans::Preview, None) => "Its preview is valid, so it decides.".into(),
        (TesterMeans::None, _) => return None,
    };
    Some(text)
}

/// What the bucket of a client without a pin follows from.
fn known(app: &AppRoutes, request: &Request<'_>, explanation: &Explanation) -> String {
    let source = &app.settings.pin;
    let bucket = explanation.bucket.bucket;
    let by = match (explanation.bucket.from, request.address) {
        (BucketSource::Header, _) => format!("the value of this request gives bucket {bucket}"),
        (BucketSource::Address, Some(address)) => format!("the address {address} gives bucket {bucket}"),
        _ => format!(
            "each client has its own bucket, such as {bucket}; add the header or the address to see one client's"
        ),
    };
    format!("Clients are known by `{source}`, so no pin is read: {by}.")
}

fn pin(app: &AppRoutes, request: &Request<'_>, explanation: &Explanation) -> String {
    let set = &app.pin_cookies.by(request.https).set;
    let name = set.before.trim_end_matches('=');
    match (explanation.pin.found, &explanation.pin.contents) {
        (PinState::Valid, Some(contents)) => valid(explanation, contents),
        (PinState::Unread, _) if explanation.sticky => known(app, request, explanation),
        (PinState::Unread, _) => {
            "The app is not sticky: no pin is read, and every request draws a new bucket.".into()
        }
        (PinState::Forged, _) => format!(
            "The cookie {name} was not signed for this app, or was changed afterwards, so it is not a valid pin."
        ),
        (PinState::ForeignKey, _) => {
            format!(
                "The cookie {name} was signed with a key that this router does not know, so it is not a valid pin."
            )
        }
        _ => format!("It has no cookie {name}: the client counts as new."),
    }
}

fn valid(explanation: &Explanation, contents: &PinContents) -> String {
    let to = match (&contents.release, &contents.left) {
        (Some(release), _) => format!("{} ({})", release.release, release.track),
        (None, Some(_)) => "a release that is not routed any more".to_owned(),
        (None, None) => "a release that this router does not know yet".to_owned(),
    };
    let endpoint =
        contents.endpoint.as_ref().map(|address| format!(", endpoint {address}")).unwrap_or_default();
    let moves = match contents.moves {
        0 => String::new(),
        1 => ", moved once on the day of its last move".to_owned(),
        count => format!(", moved {count} times on the day of its last move"),
    };
    let bucket = explanation.bucket.bucket;
    format!("Its pin is valid: tenure {}, {to}, bucket {bucket}{endpoint}{moves}.", contents.tenure)
}

fn decision(app: &AppRoutes, explanation: &Explanation, reason: Reason) -> String {
    let to = explanation.release.as_ref().map_or("", |release| release.release.as_str());
    match reason {
        Reason::Override => format!("Its sender chose {to}."),
        Reason::Pin => {
            format!("The pinned release is routed, so the client stays on {to}{}.", staying(explanation))
        }
        Reason::RepinEndpoint => {
            format!(
                "The pinned release is routed, but the pinned endpoint does not serve or drains: the client stays on {to}, on another endpoint."
            )
        }
        Reason::Bucket if explanation.rule == Rule::Bucket && explanation.pin.found == PinState::Valid => {
            format!(
                "`transition` is `navigate` and this is a navigation, so its bucket decides again: the client moves to {to}."
            )
        }
        Reason::Bucket | Reason::Forged | Reason::ForeignKey => format!("Its bucket decides: {to}."),
        Reason::NoCookie if explanation.sticky => format!("Its bucket decides: {to}."),
        Reason::NoCookie => format!("The draw decides: {to} this time."),
        Reason::Drained
            if explanation.pin.contents.as_ref().is_some_and(|contents| contents.left.is_some()) =>
        {
            format!("The pinned release drained and has retired: the client moves to {to}.")
        }
        Reason::Drained => {
            let drain = in_words(app.settings.drainseconds.into());
            format!(
                "The pinned release drains, its {drain} have passed and this is a navigation: the client moves to {to}."
            )
        }
        Reason::DrainedEarly => {
            format!("The pinned release drains and none of its endpoints serves: the client moves to {to}.")
        }
        Reason::Abort => format!("The pinned candidate was aborted: the client moves to {to}."),
        Reason::Rollback => format!("A rollback left the pinned release: the client moves to {to}."),
        Reason::Replaced => format!("The pinned candidate was replaced: the client moves to {to}."),
        Reason::Fallback => format!("No endpoint of the candidate serves: {to} gets the request."),
        Reason::Shielded => format!("The candidate failed the request: {to} answers it."),
        Reason::Ahead => {
            format!(
                "The pin is newer than the record that this router routes by: its bucket decides ({to}), and the pin is not changed."
            )
        }
    }
}

/// How long a client stays on a draining release.
fn staying(explanation: &Explanation) -> &'static str {
    let draining = explanation.release.as_ref().is_some_and(|release| release.track == TrackName::Draining);
    match (draining, here(explanation).is_some_and(|release| release.drain_over)) {
        (true, true) => " until its next navigation: `drainseconds` have passed",
        (true, false) => " while it drains",
        _ => "",
    }
}

fn arithmetic(app: &AppRoutes, explanation: &Explanation) -> String {
    let BucketReport { bucket, from, offset, place, threshold, candidate } = explanation.bucket;
    let whose = match from {
        BucketSource::Pin | BucketSource::Header | BucketSource::Address => format!("Bucket {bucket}"),
        BucketSource::Next => format!("The next new client at this router gets bucket {bucket}, which"),
        BucketSource::Any => format!("This request would draw {bucket}, which"),
    };
    if app.candidate.is_none() {
        return format!("{whose} goes to stable, since there is no candidate.");
    }
    let (verdict, track) = if candidate { ("is below", "candidate") } else { ("is not below", "stable") };
    format!(
        "{whose} + {offset} (hash of the candidate's tenure) = {place} modulo 10000 {verdict} {threshold} \
         (blend {} %): {track}.",
        explanation.blend
    )
}

fn here(explanation: &Explanation) -> Option<&ReleaseReport> {
    let to = explanation.release.as_ref()?;
    explanation.releases.iter().find(|release| release.summary.tenure == to.tenure)
}

/// The releases with endpoints that do not serve.
fn health(explanation: &Explanation) -> impl Iterator<Item = String> + '_ {
    let hurt = explanation.releases.iter().filter(|release| release.serving < release.endpoints);
    hurt.map(|release| {
        let ReleaseReport { summary, endpoints, serving, draining_endpoints, .. } = release;
        let drain = match draining_endpoints {
            0 => String::new(),
            count => format!(", {count} told to drain"),
        };
        format!("{serving} of {endpoints} endpoints of {} ({}) serve{drain}.", summary.release, summary.track)
    })
}

/// With what an endpoint last failed a request: who saw a 502 looks here.
fn failed(request: &Request<'_>, failed: &EndpointFailure) -> String {
    let seconds = request.now.saturating_sub(failed.failure.at) / 1_000;
    format!("Endpoint {} last failed a request {seconds} s ago: {}.", failed.address, failed.failure.cause)
}

fn endpoint(explanation: &Explanation) -> Option<String> {
    let endpoint = explanation.endpoint.as_ref()?;
    let serving = here(explanation)?.serving;
    let title = endpoint.title();
    Some(match (endpoint.pinned, endpoint.serves) {
        (true, true) => format!("Endpoint {title}: it is the pinned one, and it serves."),
        (true, false) => {
            format!(
                "Endpoint {title}: it is the pinned one. It does not serve, but no other endpoint does either."
            )
        }
        (false, true) if endpoint.kept && serving > 1 => {
            format!(
                "Endpoint {title}: it is one of the {serving} that serve, and the same for every request like this one."
            )
        }
        (false, true) if serving == 1 => {
            format!("Endpoint {title}: it is the only one that serves.")
        }
        (false, true) => format!(
            "Endpoint {title}: it is drawn from the {serving} that serve, the less busy of two. Another request may draw another."
        ),
        (false, false) => {
            format!("Endpoint {title}: it is drawn from all endpoints, since too few serve.")
        }
    })
}

fn cookie(explanation: &Explanation) -> String {
    let text = match (explanation.cookie.change, explanation.cookie.set) {
        (CookieChange::First, true) => "The response sets a first pin.",
        (CookieChange::Replace, true) => "The response replaces the pin.",
        (CookieChange::Refresh, true) => "The response sends the pin again, so that it lasts.",
        (CookieChange::First | CookieChange::Replace, false) if explanation.asset => {
            "No pin is set: the path is that of a fingerprinted asset. The next page sets it."
        }
        (CookieChange::First, false) => {
            "No pin is set: this is what a page loads for itself. The page's own answer sets it."
        }
        (CookieChange::Refresh, false) => "The next answer sends the pin again, so that it lasts.",
        _ => "The response does not change the pin.",
    };
    text.into()
}
