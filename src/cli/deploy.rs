//! `deploy`: from an image to a candidate, in one call.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use clap::Args;
use reqwest::Method;
use tokio::time::sleep;

use super::{
    blend,
    change::NewChoice,
    client::Request,
    connect::{AppChoice, Connection},
    deployment_lines::{is_over, print_step},
    duration,
    exit::{Exit, Failure},
    facts::FactChoice,
    printer::Printer,
    session::Session,
};
use crate::{
    clock::Clock,
    schema::{
        change::Blend,
        deployment::{DeployRequest, Deployment},
    },
};

/// How often it is looked how far a deployment is.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How much longer than the router the command line waits until it hears of the end.
const SPARE: Duration = Duration::from_secs(15);
/// How long it waits until what a deployment that failed had started is removed.
const CLEAN_UP: Duration = Duration::from_secs(30);

/// Deploy an image: start its containers, wait until they are well, and make them the candidate
///
/// Ends with exit code 0 only when it serves. If it does not come up in time, everything is as it was before, and what the container
/// said last is printed.
///
/// Examples:
///   rolling-router deploy --app hello --image registry.example/hello:1.0.1
///   rolling-router deploy --image hello:1.0.1 --release 1.0.1 --replicas 3 --port 3000 --blend 10
///   rolling-router deploy --image hello:1.0.1 --plan gradual --meta commit=3f2a9c1 --meta build=https://ci.example/1188
///   rolling-router deploy --image hello:1.0.1 --env-file prod.env --env LOG=info --health-path /health --timeout 2m
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The image, with its tag or digest
    #[arg(long, value_name = "IMAGE[:TAG]")]
    image: String,

    /// The name of the release; without it the time
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    /// How many containers
    #[arg(long, value_name = "COUNT")]
    replicas: Option<u32>,

    /// The port in the container; 80 without it
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// A fixed port of the engine's host; without it whichever is free
    #[arg(long, value_name = "PORT")]
    host_port: Option<u16>,

    /// A file of NAME=VALUE lines for the environment; empty lines and lines with a `#` first are passed over
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,

    /// A variable of the environment; may be repeated, and counts before the file
    #[arg(long = "env", value_name = "NAME=VALUE")]
    variables: Vec<String>,

    /// A named volume, NAME:/path; may be repeated
    #[arg(long = "volume", value_name = "NAME:/PATH")]
    volumes: Vec<String>,

    /// The network of the containers; without it their ports are published
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,

    /// The path of the health check; without it as the app's settings say
    #[arg(long, value_name = "PATH")]
    health_path: Option<String>,

    /// How much memory each container may use, such as 256M or 1G (of 1024); without it as much as there is
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    memory: Option<u64>,

    /// How many processors each container may use, such as 0.5; without it all
    #[arg(long, value_name = "COUNT", value_parser = cpus)]
    cpus: Option<f64>,

    /// The engine, or `spread` for all; without it the only one, else all
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,

    /// Percent of new clients that go to it once it serves, at most two decimals
    #[arg(long, value_name = "PERCENT", value_parser = blend::parse_percent)]
    blend: Option<Blend>,

    /// The plan of the setting plans by which its blend rises, instead of --blend
    #[arg(long, value_name = "PLAN", conflicts_with = "blend")]
    plan: Option<String>,

    #[command(flatten)]
    facts: FactChoice,

    /// How long it may take until it serves
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "5m")]
    timeout: Duration,

    /// Send this with the call, so that one which is repeated with it deploys once
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,

    /// The command; everything behind it is part of it
    #[arg(long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true)]
    command: Vec<String>,

    #[command(flatten)]
    new: NewChoice,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let environment = environment(&arguments)?;
    let session = Session::open(&arguments.connection, arguments.app, printer)?;
    let (app, _) = session.app_to_begin(arguments.new.is_new()).await?;
    let request = DeployRequest {
        image: arguments.image,
        release: arguments.release,
        replicas: arguments.replicas,
        port: arguments.port,
        host_port: arguments.host_port,
        command: (!arguments.command.is_empty()).then_some(arguments.command),
        environment: (!environment.is_empty()).then_some(environment),
        volumes: (!arguments.volumes.is_empty()).then_some(arguments.volumes),
        network: arguments.network,
        health_path: arguments.health_path,
        memory: arguments.memory,
        cpus: arguments.cpus,
        engine: arguments.engine,
        blend: arguments.blend,
        plan: arguments.plan,
        facts: arguments.facts.given(),
        timeout: Some(u32::try_from(arguments.timeout.as_secs()).unwrap_or(u32::MAX)),
        without_candidate: None,
    };
    let mut call = Request::new(Method::POST, &["api", "v1", "apps", &app, "deployments"]).json(&request);
    call.idempotency_key = arguments.idempotency_key;
    let made: Deployment = session.client.send(call).await?.read()?;
    follow(&session, &app, &made.id, arguments.timeout + SPARE).await
}

/// Prints each step until it serves, or has failed and is cleaned up. Ends in any case once the time is over.
async fn follow(session: &Session<'_>, app: &str, id: &str, patience: Duration) -> Result<Exit, Failure> {
    let (clock, printer) = (Clock::system(), session.printer);
    let mut until = clock.monotonic() + patience;
    let (mut shown, mut progress, mut has_failed) = (0, None, false);
    loop {
        let call = Request::get(&["api", "v1", "apps", app, "deployments", id]);
        let now: Deployment = match session.client.send(call).await {
            Ok(answer) => answer.read()?,
            // A router that starts again goes on with it.
            Err(failure) if failure.exit == Exit::Unreachable && clock.monotonic() < until => {
                sleep(LOOK_EVERY).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        for step in now.steps.iter().filter(|step| step.number > shown) {
            print_step(printer, id, step);
        }
        shown = now.steps.last().map_or(shown, |step| step.number);
        if now.progress.is_some() && now.progress != progress {
            progress.clone_from(&now.progress);
            print_progress(printer, &now);
        }
        if now.state == "failed" && !has_failed {
            has_failed = true;
            until = clock.monotonic() + CLEAN_UP;
        }
        let is_late = clock.monotonic() >= until;
        if is_over(&now) || (has_failed && is_late) {
            return end(printer, &now);
        }
        if is_late {
            let message = format!(
                "{id} is still {}; no router carries it on for now. Look at it with `deployments`",
                now.state
            );
            return Err(Failure::new(Exit::Refused, message));
        }
        sleep(LOOK_EVERY).await;
    }
}

fn print_progress(printer: &Printer, deployment: &Deployment) {
    let (state, far) = (&deployment.state, deployment.progress.as_deref().unwrap_or_default());
    let json =
        || serde_json::json!({ "deployment": deployment.id, "state": state, "progress": far }).to_string();
    printer.line(if printer.is_json() { json() } else { format!("{state:>9}  {far}") });
}

fn end(printer: &Printer, deployment: &Deployment) -> Result<Exit, Failure> {
    let id = &deployment.id;
    let Some(failure) = &deployment.failure else {
        let release = deployment.release.as_deref().unwrap_or_default();
        let json =
            || serde_json::json!({ "deployment": id, "state": "serving", "release": release }).to_string();
        printer.line(if printer.is_json() { json() } else { format!("{id} serves: {release}") });
        return Ok(Exit::Done);
    };
    let words = failure.last_words.trim_end();
    let said = if words.is_empty() { String::new() } else { format!("\nThe container said last:\n{words}") };
    let left = match deployment.containers.len() {
        0 => "Nothing else was changed".to_owned(),
        left => format!("Containers that are still to be removed: {left}"),
    };
    let message = format!("{id} failed: {}. {left}{said}", failure.reason);
    let json = serde_json::json!({
        "error": { "code": "deploy_failed", "message": failure.reason },
        "deployment": id,
        "last_words": failure.last_words,
    });
    Err(Failure { json: Some(json.to_string()), ..Failure::new(Exit::Refused, message) })
}

/// Bytes, with a unit or without.
fn memory(text: &str) -> Result<u64, String> {
    let allowed = || format!("`{}` is no size; allowed is such as 256M or 1G", text.escape_debug());
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return Err(allowed()),
    };
    let number: u64 = digits.parse().map_err(|_| allowed())?;
    number.checked_mul(1 << shift).ok_or_else(allowed)
}

/// A number of processors.
fn cpus(text: &str) -> Result<f64, String> {
    let cpus = text.parse().ok().filter(|cpus: &f64| cpus.is_finite() && *cpus > 0.0);
    cpus.ok_or_else(|| {
        format!("`{}` is no number of processors; allowed is such as 0.5 or 2", text.escape_debug())
    })
}

/// The variables of file and flags; the flags count before the file.
fn environment(arguments: &Arguments) -> Result<BTreeMap<String, String>, Failure> {
    let mut environment = BTreeMap::new();
    if let Some(file) = &arguments.env_file {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("cannot read --env-file {}: {error}", file.display())))?;
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or_else(|| {
                let place = format!("line {} of {}", number + 1, file.display());
                Failure::usage(format!("{place} is no NAME=VALUE"))
            })?;
            environment.insert(name.trim().to_owned(), value.to_owned());
        }
    }
    for variable in &arguments.variables {
        let (name, value) = variable
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--env is `{variable}`; allowed is NAME=VALUE")))?;
        environment.insert(name.to_owned(), value.to_owned());
    }
    Ok(environment)
}
