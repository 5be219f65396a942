//! `recycle`: the containers of a deployment anew, one after the other.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use tokio::time::sleep;

use super::{
    client::Request,
    connect::{AppChoice, Connection},
    deployment_change::{LOOK_EVERY, find_id},
    deployment_lines::print_step,
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
};
use crate::{
    clock::Clock,
    schema::deployment::{Deployment, Recycle, RecycleRequest},
};

/// Make the containers of a release anew, one after the other, from the image that it was deployed with
///
/// Each new container has to be healthy before the old one is touched. Its clients then stay until they navigate, or until
/// --drain is over, and go only to containers that are new already: so each of them changes its endpoint once. A new container
/// that fails ends the recycle; what was not replaced serves on.
///
/// Examples:
///   rolling-router recycle 1.0.0
///   rolling-router recycle --release 1.0.0 --drain 5m --parallel 2
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The deployment's id, or the name of its release
    #[arg(value_name = "DEPLOYMENT", required_unless_present = "release", conflicts_with = "release")]
    id: Option<String>,

    /// The same, as a flag
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// Take what the image's name means now; for operators, and another image ends approvals of the release
    #[arg(long)]
    in_place: bool,

    /// How many containers are replaced at a time, half of them at the most
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    parallel: u32,

    /// How long the clients of a container may stay there unless they navigate; without it as the app's `drainseconds`
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    drain: Option<Duration>,

    /// How long to wait until it is over (exit code 6 if it is not by then; it goes on by itself)
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "1h")]
    timeout: Duration,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let app = session.app().await?;
    let name = arguments.id.or(arguments.release).unwrap_or_default();
    let id = find_id(&session, &app, &name).await?;
    let request = RecycleRequest {
        in_place: arguments.in_place.then_some(true),
        parallel: Some(arguments.parallel),
        drain: arguments.drain.map(|drain| u32::try_from(drain.as_secs()).unwrap_or(u32::MAX)),
    };
    let path = ["api", "v1", "apps", &app, "deployments", &id, "recycle"];
    let begun: Deployment =
        session.client.send(Request::new(Method::POST, &path).json(&request)).await?.read()?;
    if begun.recycle.as_ref().is_some_and(|recycle| recycle.stops_first) {
        printer.note(&stop_note(&begun));
    }
    follow(&session, &app, begun, arguments.timeout).await
}

fn stop_note(deployment: &Deployment) -> String {
    let port = deployment.ports.first().map_or("", String::as_str);
    let meanwhile = match deployment.replicas {
        1 => "; it is the only one, so nobody is served meanwhile",
        _ => "",
    };
    format!(
        "the port of the host is fixed ({port}), so each container is stopped before the new one is started{meanwhile}"
    )
}

/// Prints each step until the recycle is over.
async fn follow(
    session: &Session<'_>,
    app: &str,
    begun: Deployment,
    patience: Duration,
) -> Result<Exit, Failure> {
    let (clock, printer, id) = (Clock::system(), session.printer, begun.id.clone());
    let until = clock.monotonic() + patience;
    let since = begun.recycle.as_ref().map_or(0, |recycle| recycle.since);
    let (mut now, mut shown) = (begun, 0);
    loop {
        for step in now.steps.iter().filter(|step| step.number > shown && step.at >= since) {
            print_step(printer, &id, step);
        }
        shown = now.steps.last().map_or(shown, |step| step.number);
        if let Some(recycle) = now.recycle.as_ref().filter(|recycle| recycle.ended_at.is_some()) {
            return end(printer, &id, recycle);
        }
        if clock.monotonic() >= until {
            printer.note(&format!("{id} is still being recycled; it goes on by itself"));
            return Ok(Exit::NotEverywhere);
        }
        sleep(LOOK_EVERY).await;
        now = match session.client.send(Request::get(&["api", "v1", "apps", app, "deployments", &id])).await {
            Ok(answer) => answer.read()?,
            // A router that starts again goes on with it.
            Err(failure) if failure.exit == Exit::Unreachable => now,
            Err(failure) => return Err(failure),
        };
    }
}

fn end(printer: &Printer, id: &str, recycle: &Recycle) -> Result<Exit, Failure> {
    let Recycle { done, of, failure, .. } = recycle;
    let Some(failure) = failure else {
        let json = serde_json::json!({ "deployment": id, "result": "done", "done": done, "of": of });
        let text = format!("{id}: all of its containers are new ({of})");
        printer.line(if printer.is_json() { json.to_string() } else { text });
        return Ok(Exit::Done);
    };
    let words = failure.last_words.trim_end();
    let said = if words.is_empty() { String::new() } else { format!("\nThe container said last:\n{words}") };
    let message = format!(
        "{done} of the {of} containers of {id} are new, the others serve on: {}{said}",
        failure.reason
    );
    let json = serde_json::json!({
        "error": { "code": "recycle_failed", "message": failure.reason },
        "deployment": id,
        "done": done,
        "of": of,
        "last_words": failure.last_words,
    });
    Err(Failure { json: Some(json.to_string()), ..Failure::new(Exit::Refused, message) })
}
