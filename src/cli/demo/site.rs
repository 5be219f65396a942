//! The sample releases: a little site that shows which release and which endpoint answered.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};
use tokio::net::TcpListener;

use super::visitors::Dice;

/// The app's name.
pub(super) const APP: &str = "hello";

/// The page; `{{...}}` is filled in per endpoint.
const PAGE: &str = include_str!("page.html");

/// One release of the site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release {
    pub(super) name: &'static str,
    colour: &'static str,
}

/// The stable release.
pub(super) const BLUE: Release = Release { name: "1.0.0", colour: "blue" };

/// The release on trial.
pub(super) const GREEN: Release = Release { name: "1.0.1", colour: "green" };

impl Release {
    /// Its id in the store.
    pub(super) fn id(self) -> String {
        format!("apps/{APP}-{}-80/containers", self.name)
    }
}

/// One endpoint of a release: a real HTTP server on a port of its own.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) release: Release,
    pub(super) endpoint: &'static str,
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

impl Site {
    /// Takes a free port.
    pub(super) async fn bind(release: Release, endpoint: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { release, endpoint, address: listener.local_addr()?, listener })
    }

    /// Serves until the process ends. `gui` is linked from the page.
    pub(super) async fn serve(self, gui: String) {
        let page: Arc<str> = self.page(&gui).into();
        let who = serde_json::json!({
            "release": self.release.name, "colour": self.release.colour,
            "endpoint": self.endpoint, "address": self.address.to_string(),
        });
        let page = get(move || async move {
            work().await;
            ([(header::CACHE_CONTROL, "no-store")], Html(page.to_string())).into_response()
        });
        let who = get(move || async move {
            work().await;
            ([(header::CACHE_CONTROL, "no-store")], Json(who.clone()))
        });
        let site = Router::new().route("/whoami", who).fallback_service(page);
        if let Err(error) = axum::serve(self.listener, site).await {
            tracing::warn!("endpoint {} of {} ended: {error}", self.endpoint, self.release.name);
        }
    }

    fn page(&self, gui: &str) -> String {
        let endpoint = self.endpoint.to_uppercase();
        let address = self.address.to_string();
        let values = [
            ("{{release}}", self.release.name),
            ("{{colour}}", self.release.colour),
            ("{{endpoint}}", &endpoint),
            ("{{address}}", &address),
            ("{{gui}}", gui),
        ];
        values.iter().fold(PAGE.to_owned(), |page, (name, value)| page.replace(name, value))
    }
}

/// What a small site does for a page: 2 to 25 ms, so that the GUI has response times to show.
async fn work() {
    tokio::time::sleep(Duration::from_millis(Dice::throw(2..25))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_says_who_answered() {
        let site = Site::bind(GREEN, "b").await.unwrap();
        let page = site.page("http://localhost:8080/");
        assert!(page.contains("1.0.1") && page.contains(&site.address.to_string()));
        assert!(!page.contains("{{"), "every blank is filled in");
    }
}
