//! How an app is shown: a few lines, after `status` and after every change.

use super::{
    duration::rough,
    plan_lines,
    printer::{Printer, Style},
};
use crate::{
    clock::Clock,
    schema::{
        activity::{Activity, Moves},
        app::{App, Frozen, Halt, HaltKind, LocalAbort, Lock, NextFreeze, Waiter},
        approval::ReleaseApprovals,
        endpoint::Endpoint,
        plan::Plan,
        release::{DrainCause, Release},
    },
    span::in_words,
};

/// The lines that show one app now.
pub(super) fn now(app: &App, printer: &Printer) -> Vec<String> {
    lines(app, printer, Clock::system().wall_ms())
}

/// The candidate's id, which a change sends along as what was seen.
pub(super) fn candidate_id(app: &App) -> Option<String> {
    app.candidate.as_ref().map(|candidate| candidate.id.clone())
}

/// The candidate's name, for a sentence.
pub(super) fn candidate_name(app: &App) -> &str {
    app.candidate.as_ref().map_or("the candidate", Release::name)
}

/// A reason after a colon, if there is one.
pub(super) fn quoted(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": \"{reason}\"") }
}

/// The lines that show one app at this time (Unix ms).
fn lines(app: &App, printer: &Printer, now: u64) -> Vec<String> {
    let mut lines = vec![headline(app, printer)];
    if app.leading_hosts.is_empty() && app.seq > 0 {
        let text = "no host leads to it: claim some with the setting `hosts`, or make it the default (`app default`)";
        lines.push(row("hosts", &printer.styled(Style::Bad, text)));
    }
    lines.extend(app.halt.as_ref().map(|halt| row("halted", &halted(halt, printer, now))));
    let tracks = [("stable", Style::Stable, &app.stable), ("candidate", Style::Candidate, &app.candidate)];
    for (track, style, release) in tracks {
        lines.push(row(track, &on_track(release.as_ref(), style, printer, now)));
        lines.extend(release.iter().flat_map(|release| unhealthy(release, printer)));
        lines.extend(release.iter().flat_map(|release| leaving(release, now)));
    }
    if app.candidate.is_some() {
        lines.push(row("blend", &blend(app)));
    }
    lines.extend(app.plan.iter().flat_map(plan));
    let approvals = app.candidate.as_ref().and_then(|candidate| candidate.approvals.as_ref());
    lines.extend(approvals.map(|standing| row("approvals", &approved(standing, printer))));
    lines.push(row("moves", &measured(&app.moves)));
    for release in &app.draining {
        let is_way_back = app.previous.as_ref().is_some_and(|previous| previous.id == release.id);
        lines.push(row("draining", &drain(release, is_way_back, now)));
        lines.extend(leaving(release, now));
    }
    lines.extend(app.previous.as_ref().map(|previous| row("previous", &way_back(previous, printer))));
    lines.extend(app.lock.as_ref().map(|lock| row("locked", &locked(lock, printer, now))));
    lines.extend(app.lock_queue.first().map(|first| row("queue", &queue(first, app.lock_queue.len()))));
    lines.extend(app.frozen.as_ref().map(|frozen| row("frozen", &freeze(frozen, now))));
    lines.extend(app.local_abort.as_ref().map(|abort| row("aborted", &aborted_here(abort, printer, now))));
    lines.extend(app.next_freeze.as_ref().map(|next| row("freeze", &next_freeze(next, now))));
    if let Some(last) = app.updated.as_ref().filter(|last| !last.command.is_empty()) {
        let reason = quoted(&last.reason);
        lines.push(row(
            "last",
            &format!("{} by {}, {} ago{reason}", last.command, last.actor, rough(since(last.at, now))),
        ));
    }
    for problem in &app.problems {
        let text = format!("{} is `{}`; allowed: {}", problem.key, problem.value, problem.allowed);
        lines.push(row("problem", &printer.styled(Style::Bad, text)));
    }
    lines
}

fn headline(app: &App, printer: &Printer) -> String {
    let sticky = if app.sticky { "sticky" } else { "not sticky" };
    let hosts = match (app.hosts.is_empty(), app.default) {
        _ if !app.paths.is_empty() => app.leading_hosts.join(", "),
        (false, false) => app.hosts.join(", "),
        (false, true) => format!("{} and all other hosts", app.hosts.join(", ")),
        (true, true) => "all hosts".into(),
        (true, false) => "no host".into(),
    };
    let rest = format!("seq {}   {sticky}   {hosts}", app.seq);
    format!("{}   {}", printer.styled(Style::Bold, &app.app), printer.styled(Style::Faint, rest))
}

/// A label in a column of its own, then the text.
fn row(label: &str, text: &str) -> String {
    format!("  {label:<10} {text}")
}

fn on_track(release: Option<&Release>, style: Style, printer: &Printer, now: u64) -> String {
    let Some(release) = release else { return printer.styled(Style::Faint, "none") };
    let activity = &release.activity;
    let (serving, all) = serving(release);
    let mut parts = vec![
        printer.styled(style, release.name()),
        printer.styled(if all { Style::Good } else { Style::Bad }, serving),
        format!("{:.1} req/s", activity.requests_per_second),
        format!("{:.2} % errors", activity.error_share * 100.0),
    ];
    parts.extend(activity.p95_ms.map(|ms| {
        let first_byte = activity.first_byte_p95_ms.map(|ms| format!(" (first byte {ms:.1} ms)"));
        format!("p95 {ms:.1} ms{}", first_byte.unwrap_or_default())
    }));
    parts.push(count(activity.pinned, "pinned client"));
    let since_when = release.since.filter(|since_when| *since_when > 0);
    parts.extend(
        since_when.map(|from| printer.styled(Style::Faint, format!("for {}", rough(since(from, now))))),
    );
    parts.join("   ")
}

/// How many endpoints serve and how many were not checked yet, and whether none fails.
fn serving(release: &Release) -> (String, bool) {
    let count = |is_counted: fn(&&Endpoint) -> bool| release.endpoints.iter().filter(is_counted).count();
    let (all, healthy) = (release.endpoints.len(), count(|endpoint| endpoint.healthy));
    let unchecked = count(|endpoint| endpoint.healthy && !endpoint.checked);
    let unchecked_words =
        if unchecked > 0 { format!(", {unchecked} not checked yet") } else { String::new() };
    let words = format!("{} of {all} endpoints serving{unchecked_words}", healthy - unchecked);
    (words, healthy == all && all > 0)
}

/// The endpoints that do not serve, each with what was seen of it.
fn unhealthy(release: &Release, printer: &Printer) -> Vec<String> {
    let down = release.endpoints.iter().filter(|endpoint| !endpoint.healthy);
    let line =
        |address: &str, detail: &str| row("", &printer.styled(Style::Bad, format!("{address} {detail}")));
    down.map(|endpoint| line(&endpoint.title(), endpoint.detail.as_deref().unwrap_or("does not serve")))
        .collect()
}

/// The endpoints that drain, each with what is left there.
fn leaving(release: &Release, now: u64) -> Vec<String> {
    let leaving =
        release.endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.draining.as_ref()?)));
    let lines = leaving.map(|(endpoint, drain)| {
        let left = match endpoint.can_be_stopped {
            true => "can be stopped".to_owned(),
            false => format!("{}, at most {} more", open_there(endpoint), rough(since(now, drain.until))),
        };
        row("", &format!("{} drains: {left}", endpoint.title()))
    });
    lines.collect()
}

/// What is open at an endpoint: on all routers, if this one knows.
fn open_there(endpoint: &Endpoint) -> String {
    match &endpoint.fleet {
        Some(sum) if sum.reported < sum.members => {
            format!("{} open as {} of {} routers say", sum.in_flight, sum.reported, sum.members)
        }
        Some(sum) => format!("{} open", sum.in_flight),
        None => format!("{} open", endpoint.in_flight),
    }
}

fn blend(app: &App) -> String {
    let share = |word: &str, share: Option<f64>| {
        share.map(|share| format!("   {word} {share:.2} %")).unwrap_or_default()
    };
    let (drawn, actual) = (share("drawn", app.shares.drawn), share("actual", app.shares.confirmed));
    format!("{} % of new clients go to {}{drawn}{actual}", app.blend, candidate_name(app))
}

/// `1 of 2: alice`.
fn approved(standing: &ReleaseApprovals, printer: &Printer) -> String {
    let names: Vec<&str> = standing.given.iter().map(|approval| approval.by.as_str()).collect();
    let by = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let ended = match standing.new_endpoints.first() {
        Some(address) => format!("; those given before have ended, since {address} is new"),
        None => String::new(),
    };
    let text = format!("{} of {}{by}{ended}", names.len(), standing.needed);
    printer.styled(if standing.missing == 0 { Style::Good } else { Style::Bad }, text)
}

/// `0 bounces; 31 moves: 31 shielded`.
fn measured(moves: &Moves) -> String {
    let mut reasons: Vec<_> = moves.reasons.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1));
    let reasons: Vec<_> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let colon = if reasons.is_empty() { "" } else { ": " };
    let (bounces, total) = (count(moves.bounces, "bounce"), count(moves.total, "move"));
    let without_pin = match moves.bounces_without_pin {
        0 => String::new(),
        count => format!(", {count} without a pin"),
    };
    format!("{bounces}{without_pin}; {total}{colon}{}", reasons.join(", "))
}

/// The release that a rollback goes to, and why it cannot.
fn way_back(previous: &Release, printer: &Printer) -> String {
    let name = previous.name();
    match &previous.rollback_refusal {
        None => format!("{name}   a rollback goes there"),
        Some(refusal) => {
            let text = format!("a rollback cannot go there: {refusal}");
            format!("{name}   {}", printer.styled(Style::Bad, text))
        }
    }
}

fn drain(release: &Release, is_way_back: bool, now: u64) -> String {
    let mut parts = vec![release.name().to_owned()];
    if let Some(until) = release.until.filter(|until| *until > 0) {
        parts.push(format!("at most {} more", rough(since(now, until))));
    }
    parts.extend(left(&release.activity));
    if is_way_back && release.activity.can_be_stopped {
        parts.push(format!("but {} is the way back: a rollback needs its endpoints", release.name()));
    }
    parts.extend(release.cause.map(|cause| format!("since a {}", cause_words(cause))));
    parts.join("   ")
}

fn cause_words(cause: DrainCause) -> &'static str {
    match cause {
        DrainCause::Promote => "promote",
        DrainCause::SetStable => "set-stable",
        DrainCause::Raw => "raw write",
    }
}

/// Who is left at a draining release: on all routers, if this one knows.
fn left(activity: &Activity) -> Vec<String> {
    let open =
        |requests, sockets| format!("{}, {}", count(requests, "open request"), count(sockets, "open socket"));
    if activity.can_be_stopped {
        return vec!["nobody is left: its endpoints can be stopped".into()];
    }
    let Some(fleet) = &activity.fleet else {
        let pinned = count(activity.pinned, "pinned client");
        return vec![pinned, open(activity.open_requests, activity.open_sockets)];
    };
    let mut parts = vec![count(fleet.pinned, "pinned client"), open(fleet.open_requests, fleet.open_sockets)];
    if fleet.reported < fleet.members {
        parts.push(format!("as {} of {} routers say", fleet.reported, fleet.members));
    }
    parts
}

fn freeze(frozen: &Frozen, now: u64) -> String {
    let more = frozen
        .until
        .map_or("without an end".to_owned(), |until| format!("{} more", rough(since(now, until))));
    format!("for pipelines, {more}: {}", frozen.window)
}

fn next_freeze(next: &NextFreeze, now: u64) -> String {
    let begins = rough(since(now, next.from));
    let length = next.until.map(|until| format!("for {}", rough(since(next.from, until))));
    let length = length.unwrap_or_else(|| "without an end".to_owned());
    format!("for pipelines, begins in {begins}, {length}: {}", next.window)
}

/// Who waits for the lock.
fn queue(first: &Waiter, waiting: usize) -> String {
    let verb = if waiting == 1 { "waits" } else { "wait" };
    format!("{} {verb} for the lock, first {} of {}", count(waiting as u64, "run"), first.holder, first.by)
}

fn locked(lock: &Lock, printer: &Printer, now: u64) -> String {
    let who = match (lock.automatic, &lock.holder) {
        (true, _) => "by a rollback".to_owned(),
        (false, Some(holder)) => format!("for pipelines but {holder}"),
        (false, None) => "for pipelines".to_owned(),
    };
    let until = lock.until.map(|until| format!(", {} more", rough(since(now, until)))).unwrap_or_default();
    let text =
        format!("{who}, by {} {} ago{until}{}", lock.by, rough(since(lock.at, now)), quoted(&lock.reason));
    printer.styled(Style::Bad, text)
}

fn halted(halt: &Halt, printer: &Printer, now: u64) -> String {
    let what = match halt.kind {
        HaltKind::Pause => format!("paused for {}: requests wait", in_words(halt.seconds.into())),
        HaltKind::Stop => format!("stopped: requests get 503{}", quoted(&halt.message)),
    };
    let text = format!("{what}, by {} {} ago; `resume` lets them go on", halt.by, rough(since(halt.at, now)));
    printer.styled(Style::Bad, text)
}

/// Where a plan is, and what it waits for.
fn plan(plan: &Plan) -> Vec<String> {
    let mut lines = vec![row("plan", &plan_lines::headline(plan))];
    lines.extend(plan.held_by.iter().map(|why| row("", &format!("held: {why}"))));
    lines.extend(plan.waits_for.iter().map(|what| row("", &format!("waits for {what}"))));
    lines
}

fn aborted_here(abort: &LocalAbort, printer: &Printer, now: u64) -> String {
    let LocalAbort { release, seq, by, reason, at, .. } = abort;
    let text = format!(
        "{release}, on this router alone, by {by} {} ago{}; the store is given it as soon as it answers, if the app is still at seq \
         {seq}",
        rough(since(*at, now)),
        quoted(reason)
    );
    printer.styled(Style::Bad, text)
}

/// `1 move`, `2 moves`.
fn count(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// Milliseconds from one time to a later one; 0 if clocks disagree.
fn since(from: u64, to: u64) -> u64 {
    to.saturating_sub(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"app":"hello","seq":7,
        "stable":{"id":"apps/hello-1.0.0-80/containers","release":"1.0.0","since":1000,
                  "endpoints":[{"address":"127.0.0.1:9001","healthy":true,"checked":true,"in_flight":0,"detail":null}],
                  "activity":{"requests_per_second":41.23,"error_share":0.0003,"p95_ms":38.0,"first_byte_p95_ms":12.0,"pinned":1}},
        "candidate":{"id":"x","release":"1.0.1","endpoints":[{"address":"127.0.0.1:9002","healthy":false,"detail":"refused"}]},
        "previous":null,"draining":[{"release":"0.9","cause":"promote","until":121000,"activity":{"pinned":7}}],
        "blend":12.5,"sticky":true,"shares":{"drawn":12.4,"confirmed":11.9},"default":true,"leading_hosts":["*"],
        "moves":{"total":33,"bounces":0,"reasons":{"abort":2,"shielded":31}},
        "lock":{"reason":"freeze","by":"maria","at":1000,"automatic":false},
        "local_abort":{"release":"1.0.2","seq":6,"by":"maria","reason":"errors","at":1000},
        "updated":{"command":"blend","actor":"ci","reason":"","at":1000}}"#;

    #[test]
    fn an_endpoint_that_was_not_checked_yet_is_not_said_to_serve() {
        let release = |endpoints: &str| -> Release {
            serde_json::from_str(&format!(r#"{{"release":"1.0.1","endpoints":[{endpoints}]}}"#)).unwrap()
        };
        let new = r#"{"address":"127.0.0.1:9001","healthy":true,"checked":false}"#;
        let well = r#"{"address":"127.0.0.1:9002","healthy":true,"checked":true}"#;
        let said = |endpoints: &str| serving(&release(endpoints));
        assert_eq!(said(new), ("0 of 1 endpoints serving, 1 not checked yet".into(), true));
        assert_eq!(
            said(&format!("{new},{well}")),
            ("1 of 2 endpoints serving, 1 not checked yet".into(), true)
        );
        assert_eq!(said(well), ("1 of 1 endpoints serving".into(), true));
    }

    #[test]
    fn a_drain_is_summed_over_the_fleet() {
        let said = |json: &str| left(&serde_json::from_str::<Activity>(json).unwrap()).join(", ");
        let sum = r#"{"pinned":1,"fleet":{"members":3,"reported":2,"pinned":9,"open_requests":1,"open_sockets":4}}"#;
        assert_eq!(said(sum), "9 pinned clients, 1 open request, 4 open sockets, as 2 of 3 routers say");
        let done = r#"{"can_be_stopped":true,"fleet":{"members":3,"reported":3}}"#;
        assert_eq!(said(done), "nobody is left: its endpoints can be stopped");
    }

    #[test]
    fn what_is_open_at_an_endpoint_is_summed_over_the_fleet() {
        let said = |fleet: &str| {
            let json = format!(r#"{{"in_flight":1,"fleet":{fleet}}}"#);
            open_there(&serde_json::from_str::<Endpoint>(&json).unwrap())
        };
        assert_eq!(said("null"), "1 open");
        assert_eq!(said(r#"{"members":3,"reported":3,"in_flight":4}"#), "4 open");
        assert_eq!(said(r#"{"members":3,"reported":2,"in_flight":4}"#), "4 open as 2 of 3 routers say");
    }

    #[test]
    fn the_way_back_is_named_where_it_can_be_stopped_and_where_it_cannot_be_gone() {
        let way_back = r#"{"id":"x","release":"0.9","activity":{"can_be_stopped":true}}"#;
        let dead = r#"{"id":"x","release":"0.9","rollback_refusal":"`0.9` has no endpoints"}"#;
        let state = format!(r#"{{"draining":[{way_back}],"previous":{dead}}}"#);
        let shown = lines(&serde_json::from_str(&state).unwrap(), &Printer::plain(), 0).join("\n");
        let stop = "nobody is left: its endpoints can be stopped   but 0.9 is the way back: a rollback needs its endpoints";
        assert!(shown.contains(stop), "{shown}");
        assert!(shown.contains("0.9   a rollback cannot go there: `0.9` has no endpoints"), "{shown}");
    }

    #[test]
    fn shows_an_app_at_a_glance() {
        let state: App = serde_json::from_str(STATE).unwrap();
        let shown = lines(&state, &Printer::plain(), 61_000).join("\n");
        let expected = "\
hello   seq 7   sticky   all hosts
  stable     1.0.0   1 of 1 endpoints serving   41.2 req/s   0.03 % errors   p95 38.0 ms (first byte 12.0 ms)   1 pinned client   for 60 s
  candidate  1.0.1   0 of 1 endpoints serving   0.0 req/s   0.00 % errors   0 pinned clients
             127.0.0.1:9002 refused
  blend      12.5 % of new clients go to 1.0.1   drawn 12.40 %   actual 11.90 %
  moves      0 bounces; 33 moves: 31 shielded, 2 abort
  draining   0.9   at most 60 s more   7 pinned clients   0 open requests, 0 open sockets   since a promote
  locked     for pipelines, by maria 60 s ago: \"freeze\"
  aborted    1.0.2, on this router alone, by maria 60 s ago: \"errors\"; the store is given it as soon as it answers, if the app is still at seq 6
  last       blend by ci, 60 s ago";
        assert_eq!(shown, expected);
    }
}
