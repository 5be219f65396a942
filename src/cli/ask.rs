//! The one way in which a verb asks for something that is no change of an app: send, print, exit code.

use serde::de::DeserializeOwned;

use super::{
    client::{Client, Request},
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
};

/// Opens a connection for a verb that is about no app.
pub(super) fn open(connection: &Connection, printer: &Printer) -> Result<Client, Failure> {
    printer.expect_json(connection.json);
    connection.client()
}

/// Sends a request and prints the answer: as it is for a program, in lines for a person.
pub(super) async fn ask<T: DeserializeOwned>(
    client: &Client,
    printer: &Printer,
    request: Request,
    lines: impl FnOnce(T) -> Vec<String>,
) -> Result<Exit, Failure> {
    let answer = client.send(request).await?;
    let lines = if printer.is_json() { vec![answer.text()] } else { lines(answer.read()?) };
    lines.into_iter().for_each(|line| printer.line(line));
    Ok(Exit::of_status(answer.status))
}

/// The same about an app: reads what stands at this part of its path.
pub(super) async fn ask_app<T: DeserializeOwned>(
    (app, connection): (AppChoice, &Connection),
    printer: &Printer,
    part: &str,
    query: Vec<(&'static str, String)>,
    lines: impl FnOnce(T) -> Vec<String>,
) -> Result<Exit, Failure> {
    let session = Session::open(connection, app, printer)?;
    let app = session.app().await?;
    let mut request = Request::get(&["api", "v1", "apps", &app, part]);
    request.query = query;
    ask(&session.client, printer, request, lines).await
}
