//! Entry points for fuzzing: what the admin port is sent, by people and by other routers.
//!
//! Each panics when something that must always hold does not.

use keyvalues::wire::{
    About, CommitCall, EntryForm, GetCall, LeaseCall, ListAnswer, ListCall, OutcomeForm, WatchCall, WatchForm,
};
use serde::{Serialize, de::DeserializeOwned};

pub use super::hooks_in::fuzz::hooks_in;
use super::json;
use crate::schema::{
    approval::ApprovalRequest,
    change::{
        AbortRequest, BlendRequest, CandidateRequest, FinishDrainRequest, LockRequest, PromoteRequest,
        ReasonRequest, RollbackRequest, StableRequest, StickyRequest,
    },
    dry_run::DryRunRequest,
    endpoint::EndpointDrainRequest,
    explain::ExplainRequest,
    hook::HookRequest,
    hook_in::{HookInRequest, HookInTestRequest},
    preview::PreviewRequest,
    store::RestoreRequest,
};

/// The longest refusal: a field's name, 40 characters of its value, and what is allowed.
const REFUSAL_CHARS_MAX: usize = 1_000;

/// A body, read as each request of the API.
pub fn api_bodies(bytes: &[u8]) {
    request::<CandidateRequest>(bytes);
    request::<StableRequest>(bytes);
    request::<BlendRequest>(bytes);
    request::<StickyRequest>(bytes);
    request::<LockRequest>(bytes);
    request::<PromoteRequest>(bytes);
    request::<AbortRequest>(bytes);
    request::<RollbackRequest>(bytes);
    request::<FinishDrainRequest>(bytes);
    request::<ReasonRequest>(bytes);
    request::<DryRunRequest>(bytes);
    request::<EndpointDrainRequest>(bytes);
    request::<ExplainRequest>(bytes);
    request::<HookRequest>(bytes);
    request::<HookInRequest>(bytes);
    request::<HookInTestRequest>(bytes);
    request::<ApprovalRequest>(bytes);
    request::<PreviewRequest>(bytes);
    request::<RestoreRequest>(bytes);
}

/// What is taken is the same again after it was written; a refusal is one short line, whatever was sent.
fn request<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    match json::parse::<T>(bytes) {
        Ok(taken) => {
            let written = serde_json::to_vec(&taken).expect("a request has a JSON form");
            let again = json::parse::<T>(&written).expect("what was taken is taken again");
            assert_eq!(serde_json::to_vec(&again).ok(), Some(written));
        }
        Err(refusal) => {
            let message = refusal.message();
            assert!(message.chars().count() <= REFUSAL_CHARS_MAX, "{message}");
            assert!(!message.chars().any(char::is_control), "{message:?}");
        }
    }
}

/// One document of the store's wire, in both directions: what is taken is the same again after it was written.
pub fn store_wire(bytes: &[u8]) {
    if let Some(call) = document::<GetCall>(bytes) {
        let _ = call.read();
    }
    if let Some(call) = document::<CommitCall>(bytes)
        && let Ok((checks, writes)) = call.clone().read()
    {
        assert_eq!(CommitCall::of(checks, writes), call);
    }
    if let Some(item) = document::<WatchForm>(bytes) {
        let line = item.line();
        assert!(line.ends_with('\n') && !line.trim_end_matches('\n').contains('\n'), "{line:?}");
        assert_eq!(serde_json::from_str::<WatchForm>(&line).ok(), Some(item));
    }
    document::<ListCall>(bytes);
    document::<WatchCall>(bytes);
    document::<LeaseCall>(bytes);
    document::<ListAnswer>(bytes).map(keyvalues::Listing::try_from);
    document::<EntryForm>(bytes).map(keyvalues::Entry::try_from);
    document::<OutcomeForm>(bytes).map(keyvalues::Outcome::try_from);
    let _: Result<About, _> = serde_json::from_slice(bytes);
}

fn document<T: DeserializeOwned + Serialize + PartialEq>(bytes: &[u8]) -> Option<T> {
    let taken: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&taken).expect("a document has a JSON form");
    assert!(serde_json::from_slice::<T>(&written).is_ok_and(|again| again == taken));
    Some(taken)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use proptest::prelude::*;

    use super::*;

    /// What a fuzz target calls.
    type Entry = fn(&[u8]);

    /// Text that looks like a body often enough to get past the first check.
    fn body() -> impl Strategy<Value = String> {
        let field = prop::sample::select(vec![
            "\"id\":\"apps/a-1-80/containers\"",
            "\"release\":\"1.0\"",
            "\"release\":null",
            "\"endpoints\":[\"10.0.0.1:80\"]",
            "\"percent\":10.5",
            "\"percent\":\"10\"",
            "\"sticky\":true",
            "\"reason\":\"a\\u0000\\u202eb\"",
            "\"force\":1",
            "\"port\":70000",
            "\"headers\":{\"A\":\"b\",\"A\":\"c\"}",
            "\"url\":\"http://a/\"",
            "\"\\u001b[2J\":1",
            "\"key\":\"a\"",
            "\"prefixes\":[\"\"]",
            "\"after\":0",
            "\"checks\":[{\"absent\":\"a\"}]",
            "\"writes\":[{\"put\":\"a\",\"value\":\"YQ==\"},{\"delete\":\"b\"}]",
            "\"batch\":{\"revision\":1,\"events\":[]}",
            "\"progress\":7",
            "[[[[",
            "\u{1}",
        ]);
        let fields = prop::collection::vec(field, 0..5).prop_map(|fields| fields.join(","));
        (fields, any::<bool>())
            .prop_map(|(fields, whole)| format!("{{{fields}{}", if whole { "}" } else { "" }))
    }

    fn header() -> impl Strategy<Value = String> {
        let names = prop::sample::select(vec![
            "x-hub-signature-256",
            "x-github-event",
            "x-gitlab-token",
            "x-gitlab-event",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "authorization",
        ]);
        let values = prop_oneof![Just("sha256=00".to_owned()), Just("Bearer x".to_owned()), ".{0,30}"];
        let line = (names, values).prop_map(|(name, value)| format!("{name}: {value}"));
        prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
    }

    fn delivery() -> impl Strategy<Value = String> {
        let field = prop::sample::select(vec![
            "\"ref\":\"refs/heads/main\"".to_owned(),
            "\"ref\":\"refs/tags/v1\"".to_owned(),
            format!("\"ref\":\"refs/heads/{}\"", "ß".repeat(9_000)),
            "\"ref\":7".to_owned(),
            "\"ref_type\":\"tag\"".to_owned(),
            "\"after\":\"0000\"".to_owned(),
            "\"type\":\"A  B Hook\"".to_owned(),
            "\"a\":[1,\"b\",null]".to_owned(),
            "\"a\":\"b\"".to_owned(),
        ]);
        let fields = prop::collection::vec(field, 0..5).prop_map(|fields| fields.join(","));
        fields.prop_map(|fields| format!("{{{fields}}}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn any_body_holds(body in body()) {
            api_bodies(body.as_bytes());
            store_wire(body.as_bytes());
        }

        #[test]
        fn any_delivery_holds(template in "[a-z{}/|]{0,20}", header in header(), body in delivery()) {
            hooks_in(format!("{template}\n{header}\n\n{body}").as_bytes());
        }
    }

    #[test]
    fn the_entry_points_hold_on_their_corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let entries: [(&str, Entry); 3] =
            [("api_bodies", api_bodies), ("store_wire", store_wire), ("hooks_in", hooks_in)];
        for (name, entry) in entries {
            let seeds: Vec<_> = corpus.join(name).read_dir().unwrap().collect();
            assert!(!seeds.is_empty(), "{name}");
            seeds.into_iter().for_each(|seed| entry(&fs::read(seed.unwrap().path()).unwrap()));
        }
    }
}
