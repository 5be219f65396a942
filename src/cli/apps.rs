//! `apps`: every app in one line.

use clap::Args;

use super::{
    ask::ask,
    client::Request,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::{Printer, Style},
    session::Session,
};
use crate::schema::{
    app::{App, Apps},
    release::Release,
};

/// List the apps, with their releases and the hosts that lead to them
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, AppChoice { app: None }, printer)?;
    let request = Request::get(&["api", "v1", "apps"]);
    ask(&session.client, printer, request, |known| lines(&known, printer)).await
}

fn lines(known: &Apps, printer: &Printer) -> Vec<String> {
    if known.apps.is_empty() {
        return vec!["there is no app yet: `rolling-router app add NAME` makes one".to_owned()];
    }
    let width = known.apps.iter().map(|app| app.app.len()).max().unwrap_or(0);
    let line = |app: &App| format!("{:<width$}   {}   {}", app.app, tracks(app), hosts(app, printer));
    known.apps.iter().map(line).collect()
}

fn tracks(app: &App) -> String {
    let stable = app.stable.as_ref().map_or("no stable release", Release::name);
    match &app.candidate {
        Some(candidate) => format!("{stable}, candidate {} at {} %", candidate.name(), app.blend),
        None => stable.to_owned(),
    }
}

/// The hosts that lead to an app, or that none does.
pub(super) fn hosts(app: &App, printer: &Printer) -> String {
    let hosts: Vec<&str> = app.leading_hosts.iter().map(String::as_str).filter(|host| *host != "*").collect();
    match (hosts.is_empty(), app.default) {
        (false, false) => hosts.join(", "),
        (false, true) => format!("{} and all other hosts", hosts.join(", ")),
        (true, true) => "all hosts that no app claims".into(),
        (true, false) => printer.styled(Style::Bad, "no host leads to it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_app_is_a_line_that_says_which_hosts_lead_to_it() {
        let known: Apps = serde_json::from_str(
            r#"{"apps":[
                {"app":"hello","default":true,"leading_hosts":["*"],"stable":{"id":"x","release":"1.0"}},
                {"app":"shop","leading_hosts":["shop.example"],"stable":{"release":"1.0"},
                 "candidate":{"release":"1.1"},"blend":10},
                {"app":"lost"}]}"#,
        )
        .unwrap();
        let expected = "\
hello   1.0   all hosts that no app claims
shop    1.0, candidate 1.1 at 10 %   shop.example
lost    no stable release   no host leads to it";
        assert_eq!(lines(&known, &Printer::plain()).join("\n"), expected);
        assert_eq!(lines(&Apps::default(), &Printer::plain()).len(), 1);
    }
}
