//! An explanation in sentences, for whoever asks why.

use super::{Arithmetic, Explanation, Request, Says, Standings};
use crate::rollout::{assign::Reason, table::AppRoutes};

pub(super) fn sentences(
    app: &AppRoutes,
    request: &Request<'_>,
    told: &Explanation,
    reason: Option<Reason>,
) -> Vec<String> {
    let mut lines: Vec<String> = tester(app, request, told).into_iter().collect();
    if !told.tester.decides() {
        lines.push(pin(app, request, told));
    }
    let Some(reason) = reason else {
        lines.push(nowhere(told));
        return lines;
    };
    lines.push(decision(app, told, reason));
    if told.rule == "bucket" {
        lines.push(arithmetic(app, told));
    }
    lines.extend(health(told));
    lines.extend(endpoint(told));
    lines.push(if told.tester.decides() { OVERRIDDEN.into() } else { cookie(told) });
    if told.shielded {
        lines.push(
            "Should the candidate fail this request, stable answers it and the client moves there (`shielded`)."
                .into(),
        );
    }
    lines
}

/// What becomes of the pin of a request whose release its sender chose.
const OVERRIDDEN: &str =
    "Its pin is neither read nor moved, no statistics count it, and the response is `no-store`.";

fn nowhere(told: &Explanation) -> String {
    match told.status {
        Some(status) if told.tester.decides() && told.tester.fault.is_some() => {
            format!("The answer is a page with {status} that says so.")
        }
        _ => "No release is routed, or none with endpoints: the answer is 503.".into(),
    }
}

/// What a tester's grant or header comes to, if there is one.
fn tester(app: &AppRoutes, request: &Request<'_>, told: &Explanation) -> Option<String> {
    let overriding = &app.settings.overriding;
    let header = overriding.header.as_deref().unwrap_or_default();
    let text = match (told.tester.found, told.tester.fault) {
        ("header", Some("untrusted")) => {
            let networks: Vec<String> = overriding.networks.iter().map(ToString::to_string).collect();
            let from = match request.address {
                Some(address) => format!("{address} is not in them"),
                None => "no address was said".to_owned(),
            };
            format!(
                "{header} is removed and counts for nothing: it counts from {} alone, and {from}.",
                networks.join(", ")
            )
        }
        ("header", Some("twice")) => format!("{header} stands there twice."),
        ("header", Some(_)) => {
            format!(
                "{header} names no release that is routed, or more than one: `stable`, `candidate`, a name or an id is expected."
            )
        }
        ("header", None) => format!("{header} comes from a trusted network, so it decides."),
        ("preview", Some("expired")) => "Its preview has expired.".into(),
        ("preview", Some("revoked")) => "Its preview was revoked.".into(),
        ("preview", Some("left")) => "The release that its preview showed is not routed any more.".into(),
        ("preview", Some(_)) => "Its preview was not signed for this app, or was changed since.".into(),
        ("preview", None) => "Its preview is valid, so it decides.".into(),
        _ => return None,
    };
    Some(text)
}

/// How a client is known that keeps no pin.
fn known(app: &AppRoutes, request: &Request<'_>, told: &Explanation) -> String {
    let source = &app.settings.pin;
    let bucket = told.bucket.bucket;
    let by = match (told.bucket.from, request.address) {
        ("header", _) => format!("what this one says gives bucket {bucket}"),
        ("address", Some(address)) => format!("the address {address} gives bucket {bucket}"),
        _ => "each has a bucket of its own, such as this one; say the header or the address to see another"
            .to_owned(),
    };
    format!("Clients are known by `{source}`, so no pin is read: {by}.")
}

fn pin(app: &AppRoutes, request: &Request<'_>, told: &Explanation) -> String {
    let name = &app.settings.cookie.name;
    match (told.pin.found, &told.pin.says) {
        ("valid", Some(says)) => valid(told, says),
        ("unread", _) if told.sticky => known(app, request, told),
        ("unread", _) => "The app is not sticky: pins are not read, and every request draws anew.".into(),
        ("forged", _) => format!(
            "What it carries as {name} was not signed for this app, or was changed since: it counts as no pin."
        ),
        ("foreign-key", _) => {
            format!(
                "What it carries as {name} was signed with a key that this router does not know: it counts as no pin."
            )
        }
        _ => format!("It carries no {name}: the client counts as new."),
    }
}

fn valid(told: &Explanation, says: &Says) -> String {
    let to = match (&says.release, &says.left) {
        (Some(release), _) => format!("{} ({})", release.release, release.track),
        (None, Some(_)) => "a release that left".to_owned(),
        (None, None) => "a release that this router does not know yet".to_owned(),
    };
    let endpoint = says.endpoint.as_ref().map(|address| format!(", endpoint {address}")).unwrap_or_default();
    let moves = match says.moves {
        0 => String::new(),
        1 => ", moved once on its last day of moves".to_owned(),
        count => format!(", moved {count} times on its last day of moves"),
    };
    let bucket = told.bucket.bucket;
    format!("Its pin is valid: tenure {}, {to}, bucket {bucket}{endpoint}{moves}.", says.tenure)
}

fn decision(app: &AppRoutes, told: &Explanation, reason: Reason) -> String {
    let to = told.release.as_ref().map_or("", |release| release.release.as_str());
    let drain = app.settings.drainseconds;
    match reason {
        Reason::Override => format!("Its sender chose {to}."),
        Reason::Pin => format!("The pinned release is routed, so it stays on {to}{}.", staying(told)),
        Reason::RepinEndpoint => {
            format!(
                "The pinned release is routed and the pinned endpoint does not serve, or drains: it stays on {to}, on another endpoint."
            )
        }
        Reason::Bucket if told.rule == "bucket" && told.pin.found == "valid" => {
            format!(
                "`transition` is `navigate` and this is a navigation, so its bucket decides again: it moves to {to}."
            )
        }
        Reason::Bucket | Reason::Forged | Reason::ForeignKey => format!("Its bucket decides: {to}."),
        Reason::NoCookie if told.sticky => format!("Its bucket decides: {to}."),
        Reason::NoCookie => format!("The draw decides: {to} this time."),
        Reason::Drained if told.pin.says.as_ref().is_some_and(|says| says.left.is_some()) => {
            format!("The pinned release drained and has retired: it moves to {to}.")
        }
        Reason::Drained => {
            format!(
                "The pinned release drains, its {drain} s are over and this is a navigation: it moves to {to}."
            )
        }
        Reason::DrainedEarly => {
            format!("The pinned release drains and none of its endpoints serves: it moves to {to}.")
        }
        Reason::Abort => format!("The pinned candidate was aborted: it moves to {to}."),
        Reason::Rollback => format!("The pinned release was rolled back from: it moves to {to}."),
        Reason::Replaced => format!("The pinned candidate was replaced: it moves to {to}."),
        Reason::Fallback => format!("No endpoint of the candidate serves: {to} takes it."),
        Reason::Shielded => format!("The candidate failed it: {to} takes it."),
        Reason::Ahead => {
            format!(
                "The pin is newer than what this router routes by: its bucket decides ({to}), and the pin stays as it is."
            )
        }
    }
}

/// What keeps a client on a draining release.
fn staying(told: &Explanation) -> &'static str {
    let draining = told.release.as_ref().is_some_and(|release| release.track == "draining");
    match (draining, here(told).is_some_and(|release| release.drain_over)) {
        (true, true) => " until its next navigation: the drain's time is over",
        (true, false) => " while it drains",
        _ => "",
    }
}

fn arithmetic(app: &AppRoutes, told: &Explanation) -> String {
    let Arithmetic { bucket, from, offset, place, threshold, candidate } = told.bucket;
    let whose = match from {
        "pin" | "header" | "address" => format!("Bucket {bucket}"),
        "next" => format!("The next new client at this router gets bucket {bucket}, which"),
        _ => format!("This request would draw {bucket}, which"),
    };
    if app.candidate.is_none() {
        return format!("{whose} is stable's, since there is no candidate.");
    }
    let (verdict, track) = if candidate { ("is below", "candidate") } else { ("is not below", "stable") };
    format!(
        "{whose} + {offset} (hash of the candidate's tenure) = {place} modulo 10000 {verdict} {threshold} \
         (blend {} %): {track}.",
        told.blend
    )
}

fn here(told: &Explanation) -> Option<&Standings> {
    let to = told.release.as_ref()?;
    told.releases.iter().find(|release| release.named.tenure == to.tenure)
}

/// The releases of which not everything serves.
fn health(told: &Explanation) -> impl Iterator<Item = String> + '_ {
    let hurt = told.releases.iter().filter(|release| release.serving < release.endpoints);
    hurt.map(|release| {
        let Standings { named, endpoints, serving, draining_endpoints, .. } = release;
        let drain = match draining_endpoints {
            0 => String::new(),
            count => format!(", {count} told to drain"),
        };
        format!("{serving} of {endpoints} endpoints of {} ({}) serve{drain}.", named.release, named.track)
    })
}

fn endpoint(told: &Explanation) -> Option<String> {
    let endpoint = told.endpoint.as_ref()?;
    let serving = here(told)?.serving;
    Some(match (endpoint.pinned, endpoint.serves) {
        (true, true) => format!("Endpoint {}: the pinned one, and it serves.", endpoint.address),
        (true, false) => {
            format!(
                "Endpoint {}: the pinned one; it was seen failing, and nothing better serves.",
                endpoint.address
            )
        }
        (false, true) if endpoint.kept && serving > 1 => {
            format!(
                "Endpoint {}: one of the {serving} that serve, and the same for every request like this one.",
                endpoint.address
            )
        }
        (false, true) if serving == 1 => format!("Endpoint {}: the only one that serves.", endpoint.address),
        (false, true) => format!(
            "Endpoint {}: drawn from the {serving} that serve, the less busy of two; another request may draw another.",
            endpoint.address
        ),
        (false, false) => {
            format!("Endpoint {}: drawn from all, since too few were seen serving.", endpoint.address)
        }
    })
}

fn cookie(told: &Explanation) -> String {
    let text = match (told.cookie.change, told.cookie.set) {
        ("first", true) => "The response sets a first pin.",
        ("replace", true) => "The response replaces the pin.",
        ("refresh", true) => "The response sends the pin again, so that it lasts.",
        ("first" | "replace", false) if told.asset => {
            "No pin is set: the path is that of a fingerprinted asset. The next page sets it."
        }
        ("first", false) => {
            "No pin is set: this is no navigation and says what it fetches (Sec-Fetch-Dest). The next page sets it."
        }
        ("refresh", false) => "The pin is due to be sent again, with the next page.",
        _ => "The response leaves the pin alone.",
    };
    text.into()
}
