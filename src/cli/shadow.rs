//! `shadow`: what does the candidate answer differently?

use clap::Args;

use super::{
    ask::ask_app,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::Printer,
};
use crate::schema::shadow::{FindingClass, Shadow, ShadowFinding};

/// Show what the candidate answers differently from stable
///
/// Found by repeating requests of stable's users at both releases, as the router that is asked has seen. It is the setting
/// shadow.percent that says how many: `settings set hello shadow.percent=5`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Show also what is undecided, and what stable answers differently itself
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let about = (arguments.app, &arguments.connection);
    let all = arguments.all;
    ask_app(about, printer, "shadow", Vec::new(), |shadow| lines(&shadow, all)).await
}

fn lines(shadow: &Shadow, all: bool) -> Vec<String> {
    let mut lines = vec![shadow.sentence.clone()];
    let shown = shadow.findings.iter().filter(|found| all || found.class == FindingClass::Difference);
    lines.extend(shown.flat_map(finding));
    if shadow.skipped > 0 {
        lines.push(format!("{} requests were not repeated, since answers were late", shadow.skipped));
    }
    if shadow.left_out > 0 {
        lines.push(format!("{} more differences were not counted", shadow.left_out));
    }
    lines
}

fn finding(finding: &ShadowFinding) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<10}  {} {} {}: {} of {} answers, {} % of clients; stable itself {} of {}",
        finding.class.as_str(),
        finding.path,
        finding.field,
        finding.kind.as_str(),
        finding.differed,
        finding.compared,
        finding.sessions_percent,
        finding.differed_twice,
        finding.compared_twice
    )];
    if let Some(example) = &finding.example {
        let side = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        lines.push(format!(
            "            {}: {} at stable, {} at the candidate",
            example.path,
            side(&example.stable),
            side(&example.candidate)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_a_line_each_with_an_example() {
        let shadow: Shadow = serde_json::from_str(
            r#"{"sentence":"It differs.","skipped":2,"findings":[
                {"path":"/cart/*","field":"body $.price","kind":"missing","class":"difference","compared":180,"differed":180,
                 "compared_twice":45,"differed_twice":0,"sessions_percent":98.5,
                 "example":{"path":"/cart/7","stable":"12","candidate":""}},
                {"path":"/cart/*","field":"body $.at","kind":"changed","class":"noise","compared":180,"differed":180,
                 "compared_twice":45,"differed_twice":45,"sessions_percent":98.5,"example":null}]}"#,
        )
        .unwrap();
        let found = "difference  /cart/* body $.price missing: 180 of 180 answers, 98.5 % of clients; stable itself 0 of 45";
        let example = "            /cart/7: 12 at stable, nothing at the candidate";
        let noise = "noise       /cart/* body $.at changed: 180 of 180 answers, 98.5 % of clients; stable itself 45 of 45";
        let skipped = "2 requests were not repeated, since answers were late";
        assert_eq!(lines(&shadow, false), ["It differs.", found, example, skipped]);
        assert_eq!(lines(&shadow, true), ["It differs.", found, example, noise, skipped]);
    }
}
