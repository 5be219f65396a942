//! What is looked at while it goes on, and must be no more at the end than in the middle.

use super::site::Site;
use std::fmt::{Display, Formatter};
use std::time::Duration;
use support::clock::Deadline;

/// How often it is looked at.
const LOOKS: u32 = 80;
/// What a figure is, its unit, and what may be more at the end. Memory: the history of commands grows until it has 1,000 events.
/// Descriptors and threads: those of clients and calls that come and go. Files: those that are written anew or rotated once they
/// have grown, so that only their peaks can be compared; what rotates is as large as the load of its time.
const FIGURES: [(&str, u64, &str, u64); 11] = [
    ("memory of the first", 1024, "KiB", 8 << 20),
    ("memory of the second", 1024, "KiB", 6 << 20),
    ("descriptors of the first", 1, "", 40),
    ("descriptors of the second", 1, "", 40),
    ("threads of the first", 1, "", 8),
    ("threads of the second", 1, "", 8),
    ("state of the first", 1024, "KiB", 2 << 20),
    ("state of the second", 1024, "KiB", 2 << 20),
    ("files of the store", 1024, "KiB", 4 << 20),
    ("access logs", 1024, "KiB", 4 << 20),
    ("keys in the store", 1, "", 100),
];

/// One look.
type Look = [u64; FIGURES.len()];

/// All of them.
pub struct Figures {
    every: Duration,
    since: Deadline,
    looks: Vec<Look>,
}

impl Figures {
    /// None yet.
    pub fn new(length: Duration) -> Self {
        Self { every: length / LOOKS, since: Deadline::after(Duration::ZERO), looks: Vec::new() }
    }

    /// Looks, if it is time.
    #[allow(clippy::print_stdout, reason = "who looks at a run of an hour sees where it is")]
    pub fn look(&mut self, site: &Site) {
        if self.since.elapsed() < self.every {
            return;
        }
        self.since = Deadline::after(Duration::ZERO);
        let [first, second] = [0, 1].map(|number: usize| site.routers[number].process());
        let [state, other, store, logs] = site.files();
        let look = [
            first.memory_bytes() as u64,
            second.memory_bytes() as u64,
            first.descriptors() as u64,
            second.descriptors() as u64,
            first.threads() as u64,
            second.threads() as u64,
            state,
            other,
            store,
            logs,
            site.keys(),
        ];
        println!("{look:?}");
        self.looks.push(look);
    }

    /// What a figure was, look after look.
    fn course(&self, figure: usize) -> impl Iterator<Item = u64> {
        self.looks.iter().map(move |look| look[figure])
    }

    /// Fails where the last quarter has a higher peak than the two before it, by more than a figure may.
    pub fn assert_flat(&self) {
        let looks = self.looks.len();
        assert!(looks >= 8, "{looks} looks say nothing");
        let peak =
            |figure: usize, from: usize, to: usize| self.course(figure).skip(from).take(to - from).max();
        let grown = |figure: usize| {
            let (name, unit, called, more) = FIGURES[figure];
            let (middle, end) =
                (peak(figure, looks / 4, looks * 3 / 4)?, peak(figure, looks * 3 / 4, looks)?);
            let (was, is) = (middle / unit, end / unit);
            (end > middle + more)
                .then(|| format!("{name}: at most {was} {called} in the middle, {is} at the end"))
        };
        let grown: Vec<String> = (0..FIGURES.len()).filter_map(grown).collect();
        assert!(grown.is_empty(), "{grown:#?}");
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (figure, (name, unit, called, _)) in FIGURES.iter().enumerate() {
            let course: Vec<String> = self.course(figure).map(|value| (value / unit).to_string()).collect();
            writeln!(f, "{name}{}{called}: {}", if called.is_empty() { "" } else { ", " }, course.join(" "))?;
        }
        Ok(())
    }
}
