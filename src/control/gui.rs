//! The GUI's files, embedded in the binary: what was tested together is served together.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::{
    asset::Asset,
    core::Core,
    error::{ApiError, Kind},
};

/// What the pages may do: nothing but talk to this router. As `ui/README.md` says.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Embeds files of `ui/`.
macro_rules! files {
    ($($path:literal)+) => {
        /// Path below `ui/` and contents.
        const FILES: &[(&str, &[u8])] = &[
            $(($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/", $path))),)+
        ];
    };
}

files! {
    "actions.js"
    "advice.js"
    "api-model.js"
    "api.js"
    "app.css"
    "base.css"
    "blend.js"
    "components/accept-store.js"
    "components/actions.js"
    "components/announcer.js"
    "components/banners.js"
    "components/blend-control.js"
    "components/chart.js"
    "components/command-bodies.js"
    "components/confirm.js"
    "components/controls.js"
    "components/dialog.js"
    "components/draining.js"
    "components/endpoints.js"
    "components/explain.js"
    "components/find-box.js"
    "components/history-list.js"
    "components/metric.js"
    "components/notices.js"
    "components/problems.js"
    "components/release-card.js"
    "components/release-picker.js"
    "components/release-row.js"
    "components/settings-form.js"
    "components/shell.js"
    "components/when.js"
    "describe.js"
    "dom.js"
    "favicon.svg"
    "format.js"
    "history-feed.js"
    "index.html"
    "main.js"
    "pages/api.js"
    "pages/app.js"
    "pages/apps.js"
    "pages/fleet.js"
    "pages/history.js"
    "pages/keyvalues.js"
    "pages/previews.js"
    "pages/releases.js"
    "pages/router.js"
    "pages/settings.js"
    "pages/setup.js"
    "pages/sign-in.js"
    "pages/tokens.js"
    "release.js"
    "router.js"
    "series.js"
    "settings-model.js"
    "store.js"
    "stream.js"
    "theme.js"
}

/// The files as they are sent, compressed when the first one is asked for.
static ASSETS: LazyLock<Vec<Asset>> =
    LazyLock::new(|| FILES.iter().map(|(path, contents)| Asset::new(media_type(path), contents)).collect());

/// Header lines of every file.
const OWN: [(HeaderName, &str); 2] = [
    // Always asked for again: a page that outlived an upgrade would speak to another router than it was made for.
    (header::CACHE_CONTROL, "no-cache"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
];

/// `/` and `/ui/<file>`.
pub fn routes() -> Router<Core> {
    Router::new().route("/", get(|headers: HeaderMap| async move { serve("index.html", &headers) })).route(
        "/ui/{*path}",
        get(|Path(path): Path<String>, headers: HeaderMap| async move { serve(&path, &headers) }),
    )
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(index) = FILES.iter().position(|(known, _)| *known == path) else {
        return ApiError::new(Kind::NotFound, "there is no such file").into_response();
    };
    ASSETS[index].respond(headers, &OWN)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn every_file_that_the_gui_names_is_embedded() {
        let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/README.md"));
        let list = readme.split("```files\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(embedded, list.lines().collect::<Vec<_>>());
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let first = serve("index.html", &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].clone();
        let again = serve("index.html", &HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(serve("../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
