//! The names by which people tell an app's releases from each other.
//!
//! A release is shown by its short name, such as `1.0`. Two releases may share it, since their ids differ in the port or
//! the service: both are then shown by the segments of their ids, such as `app-1.0-3000`, of which there is only one each.

use std::collections::{BTreeSet, HashMap};

use super::{app::AppName, release::ReleaseId};

/// The names of releases that are shown side by side.
#[derive(Debug)]
pub struct ReleaseNames<'a> {
    app: &'a AppName,
    releases: BTreeSet<&'a ReleaseId>,
    /// How many of the releases could be shown by a name, be it short or a segment.
    claims: HashMap<&'a str, usize>,
}

impl<'a> ReleaseNames<'a> {
    /// The names of these releases, as the app sees them.
    pub fn of(app: &'a AppName, releases: impl IntoIterator<Item = &'a ReleaseId>) -> Self {
        let releases: BTreeSet<&ReleaseId> = releases.into_iter().collect();
        let mut claims = HashMap::new();
        for release in &releases {
            for name in own_names(app, release) {
                *claims.entry(name).or_default() += 1;
            }
        }
        Self { app, releases, claims }
    }

    /// The short name of a release, or the segment of its id if another one could be meant by that.
    pub fn name_of<'b>(&self, release: &'b ReleaseId) -> &'b str {
        let short = release.name_in(self.app);
        let claims = self.claims.get(short).copied().unwrap_or(0);
        if claims > usize::from(self.releases.contains(release)) { release.segment() } else { short }
    }
}

/// The names that a release may be shown by, each once.
fn own_names<'a>(app: &AppName, release: &'a ReleaseId) -> impl Iterator<Item = &'a str> + use<'a> {
    let (short, segment) = (release.name_in(app), release.segment());
    [Some(short), (segment != short).then_some(segment)].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(segments: &[&str]) -> Vec<String> {
        let app: AppName = "app".parse().unwrap();
        let ids: Vec<ReleaseId> =
            segments.iter().map(|segment| format!("apps/{segment}/containers").parse().unwrap()).collect();
        let names = ReleaseNames::of(&app, &ids);
        ids.iter().map(|id| names.name_of(id).to_owned()).collect()
    }

    #[test]
    fn a_short_name_is_shown_while_it_means_one_release() {
        assert_eq!(names(&["app-1.0-80", "app-1.1-80"]), ["1.0", "1.1"]);
        assert_eq!(names(&["app-1.0-80", "app-1.0-80"]), ["1.0", "1.0"], "the same release twice");
    }

    #[test]
    fn releases_that_share_a_short_name_are_shown_by_their_segments() {
        let other_port = ["app-1.0-3000", "app-1.0-8080", "app-1.1-80"];
        assert_eq!(names(&other_port), ["app-1.0-3000", "app-1.0-8080", "1.1"]);
        assert_eq!(names(&["app-1.0", "app-1.0-80"]), ["app-1.0", "app-1.0-80"], "without a port");
        assert_eq!(names(&["app-1.0-80", "web-1.0-80"]), ["app-1.0-80", "web-1.0-80"], "another service");
        let segment_as_name = ["app-1.0-80", "app-1.0-81", "app-app-1.0-80-82"];
        assert_eq!(names(&segment_as_name), segment_as_name, "a short name is another's segment");
    }

    #[test]
    fn a_release_that_is_shown_alone_is_told_from_the_others_too() {
        let app: AppName = "app".parse().unwrap();
        let [known, other]: [ReleaseId; 2] =
            ["apps/app-1.0-80/containers", "apps/app-1.0-81/containers"].map(|id| id.parse().unwrap());
        assert_eq!(ReleaseNames::of(&app, [&known]).name_of(&other), "app-1.0-81");
        assert_eq!(ReleaseNames::of(&app, []).name_of(&other), "1.0");
    }
}
