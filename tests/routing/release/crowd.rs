//! Many end users at once, and where they are.

use std::collections::BTreeMap;
use support::{Router, Visit, Visitor};

/// Visitors who keep their cookies.
pub struct Crowd {
    visitors: Vec<Visitor>,
}

impl Crowd {
    /// So many who were never here; each asks once.
    pub fn arrive(router: &Router, count: usize) -> Self {
        let mut crowd = Self { visitors: (0..count).map(|_| router.visitor()).collect() };
        crowd.visit();
        crowd
    }

    /// Everybody asks once more; what each got.
    pub fn visit(&mut self) -> Vec<Visit> {
        self.visitors.iter_mut().map(|visitor| visitor.get("/")).collect()
    }

    /// Everybody asks once more; how many got which release.
    pub fn releases(&mut self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for visit in self.visit() {
            *counts.entry(visit.release).or_insert(0) += 1;
        }
        counts
    }

    /// Fails unless everybody gets this release.
    #[track_caller]
    pub fn assert_all_on(&mut self, release: &str) {
        let count = self.visitors.len();
        assert_eq!(self.releases(), BTreeMap::from([(release.to_owned(), count)]));
    }

    /// Those who are on this release now, taken out of the crowd.
    pub fn split_off(&mut self, release: &str) -> Self {
        let all = std::mem::take(&mut self.visitors);
        let (there, elsewhere) = all.into_iter().map(with_release).partition(|(_, at)| at == release);
        let only = |pairs: Vec<(Visitor, String)>| pairs.into_iter().map(|(visitor, _)| visitor).collect();
        self.visitors = only(elsewhere);
        Self { visitors: only(there) }
    }

    /// Everybody closes the connection and keeps the cookies.
    pub fn hang_up(&mut self) {
        self.visitors.iter_mut().for_each(Visitor::hang_up);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.visitors.len()
    }

    /// How many connections they opened in all.
    pub fn connects(&self) -> usize {
        self.visitors.iter().map(|visitor| visitor.connects).sum()
    }

    /// Fails unless everybody gets this release, and nobody a new pin.
    #[track_caller]
    pub fn assert_undisturbed_on(&mut self, release: &str) {
        for visit in self.visit() {
            assert_eq!((visit.release.as_str(), visit.pinned), (release, false));
        }
    }
}

fn with_release(mut visitor: Visitor) -> (Visitor, String) {
    let release = visitor.release();
    (visitor, release)
}

/// Of so many new clients, how many the release gets.
pub fn share(router: &Router, release: &str, count: usize) -> usize {
    let mut crowd = Crowd::arrive(router, count);
    crowd.releases().get(release).copied().unwrap_or(0)
}

/// Fails unless the release's part of `count` new clients is as configured: the counter that deals buckets is exact to a few
/// clients.
#[track_caller]
pub fn assert_share(router: &Router, release: &str, percent: usize) {
    let got = share(router, release, 200);
    let wanted = 200 * percent / 100;
    assert!(got.abs_diff(wanted) <= 6, "{release} got {got} of 200 new clients at {percent} %");
}
