//! One line about a change, for people in a chat.
//!
//! Names and reasons come from outside, so they are escaped: they cannot mention anybody (`@all`), start markup or add a
//! line.

use std::fmt::Write as _;

use serde_json::Value;

use crate::rollout::{
    app::AppName, command_name::CommandName, record::HistoryEvent, release::ReleaseId,
    release_names::ReleaseNames,
};

/// The most characters of a line: what a chat shows without folding it.
const CHARS_MAX: usize = 400;

/// A change in one line.
pub fn describe_change(app: &AppName, event: &HistoryEvent) -> String {
    let record = &event.record;
    let releases = releases_in(event);
    let mut text = format!("{app}: {}", sentence(&ReleaseNames::of(app, &releases), event));
    if !record.reason.is_empty() && record.command != CommandName::Lock {
        // Writing to a string cannot fail.
        let _ = write!(text, " (“{}”)", record.reason);
    }
    escape(&text)
}

/// A text as a chat may show it: with Slack's three escapes, without line breaks and mentions, and of limited length.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars().take(CHARS_MAX) {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("@\u{200b}"),
            char if char.is_control() => escaped.push(' '),
            char => escaped.push(char),
        }
    }
    if text.chars().count() > CHARS_MAX {
        escaped.push('…');
    }
    escaped
}

fn sentence(names: &ReleaseNames<'_>, event: &HistoryEvent) -> String {
    let record = &event.record;
    let actor = if record.actor.is_empty() { "somebody" } else { &record.actor };
    let stable = name(names, record.stable_release());
    let candidate = name(names, record.candidate_release());
    let was = |field: &str| name(names, release_of(before(event, field)).as_ref());
    match &record.command {
        CommandName::SetCandidate => format!("{actor} set the candidate {candidate} at {} %", record.blend),
        CommandName::SetStable => format!("{actor} made {stable} stable, in place of {}", was("stable")),
        CommandName::ClearStable => {
            format!("{actor} cleared stable, which was {}: the app is off line", was("stable"))
        }
        CommandName::AddApp => format!("{actor} made the app"),
        CommandName::SetBlend => {
            format!(
                "{actor} moved the blend of {candidate} from {} % to {} %",
                shown(before(event, "blend")),
                record.blend
            )
        }
        CommandName::SetSticky => {
            format!("{actor} turned sticky {}", if record.sticky { "on" } else { "off" })
        }
        CommandName::Promote => format!("{actor} promoted {stable} to stable, in place of {}", was("stable")),
        CommandName::Abort => format!("{actor} aborted {}; its clients go to {stable}", was("candidate")),
        CommandName::Rollback => format!("{actor} rolled back from {} to {stable}", was("stable")),
        CommandName::Lock => locked(actor, event),
        CommandName::Unlock => format!("{actor} unlocked the app: pipelines may act again"),
        CommandName::Pause | CommandName::Stop | CommandName::Resume => halted(actor, event),
        CommandName::DrainEndpoint => {
            format!("{actor} drains {}", list(&of_endpoints(names, event, "endpoint_drains", 1, 0)))
        }
        CommandName::UndrainEndpoint => {
            format!(
                "{actor} lets {} take requests again",
                list(&of_endpoints(names, event, "endpoint_drains", 0, 1))
            )
        }
        CommandName::ReplaceEndpoint => replaced(actor),
        CommandName::BeginRecycle | CommandName::EndRecycle => recycled(names, event, actor),
        CommandName::ChangeEndpoints => {
            let [added, removed] =
                [(1, 0), (0, 1)].map(|(there, gone)| of_endpoints(names, event, "endpoints", there, gone));
            format!("{actor} changed endpoints: added {}; removed {}", list(&added), list(&removed))
        }
        CommandName::HoldEndpoints => {
            let lost = list(&of_endpoints(names, event, "unregistered", 1, 0));
            format!("the keys of {lost} vanished in the store, and nobody ordered that; they serve on")
        }
        CommandName::DropEndpoints => {
            let gone = list(&of_endpoints(names, event, "unregistered", 0, 1));
            format!("{gone} are not served without a key any more")
        }
        CommandName::ChangeSettings => format!("{actor} changed the settings {}", settings(event)),
        CommandName::Approve => format!("{actor} approved {}", list(&approved(names, event, 1, 0))),
        CommandName::WithdrawApproval => {
            format!("{actor} took the approval of {} back", list(&approved(names, event, 0, 1)))
        }
        CommandName::Restore => {
            format!("{actor} replaced the app in spite of a refusal: stable {stable}, candidate {candidate}")
        }
        CommandName::FinishDrain => format!("{actor} ended the drain of {}", list(&drained(names, event))),
        CommandName::Retire => format!("{} has drained and is gone", list(&drained(names, event))),
        CommandName::Raw => format!("{actor} changed {} by raw keyvalues", fields(event)),
        CommandName::Adopt => {
            format!("its raw keyvalues were adopted: stable {stable}, candidate {candidate}")
        }
        _ => described(names, actor, event),
    }
}

/// A recycle that began or ended.
fn recycled(names: &ReleaseNames<'_>, event: &HistoryEvent, actor: &str) -> String {
    let begun = of_endpoints(names, event, "recycles", 1, 0);
    match begun.is_empty() {
        false => format!("{actor} replaces {}, one by one", list(&begun)),
        true => format!("{actor} replaces no more endpoints"),
    }
}

/// An endpoint took the place of another one in a recycle.
fn replaced(actor: &str) -> String {
    format!("{actor} replaces an endpoint by one that is made of the same, and its approvals go on")
}

/// A lock that a pipeline took for itself is no part of the record.
fn locked(actor: &str, event: &HistoryEvent) -> String {
    let lock = side(event, "lock", 1);
    let whose = if lock["holder"].is_string() { " for itself" } else { "" };
    match lock["reason"].as_str().unwrap_or_default() {
        "" => format!("{actor} locked the app{whose}"),
        reason => format!("{actor} locked the app{whose}: “{reason}”"),
    }
}

/// A change of a plan or of what is known of a release, or one that this version has no words for.
fn described(names: &ReleaseNames<'_>, actor: &str, event: &HistoryEvent) -> String {
    let command = &event.record.command;
    match command {
        CommandName::StartPlan
        | CommandName::PausePlan
        | CommandName::ResumePlan
        | CommandName::SkipPlanStep
        | CommandName::AdvancePlan
        | CommandName::ApprovePlanStep
        | CommandName::StopPlan => planned(actor, event),
        CommandName::SetFacts => format!("{actor} said of {}", facts(names, event)),
        _ => format!("{actor}: {command} ({})", fields(event)),
    }
}

/// The plan's own name is in what was, where it is over.
fn planned(actor: &str, event: &HistoryEvent) -> String {
    let record = &event.record;
    let was = side(event, "plan", 0);
    let name = was.as_str().and_then(|words| words.split(' ').next()).unwrap_or_default();
    let Some(plan) = &record.plan else {
        let word = if record.command == CommandName::StopPlan { "stopped" } else { "ended" };
        return format!("{actor} {word} the plan {name} at {} %", record.blend);
    };
    let (name, step, steps) = (&plan.name, plan.step + 1, plan.steps.len());
    match record.command {
        CommandName::PausePlan => format!("{actor} paused the plan {name} at {} %", record.blend),
        CommandName::ApprovePlanStep => {
            format!("{actor} approved that the plan {name} goes on from {} %", record.blend)
        }
        CommandName::StartPlan => format!("{actor} started the plan {name} at {} %", record.blend),
        _ => format!("{actor} goes on with step {step} of {steps} of the plan {name}, at {} %", record.blend),
    }
}

fn halted(actor: &str, event: &HistoryEvent) -> String {
    let halt = side(event, "halt", 1);
    let message = halt["message"].as_str().unwrap_or_default();
    match event.record.command {
        CommandName::Pause => {
            format!("{actor} paused the app for {} s: requests wait", shown(&halt["seconds"]))
        }
        CommandName::Resume => format!("{actor} resumed the app: requests go on"),
        _ if message.is_empty() => format!("{actor} stopped the app"),
        _ => format!("{actor} stopped the app: “{message}”"),
    }
}

/// What a field was.
fn before<'a>(event: &'a HistoryEvent, field: &str) -> &'a Value {
    side(event, field, 0)
}

fn side<'a>(event: &'a HistoryEvent, field: &str, side: usize) -> &'a Value {
    event.changed.get(field).and_then(|sides| sides.get(side)).unwrap_or(&Value::Null)
}

fn release_of(id: &Value) -> Option<ReleaseId> {
    id.as_str()?.parse().ok()
}

/// Every release that an event speaks of.
fn releases_in(event: &HistoryEvent) -> Vec<ReleaseId> {
    let record = &event.record;
    let stays = record.stable_release().into_iter().chain(record.candidate_release()).cloned();
    let sides = event.changed.values().filter_map(Value::as_array).flatten();
    let texts = sides.flat_map(|side| side.as_array().map_or(std::slice::from_ref(side), Vec::as_slice));
    // An endpoint is told as `<release>/<address>`.
    let of_text = |text: &Value| {
        let text = text.as_str()?;
        text.parse().ok().or_else(|| text.rsplit_once('/')?.0.parse().ok())
    };
    stays.chain(texts.filter_map(of_text)).collect()
}

fn name(names: &ReleaseNames<'_>, release: Option<&ReleaseId>) -> String {
    release.map_or_else(|| "none".to_owned(), |release| names.name_of(release).to_owned())
}

fn shown(value: &Value) -> String {
    value.as_f64().map_or_else(|| "?".to_owned(), |number| number.to_string())
}

/// The items of a list that changed which are on one side and not on the other.
fn only<'a>(event: &'a HistoryEvent, field: &str, there: usize, gone: usize) -> Vec<&'a Value> {
    let of = |at: usize| side(event, field, at).as_array().map(Vec::as_slice).unwrap_or_default();
    of(there).iter().filter(|item| !of(gone).contains(item)).collect()
}

/// The releases whose drain has ended.
fn drained(names: &ReleaseNames<'_>, event: &HistoryEvent) -> Vec<String> {
    let gone = only(event, "draining", 0, 1);
    gone.into_iter().map(|id| name(names, release_of(id).as_ref())).collect()
}

/// The endpoints on one side and not on the other, as `10.0.0.5:3000 of v1`.
fn of_endpoints(
    names: &ReleaseNames<'_>,
    event: &HistoryEvent,
    field: &str,
    there: usize,
    gone: usize,
) -> Vec<String> {
    let found = only(event, field, there, gone);
    let words = |drain: &Value| {
        let (release, address) = drain.as_str()?.rsplit_once('/')?;
        Some(format!("{address} of {}", names.name_of(&release.parse().ok()?)))
    };
    found.into_iter().filter_map(words).collect()
}

/// What was approved, by the approvals on one side and not on the other.
fn approved(names: &ReleaseNames<'_>, event: &HistoryEvent, there: usize, gone: usize) -> Vec<String> {
    let release = |text: &Value| {
        let (release, _) = text.as_str()?.rsplit_once('/')?;
        Some(names.name_of(&release.parse().ok()?).to_owned())
    };
    let lowering =
        |text: &Value| Some(format!("`approvals` at {}", text.as_str()?.split_once('/').map(|(to, _)| to)?));
    let releases = only(event, "approvals", there, gone).into_iter().filter_map(release);
    releases.chain(only(event, "lowerings", there, gone).into_iter().filter_map(lowering)).collect()
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The settings that an event changed.
fn settings(event: &HistoryEvent) -> String {
    let sides = [0, 1].map(|at| side(event, "settings", at).as_object());
    let mut names: Vec<String> = sides.into_iter().flatten().flat_map(|side| side.keys().cloned()).collect();
    names.sort();
    names.dedup();
    list(&names)
}

/// What was said of a release: `v2: build 1188, commit 3f2a9c1`.
fn facts(names: &ReleaseNames<'_>, event: &HistoryEvent) -> String {
    let (record, said) = (&event.record, side(event, "facts", 1));
    let mut stays = record.candidate.iter().chain(&record.stable);
    let about = stays.find(|stay| stay.facts.iter().all(|(name, fact)| said[name.as_str()] == **fact));
    let lines = said.as_object().into_iter().flatten();
    let lines: Vec<String> =
        lines.map(|(name, fact)| format!("{name} {}", fact.as_str().unwrap_or_default())).collect();
    format!("{}: {}", name(names, about.map(|stay| &stay.release)), list(&lines))
}

fn fields(event: &HistoryEvent) -> String {
    let names: Vec<&str> = event.changed.keys().map(String::as_str).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rollout::record::{Record, Stay};

    fn said(command: &str, changed: Value, edit: impl FnOnce(&mut Record)) -> String {
        let stay = |release: &str| {
            let release = format!("apps/app-{release}-80/containers").parse().unwrap();
            Some(Stay {
                release,
                tenure: 1,
                set_by: String::new(),
                set_by_token: String::new(),
                since: 0,
                served: true,
                facts: std::collections::BTreeMap::new(),
            })
        };
        let mut record = Record {
            command: command.into(),
            actor: "maria".into(),
            stable: stay("v1"),
            candidate: stay("v2"),
            blend: "25".parse().unwrap(),
            ..Record::empty()
        };
        edit(&mut record);
        let Value::Object(changed) = changed else { panic!("fields are an object") };
        describe_change(&"shop".parse().unwrap(), &HistoryEvent { record, changed, receipt: None })
    }

    fn id(release: &str) -> String {
        format!("apps/app-{release}-80/containers")
    }

    #[test]
    fn every_change_is_said_in_a_line_that_reads_well() {
        let nothing = |_: &mut Record| {};
        for (command, changed, line) in [
            ("set-candidate", json!({}), "shop: maria set the candidate v2 at 25 %"),
            (
                "set-blend",
                json!({"blend": [12.5, 25]}),
                "shop: maria moved the blend of v2 from 12.5 % to 25 %",
            ),
            (
                "set-stable",
                json!({"stable": [null, id("v1")]}),
                "shop: maria made v1 stable, in place of none",
            ),
            (
                "promote",
                json!({"stable": [id("v0"), id("v1")]}),
                "shop: maria promoted v1 to stable, in place of v0",
            ),
            (
                "clear-stable",
                json!({"stable": [id("v1"), null]}),
                "shop: maria cleared stable, which was v1: the app is off line",
            ),
            (
                "set-facts",
                json!({"facts": [{}, {"build": "1188", "commit": "3f2a9c1"}]}),
                "shop: maria said of v2: build 1188, commit 3f2a9c1",
            ),
            ("add-app", json!({}), "shop: maria made the app"),
            ("abort", json!({"candidate": [id("v3"), null]}), "shop: maria aborted v3; its clients go to v1"),
            ("rollback", json!({"stable": [id("v3"), id("v1")]}), "shop: maria rolled back from v3 to v1"),
            ("set-sticky", json!({}), "shop: maria turned sticky on"),
            (
                "change-settings",
                json!({"settings": [{"pinseconds": 60}, {"hosts": ["a"], "pinseconds": 70}]}),
                "shop: maria changed the settings hosts, pinseconds",
            ),
            ("unlock", json!({}), "shop: maria unlocked the app: pipelines may act again"),
            (
                "retire",
                json!({"draining": [[id("v0"), id("v9")], [id("v9")]]}),
                "shop: v0 has drained and is gone",
            ),
            ("finish-drain", json!({"draining": [[id("v0")], []]}), "shop: maria ended the drain of v0"),
            (
                "drain-endpoint",
                json!({"endpoint_drains": [[], [format!("{}/10.0.0.5:80", id("v1"))]]}),
                "shop: maria drains 10.0.0.5:80 of v1",
            ),
            (
                "undrain-endpoint",
                json!({"endpoint_drains": [[format!("{}/[fd00::1]:80", id("v1"))], []]}),
                "shop: maria lets [fd00::1]:80 of v1 take requests again",
            ),
            (
                "change-endpoints",
                json!({"endpoints": [
                    [format!("{}/10.0.0.5:80", id("v1"))],
                    [format!("{}/10.0.0.5:80", id("v1")), format!("{}/10.0.0.6:80", id("v1"))],
                ]}),
                "shop: maria changed endpoints: added 10.0.0.6:80 of v1; removed nothing",
            ),
            ("raw", json!({"blend": [0, 25]}), "shop: maria changed blend by raw keyvalues"),
            ("adopt", json!({}), "shop: its raw keyvalues were adopted: stable v1, candidate v2"),
            ("of-tomorrow", json!({"blend": [0, 25]}), "shop: maria: of-tomorrow (blend)"),
        ] {
            assert_eq!(said(command, changed, nothing), line);
        }
    }

    #[test]
    fn a_lock_that_a_pipeline_takes_for_itself_is_told_as_one() {
        for (holder, line) in [
            (json!(null), "shop: maria locked the app: “fair”"),
            (json!("run 7"), "shop: maria locked the app for itself: “fair”"),
        ] {
            let lock = json!({"lock": [null, {"reason": "fair", "by": "maria", "holder": holder}]});
            assert_eq!(said("lock", lock, |_| {}), line);
        }
    }

    #[test]
    fn a_reason_calls_nobody_and_adds_no_line() {
        let said = said("promote", json!({}), |record| record.reason = "<!channel> a & b\r\n@all".into());
        assert!(said.ends_with("(“&lt;!channel&gt; a &amp; b  @\u{200b}all”)"), "{said}");
        assert!(!said.contains('\n'));
        assert_eq!(escape(&"x".repeat(1_000)).chars().count(), CHARS_MAX + 1);
    }
}
