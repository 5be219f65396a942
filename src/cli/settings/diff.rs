//! `settings diff`: how the settings of an app differ from the defaults, from another app's or from a file.

use std::{collections::BTreeMap, fs, path::Path};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    super::{
        connect::{AppChoice, Connection},
        exit::{Exit, Failure},
        printer::{Printer, Style},
        session::{Session, no_app},
    },
    known::KnownSettings,
    value::shown,
};
use crate::schema::app::Apps;

/// Settings by their paths.
type Values = BTreeMap<String, Value>;

/// Show how the settings of an app differ from the defaults, from those of another app or from a file
///
/// A word that is no app is a file: settings as JSON, as `settings get APP --json` and the API write them. What it leaves out
/// counts as the default.
///
/// Examples:
///   rolling-router settings diff hello
///   rolling-router settings diff hello shop
///   rolling-router settings diff hello ./settings.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The app
    #[arg(value_name = "APP")]
    app: String,

    /// Another app, or a file; a file whose name is an app's too is written with `./`
    #[arg(value_name = "OTHER_APP|FILE")]
    other: Option<String>,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { app, other, connection } = arguments;
    let session = Session::open(&connection, AppChoice { app: Some(app) }, printer)?;
    let app = session.known_app().await?.app;
    let here = KnownSettings::read(&session.client, &app).await?;
    let there = match &other {
        None => here.defaults.clone(),
        Some(other) => others(&session, &here, other).await?,
    };
    let found = differences(&here.values, &there);
    if printer.is_json() {
        printer.line(json!({ "app": app, "other": other, "differs": found }));
    } else {
        let other = other.as_deref().unwrap_or("the defaults");
        lines(&app, other, &found, printer).into_iter().for_each(|line| printer.line(line));
    }
    Ok(Exit::Done)
}

/// The settings of another app, or of a file.
async fn others(session: &Session<'_>, here: &KnownSettings, other: &str) -> Result<Values, Failure> {
    let apps = session.apps().await?;
    if apps.apps.iter().any(|app| app.app == other) {
        return Ok(KnownSettings::read(&session.client, other).await?.values);
    }
    let text = fs::read_to_string(other).map_err(|error| unreadable(other, &apps, &error))?;
    let refused = |error: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "{other} must be a JSON object of settings, such as {{\"pinseconds\": 600}}: {error}"
        ))
    };
    let mut document: Map<String, Value> = serde_json::from_str(&text).map_err(|error| refused(&error))?;
    document.retain(|name, _| !matches!(name.as_str(), "sources" | "defaults"));
    let mut values = here.defaults.clone();
    let set = here.of_document(&document)?;
    values.extend(set.into_iter().filter(|(_, value)| !value.is_null()));
    if let Some(hosts) = values.get_mut("hosts") {
        *hosts = same_hosts(hosts);
    }
    Ok(values)
}

/// Hosts as a router keeps them: in lower case, in order, each once.
fn same_hosts(hosts: &Value) -> Value {
    let Some(hosts) = hosts.as_array() else { return hosts.clone() };
    let mut names: Vec<String> =
        hosts.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

fn unreadable(other: &str, apps: &Apps, error: &std::io::Error) -> Failure {
    // Nobody means an app by a path.
    if Path::new(other).components().count() > 1 {
        return Failure::usage(format!("cannot read the file {other}: {error}"));
    }
    let message = format!("{}, and no file of that name can be read: {error}", no_app(other, apps));
    Failure::new(Exit::Refused, message)
}

/// What differs, as it is in the one and in the other.
fn differences(here: &Values, there: &Values) -> BTreeMap<String, [Value; 2]> {
    let names = here.keys().chain(there.keys());
    let sides = |name: &String| [here, there].map(|side| side.get(name).cloned().unwrap_or_default());
    let pairs = names.map(|name| (name.clone(), sides(name)));
    pairs.filter(|(_, [this, that])| this != that).collect()
}

fn lines(app: &str, other: &str, found: &BTreeMap<String, [Value; 2]>, printer: &Printer) -> Vec<String> {
    if found.is_empty() {
        return vec![format!("the settings of {app} are those of {other}")];
    }
    let values: Vec<[String; 2]> = found.values().map(|sides| sides.each_ref().map(shown)).collect();
    let width = found.keys().map(String::len).max().unwrap_or(0);
    let value_width = values
        .iter()
        .map(|[this, _]| this.as_str())
        .chain([app])
        .map(|text| text.chars().count())
        .max()
        .unwrap_or(0);
    let head = format!("{:<width$}   {app:<value_width$}   {other}", "");
    let line = |(name, [this, that]): (&String, &[String; 2])| {
        format!("{name:<width$}   {}   {that}", printer.styled(Style::Bold, format!("{this:<value_width$}")))
    };
    let head = printer.styled(Style::Faint, head);
    [head].into_iter().chain(found.keys().zip(&values).map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::known::sample, *};

    #[test]
    fn only_what_differs_is_shown() {
        let known = sample();
        let found = differences(&known.values, &known.defaults);
        let expected = "             hello   the defaults\npinseconds   600     86400";
        assert_eq!(lines("hello", "the defaults", &found, &Printer::plain()).join("\n"), expected);
        let none = differences(&known.values, &known.values);
        assert_eq!(
            lines("hello", "shop", &none, &Printer::plain()),
            ["the settings of hello are those of shop"]
        );
    }

    #[test]
    fn hosts_are_compared_as_a_router_keeps_them() {
        assert_eq!(
            same_hosts(&json!(["B.example", "a.example", "b.example"])),
            json!(["a.example", "b.example"])
        );
    }
}
