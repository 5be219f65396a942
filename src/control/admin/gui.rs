//! The GUI's files, embedded in the binary: what was tested together is served together.
//!
//! `/` names its files below a path that changes with any of them, so a browser asks for each once and never again, and no
//! page is ever put together from two versions.

use std::sync::{LazyLock, OnceLock};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::asset::Asset;
use crate::control::shared::{
    core::Core,
    error::{ApiError, Kind},
    state_dir::hex,
};

/// The only document; what it loads is governed by its policy.
const PAGE: &str = "index.html";

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
    "components/app-links.js"
    "components/banners.js"
    "components/blend-control.js"
    "components/browser-notices.js"
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
    "components/hook-dialog.js"
    "components/hook-row.js"
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
    "notify.js"
    "pages/api.js"
    "pages/app.js"
    "pages/apps.js"
    "pages/fleet.js"
    "pages/history.js"
    "pages/hooks.js"
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

/// The files as they are sent, each compressed when it is first asked for.
static ASSETS: [OnceLock<Asset>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];

/// The part of the path that changes with any file, `<16 hex digits>/`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (path, contents) in FILES {
        digest.update(path);
        digest.update(contents);
    }
    format!("{}/", hex(&digest.finalize()[..8]))
});

/// How long a file below the version's path is kept: for good, since another file has another path.
const KEPT: &str = "max-age=31536000, immutable";

/// What is asked for again each time, above all `/`: a page that outlived an upgrade would speak to another router than
/// it was made for.
const ASKED_AGAIN: &str = "no-cache";

/// `/`, `/ui/<version>/<file>`, and `/ui/<file>` for those who look.
pub fn routes() -> Router<Core> {
    Router::new().route("/", get(|headers: HeaderMap| async move { serve(PAGE, &headers) })).route(
        "/ui/{*path}",
        get(|Path(path): Path<String>, headers: HeaderMap| async move { serve(&path, &headers) }),
    )
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let versioned = path.strip_prefix(VERSION.as_str());
    let path = versioned.unwrap_or(path);
    let Some(index) = FILES.iter().position(|(known, _)| *known == path) else {
        return ApiError::new(Kind::NotFound, "there is no such file").into_response();
    };
    let asset = ASSETS[index].get_or_init(|| Asset::new(media_type(path), contents(path, FILES[index].1)));
    let kept = (header::CACHE_CONTROL, if versioned.is_some() { KEPT } else { ASKED_AGAIN });
    match path {
        PAGE => asset.respond(headers, &[kept, (header::CONTENT_SECURITY_POLICY, POLICY)]),
        _ => asset.respond(headers, &[kept]),
    }
}

/// A file's contents; the page itself names the others with their version.
///
/// Modules are not preloaded: the browser would compile all of them before it paints (measured: twice as late).
fn contents(path: &str, embedded: &'static [u8]) -> Bytes {
    match std::str::from_utf8(embedded) {
        Ok(page) if path == PAGE => page.replace("\"/ui/", &format!("\"/ui/{}", *VERSION)).into(),
        _ => Bytes::from_static(embedded),
    }
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

    #[test]
    fn only_what_another_version_has_elsewhere_is_kept() {
        let kept = |path: &str| serve(path, &HeaderMap::new()).headers()[header::CACHE_CONTROL].clone();
        assert_eq!(kept(&format!("{}main.js", *VERSION)), KEPT);
        assert_eq!(kept("main.js"), ASKED_AGAIN);
        assert_eq!(kept("index.html"), ASKED_AGAIN);
        let another = serve("0123456789abcdef/main.js", &HeaderMap::new());
        assert_eq!(another.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn the_page_names_its_files_with_their_version() {
        let embedded = FILES.iter().find(|(path, _)| *path == PAGE).unwrap().1;
        let page = String::from_utf8(contents(PAGE, embedded).to_vec()).unwrap();
        assert!(page.contains(&format!("src=\"/ui/{}main.js\"", *VERSION)), "{page}");
        assert_eq!(page.matches("\"/ui/").count(), page.matches(&format!("\"/ui/{}", *VERSION)).count());
    }
}
