//! `verdict`: is the candidate worse than stable?

use clap::Args;

use super::{
    ask::ask_app,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::verdict::{ArmCounts, Verdict};

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
    lines.push(format!("if worse    {}", verdict.on_worse));
    if verdict.drawing_stopped {
        lines.push("drawing     stopped at this router, until the store takes the abort".to_owned());
    }
    lines
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
                "evidence":{"worse":387.2,"worse_needed":100,"needed":20},"factor":{"likely":60,"least":5,"most":null},"drawing_stopped":true}"#,
        )
        .unwrap();
        assert_eq!(
            lines(&verdict),
            [
                "worse: It is worse.",
                "candidate   3 of 40 sessions met a failure (7.5 %), in 50 requests",
                "stable      0 of 360 sessions met a failure (0 %), in 400 requests",
                "shielded    stable answered 3 of the 3 requests that the candidate failed",
                "evidence    worse 387.2 of 100, better 0 of 20, no worse 0 of 20",
                "factor      about 60, at least 5",
                "if worse    abort",
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
