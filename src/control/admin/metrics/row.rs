//! What the page has a row for: each routed release.

use crate::{
    live::{activity::ReleaseTotal, releases::ReleaseState, table::PublishedTable},
    rollout::table::{AppRoutes, ReleaseRoutes},
};

/// One routed release. Its counts are read when they are written: those of all at once would be most of the page.
pub struct Row<'a> {
    pub app: &'a AppRoutes,
    pub release: &'a ReleaseRoutes,
    /// The release's name, which no other release of the app has.
    pub name: &'a str,
    pub state: &'a ReleaseState,
}

impl Row<'_> {
    pub fn labels(&self) -> String {
        format!("app=\"{}\",release=\"{}\"", self.app.name, self.name)
    }

    pub fn total(&self) -> ReleaseTotal {
        self.state.total()
    }
}

/// Every release that they route.
pub fn rows<'a>(apps: &[&'a AppRoutes], published: &'a PublishedTable) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for app in apps {
        let names = app.names();
        for release in &app.releases {
            rows.push(Row {
                app,
                release,
                name: names.name_of(&release.id),
                state: published.release(release.slot),
            });
        }
    }
    rows
}
