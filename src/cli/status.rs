//! `status`: what is live, how it does, and what happened last.

use clap::Args;

use super::{
    app_lines,
    client::Request,
    connect::{AppChoice, Connection},
    degraded,
    exit::{Exit, Failure},
    fleet::alarm_lines,
    printer::{Printer, Style},
    session::Session,
};
use crate::schema::fleet::Fleet;

/// Show stable, candidate, blend and what is draining
///
/// Without --app every app is shown; with it that one, and --json prints the same as GET /api/v1/apps/{app}.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Exit with 1 if anything is degraded, and say what
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let Arguments { check, app, connection } = arguments;
    let session = Session::open(&connection, app, printer)?;
    show(&session, printer).await?;
    if !check {
        return Ok(Exit::Done);
    }
    let faults = degraded::faults(&session).await?;
    if faults.is_empty() {
        return Ok(Exit::Done);
    }
    let failure = Failure::here(format!("degraded:\n  {}", faults.join("\n  ")));
    // The answer for a program is printed already, and a second document would make it unreadable.
    if printer.is_json() {
        printer.note(&failure.message);
        return Ok(failure.exit);
    }
    Err(failure)
}

async fn show(session: &Session<'_>, printer: &Printer) -> Result<(), Failure> {
    if printer.is_json() {
        let mut request = Request::get(&["api", "v1", "apps"]);
        request.path.extend(session.named_app().map(str::to_owned));
        printer.line(session.client.send(request).await?.text());
        return Ok(());
    }
    if session.named_app().is_some() {
        print(&app_lines::now(&session.state().await?, printer), printer);
        let fault = degraded::store_fault(session).await?;
        fault.into_iter().for_each(|fault| printer.line(printer.styled(Style::Bad, fault)));
        return Ok(());
    }
    let apps = session.apps().await?.apps;
    if apps.is_empty() {
        printer.line("there is no app yet; the first release makes one:");
        printer.line("  rolling-router stable set 1.0.0 --app hello --new --endpoint 127.0.0.1:9001");
    }
    apps.iter().for_each(|app| print(&app_lines::now(app, printer), printer));
    let fleet: Fleet = session.client.send(Request::get(&["api", "v1", "fleet"])).await?.read()?;
    print(&alarm_lines(&fleet, printer), printer);
    Ok(())
}

fn print(lines: &[String], printer: &Printer) {
    lines.iter().for_each(|line| printer.line(line));
}
