//! `settings get`: what counts for an app, and where it comes from.

use clap::Args;
use serde_json::json;

use super::{
    super::{
        connect::{AppChoice, Connection},
        exit::{Exit, Failure},
        printer::{Printer, Style},
        session::Session,
    },
    known::{KnownSettings, ask},
    value::shown,
};

/// Show what counts for an app, and where each value comes from
///
/// `app`: it is set for the app. `router`: it is a limit of the router that was asked. `default`: it is not set.
///
/// Examples:
///   rolling-router settings get hello
///   rolling-router settings get hello health.path
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The app
    #[arg(value_name = "APP")]
    app: String,

    /// One setting, such as `pinseconds`, or a group of them, such as `health`; without it all
    #[arg(value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { app, name, connection } = arguments;
    let session = Session::open(&connection, AppChoice { app: Some(app) }, printer)?;
    let app = session.known_app().await?.app;
    let answer = ask(&session.client, &app).await?;
    if printer.is_json() && name.is_none() {
        printer.line(answer.text());
        return Ok(Exit::Done);
    }
    let effective = if printer.is_json() { answer.read_exact() } else { answer.read() };
    let known = KnownSettings::new(effective?);
    let names = match &name {
        Some(name) => known.names(name)?,
        None => known.values.keys().map(String::as_str).collect(),
    };
    match printer.is_json() {
        true => printer.line(as_json(&known, &names)),
        false => lines(&known, &names, printer).into_iter().for_each(|line| printer.line(line)),
    }
    Ok(Exit::Done)
}

/// Some settings for a program, by their names.
fn as_json(known: &KnownSettings, names: &[&str]) -> serde_json::Value {
    let of = |name: &&str| {
        let (value, default) = (&known.values[*name], known.defaults.get(*name));
        ((*name).to_owned(), json!({ "value": value, "source": known.source(name), "default": default }))
    };
    names.iter().map(of).collect::<serde_json::Map<_, _>>().into()
}

/// A line for each setting; what is set for the app stands out.
fn lines(known: &KnownSettings, names: &[&str], printer: &Printer) -> Vec<String> {
    let values: Vec<String> = names.iter().map(|name| shown(&known.values[*name])).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let value_width =
        values.iter().map(|value| value.chars().count().min(VALUE_WIDTH_MAX)).max().unwrap_or(0);
    let line = |(name, value): (&&str, &String)| {
        let (source, default) = (known.source(name), known.defaults.get(*name));
        let value = format!("{value:<value_width$}");
        if source != "app" {
            return format!("{name:<width$}   {value}   {}", printer.styled(Style::Faint, source));
        }
        let default = default.map_or_else(String::new, |default| format!(", default {}", shown(default)));
        format!("{name:<width$}   {}   {source}{default}", printer.styled(Style::Bold, value))
    };
    names.iter().zip(&values).map(line).collect()
}

/// A longer value does not push the others' columns out.
const VALUE_WIDTH_MAX: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_line_with_its_source() {
        let known = super::super::known::sample();
        let names: Vec<&str> = known.values.keys().map(String::as_str).collect();
        let expected = "\
health.fall   3      default
health.path   none   default
pinseconds    600    app, default 86400";
        assert_eq!(lines(&known, &names, &Printer::plain()).join("\n"), expected);
        let one = as_json(&known, &["pinseconds"]);
        assert_eq!(one, json!({ "pinseconds": { "value": 600, "source": "app", "default": 86_400 } }));
    }
}
