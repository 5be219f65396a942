//! The commands.

use serde_json::json;

use super::{super::operation::Operation, apps::SEQ};
use crate::schema::{
    app::App,
    approval::ApprovalRequest,
    change::{
        AbortRequest, AppRequest, BlendRequest, CandidateRequest, ClearStableRequest, FinishDrainRequest,
        LockRequest, PauseRequest, PlanRequest, PromoteRequest, ReasonRequest, RollbackRequest, SkipRequest,
        StableRequest, StickyRequest, StopRequest, UnlockRequest,
    },
    endpoint::EndpointDrainRequest,
};

/// A command: answered with the app's new state.
fn command(operation: Operation) -> Operation {
    operation
        .command()
        .answers::<App>(200, "The app's new state.")
        .tagged(&[200], SEQ)
        .answers::<App>(202, "It is written, but some router has not said that it serves it.")
}

pub fn calls() -> Vec<Operation> {
    let mut calls = apps();
    calls.extend(releases());
    calls.extend(plans());
    calls.extend(locks());
    calls.extend(drains());
    calls.extend(approvals());
    calls.into_iter().map(command).collect()
}

fn apps() -> Vec<Operation> {
    vec![
        Operation::put("/api/v1/apps/{app}", "addApp", "Make an app")
            .says(
                "An app without a release, and the hosts that lead to it, which only an operator may send. One that is there \
                 stays as it is. Setting a release makes its app too.",
            )
            .takes::<AppRequest>(false),
        Operation::put("/api/v1/apps/{app}/default", "makeDefault", "Make an app the default").role("operator")
            .says(
                "Every host that no app claims leads to it from now on, at every router of the fleet; for operators. 409 \
                 `set_by_flag` at a router that was started with `--app`.",
            )
            .takes::<ReasonRequest>(false),
        Operation::delete("/api/v1/apps/{app}/default", "endDefault", "Have no default app").role("operator")
            .says("If this app is the default. The only app is the default whatever is stored. For operators.")
            .takes::<ReasonRequest>(false),
    ]
}

fn plans() -> Vec<Operation> {
    vec![
        Operation::post("/api/v1/apps/{app}/plan", "startPlan", "Start a plan")
            .says(
                "A plan of the setting `plans` raises the candidate's blend from now on, from the first step that is not below it. \
                 409 `plan_running` while another one runs, 409 `no_candidate` without a candidate. A `ci` token may start \
                 those whose steps and end are within its caps.",
            )
            .takes::<PlanRequest>(true),
        Operation::delete("/api/v1/apps/{app}/plan", "stopPlan", "End the plan").says("The blend stays as it is.")
            .takes::<ReasonRequest>(false),
        Operation::post("/api/v1/apps/{app}/plan/pause", "pausePlan", "Pause the plan").takes::<ReasonRequest>(false),
        Operation::post("/api/v1/apps/{app}/plan/resume", "resumePlan", "Resume the plan")
            .says("At the step that it was at, or where the blend is now. The time of the step begins anew.")
            .takes::<ReasonRequest>(false),
        Operation::post("/api/v1/apps/{app}/plan/skip", "skipPlanStep", "Go on to the plan's next step").role("operator")
            .says("Whatever the step waits for. 409 `other_step` if the plan is at another one, 409 `last_step` where a promote is what follows.")
            .takes::<SkipRequest>(true),
        Operation::post("/api/v1/apps/{app}/plan/approve", "approvePlanStep", "Let the plan go on").role("operator")
            .says("From a step that needs an approval; 409 `no_approval_needed` at another one.")
            .takes::<ReasonRequest>(false),
    ]
}

fn releases() -> Vec<Operation> {
    vec![
        Operation::put("/api/v1/apps/{app}/stable", "setStable", "Set the stable release")
            .says(
                "An app's first release, or a new one without a trial: the stable release before it drains. If it is the \
                 candidate, this is a promote. 409 `target_unhealthy` if it takes the place of another one and less than \
                 half of its endpoints pass their health check now, unless forced. 409 `approvals_missing` while fewer operators \
                 than the app's setting `approvals` says have approved it. 409 `other_apps_release` for a release of another app.",
            )
            .takes::<StableRequest>(true),
        Operation::delete("/api/v1/apps/{app}/stable", "clearStable", "Take the app off line")
            .says(
                "The stable release drains, and nothing takes its place: new clients get 503. 409 `still_routed` unless forced, \
                 409 `candidate_in_use` while there is a candidate. For operators.",
            )
            .takes::<ClearStableRequest>(false),
        Operation::put("/api/v1/apps/{app}/candidate", "setCandidate", "Set the candidate")
            .says(
                "At blend 0 unless the request says otherwise. Repeating it changes nothing. Another candidate is aborted \
                 in the same commit; a `ci` token must name one that has a share of the clients as `replace`.",
            )
            .takes::<CandidateRequest>(true),
        Operation::delete("/api/v1/apps/{app}/candidate", "clearCandidate", "Drop the candidate")
            .says("The same as abort.")
            .takes::<AbortRequest>(false),
        Operation::put("/api/v1/apps/{app}/blend", "setBlend", "Set the blend")
            .says("Pinned clients stay where they are.")
            .takes::<BlendRequest>(true),
        Operation::put("/api/v1/apps/{app}/sticky", "setSticky", "Turn pinning on or off").takes::<StickyRequest>(true),
        Operation::post("/api/v1/apps/{app}/pause", "pause", "Pause the app")
            .says(
                "Requests of the app wait, at every router, until `resume` or for so many seconds; those that have waited so \
                 long, and later ones, get 503 with Retry-After. Repeating it changes nothing while it lasts; another length begins the time anew. 409 `stopped` while the app is \
                 stopped.",
            )
            .takes::<PauseRequest>(false),
        Operation::post("/api/v1/apps/{app}/stop", "stopApp", "Stop the app")
            .role("operator")
            .says("Requests of the app get 503 and a page with the message, until `resume`. Testers still reach it.")
            .takes::<StopRequest>(false),
        Operation::post("/api/v1/apps/{app}/resume", "resume", "Resume the app")
            .says("Requests of the app go on, those that wait first. After a stop it takes an operator. Who paused the app may resume it under a lock.")
            .takes::<ReasonRequest>(false),
        Operation::post("/api/v1/apps/{app}/promote", "promote", "Promote")
            .says(
                "The candidate becomes stable; the stable release before it drains. 409 without a candidate; naming the \
                 release that the last command made stable changes nothing. 409 `target_unhealthy` if less than half of its \
                 endpoints pass their health check now, unless forced. 409 `approvals_missing` while fewer operators than the app's \
                 setting `approvals` says have approved it.",
            )
            .takes::<PromoteRequest>(false),
        Operation::post("/api/v1/apps/{app}/abort", "abort", "Abort")
            .says(
                "The candidate is dropped, and its clients go to stable at once. Without a candidate nothing changes. \
                 Works under a lock.",
            )
            .takes::<AbortRequest>(false),
        Operation::post("/api/v1/apps/{app}/rollback", "rollback", "Roll back")
            .says(
                "An earlier release becomes stable again; clients of the bad release and of a candidate go to it at once. \
                 Holds `ci` tokens back until an operator's next command. 409 `target_unhealthy` if less than half of its \
                 endpoints pass their health check now, unless forced.",
            )
            .takes::<RollbackRequest>(false),
    ]
}

fn locks() -> Vec<Operation> {
    vec![
        Operation::put("/api/v1/apps/{app}/lock", "lock", "Lock")
            .role("operator")
            .says(
                "While the lock stands, a `ci` token gets 423 for everything but abort. With an end, a `ci` token may take a lock \
                 for itself, which holds back the others and each other `holder` of the same token; to take it again renews it. \
                 It changes no seq. Runs that `wait` get it in the order in which they came.",
            )
            .takes::<LockRequest>(true),
        Operation::delete("/api/v1/apps/{app}/lock", "unlock", "Unlock")
            .role("operator")
            .says("A `ci` token may end the lock that it took for itself.")
            .takes::<UnlockRequest>(false),
    ]
}

fn approvals() -> Vec<Operation> {
    let path = "/api/v1/apps/{app}/approvals";
    vec![
        Operation::post(path, "approve", "Approve a release")
            .role("operator")
            .says(
                "Says that the candidate, or the release that is named, may become stable. It counts while the release has the \
                 tenure and no other endpoints than now. Each token counts once, and that of whoever put the release on its \
                 track not at all: 409 `own_release`. With `lower_to` it says that the setting `approvals` may be lowered.",
            )
            .takes::<ApprovalRequest>(false),
        Operation::delete(path, "withdrawApproval", "Take an approval back")
            .role("operator")
            .says("The asker's own; without one nothing changes.")
            .takes::<ApprovalRequest>(false),
    ]
}

fn drains() -> Vec<Operation> {
    let endpoint = "/api/v1/apps/{app}/releases/{release}/endpoints/{endpoint}/drain";
    vec![
        Operation::delete("/api/v1/apps/{app}/draining", "finishDrains", "End every drain now").role("operator")
            .says("Clients of draining releases go to stable at once.")
            .takes::<ReasonRequest>(false),
        Operation::delete("/api/v1/apps/{app}/draining/{tenure}", "finishDrain", "End one drain now").role("operator")
            .parameter(
                "path",
                "tenure",
                json!({ "type": "integer", "minimum": 0 }),
                "The tenure of the release that drains, as in the app's state.",
            )
            .takes::<ReasonRequest>(false),
        Operation::post("/api/v1/apps/{app}/drain/finish", "finishDrainOf", "End a drain now, or all of them").role("operator")
            .says(
                "The same as DELETE draining, for those who know a release by its name. A release that drains no more \
                 changes nothing; a release on a track is refused with 409.",
            )
            .takes::<FinishDrainRequest>(false),
        Operation::put(endpoint, "drainEndpoint", "Send no new request to an endpoint")
            .says(
                "Its clients go on at another endpoint of the release with their next request. What is open there goes on \
                 until it ends, or until the deadline; WebSockets are then closed with 1001. 404 for an address that the \
                 release does not have; 409 `last_endpoint` where a release on a track would have no other one.",
            )
            .release_and_endpoint()
            .takes::<EndpointDrainRequest>(false),
        Operation::delete(endpoint, "undrainEndpoint", "Send requests to an endpoint as before")
            .release_and_endpoint()
            .takes::<ReasonRequest>(false),
    ]
}
