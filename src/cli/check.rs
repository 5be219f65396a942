//! `check`: configuration and keyvalues, validated without serving.
//!
//! Says which apps a router would find, what each would route, and every value that the router would refuse. Opens no
//! store and listens on no port.

use clap::Args;
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    printer::{Printer, Style},
    router_settings::Settings,
};
use crate::{
    config::{Config, Keyvalues},
    printable::{escaped, escaped_lines},
    rollout::{
        adopt::adopt,
        app::AppName,
        command::{Asker, Background, Decision, Role},
        endpoint::AddressPolicy,
        keyspace::{Keyspace, KeyspaceOptions, Problem},
        pin::{PinFormat, PinKey, PinKeys},
        record::Record,
        release_names::ReleaseNames,
    },
    server::{Examination, examine},
};

/// Validate settings and a keyvalues file without serving
///
/// Takes the same settings as `serve`, and says what that would say: of the store's address, the token file, logs, folders,
/// certificates and ports too. Exit code 2 where a router would not start, 1 where this machine does not let it listen, 4 for
/// what it would serve without: keyvalues that it refuses, tokens that are left out, a certificate that has expired. Only `serve`
/// finds out what a server or another process says: a store that does not answer, a port that is taken.
///
/// Examples:
///   rolling-router check --config router.toml
///   rolling-router check --keyvalues keyvalues.json --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: Settings,
}

/// What a router would find in a keyvalues file.
#[derive(Debug)]
struct Findings {
    apps: Vec<(AppName, Option<Record>)>,
    problems: Vec<Problem>,
}

pub(super) fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    printer.expect_json(arguments.json);
    let config = arguments.settings.read()?;
    let findings = config.keyvalues.as_ref().map(|keyvalues| find(&config, keyvalues));
    let examination = examine(&config);
    if printer.is_json() {
        printer.line(as_json(findings.as_ref(), &examination));
    } else {
        tell(&config, findings.as_ref(), &examination, printer);
    }
    Ok(match (refusal(&examination), is_valid(findings.as_ref(), &examination)) {
        (Some(refusal), _) => refusal.exit,
        (None, false) => Exit::Refused,
        (None, true) => Exit::Done,
    })
}

/// Why a router would not start.
pub(super) fn refusal(examination: &Examination) -> Option<Failure> {
    let Examination { refusals, obstacles, .. } = examination;
    let all = || refusals.iter().chain(obstacles).map(String::as_str).collect::<Vec<_>>().join("\n");
    match (refusals.is_empty(), obstacles.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Failure::here(all())),
        (false, _) => Some(Failure::usage(all())),
    }
}

/// The values of the keyvalues file that a router would refuse, each in one line.
pub(super) fn keyvalue_faults(config: &Config) -> Vec<String> {
    let findings = config.keyvalues.as_ref().map(|keyvalues| find(config, keyvalues));
    let problems = findings.into_iter().flat_map(|findings| findings.problems);
    problems.map(|problem| shown(&problem)).collect()
}

fn shown(problem: &Problem) -> String {
    let Problem { key, value, allowed } = problem;
    format!("{} is `{}`; allowed: {allowed}", escaped(key), escaped(value))
}

fn is_valid(findings: Option<&Findings>, examination: &Examination) -> bool {
    let Examination { refusals, obstacles, faults, .. } = examination;
    refusals.is_empty()
        && obstacles.is_empty()
        && faults.is_empty()
        && findings.is_none_or(|findings| findings.problems.is_empty())
}

fn find(config: &Config, keyvalues: &Keyvalues) -> Findings {
    let mut keyspace = Keyspace::new(KeyspaceOptions {
        default_app: config.app.clone(),
        addresses: AddressPolicy {
            socket_folders: config.endpoint_sockets.clone(),
            own_sockets: config.own_sockets(),
            loopback_refused: !config.loopback_endpoints,
            own: config
                .listen
                .iter()
                .chain(config.listen_tls())
                .copied()
                .chain([config.admin])
                .chain(config.hooks_listen)
                .collect(),
            fleet: Vec::new(),
        },
        pin_keys: PinKeys { next: None, current: PinKey { id: 0, secret: [0; 16] }, previous: None },
        pin_format: PinFormat::default(),
        https: false,
    });
    let entries = keyvalues.entries().iter();
    let mut entries = entries.map(|(key, value)| (key.as_str(), value.as_bytes(), 1));
    keyspace.replace(&mut entries, 1);
    let mut problems = keyspace.problems();
    let mut apps = Vec::new();
    for app in keyspace.apps() {
        let record = routed(&keyspace, &app, &mut problems);
        apps.push((app, record));
    }
    problems.sort_by(|left, right| left.key.cmp(&right.key));
    problems.dedup_by(|left, right| left.key == right.key);
    Findings { apps, problems }
}

/// The record an app would be routed by, its first adoption included; values left alone are problems.
fn routed(keyspace: &Keyspace, app: &AppName, problems: &mut Vec<Problem>) -> Option<Record> {
    let asker = Asker {
        actor: "check".into(),
        token: String::new(),
        role: Role::Admin,
        reason: String::new(),
        at: 0,
        if_match: None,
    };
    let record = keyspace.record(app);
    let adopted = adopt(record, &keyspace.old_keys(app), &asker, &Background::default(), &|release| {
        keyspace.endpoints(release)
    });
    problems.extend(adopted.faults.into_iter().map(|fault| Problem {
        key: format!("rolling/{app}/{}", fault.key),
        value: fault.value,
        allowed: fault.allowed.into(),
    }));
    match adopted.decision {
        Decision::Change(event) => Some(event.record),
        Decision::Unchanged => record.cloned(),
    }
}

fn as_json(findings: Option<&Findings>, examination: &Examination) -> serde_json::Value {
    let apps = findings.map(|findings| &findings.apps).into_iter().flatten().map(|(app, record)| {
        let release =
            |stay: &Option<crate::rollout::record::Stay>| stay.as_ref().map(|stay| stay.release.clone());
        let record = record.as_ref();
        json!({
            "app": app,
            "stable": record.and_then(|record| release(&record.stable)),
            "candidate": record.and_then(|record| release(&record.candidate)),
            "blend": record.map(|record| record.blend),
            "sticky": record.map(|record| record.sticky),
        })
    });
    let apps: Vec<serde_json::Value> = apps.collect();
    let problems = findings.map_or(&[][..], |findings| &findings.problems);
    let Examination { refusals, obstacles, faults, warnings } = examination;
    let refusals: Vec<&String> = refusals.iter().chain(obstacles).collect();
    let valid = is_valid(findings, examination);
    json!({
        "valid": valid, "apps": apps, "problems": problems,
        "refusals": refusals, "faults": faults, "warnings": warnings,
    })
}

fn tell(config: &Config, findings: Option<&Findings>, examination: &Examination, printer: &Printer) {
    let Examination { refusals, obstacles, faults, warnings } = examination;
    match refusal(examination) {
        None => printer.line("settings: valid"),
        Some(_) => printer.line(printer.styled(Style::Bad, "settings: a router would not start")),
    }
    let told = refusals.iter().chain(obstacles).map(|why| (why, Style::Bad));
    let told = told
        .chain(faults.iter().map(|why| (why, Style::Bad)))
        .chain(warnings.iter().map(|why| (why, Style::Bold)));
    for (why, style) in told {
        printer.line(format!("  {}", printer.styled(style, escaped_lines(why))));
    }
    let files = config.listen_unix.iter().map(|file| format!("unix:{}", file.display()));
    let addresses: Vec<String> = config.listen.iter().map(ToString::to_string).chain(files).collect();
    printer.line(format!("  end users on {}, GUI and API on {}", addresses.join(", "), config.admin));
    printer.line(format!("  store {}", config.store));
    let Some(findings) = findings else { return };
    match findings.problems.len() {
        0 => printer.line("keyvalues: valid"),
        1 => printer.line(printer.styled(Style::Bad, "keyvalues: a router would refuse 1 value")),
        n => printer.line(printer.styled(Style::Bad, format!("keyvalues: a router would refuse {n} values"))),
    }
    for problem in &findings.problems {
        printer.line(format!("  {}", shown(problem)));
    }
    for (app, record) in &findings.apps {
        printer.line(format!("  app {app}: {}", route(app, record.as_ref())));
    }
}

fn route(app: &AppName, record: Option<&Record>) -> String {
    let Some(record) = record else { return "nothing to route yet".into() };
    let Some(stable) = &record.stable else { return "no stable release: 503".into() };
    let candidate = record.candidate.as_ref().map(|stay| &stay.release);
    let names = ReleaseNames::of(app, candidate.into_iter().chain([&stable.release]));
    let sticky = if record.sticky { "sticky" } else { "not sticky" };
    match &record.candidate {
        Some(candidate) => format!(
            "stable {}, candidate {} at {} %, {sticky}",
            names.name_of(&stable.release),
            names.name_of(&candidate.release),
            record.blend
        ),
        None => format!("stable {}, no candidate, {sticky}", names.name_of(&stable.release)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn findings(text: &str) -> Findings {
        let config = Config::default();
        find(&config, &Keyvalues::parse(Path::new("kv.json"), text).unwrap())
    }

    #[test]
    fn says_what_would_be_routed() {
        let found = findings(
            r#"{"rolling/hello/stable/id": "apps/hello-1.0.0-80/containers",
                "rolling/hello/candidate/id": "apps/hello-1.0.1-80/containers",
                "rolling/hello/blendpercent": "10", "rolling/hello/stickyness": "1",
                "apps/hello-1.0.0-80/containers/a": "127.0.0.1:9001",
                "apps/hello-1.0.1-80/containers/b": "127.0.0.1:9002"}"#,
        );
        assert_eq!(found.problems, []);
        assert_eq!(
            route(&found.apps[0].0, found.apps[0].1.as_ref()),
            "stable 1.0.0, candidate 1.0.1 at 10 %, sticky"
        );
    }

    #[test]
    fn names_every_value_that_would_be_refused() {
        let found = findings(
            r#"{"rolling/hello/stable/id": "apps/hello-1.0.0-80/containers",
                "rolling/hello/blendpercent": "many",
                "apps/hello-1.0.0-80/containers/a": "127.0.0.1:9001",
                "apps/hello-1.0.0-80/containers/b": "somewhere"}"#,
        );
        let keys: Vec<&str> = found.problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["apps/hello-1.0.0-80/containers/b", "rolling/hello/blendpercent"]);
        assert_eq!(as_json(Some(&found), &Examination::default())["valid"], false);
    }
}
