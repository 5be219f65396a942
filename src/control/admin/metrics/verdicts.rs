//! The verdicts about candidates. They belong to the group of the apps.

use std::collections::BTreeMap;

use super::page::Page;
use crate::{
    control::shared::core::Core,
    rollout::verdict::{Finding, receipt::shown_evidence},
};

pub fn verdicts(page: &mut Page, core: &Core) {
    let board = core.verdicts.all();
    let sorted: BTreeMap<_, _> = board.iter().collect();
    page.gauge("rolling_verdict", "1 for the verdict about the app's candidate, 0 for the others.");
    for (app, known) in &sorted {
        for finding in Finding::ALL {
            let labels = format!("app=\"{app}\",verdict=\"{}\"", finding.as_str());
            page.sample("rolling_verdict", &labels, u8::from(known.verdict.finding == finding));
        }
    }
    page.gauge(
        "rolling_candidate_slower",
        "1 if the app's candidate keeps its clients waiting longer than stable.",
    );
    for (app, known) in &sorted {
        let labels = format!("app=\"{app}\"");
        page.sample("rolling_candidate_slower", &labels, u8::from(known.verdict.is_slower()));
    }
    page.gauge(
        "rolling_verdict_evidence",
        "The evidence that the candidate is worse than stable, better, no worse than twice, or slower; 1 says nothing.",
    );
    for (app, known) in &sorted {
        let verdict = &known.verdict;
        for (question, ln) in [
            ("worse", verdict.ln_worse),
            ("better", verdict.ln_better),
            ("no-worse", verdict.ln_no_worse),
            ("slower", verdict.latency.ln_slower),
        ] {
            let labels = format!("app=\"{app}\",for=\"{question}\"");
            page.sample("rolling_verdict_evidence", &labels, shown_evidence(ln));
        }
    }
}
