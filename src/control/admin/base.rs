//! The path below which another proxy shows the admin port (setting `admin_base`). A proxy may pass it on or take it off: what comes
//! below it is taken as if it came without, before anything looks at the path.

use axum::http::{Request, Uri, uri::PathAndQuery};

/// Takes the base off a request's path, if it is there.
pub fn take_off<B>(base: &str, request: &mut Request<B>) {
    if !base.is_empty()
        && let Some(below) = below(base, request.uri())
    {
        *request.uri_mut() = below;
    }
}

fn below(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let rest = match rest.bytes().next() {
        Some(b'/') => rest.to_owned(),
        None | Some(b'?') => format!("/{rest}"),
        Some(_) => return None,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(path: &str) -> String {
        let mut request = Request::builder().uri(path).body(()).unwrap();
        take_off("/release", &mut request);
        request.uri().to_string()
    }

    #[test]
    fn a_path_below_the_base_loses_it_and_no_other_one() {
        for (path, rest) in [
            ("/release", "/"),
            ("/release/", "/"),
            ("/release?x=1", "/?x=1"),
            ("/release/api/v1/apps?x=/release/", "/api/v1/apps?x=/release/"),
            ("http://h/release/api", "http://h/api"),
            ("/release/release/api", "/release/api"),
        ] {
            assert_eq!(taken(path), rest, "{path}");
        }
        for path in ["/", "/releases", "/Release/api", "/api/release/", "/%72elease/api"] {
            assert_eq!(taken(path), path);
        }
    }
}
