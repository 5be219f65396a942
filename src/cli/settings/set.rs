//! `settings set`: some settings of an app, in one change.

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value};

use super::{
    super::{
        change::{ChangeOptions, state_lines},
        client::{Body, Request},
        connect::{AppChoice, Connection},
        exit::{Exit, Failure},
        printer::Printer,
        session::Session,
    },
    known::KnownSettings,
    value::parse,
};

/// Change some settings of an app; all others stay
///
/// A list is written with commas or as JSON. `NAME=` takes the default again. The change is refused if somebody else has
/// changed the app meanwhile.
///
/// Examples:
///   rolling-router settings set hello pinseconds=3600 health.path=/health
///   rolling-router settings set hello hosts=shop.example,www.shop.example
///   rolling-router settings set hello health.path= --reason "the page is gone"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The app
    #[arg(value_name = "APP")]
    app: String,

    /// A setting and its value
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = assignment)]
    settings: Vec<(String, String)>,

    #[command(flatten)]
    options: ChangeOptions,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { app, settings, options, connection } = arguments;
    if options.waiting.gate().is_some() {
        return Err(Failure::usage(
            "--wait is a time; allowed here is `fleet`, since no release becomes stable",
        ));
    }
    refuse_overlap(&settings)?;
    let session = Session::open(&connection, AppChoice { app: Some(app) }, printer)?;
    let seen = session.known_app().await?;
    let known = KnownSettings::read(&session.client, &seen.app).await?;
    let mut request = Request::new(Method::PATCH, &["api", "v1", "apps", &seen.app, "settings"]);
    // Null is not nothing here: it takes the default.
    request.body = Body::Json(patch(&settings, &known)?.into());
    request.if_match = options.if_match.or(Some(seen.seq));
    request.query.extend(options.reason.clone().map(|reason| ("reason", reason)));
    options.waiting.ask(&mut request);
    let answer = session.client.send(request).await?;
    let lines = match printer.is_json() {
        true => vec![answer.text()],
        false => state_lines(&answer, &done(&settings), printer)?,
    };
    lines.into_iter().for_each(|line| printer.line(line));
    Ok(Exit::of_status(answer.status))
}

/// `NAME=VALUE`
fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or_default();
    match name.trim() {
        "" => Err("allowed is NAME=VALUE, such as pinseconds=3600; NAME= takes the default".to_owned()),
        name => Ok((name.to_owned(), value.trim().to_owned())),
    }
}

/// One setting has one value, also as a member of a group.
fn refuse_overlap(settings: &[(String, String)]) -> Result<(), Failure> {
    for (index, (name, _)) in settings.iter().enumerate() {
        let is_same = |other: &str| other == name || other.starts_with(&format!("{name}."));
        let mut others = settings.iter().enumerate().filter(|(at, _)| *at != index);
        if let Some((_, (other, _))) = others.find(|(_, (other, _))| is_same(other)) {
            let message = match other == name {
                true => format!("`{name}` is given twice; allowed is one value"),
                false => format!("`{name}` and `{other}` are given; allowed is one of them"),
            };
            return Err(Failure::usage(message));
        }
    }
    Ok(())
}

/// The settings as a merge patch (RFC 7396).
fn patch(settings: &[(String, String)], known: &KnownSettings) -> Result<Map<String, Value>, Failure> {
    let mut patch = Map::new();
    for (name, text) in settings {
        known.names(name)?;
        put(&mut patch, name, parse(text, known.defaults.get(name)));
    }
    known.of_document(&patch)?;
    Ok(patch)
}

/// Puts a value where a path leads.
fn put(patch: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((group, name)) = path.split_once('.') else {
        patch.insert(path.to_owned(), value);
        return;
    };
    let slot = patch.entry(group).or_insert_with(|| Map::new().into());
    if let Value::Object(inner) = slot {
        put(inner, name, value);
    }
}

fn done(settings: &[(String, String)]) -> String {
    let said = settings.iter().map(|(name, value)| match value.is_empty() {
        true => format!("{name} has its default"),
        false => format!("{name} is {value}"),
    });
    said.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::known::sample, *};

    fn given(words: &[&str]) -> Vec<(String, String)> {
        words.iter().map(|word| assignment(word).unwrap()).collect()
    }

    #[test]
    fn what_is_given_becomes_one_patch() {
        let patch = patch(&given(&["pinseconds=60", "health.path=/a=b", "health.fall="]), &sample()).unwrap();
        let expected = json!({ "pinseconds": 60, "health": { "path": "/a=b", "fall": null } });
        assert_eq!(Value::Object(patch), expected);
        assert_eq!(done(&given(&["a=1", "b="])), "a is 1, b has its default");
    }

    #[test]
    fn what_is_unknown_or_no_setting_is_refused() {
        for word in ["pinsecond=60", "health={\"fal\":3}", "health.fall.x=1"] {
            assert_eq!(patch(&given(&[word]), &sample()).unwrap_err().exit, Exit::Refused, "{word}");
        }
        for word in ["pinseconds", "=5", ""] {
            assert!(assignment(word).unwrap_err().contains("NAME=VALUE"), "{word}");
        }
        for words in [["a=1", "a=2"], ["a=1", "a.b=2"], ["a.b=1", "a=2"]] {
            assert_eq!(refuse_overlap(&given(&words)).unwrap_err().exit, Exit::Usage, "{words:?}");
        }
        assert!(refuse_overlap(&given(&["a=1", "ab=2", "a.b.c=3"][..2])).is_ok());
    }
}
