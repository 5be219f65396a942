//! `fleet`: the routers that share a store; who is in it, who is to leave it, and its pin keys.

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::{ask, open},
    client::{ANSWER, Request},
    connect::Connection,
    duration::{self, rough},
    exit::{Exit, Failure},
    printer::{Printer, Style},
};
use crate::schema::fleet::{
    Alarm, Fleet, GoneRemoval, Member, MemberRemoval, RotateKeysRequest, Rotation, StoredSecrets,
};

/// Show the routers of the fleet, remove one that is gone, rotate the pin keys
///
/// Examples:
///   rolling-router fleet                   its routers, what each serves, what is wrong
///   rolling-router fleet remove r3         after it was lost for good; one that ends gracefully leaves by itself
///   rolling-router fleet remove --gone     every one that has been silent for member_gone_seconds
///   rolling-router fleet rotate-keys       for admins: the next key signs pins once every member knows it
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<FleetVerb>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum FleetVerb {
    /// Forget a router that is gone for good, or every one that is presumed gone
    Remove(RemoveArguments),

    /// Sign pins by the next key once every member knows it (exit code 6 while some do not: repeat it then)
    RotateKeys(RotateArguments),
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// Its name or node id
    #[arg(value_name = "MEMBER", required_unless_present = "gone")]
    member: Option<String>,

    /// Every router that has been silent for `member_gone_seconds`
    #[arg(long, conflicts_with_all = ["member", "force"])]
    gone: bool,

    /// Also if it is still heard from; one that is running enters itself again
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct RotateArguments {
    /// Also if pins may still be signed by the key before the last, whose clients are then forgotten
    #[arg(long)]
    force: bool,

    /// How long to wait for the members
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    match arguments.verb {
        None => show(&arguments.connection, printer).await,
        Some(FleetVerb::Remove(arguments)) => remove(arguments, printer).await,
        Some(FleetVerb::RotateKeys(arguments)) => rotate(arguments, printer).await,
    }
}

async fn show(connection: &Connection, printer: &Printer) -> Result<Exit, Failure> {
    let client = open(connection, printer)?;
    let request = Request::get(&["api", "v1", "fleet"]);
    ask(&client, printer, request, |fleet| lines(&fleet, printer)).await
}

async fn remove(arguments: RemoveArguments, printer: &Printer) -> Result<Exit, Failure> {
    let RemoveArguments { member, gone: _, force, connection } = arguments;
    let client = open(&connection, printer)?;
    let Some(member) = member else {
        let request = Request::new(Method::POST, &["api", "v1", "fleet", "remove-gone"]);
        return ask(&client, printer, request, |removal| gone_lines(&removal)).await;
    };
    let mut request = Request::new(Method::DELETE, &["api", "v1", "fleet", &member]);
    if force {
        request.query.push(("force", "true".into()));
    }
    let done = |_: MemberRemoval| vec![format!("{member} is no longer a member of the fleet")];
    ask(&client, printer, request, done).await
}

fn gone_lines(removal: &GoneRemoval) -> Vec<String> {
    if removal.removed.is_empty() {
        return vec!["no router of the fleet is presumed gone".into()];
    }
    removal.removed.iter().map(|node| format!("{node} is no longer a member of the fleet")).collect()
}

async fn rotate(arguments: RotateArguments, printer: &Printer) -> Result<Exit, Failure> {
    let RotateArguments { force, timeout, connection } = arguments;
    let client = open(&connection, printer)?;
    let mut request = Request::new(Method::POST, &["api", "v1", "fleet", "rotate-keys"]);
    request.query.push(("timeout", duration::seconds(timeout)));
    request.timeout = ANSWER + 2 * timeout;
    let request = request.json(&RotateKeysRequest { force: Some(force) });
    ask(&client, printer, request, |rotation: Rotation| vec![rotation.text]).await
}

/// The lines that show a fleet.
fn lines(fleet: &Fleet, printer: &Printer) -> Vec<String> {
    let count = fleet.members.len();
    let mut lines =
        vec![printer.styled(Style::Bold, format!("{count} router{}", if count == 1 { "" } else { "s" }))];
    lines.extend(fleet.members.iter().map(|member| row(member, printer)));
    if fleet.rotating {
        lines.push(
            "  the next pin key waits until every member knows it; `fleet rotate-keys` goes on with it"
                .into(),
        );
    }
    lines.extend(fleet.secrets.iter().map(secrets_line));
    lines.extend(alarm_lines(fleet, printer));
    lines
}

/// How the secrets of the store are encrypted, and what that waits for.
fn secrets_line(secrets: &StoredSecrets) -> String {
    let StoredSecrets { key, next, waits_for, all, written, .. } = secrets;
    let with = |key: &str| match key {
        "plain" => "unencrypted".to_owned(),
        key => format!("encrypted with {key}"),
    };
    let now = key.as_deref().map_or_else(|| "unencrypted".to_owned(), with);
    let done = if written == all { String::new() } else { format!(", {written} of {all} of them so far") };
    let waits = match (next, waits_for.is_empty()) {
        (Some(next), false) => {
            format!("; {next} waits until {} has it first in its file", waits_for.join(", "))
        }
        (Some(next), true) => format!("; {next} comes next"),
        (None, _) => String::new(),
    };
    format!("  secrets    {now}{done}{waits}")
}

/// What is wrong with a fleet, also in `status`.
pub(super) fn alarm_lines(fleet: &Fleet, printer: &Printer) -> Vec<String> {
    let line = |alarm: &Alarm| printer.styled(Style::Bad, format!("  alarm      {}", alarm.message));
    fleet.alarms.iter().map(line).collect()
}

fn row(member: &Member, printer: &Printer) -> String {
    let mut parts = vec![format!("  {:<10}", member.name)];
    if member.name != member.node {
        parts.push(printer.styled(Style::Faint, &member.node));
    }
    parts.push(match (member.own, member.heard) {
        (true, _) => "this router".into(),
        (false, true) => printer.styled(Style::Good, "heard from"),
        (false, false) => printer.styled(Style::Bad, silent(member)),
    });
    if !member.own {
        parts.push(match member.differs.is_empty() {
            true => "serves the same".into(),
            false => printer.styled(Style::Bad, format!("serves {}", differing(member))),
        });
    }
    parts.extend(member.skew_ms.filter(|ms| ms.unsigned_abs() >= 1_000).map(|ms| format!("clock {ms:+} ms")));
    parts.push(printer.styled(Style::Faint, &member.version));
    parts.join("   ")
}

fn differing(member: &Member) -> String {
    let seq = |seq: &Option<u64>| seq.map_or("an unknown change".into(), |seq| format!("change {seq}"));
    let apps = member.differs.iter().map(|(app, there)| format!("{app} at {}", seq(there)));
    apps.collect::<Vec<_>>().join(", ")
}

fn silent(member: &Member) -> String {
    let gone = if member.gone { "presumed gone, " } else { "" };
    match member.silent_seconds {
        Some(seconds) => format!("{gone}not heard from for {}", rough(seconds.saturating_mul(1_000))),
        None => format!("{gone}not heard from"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_secrets_are_encrypted_and_what_is_waited_for() {
        let line = |json: &str| secrets_line(&serde_json::from_str(json).unwrap());
        assert_eq!(line(r#"{"key":"one.ab","all":7,"written":7}"#), "  secrets    encrypted with one.ab");
        assert_eq!(
            line(r#"{"key":"one.ab","next":"two.cd","waits_for":["r2","r3"],"all":7,"written":7}"#),
            "  secrets    encrypted with one.ab; two.cd waits until r2, r3 has it first in its file"
        );
        assert_eq!(
            line(r#"{"key":"plain","all":7,"written":3}"#),
            "  secrets    unencrypted, 3 of 7 of them so far"
        );
        assert_eq!(
            line(r#"{"next":"one.ab","all":7,"written":7}"#),
            "  secrets    unencrypted; one.ab comes next"
        );
    }

    #[test]
    fn shows_a_fleet_at_a_glance() {
        let fleet: Fleet = serde_json::from_str(
            r#"{"node":"n1","members":[
                {"node":"n1","name":"r1","own":true,"version":"0.1.0","heard":true},
                {"node":"n2","name":"r2","version":"0.1.0","heard":true,"skew_ms":-7000,"differs":{}},
                {"node":"n3","name":"n3","version":"0.2.0","heard":false,"silent_seconds":12,"differs":{"hello":41}}],
               "alarms":[{"kind":"silent","message":"n3 is not heard from for 12 s"}],"rotating":true}"#,
        )
        .unwrap();
        let expected = "\
3 routers
  r1           n1   this router   0.1.0
  r2           n2   heard from   serves the same   clock -7000 ms   0.1.0
  n3           not heard from for 12 s   serves hello at change 41   0.2.0
  the next pin key waits until every member knows it; `fleet rotate-keys` goes on with it
  alarm      n3 is not heard from for 12 s";
        assert_eq!(lines(&fleet, &Printer::plain()).join("\n"), expected);
    }
}
