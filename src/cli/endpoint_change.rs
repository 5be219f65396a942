//! A change of the endpoints of a release. They have a count of their own, which goes along as what was seen of them.
//!
//! Replicas that start together add themselves at the same time, so the count alone says little: if the endpoint that is meant
//! is what it was, or what it is to be, the change is sent again with the new count.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    change::{Change, ChangeArguments},
    client::{Answer, Request},
    exit::{Exit, Failure},
    printer::Printer,
    release::ReleaseChoice,
    session::Session,
};
use crate::schema::registration::RegisteredEndpoints;

/// For how long a change is sent again: each time one of those that came together is through.
const REPEATED_FOR: Duration = Duration::from_secs(20);

/// The longest pause before that.
const PAUSE_MS_MAX: u64 = 128;

/// What is to become of one endpoint, or of all.
#[derive(Debug)]
pub(super) struct EndpointChange {
    pub(super) release: String,
    /// The container, or an address; none: all endpoints of the release.
    pub(super) endpoint: Option<String>,
    /// The address that it has then; none: it is gone.
    pub(super) address: Option<String>,
    pub(super) change: Change,
}

impl EndpointChange {
    /// Asks for it, and prints what came of it.
    pub(super) async fn ask(
        self,
        arguments: ChangeArguments,
        lines: impl FnOnce(&Answer) -> Result<Vec<String>, Failure>,
        printer: &Printer,
    ) -> Result<Exit, Failure> {
        let ChangeArguments { app, connection, options } = arguments;
        let session = Session::open(&connection, app, printer)?;
        let app = session.app().await?;
        let seen = self.look(&session, &app).await?;
        let (mut count, begun) = (seen.count, Instant::now());
        let answer = loop {
            match session.client.send(self.change.clone().request(&app, Some(count), &options)).await {
                Err(stale)
                    if stale.is_stale() && options.if_match.is_none() && begun.elapsed() < REPEATED_FOR =>
                {
                    sleep(pause()).await;
                    let now = self.look(&session, &app).await?;
                    if !self.may_repeat(&seen, &now) {
                        return Err(stale);
                    }
                    count = now.count;
                }
                answer => break answer?,
            }
        };
        let lines = if printer.is_json() { vec![answer.text()] } else { lines(&answer)? };
        lines.into_iter().for_each(|line| printer.line(line));
        Ok(Exit::of_status(answer.status))
    }

    async fn look(&self, session: &Session<'_>, app: &str) -> Result<RegisteredEndpoints, Failure> {
        let release = ReleaseChoice::in_path(&self.release);
        let request = Request::get(&["api", "v1", "apps", app, "releases", release, "endpoints"]);
        session.client.send(request).await?.read()
    }

    /// Whether only other endpoints were changed, or this one to what it is to be.
    fn may_repeat(&self, seen: &RegisteredEndpoints, now: &RegisteredEndpoints) -> bool {
        let Some(endpoint) = &self.endpoint else { return false };
        let address = address_of(now, endpoint);
        address == address_of(seen, endpoint) || address == self.address.as_deref()
    }
}

fn address_of<'a>(known: &'a RegisteredEndpoints, endpoint: &str) -> Option<&'a str> {
    let named = known.endpoints.iter().find(|known| known.container == endpoint || known.address == endpoint);
    named.map(|known| known.address.as_str())
}

/// A random pause, so that those who were in each other's way do not come together again.
fn pause() -> Duration {
    let mut byte = [0];
    // Without randomness it is the shortest one.
    let _ = getrandom::fill(&mut byte);
    Duration::from_millis(1 + u64::from(byte[0]) * PAUSE_MS_MAX / 256)
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::schema::registration::{AddEndpointRequest, RegisteredEndpoint};

    fn known(endpoints: &[(&str, &str)]) -> RegisteredEndpoints {
        let endpoint = |(container, address): &(&str, &str)| RegisteredEndpoint {
            container: (*container).to_owned(),
            address: (*address).to_owned(),
        };
        RegisteredEndpoints {
            endpoints: endpoints.iter().map(endpoint).collect(),
            ..RegisteredEndpoints::default()
        }
    }

    #[test]
    fn a_change_is_repeated_unless_the_same_endpoint_became_something_else() {
        let change = |endpoint: Option<&str>, address: Option<&str>| EndpointChange {
            release: "1.0".to_owned(),
            endpoint: endpoint.map(str::to_owned),
            address: address.map(str::to_owned),
            change: Change::new(Method::PUT, "", &AddEndpointRequest::default(), ""),
        };
        let before = known(&[("web-1", "10.0.0.1:80")]);
        let other = known(&[("web-1", "10.0.0.1:80"), ("web-2", "10.0.0.2:80")]);
        let moved = known(&[("web-1", "10.0.0.9:80")]);
        let removed = change(Some("web-1"), None);
        assert!(removed.may_repeat(&before, &other), "another one was added");
        assert!(removed.may_repeat(&before, &known(&[])), "somebody else removed it");
        assert!(!removed.may_repeat(&before, &moved), "it is another one by now");
        assert!(change(Some("web-1"), Some("10.0.0.9:80")).may_repeat(&before, &moved));
        assert!(!change(Some("web-1"), Some("10.0.0.8:80")).may_repeat(&before, &moved));
        assert!(change(Some("10.0.0.2:80"), Some("10.0.0.2:80")).may_repeat(&before, &other));
        assert!(!change(None, None).may_repeat(&before, &other), "all of them are others than were seen");
    }
}
