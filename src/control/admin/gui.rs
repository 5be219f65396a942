//! The GUI's files, embedded in the binary: what was tested together is served together.
//!
//! `/` names its files below a path that changes with any of them, so a browser asks for each once and never again, and no
//! page is ever put together from two versions.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest as _, Sha256};

use super::squeeze::squeeze;
use crate::control::shared::{
    asset::Asset,
    core::Core,
    error::{ApiError, Kind},
    hex::hex,
};

/// The only document; what it loads is governed by its policy.
const PAGE: &str = "index.html";

/// What the pages may do: nothing but talk to this router. As `ui/README.md` says.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Every file below `ui/web/`: what the browser needs, and nothing else.
///
/// Cargo builds this again when one of these files changes. A new file comes with a change of the file that names it.
static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/ui/web");

/// The files by their path below `ui/web/`.
static FILES: LazyLock<BTreeMap<&'static str, File>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    collect_files(&FOLDER, &mut files);
    files
});

/// An embedded file.
#[derive(Debug)]
struct File {
    contents: &'static [u8],
    /// As it is sent: compressed when it is first asked for.
    asset: OnceLock<Asset>,
}

fn collect_files(folder: &Dir<'static>, files: &mut BTreeMap<&'static str, File>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(inner) => collect_files(inner, files),
            DirEntry::File(file) => {
                let path = file.path().to_str().expect("the names in ui/web/ are ASCII");
                files.insert(path, File { contents: file.contents(), asset: OnceLock::new() });
            }
        }
    }
}

/// The part of the path that changes with any file, `<16 hex digits>/`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (path, file) in FILES.iter() {
        digest.update(path);
        digest.update(file.contents);
    }
    format!("{}/", hex(&digest.finalize()[..8]))
});

/// How long a file below the version's path is kept: for good, since another file has another path.
const KEPT: &str = "max-age=31536000, immutable";

/// What is asked for again each time, above all `/`: a page that outlived an upgrade would speak to another router than
/// it was made for.
const ASKED_AGAIN: &str = "no-cache";

/// `/`, `/ui/<version>/<file>`, and `/ui/<file>` for those who look. `base` stands before all of them where the browser is.
pub fn routes(base: &str) -> Router<Core> {
    let page = Arc::new(Asset::new(media_type(PAGE), page(base)));
    let below = Arc::clone(&page);
    Router::new().route("/", get(|headers: HeaderMap| async move { serve_page(&page, &headers) })).route(
        "/ui/{*path}",
        get(|Path(path): Path<String>, headers: HeaderMap| async move { serve(&path, &below, &headers) }),
    )
}

/// The page, which names the other files with their version.
///
/// Modules are not preloaded: the browser would compile all of them before it paints (measured: twice as late).
fn page(base: &str) -> String {
    let embedded = FILES.get(PAGE).map_or(&[][..], |file| file.contents);
    String::from_utf8_lossy(embedded).replace("\"/ui/", &format!("\"{base}/ui/{}", *VERSION))
}

fn serve_page(page: &Asset, headers: &HeaderMap) -> Response {
    let kept = (header::CACHE_CONTROL, ASKED_AGAIN);
    page.respond(headers, &[kept, (header::CONTENT_SECURITY_POLICY, POLICY)])
}

fn serve(path: &str, page: &Asset, headers: &HeaderMap) -> Response {
    let versioned = path.strip_prefix(VERSION.as_str());
    let path = versioned.unwrap_or(path);
    if path == PAGE {
        return serve_page(page, headers);
    }
    let Some(file) = FILES.get(path) else {
        return ApiError::new(Kind::NotFound, "there is no such file").into_response();
    };
    let asset = file.asset.get_or_init(|| Asset::new(media_type(path), sent(path, file.contents)));
    let kept = (header::CACHE_CONTROL, if versioned.is_some() { KEPT } else { ASKED_AGAIN });
    asset.respond(headers, &[kept])
}

/// A file as it is sent.
fn sent(path: &str, contents: &'static [u8]) -> Bytes {
    match str::from_utf8(contents) {
        Ok(text) if [".js", ".css"].iter().any(|end| path.ends_with(end)) => squeeze(text).into(),
        _ => Bytes::from_static(contents),
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
    use std::{fs, path};

    use axum::http::StatusCode;

    use super::*;

    /// The paths of all files below a folder.
    fn list_files(folder: &path::Path, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                list_files(&entry.path(), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn exactly_the_files_of_the_folder_are_embedded() {
        let mut found = Vec::new();
        list_files(&path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/web"), "", &mut found);
        found.sort();
        assert_eq!(FILES.keys().copied().collect::<Vec<_>>(), found);
    }

    #[test]
    fn only_what_a_browser_needs_is_embedded() {
        for path in FILES.keys() {
            assert_ne!(media_type(path), "application/octet-stream", "{path}");
        }
    }

    /// An answer where no base is set.
    fn serve(path: &str, headers: &HeaderMap) -> Response {
        super::serve(path, &Asset::new(media_type(PAGE), page("")), headers)
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
        for base in ["", "/release"] {
            let page = page(base);
            assert!(page.contains(&format!("src=\"{base}/ui/{}main.js\"", *VERSION)), "{page}");
            assert_eq!(
                page.matches("/ui/").count(),
                page.matches(&format!("\"{base}/ui/{}", *VERSION)).count()
            );
        }
    }
}
