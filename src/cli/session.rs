//! A conversation with a router about one app: which app is meant, and what state it is in.

use super::{
    client::{Client, Request},
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    nearest::nearest,
    printer::Printer,
};
use crate::schema::app::{App, Apps};

/// Letters that a name may differ by and still be taken for a slip of another one.
const SLIPS_MAX: usize = 2;

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

    /// The name of the app that is meant by a change that may make it. One that is not there is refused unless `new` says
    /// that it is meant; the one that the router was started with counts as made. The seq of one that is there goes with it.
    pub(super) async fn app_to_begin(&self, new: bool) -> Result<(String, Option<u64>), Failure> {
        let known = self.apps().await?;
        let Some(named) = &self.app else {
            if let Some(configured) = known.configured_app.clone().filter(|_| known.apps.is_empty()) {
                return Ok((configured, None));
            }
            let app = meant(known)?;
            return Ok((app.app, Some(app.seq)));
        };
        let made = known.apps.iter().find(|app| app.app == *named);
        if new || made.is_some() || known.configured_app.as_ref() == Some(named) {
            return Ok((named.clone(), made.map(|app| app.seq)));
        }
        Err(Failure::new(Exit::Refused, no_app_to_begin(named, &known)))
    }

    /// The app that the command line names, if there is one.
    pub(super) async fn known_app(&self) -> Result<App, Failure> {
        let mut known = self.apps().await?;
        let Some(named) = &self.app else { return meant(known) };
        match known.apps.iter().position(|app| app.app == *named) {
            Some(index) => Ok(known.apps.swap_remove(index)),
            None => Err(Failure::new(Exit::Refused, no_app(named, &known))),
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

/// That there is no app of a name, with the name that may have been meant.
pub(super) fn no_app(named: &str, known: &Apps) -> String {
    let names: Vec<&str> = known.apps.iter().map(|app| app.app.as_str()).collect();
    match (nearest(named, names.iter().copied(), SLIPS_MAX), names.is_empty()) {
        (Some(app), _) => format!("no app {named}; did you mean {app}?"),
        (None, true) => format!("no app {named}"),
        (None, false) => format!("no app {named}; the apps are {}", names.join(", ")),
    }
}

/// The same, with how to make it.
fn no_app_to_begin(named: &str, known: &Apps) -> String {
    let said = no_app(named, known);
    let end = match said.chars().last() {
        Some('?') => "",
        _ if known.apps.is_empty() => ";",
        _ => ".",
    };
    format!("{said}{end} --new makes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slip_is_told_which_app_may_be_meant() {
        let known = |json: &str| serde_json::from_str::<Apps>(json).unwrap();
        let two = known(r#"{"apps":[{"app":"hello"},{"app":"shop"}]}"#);
        for (named, said) in [
            ("helo", "no app helo; did you mean hello? --new makes it"),
            ("hlelo", "no app hlelo; did you mean hello? --new makes it"),
            ("shop2", "no app shop2; did you mean shop? --new makes it"),
            ("blog", "no app blog; the apps are hello, shop. --new makes it"),
        ] {
            assert_eq!(no_app_to_begin(named, &two), said);
        }
        assert_eq!(no_app_to_begin("hello", &known(r#"{"apps":[]}"#)), "no app hello; --new makes it");
    }

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
