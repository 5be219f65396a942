//! What is known of apps, and their settings.

use serde_json::json;

use utoipa::ToSchema as _;

use super::super::{components::reference, operation::Operation, settings::Settings};
use crate::schema::{
    app::{App, Apps, Removal},
    approval::Approvals,
    change::ReasonRequest,
    dry_run::{DryRun, DryRunRequest},
    endpoint::EndpointState,
    explain::{ExplainRequest, Explanation},
    history::HistoryPage,
    past::Past,
    plan::Plans,
    release::KnownReleases,
    settings::EffectiveSettings,
    shadow::Shadow,
    verdict::Verdict,
    wait::{Goal, Waited},
};

/// What the ETag of an app is.
pub const SEQ: &str = "The seq, in quotes.";

pub fn calls() -> Vec<Operation> {
    let mut calls = reads();
    calls.push(approvals());
    calls.push(verdict());
    calls.push(shadow());
    calls.push(past());
    calls.push(plan());
    calls.extend(settings());
    calls.extend(questions());
    calls
}

fn plan() -> Operation {
    Operation::get("/api/v1/apps/{app}/plan", "plan", "Plan")
        .says("The plan that raises the candidate's blend, what it waits for, and the plans that can be started.")
        .answers::<Plans>(200, "The plans.")
        .refuses(&[400, 404])
}

fn verdict() -> Operation {
    Operation::get("/api/v1/apps/{app}/verdict", "verdict", "Verdict")
            .says(
                "Whether the candidate is worse than stable, by every response of the clients that were drawn since its tenure \
                 began, with each number and what is missing to tell.",
            )
            .answers::<Verdict>(200, "The verdict.")
            .refuses(&[400, 404])
}

fn shadow() -> Operation {
    Operation::get("/api/v1/apps/{app}/shadow", "shadow", "Shadow")
        .says(
            "What the candidate answers differently from stable, found by repeating requests of stable's users at both, as the \
             setting `shadow` says. It is what this router has found: its members do not add up. It is in memory, and ends with \
             the candidate.",
        )
        .answers::<Shadow>(200, "What was found.")
        .refuses(&[400, 404])
}

fn past() -> Operation {
    Operation::get("/api/v1/apps/{app}/past", "past", "The past")
        .says(
            "What the releases of the app did over the last minutes or hours, up to a day, in steps of a minute, or of five above \
             three hours; on all routers of the fleet, each of which tells the others of a minute when it is over. It is in \
             memory: a router that starts begins anew.",
        )
        .parameter("query", "seconds", json!({ "type": "integer", "minimum": 60, "maximum": 86_400 }), "How far back; left out: 900.")
        .answers::<Past>(200, "The past.")
        .refuses(&[400, 404, 422])
}

fn reads() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/apps", "apps", "All apps")
            .says("Each app with its state, and which one is the default.")
            .answers::<Apps>(200, "The apps."),
        Operation::get("/api/v1/apps/{app}", "app", "One app")
            .answers::<App>(200, "The app's state.")
            .tagged(&[200], SEQ)
            .refuses(&[400, 404]),
        Operation::delete("/api/v1/apps/{app}", "removeApp", "Remove an app").role("operator")
            .says(
                "Removes the app with its record, history, settings and previews; for operators. 409 `still_routed` \
                 while it routes requests, unless forced.",
            )
            .switch("force", "Also an app that routes requests.")
            .command()
            .takes::<ReasonRequest>(false)
            .answers::<Removal>(200, "It is removed.")
            .answers::<Removal>(202, "It is removed, but some router has not said that it has no routes of it any more."),
        Operation::get("/api/v1/apps/{app}/releases", "releases", "All known releases")
            .says("The app's own releases, and of those that belong to no app the ones of its services, or every one while it has none. \
                 With `all` also those of other apps.")
            .switch("all", "Releases of every service and app.")
            .answers::<KnownReleases>(200, "The releases.")
            .refuses(&[400]),
        Operation::get("/api/v1/apps/{app}/history", "history", "History")
            .says("The changes of the app, newest first, in pages.")
            .parameter(
                "query",
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }),
                "How many changes.",
            )
            .parameter("query", "before", json!({ "type": "integer", "minimum": 0 }), "Only changes before this seq.")
            .answers::<HistoryPage>(200, "A page.")
            .refuses(&[400, 404, 422, 503]),
        Operation::get("/api/v1/apps/{app}/wait", "wait", "Wait until something is so")
            .says(
                "`healthy`: every endpoint of the release was checked and serves. `live`: new clients are sent to it. `drained`: it \
                 is on no track and does not drain any more. `can-be-stopped`: nothing of it is open on any router. `applied`: \
                 every router serves the app's newest change. `plan-step`: its plan is at the step `step`, or at a later one; 409 \
                 where no plan runs.",
            )
            .parameter("query", "for", json!({ "type": "string", "enum": Goal::ALL.map(Goal::as_str) }), "What to wait for.")
            .parameter(
                "query",
                "release",
                json!({ "type": "string" }),
                "The release, by id or name; left out: the candidate, else stable; of what drains every one.",
            )
            .parameter("query", "step", json!({ "type": "integer", "minimum": 1 }), "Of `plan-step`: the number of the step.")
            .shared("timeout")
            .answers::<Waited>(200, "It is so.")
            .answers::<Waited>(202, "The time has passed, and `waiting_for` says what is missing.")
            .refuses(&[400, 404, 409, 422, 503]),
        Operation::get(
            "/api/v1/apps/{app}/releases/{release}/endpoints/{endpoint}/drain",
            "readEndpoint",
            "What is still open at an endpoint",
        )
        .says(
            "Also of an endpoint that was taken out of its release, as long as something is open there, and for a minute \
             after it left.",
        )
        .release_and_endpoint()
        .answers::<EndpointState>(200, "The endpoint.")
        .refuses(&[400, 404, 409, 422, 503]),
    ]
}

fn approvals() -> Operation {
    Operation::get("/api/v1/apps/{app}/approvals", "approvals", "Approvals")
        .says("Who approved the candidate and other releases, what is missing, and who approved a lower `approvals`.")
        .answers::<Approvals>(200, "All approvals that count.")
        .refuses(&[400, 404, 503])
}

fn settings() -> Vec<Operation> {
    let path = "/api/v1/apps/{app}/settings";
    let write = |operation: Operation| {
        operation
            .command()
            .parameter("query", "reason", json!({ "type": "string" }), "Why, for the history.")
            .takes::<Settings>(true)
            .answers::<App>(200, "The app's new state.")
            .tagged(&[200], SEQ)
            .answers::<App>(202, "It is written, but some router has not said that it serves it.")
    };
    let either = json!({ "oneOf": [reference(&Settings::name()), reference(&EffectiveSettings::name())] });
    vec![
        Operation::get(path, "settings", "Settings")
            .switch(
                "effective",
                "With the defaults of everything that is not set, and where each value comes from. Such an answer can be sent \
                 back as it is: `sources` and `defaults` are passed over.",
            )
            .mentions::<EffectiveSettings>()
            .with(200, "What is set, or what counts.", "application/json", either)
            .tagged(&[200], SEQ)
            .refuses(&[400, 404, 503]),
        write(
            Operation::put(path, "replaceSettings", "Replace the settings")
                .role("operator")
                .says("What is left out takes its default. For operators."),
        ),
        write(
            Operation::new("patch", path, "mergeSettings", "Change some settings")
                .role("operator")
                .says("What is left out stays, what is null takes its default (RFC 7396). For operators."),
        ),
    ]
}

fn questions() -> Vec<Operation> {
    vec![
        Operation::post("/api/v1/apps/{app}/explain", "explain", "Explain a request").role("viewer")
            .says(
                "Which rule gives a request its release and endpoint, and why, by the live table of this router. Nothing \
                 is written: no bucket is drawn, no client is counted. A `viewer` may ask.",
            )
            .takes::<ExplainRequest>(false)
            .answers::<Explanation>(200, "Why.")
            .refuses(&[400, 404, 409, 415, 422]),
        Operation::post("/api/v1/apps/{app}/who-moves", "whoMoves", "Dry run of a command").role("viewer")
            .says(
                "Which of the clients seen lately a command would move, from where to where, and when. The command is \
                 decided and its table is built as if it were given, and dropped: where the command would be refused, \
                 this is. A `viewer` is told what an operator would be.",
            )
            .shared("if_match")
            .takes::<DryRunRequest>(true)
            .answers::<DryRun>(200, "Which clients would move.")
            .refuses(&[400, 403, 404, 409, 412, 415, 422, 423, 428, 503]),
    ]
}
