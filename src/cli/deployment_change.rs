//! What `stop`, `start`, `scale` and `terminate` have in common: one deployment, one call, and waiting until it is so.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use tokio::time::sleep;

use super::{
    client::Request,
    connect::{AppChoice, Connection},
    duration,
    exit::{Exit, Failure},
    printer::Printer,
    session::Session,
};
use crate::{
    clock::Clock,
    schema::deployment::{Deployment, Deployments},
};

/// How often it is looked how far it is.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Which deployment, and how long it is waited for.
#[derive(Debug, Args)]
pub(super) struct DeploymentChoice {
    /// The deployment's id, or the name of its release
    #[arg(value_name = "DEPLOYMENT")]
    id: String,

    /// How long to wait until it is so (exit code 6 if it is not by then)
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "2m")]
    timeout: Duration,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

/// What is asked for.
pub(super) struct DeploymentChange {
    pub(super) method: Method,
    /// What stands behind the id in the path.
    pub(super) call: Option<&'static str>,
    pub(super) body: Option<serde_json::Value>,
    pub(super) query: Vec<(&'static str, String)>,
    /// Whether it is so; none: the deployment is gone.
    pub(super) is_done: fn(Option<&Deployment>) -> bool,
    pub(super) done: &'static str,
}

impl DeploymentChoice {
    pub(super) fn new(id: String, timeout: Duration, app: AppChoice, connection: Connection) -> Self {
        Self { id, timeout, app, connection }
    }

    pub(super) async fn ask(self, change: DeploymentChange, printer: &Printer) -> Result<Exit, Failure> {
        let session = Session::open(&self.connection, self.app, printer)?;
        let app = session.app().await?;
        let id = find_id(&session, &app, &self.id).await?;
        let mut path = vec!["api", "v1", "apps", &app, "deployments", &id];
        path.extend(change.call);
        let mut request = Request::new(change.method, &path);
        request.query = change.query;
        if let Some(body) = &change.body {
            request = request.json(body);
        }
        let changed: Deployment = session.client.send(request).await?.read()?;
        let (clock, mut now) = (Clock::system(), Some(changed));
        let until = clock.monotonic() + self.timeout;
        while !(change.is_done)(now.as_ref()) {
            let to_serve = now.as_ref().filter(|it| it.desired == "serving");
            if let Some(failure) = to_serve.and_then(|it| it.failure.as_ref()) {
                return Err(Failure::new(Exit::Refused, format!("{id} failed: {}", failure.reason)));
            }
            if clock.monotonic() >= until {
                let state = now.map(|it| it.state).unwrap_or_default();
                printer.note(&format!("{id} is still {state}; it goes on by itself"));
                return Ok(Exit::NotEverywhere);
            }
            sleep(LOOK_EVERY).await;
            now = known(&session, &app).await?.into_iter().find(|it| it.id == id);
        }
        let json = || serde_json::json!({ "deployment": id, "result": "done" }).to_string();
        printer.line(if printer.is_json() { json() } else { format!("{id} {}", change.done) });
        Ok(Exit::Done)
    }
}

/// The id that a deployment's id, or the name of its release, stands for.
pub(super) async fn find_id(session: &Session<'_>, app: &str, name: &str) -> Result<String, Failure> {
    let own = format!("{app}-{name}");
    let known = known(session, app).await?;
    let found = known.into_iter().map(|it| it.id).find(|id| id == name || *id == own);
    Ok(found.unwrap_or_else(|| name.to_owned()))
}

async fn known(session: &Session<'_>, app: &str) -> Result<Vec<Deployment>, Failure> {
    let request = Request::get(&["api", "v1", "apps", app, "deployments"]);
    Ok(session.client.send(request).await?.read::<Deployments>()?.deployments)
}
