//! `status`: what is live, how it does, and what happened last.

use clap::Args;

use super::{
    client::Request,
    connect::{AppChoice, Connection},
    duration::rough,
    exit::{Exit, Failure},
    fleet::{Fleet, alarm_lines},
    printer::{Printer, Style},
    session::Session,
    state::{Activity, AppState, Endpoint, Lock, Moves, Release},
};
use crate::clock::Clock;

/// Show stable, candidate, blend and what is draining
///
/// Without --app every app is shown; with it that one, and --json prints the same as GET /api/v1/apps/{app}.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    if printer.is_json() {
        let mut request = Request::get(&["api", "v1", "apps"]);
        request.path.extend(session.named_app().map(str::to_owned));
        printer.line(session.client.send(request).await?.text());
        return Ok(Exit::Done);
    }
    if session.named_app().is_some() {
        print(&session.state().await?, printer);
        return Ok(Exit::Done);
    }
    let apps = session.apps().await?.apps;
    if apps.is_empty() {
        printer.line("no app yet; the first release makes one:");
        printer.line("  rolling-router stable set 1.0.0 --app hello --endpoint 127.0.0.1:9001");
    }
    for app in &apps {
        print(app, printer);
    }
    let fleet: Fleet = session.client.send(Request::get(&["api", "v1", "fleet"])).await?.read()?;
    alarm_lines(&fleet, printer).into_iter().for_each(|line| printer.line(line));
    Ok(Exit::Done)
}

/// Prints one app, a few lines of it.
pub(super) fn print(state: &AppState, printer: &Printer) {
    for line in lines(state, printer, Clock::system().wall_ms()) {
        printer.line(line);
    }
}

/// The lines that show one app at this time (Unix ms).
fn lines(state: &AppState, printer: &Printer, now: u64) -> Vec<String> {
    let mut lines = vec![headline(state, printer)];
    let tracks =
        [("stable", Style::Stable, &state.stable), ("candidate", Style::Candidate, &state.candidate)];
    for (track, style, release) in tracks {
        lines.push(row(track, &on_track(release.as_ref(), style, printer, now)));
        lines.extend(release.iter().flat_map(|release| unhealthy(release, printer)));
        lines.extend(release.iter().flat_map(|release| leaving(release, now)));
    }
    if state.candidate.is_some() {
        lines.push(row("blend", &blend(state)));
    }
    lines.extend(state.moves.as_ref().map(|moves| row("moves", &measured(moves))));
    for release in &state.draining {
        lines.push(row("draining", &drain(release, now)));
        lines.extend(leaving(release, now));
    }
    lines.extend(
        state.previous_name().map(|name| row("previous", &format!("{name}   a rollback goes there"))),
    );
    lines.extend(state.lock.as_ref().map(|lock| row("locked", &locked(lock, printer, now))));
    if let Some(last) = state.updated.as_ref().filter(|last| !last.command.is_empty()) {
        let reason = quoted(&last.reason);
        lines.push(row(
            "last",
            &format!("{} by {}, {} ago{reason}", last.command, last.actor, rough(since(last.at, now))),
        ));
    }
    for problem in &state.problems {
        let text = format!("{} is `{}`; allowed: {}", problem.key, problem.value, problem.allowed);
        lines.push(row("problem", &printer.styled(Style::Bad, text)));
    }
    lines
}

fn headline(state: &AppState, printer: &Printer) -> String {
    let sticky = if state.sticky { "sticky" } else { "not sticky" };
    let hosts = match (state.hosts.is_empty(), state.default) {
        (false, false) => state.hosts.join(", "),
        (false, true) => format!("{} and all other hosts", state.hosts.join(", ")),
        (true, true) => "all hosts".into(),
        (true, false) => "no host".into(),
    };
    let rest = format!("seq {}   {sticky}   {hosts}", state.seq);
    format!("{}   {}", printer.styled(Style::Bold, &state.app), printer.styled(Style::Faint, rest))
}

/// A label in a column of its own, then the text.
fn row(label: &str, text: &str) -> String {
    format!("  {label:<10} {text}")
}

fn on_track(release: Option<&Release>, style: Style, printer: &Printer, now: u64) -> String {
    let Some(release) = release else { return printer.styled(Style::Faint, "none") };
    let activity = &release.activity;
    let healthy = release.endpoints.iter().filter(|endpoint| endpoint.healthy).count();
    let serving = format!("{healthy} of {} endpoints serving", release.endpoints.len());
    let all = healthy == release.endpoints.len() && healthy > 0;
    let mut parts = vec![
        printer.styled(style, release.name()),
        printer.styled(if all { Style::Good } else { Style::Bad }, serving),
        format!("{:.1} req/s", activity.requests_per_second),
        format!("{:.2} % errors", activity.error_share * 100.0),
    ];
    parts.extend(activity.p95_ms.map(|ms| format!("p95 {ms:.1} ms")));
    parts.extend(activity.pinned.map(|pinned| format!("{pinned} pinned clients")));
    if release.since > 0 {
        parts.push(printer.styled(Style::Faint, format!("for {}", rough(since(release.since, now)))));
    }
    parts.join("   ")
}

/// The endpoints that do not serve, each with what was seen of it.
fn unhealthy(release: &Release, printer: &Printer) -> Vec<String> {
    let down = release.endpoints.iter().filter(|endpoint| !endpoint.healthy);
    let line =
        |address: &str, detail: &str| row("", &printer.styled(Style::Bad, format!("{address} {detail}")));
    down.map(|endpoint| line(&endpoint.address, endpoint.detail.as_deref().unwrap_or("does not serve")))
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
        row("", &format!("{} drains: {left}", endpoint.address))
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

fn blend(state: &AppState) -> String {
    let share = |word: &str, share: Option<f64>| {
        share.map(|share| format!("   {word} {share:.2} %")).unwrap_or_default()
    };
    let (drawn, actual) = (share("drawn", state.shares.drawn), share("actual", state.shares.confirmed));
    format!("{} % of new clients go to {}{drawn}{actual}", state.blend, state.candidate_name())
}

/// `0 bounces; 31 moves: 31 shielded`.
fn measured(moves: &Moves) -> String {
    let plural = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut reasons: Vec<_> = moves.reasons.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1));
    let reasons: Vec<_> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let colon = if reasons.is_empty() { "" } else { ": " };
    let (bounces, total) = (plural(moves.bounces, "bounce"), plural(moves.total, "move"));
    format!("{bounces}; {total}{colon}{}", reasons.join(", "))
}

fn drain(release: &Release, now: u64) -> String {
    let mut parts = vec![release.name().to_owned()];
    if let Some(until) = release.until.filter(|until| *until > 0) {
        parts.push(format!("at most {} more", rough(since(now, until))));
    }
    parts.extend(left(&release.activity));
    let why = |cause| if cause == "raw" { "raw write" } else { cause };
    parts.extend(release.cause.as_deref().map(|cause| format!("since a {}", why(cause))));
    parts.join("   ")
}

/// Who is left at a draining release: on all routers, if this one knows.
fn left(activity: &Activity) -> Vec<String> {
    let open = |requests: u64, sockets: u64| format!("{requests} open requests, {sockets} open sockets");
    if activity.can_be_stopped {
        return vec!["nobody is left: its endpoints can be stopped".into()];
    }
    let Some(fleet) = &activity.fleet else {
        let pinned = activity.pinned.map(|pinned| format!("{pinned} pinned clients"));
        return pinned.into_iter().chain([open(activity.open_requests, activity.open_sockets)]).collect();
    };
    let mut parts =
        vec![format!("{} pinned clients", fleet.pinned), open(fleet.open_requests, fleet.open_sockets)];
    if fleet.reported < fleet.members {
        parts.push(format!("as {} of {} routers say", fleet.reported, fleet.members));
    }
    parts
}

fn locked(lock: &Lock, printer: &Printer, now: u64) -> String {
    let who = if lock.automatic { "by a rollback" } else { "for pipelines" };
    let until = lock.until.map(|until| format!(", {} more", rough(since(now, until)))).unwrap_or_default();
    let text =
        format!("{who}, {} {} ago{until}{}", lock.by, rough(since(lock.at, now)), quoted(&lock.reason));
    printer.styled(Style::Bad, text)
}

/// Milliseconds from one time to a later one; 0 if clocks disagree.
fn since(from: u64, to: u64) -> u64 {
    to.saturating_sub(from)
}

/// A reason after a colon, if there is one.
pub(super) fn quoted(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": \"{reason}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"app":"hello","seq":7,
        "stable":{"id":"apps/hello-1.0.0-80/containers","release":"1.0.0","since":1000,
                  "endpoints":[{"address":"127.0.0.1:9001","healthy":true,"in_flight":0,"detail":null}],
                  "activity":{"requests_per_second":41.23,"error_share":0.0003,"p95_ms":38.0}},
        "candidate":{"id":"x","release":"1.0.1","endpoints":[{"address":"127.0.0.1:9002","healthy":false,"detail":"refused"}]},
        "previous":null,"draining":[{"release":"0.9","cause":"promote","until":121000,"activity":{"pinned":7}}],
        "blend":12.5,"sticky":true,"shares":{"drawn":12.4,"confirmed":11.9},"default":true,
        "moves":{"total":33,"bounces":0,"reasons":{"abort":2,"shielded":31}},
        "lock":{"reason":"freeze","by":"maria","at":1000},
        "updated":{"command":"blend","actor":"ci","reason":"","at":1000}}"#;

    #[test]
    fn a_drain_is_summed_over_the_fleet() {
        let said = |json: &str| left(&serde_json::from_str::<Activity>(json).unwrap()).join(", ");
        let sum = r#"{"pinned":1,"fleet":{"members":3,"reported":2,"pinned":9,"open_requests":1,"open_sockets":4}}"#;
        assert_eq!(said(sum), "9 pinned clients, 1 open requests, 4 open sockets, as 2 of 3 routers say");
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
    fn shows_an_app_at_a_glance() {
        let state: AppState = serde_json::from_str(STATE).unwrap();
        let shown = lines(&state, &Printer::plain(), 61_000).join("\n");
        let expected = "\
hello   seq 7   sticky   all hosts
  stable     1.0.0   1 of 1 endpoints serving   41.2 req/s   0.03 % errors   p95 38.0 ms   for 60 s
  candidate  1.0.1   0 of 1 endpoints serving   0.0 req/s   0.00 % errors
             127.0.0.1:9002 refused
  blend      12.5 % of new clients go to 1.0.1   drawn 12.40 %   actual 11.90 %
  moves      0 bounces; 33 moves: 31 shielded, 2 abort
  draining   0.9   at most 60 s more   7 pinned clients   0 open requests, 0 open sockets   since a promote
  locked     for pipelines, maria 60 s ago: \"freeze\"
  last       blend by ci, 60 s ago";
        assert_eq!(shown, expected);
    }
}
