//! `plan start|status|pause|resume|skip|approve|stop`: the steps by which the candidate's blend rises.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ask::ask_app,
    change::{Change, ChangeArguments},
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    plan_lines::{headline, rail},
    printer::Printer,
};
use crate::schema::{
    app::App,
    change::{PlanRequest, ReasonRequest, SkipRequest},
    plan::Plans,
};

/// Raise the candidate's blend step by step, as long as it is no worse than stable
///
/// Plans are the setting `plans`, a line each:
///   rolling-router settings set hello plans="gradual: 5% hold=10m; 25% hold=20m sessions=500; 50% hold=30m approval; promote"
///
/// A step is held for its time and until the verdict says that the candidate is no worse than stable. A lock, a freeze, a pause or
/// a store that does not answer holds a plan, and the time of its step begins anew afterwards.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: PlanVerb,
}

#[derive(Debug, Subcommand)]
enum PlanVerb {
    /// Start a plan for the candidate, at the first step that is not below its blend
    Start {
        /// Its name in the setting `plans`
        #[arg(value_name = "PLAN")]
        name: String,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Show where the plan is, and what it waits for
    Status {
        #[command(flatten)]
        app: AppChoice,
        #[command(flatten)]
        connection: Connection,
    },
    /// Keep the plan where it is until `plan resume`
    Pause(ChangeArguments),
    /// Let it go on; the time of its step begins anew
    Resume(ChangeArguments),
    /// Go on to the next step now; for operators
    Skip(ChangeArguments),
    /// Let it go on from a step that needs an approval; for operators
    Approve(ChangeArguments),
    /// End it, with the blend as it is
    Stop(ChangeArguments),
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let (change, method, path, done) = match arguments.verb {
        PlanVerb::Start { name, change } => return start(name, change, printer).await,
        PlanVerb::Status { app, connection } => {
            return ask_app((app, &connection), printer, "plan", Vec::new(), |plans| lines(&plans)).await;
        }
        PlanVerb::Pause(change) => (change, Method::POST, "plan/pause", "the plan is paused"),
        PlanVerb::Resume(change) => (change, Method::POST, "plan/resume", "the plan goes on"),
        PlanVerb::Skip(change) => return change.ask_as_seen(skip, printer).await,
        PlanVerb::Approve(change) => (change, Method::POST, "plan/approve", "the plan may go on"),
        PlanVerb::Stop(change) => {
            (change, Method::DELETE, "plan", "the plan is ended, with the blend as it is")
        }
    };
    let call = Change::new(method, path, &ReasonRequest::default(), done);
    change.ask_as_seen(|_| call, printer).await
}

async fn start(plan: String, change: ChangeArguments, printer: &Printer) -> Result<Exit, Failure> {
    let done = format!("the plan {plan} raises the blend from now on");
    let call = Change::new(Method::POST, "plan", &PlanRequest { plan, reason: None }, done);
    change.ask_as_seen(|_| call, printer).await
}

/// From the step that the plan was seen at.
fn skip(app: &App) -> Change {
    let step = app.plan.as_ref().map_or(1, |plan| plan.step);
    let request = SkipRequest { step, reason: None };
    Change::new(Method::POST, "plan/skip", &request, "the plan is at its next step")
}

fn lines(plans: &Plans) -> Vec<String> {
    let Some(plan) = &plans.plan else {
        let mut lines = vec!["no plan runs".to_owned()];
        lines.extend(
            plans
                .plans
                .iter()
                .map(|known| format!("can be started: {}, {}", known.name, rail(&known.steps, None))),
        );
        return lines;
    };
    let mut lines = vec![headline(plan)];
    lines.extend(plan.held_by.iter().map(|why| format!("held       {why}")));
    lines.extend(plan.waits_for.iter().map(|what| format!("waits for  {what}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_its_steps_and_what_it_waits_for() {
        let plans: Plans = serde_json::from_str(
            r#"{"app":"hello","plan":{"name":"gradual","steps":[{"blend":5},{"blend":25}],"then":"promote","step":2,"since":0,
                "started_by":"ops","paused":null,"approved_by":null,"held_by":[],"waits_for":["the end of its hold, in 10 min"],
                "left_seconds":600},"plans":[]}"#,
        )
        .unwrap();
        assert_eq!(
            lines(&plans),
            ["gradual: 5 % - [25 %] - promote, started by ops", "waits for  the end of its hold, in 10 min"]
        );
        let none = Plans { plan: None, ..plans };
        assert_eq!(lines(&none), ["no plan runs"]);
    }
}
