//! `verdict`: is the candidate worse than stable?

use clap::Args;

use super::{
    ask::ask_app,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::verdict::{ArmCounts, LatencyNumbers, Verdict, endpoints_line};

/// Show whether the candidate is worse than stable, and what is missing to tell
///
/// What happens to one that is worse is the setting verdict.on_worse: `settings set hello verdict.on_worse=abort`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let about = (arguments.app, &arguments.connection);
    ask_app(about, printer, "verdict", Vec::new(), |verdict| lines(&verdict)).await
}

fn lines(verdict: &Verdict) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", verdict.verdict, verdict.sentence)];
    if verdict.candidate.is_none() {
        return lines;
    }
    lines.push(counts("candidate", &verdict.candidate_sessions));
    lines.push(counts("stable", &verdict.control_sessions));
    if verdict.shielded > 0 {
        lines.push(format!(
            "shielded    stable answered {} of the {} requests that the candidate failed",
            verdict.shielded_answered, verdict.shielded
        ));
    }
    lines.extend(endpoints_line(&verdict.endpoints).map(|line| format!("endpoints   {line}")));
    let evidence = &verdict.evidence;
    lines.push(format!(
        "evidence    worse {} of {}, better {} of {}, no worse {} of {}",
        evidence.worse,
        evidence.worse_needed,
        evidence.better,
        evidence.needed,
        evidence.no_worse,
        evidence.needed
    ));
    if let Some(factor) = verdict.factor {
        let bound = |word: &str, bound: Option<f64>| {
            bound.map(|bound| format!(", {word} {bound}")).unwrap_or_default()
        };
        lines.push(format!(
            "factor      about {}{}{}",
            factor.likely,
            bound("at least", factor.least),
            bound("at most", factor.most)
        ));
    }
    lines.extend(latency(&verdict.latency));
    lines.push(format!("if worse    {}", verdict.on_worse));
    lines.push(format!("if slower   {}", verdict.on_slower));
    if verdict.drawing_stopped {
        lines.push("drawing     stopped at this router, until the store takes the abort".to_owned());
    }
    lines
}

/// How long clients wait: a line for the evidence, and one for each threshold.
fn latency(latency: &LatencyNumbers) -> Vec<String> {
    if latency.thresholds.is_empty() {
        return vec!["latency     not compared yet: stable has answered too little".to_owned()];
    }
    let evidence = format!("latency     evidence slower {} of {}", latency.evidence, latency.evidence_needed);
    let thresholds = latency.thresholds.iter().map(|known| {
        let (candidate, control) = (known.candidate, known.control);
        format!(
            "  {:<9} over {} ms: candidate {} of {}, stable {} of {}",
            format!("p{}", known.percentile),
            known.threshold_ms,
            candidate.slow,
            candidate.compared,
            control.slow,
            control.compared
        )
    });
    std::iter::once(evidence).chain(thresholds).collect()
}

fn counts(name: &str, arm: &ArmCounts) -> String {
    let share = arm.share.map(|share| format!(" ({share} %)")).unwrap_or_default();
    format!(
        "{name:<11} {} of {} sessions met a failure{share}, in {} requests",
        arm.failing, arm.sessions, arm.requests
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_its_sentence_and_its_numbers() {
        let verdict: Verdict = serde_json::from_str(
            r#"{"candidate":"apps/hello-2-80/containers","verdict":"worse","sentence":"It is worse.","on_worse":"abort",
                "candidate_sessions":{"sessions":40,"failing":3,"requests":50,"share":7.5},
                "control_sessions":{"sessions":360,"requests":400,"share":0},"shielded":3,"shielded_answered":3,
                "evidence":{"worse":387.2,"worse_needed":100,"needed":20},"factor":{"likely":60,"least":5,"most":null},"drawing_stopped":true,"on_slower":"hold",
                "endpoints":[{"endpoint":"10.0.0.3:80","failing":2},{"endpoint":"10.0.0.4:80","failing":1}],
                "latency":{"evidence":1.5,"evidence_needed":100,"thresholds":[{"percentile":95,"threshold_ms":80,"evidence":1.5,
                "candidate":{"compared":30,"slow":4},"control":{"compared":300,"slow":16}}]}}"#,
        )
        .unwrap();
        assert_eq!(
            lines(&verdict),
            [
                "worse: It is worse.",
                "candidate   3 of 40 sessions met a failure (7.5 %), in 50 requests",
                "stable      0 of 360 sessions met a failure (0 %), in 400 requests",
                "shielded    stable answered 3 of the 3 requests that the candidate failed",
                "endpoints   failing sessions by endpoint: 2 met 10.0.0.3:80, 1 met 10.0.0.4:80",
                "evidence    worse 387.2 of 100, better 0 of 20, no worse 0 of 20",
                "factor      about 60, at least 5",
                "latency     evidence slower 1.5 of 100",
                "  p95       over 80 ms: candidate 4 of 30, stable 16 of 300",
                "if worse    abort",
                "if slower   hold",
                "drawing     stopped at this router, until the store takes the abort",
            ]
        );
        let none = Verdict {
            verdict: "inconclusive".into(),
            sentence: "There is no candidate.".into(),
            ..Verdict::default()
        };
        assert_eq!(lines(&none), ["inconclusive: There is no candidate."]);
    }
}
