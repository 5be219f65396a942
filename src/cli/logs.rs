//! `logs`: what the containers of a deployment wrote, or write.

use std::{fs::File, io::Write as _, path::PathBuf, time::Duration};

use clap::Args;
use reqwest::Response;

use super::{
    client::Request,
    connect::{AppChoice, Connection},
    deployment_change::find_id,
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
};
use crate::printable::escaped_lines;

/// How long a log is followed at most.
const FOLLOWED: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Show what the containers of a deployment wrote; where there are several, each line begins with a container's number
///
/// Examples:
///   rolling-router logs 1.0.1 --tail 100
///   rolling-router logs 1.0.1 --since 10m --follow
///   rolling-router logs 1.0.1 --to hello.log
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The deployment's id, or the name of its release
    #[arg(value_name = "DEPLOYMENT")]
    id: String,

    /// Go on with what they will write, until they end
    #[arg(long)]
    follow: bool,

    /// Only what was written within this time before now
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    since: Option<Duration>,

    /// At most so many of the last lines of each container
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,

    /// Write it to this file instead, which is made or emptied
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let id = find_id(&session, &app, &arguments.id).await?;
    let mut request = Request::get(&["api", "v1", "apps", &app, "deployments", &id, "logs"]);
    if arguments.follow {
        request.query.push(("follow", "true".to_owned()));
    }
    request.query.extend(arguments.since.map(|since| ("since", since.as_secs().to_string())));
    request.query.extend(arguments.tail.map(|lines| ("tail", lines.to_string())));
    request.timeout = FOLLOWED;
    let response = session.client.open(request).await?;
    match arguments.to {
        Some(file) => to_file(response, &file, &session).await,
        None => to_output(response, &session).await,
    }
}

async fn to_file(mut response: Response, path: &PathBuf, session: &Session<'_>) -> Result<Exit, Failure> {
    let refused =
        |error: std::io::Error| Failure::here(format!("cannot write --to {}: {error}", path.display()));
    let mut file = File::create(path).map_err(refused)?;
    while let Some(part) = session.client.next_part(&mut response).await? {
        file.write_all(&part).map_err(refused)?;
    }
    Ok(Exit::Done)
}

/// To standard output: for a terminal without what it would act on.
async fn to_output(mut response: Response, session: &Session<'_>) -> Result<Exit, Failure> {
    let printer = session.printer;
    while let Some(part) = session.client.next_part(&mut response).await? {
        match printer.to_terminal() {
            true => printer.bytes(escaped_lines(&String::from_utf8_lossy(&part)).as_bytes()),
            false => printer.bytes(&part),
        }
    }
    Ok(Exit::Done)
}
