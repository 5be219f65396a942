//! A conversation with a router about one app: which app is meant, and what state it is in.

use super::{
    client::{Client, Request},
    connect::{AppChoice, Connection},
    exit::Failure,
    printer::Printer,
};
use crate::schema::app::{App, Apps};

/// A conversation about one app.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) client: Client,
    pub(super) printer: &'a Printer,
    app: Option<String>,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        connection: &Connection,
        app: AppChoice,
        printer: &'a Printer,
    ) -> Result<Self, Failure> {
        printer.expect_json(connection.json);
        let app = app.app.filter(|app| !app.is_empty());
        Ok(Self { client: connection.client()?, printer, app })
    }

    /// The app that the command line names, if it names one.
    pub(super) fn named_app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// The name of the app that is meant.
    pub(super) async fn app(&self) -> Result<String, Failure> {
        match &self.app {
            Some(app) => Ok(app.clone()),
            None => Ok(meant(self.apps().await?)?.app),
        }
    }

    /// All apps.
    pub(super) async fn apps(&self) -> Result<Apps, Failure> {
        self.client.send(Request::get(&["api", "v1", "apps"])).await?.read()
    }

    /// The state of the app that is meant.
    pub(super) async fn state(&self) -> Result<App, Failure> {
        match &self.app {
            Some(app) => self.client.send(Request::get(&["api", "v1", "apps", app])).await?.read(),
            None => meant(self.apps().await?),
        }
    }
}

/// The app that is meant when none is named: the router's default, else the only one.
fn meant(mut known: Apps) -> Result<App, Failure> {
    let default = known.default_app.as_ref();
    let index = match known.apps.iter().position(|app| Some(&app.app) == default) {
        None if known.apps.len() == 1 => Some(0),
        found => found,
    };
    match index {
        Some(index) => Ok(known.apps.swap_remove(index)),
        None if known.apps.is_empty() => {
            Err(Failure::usage("the router has no app yet; name the first one with --app"))
        }
        None => {
            let names: Vec<&str> = known.apps.iter().map(|app| app.app.as_str()).collect();
            Err(Failure::usage(format!("which app? Name one with --app: {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_meant_is_the_default_or_the_only_one() {
        let meant = |json| {
            let apps: Apps = serde_json::from_str(json).unwrap();
            meant(apps).map(|app| app.app).map_err(|failure| failure.message)
        };
        assert_eq!(meant(r#"{"apps":[{"app":"a"},{"app":"b"}],"default_app":"b"}"#).unwrap(), "b");
        assert_eq!(meant(r#"{"apps":[{"app":"a"}],"default_app":null}"#).unwrap(), "a");
        assert!(meant(r#"{"apps":[{"app":"a"},{"app":"b"}]}"#).unwrap_err().contains("a, b"));
        assert!(meant(r#"{"apps":[]}"#).unwrap_err().contains("no app yet"));
    }
}
