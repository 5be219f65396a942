//! Header lines that do not go to the endpoint, since their names have `_`.

use super::{explanation::Explanation, request::Request};
use crate::rollout::{table::AppRoutes, underscores::DropReason};

/// The names of these lines.
pub(super) fn dropped(app: &AppRoutes, request: &Request<'_>) -> Vec<String> {
    let names = request.header_names.iter().filter(|name| name.contains('_') && reason(app, name).is_some());
    names.map(|name| (*name).to_owned()).collect()
}

fn reason(app: &AppRoutes, name: &str) -> Option<DropReason> {
    app.settings.underscores.drops(name.as_bytes(), app.settings.overriding.header.as_deref())
}

/// Why each of them is dropped.
pub(super) fn sentences(app: &AppRoutes, explanation: &Explanation) -> Vec<String> {
    let sentence = |name: &String| {
        let shown = name.escape_debug();
        match reason(app, name)? {
            DropReason::Setting => Some(format!(
                "The header {shown} is dropped: some servers read `_` as `-`. The app setting `underscores: pass` passes it."
            )),
            DropReason::Collision => Some(format!(
                "The header {shown} is dropped: a server that reads `_` as `-` takes it for one that the router sets."
            )),
        }
    };
    explanation.headers_dropped.iter().filter_map(sentence).collect()
}
