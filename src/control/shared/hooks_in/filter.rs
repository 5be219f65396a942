//! Which deliveries a hook in acts on: by event, by branch or tag, by what the payload holds. The others are ignored.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pattern::Pattern;
use crate::rollout::text_form::serde_as_text;

/// A filter. What it leaves empty is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// One of these events.
    pub events: Vec<Pattern>,
    /// A branch with such a name, or a tag of [`Filter::tags`].
    pub branches: Vec<Pattern>,
    /// A tag with such a name, or a branch of [`Filter::branches`].
    pub tags: Vec<Pattern>,
    /// All of these.
    pub matches: Vec<Match>,
}

/// What the payload must have at a place: `/pointer=pattern`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pointer: String,
    pattern: Pattern,
}

serde_as_text!(Match);

/// Why a text is no [`Match`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be a JSON pointer, `=` and a pattern, such as /repository/full_name=acme/shop")]
pub struct MatchError;

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitRef {
    Branch(String),
    Tag(String),
}

impl Filter {
    /// Why a delivery is ignored; none: it is not.
    pub fn refusal(&self, event: &str, payload: &Value) -> Option<String> {
        if !self.events.is_empty() && !self.events.iter().any(|wanted| wanted.matches(event)) {
            return Some(format!("the event `{event}` is not one of {}", list(&self.events)));
        }
        if !self.branches.is_empty() || !self.tags.is_empty() {
            let refusal = self.refusal_of_ref(GitRef::of(payload));
            if refusal.is_some() {
                return refusal;
            }
        }
        let missing = self.matches.iter().find(|wanted| !wanted.matches(payload))?;
        Some(format!("the payload has at `{}` nothing like `{}`", missing.pointer, missing.pattern))
    }

    fn refusal_of_ref(&self, found: Option<GitRef>) -> Option<String> {
        let (kind, name, wanted) = match found {
            None => return Some("the payload names no branch or tag".to_owned()),
            Some(GitRef::Branch(name)) => ("branch", name, &self.branches),
            Some(GitRef::Tag(name)) => ("tag", name, &self.tags),
        };
        if wanted.iter().any(|pattern| pattern.matches(&name)) {
            return None;
        }
        Some(match wanted.is_empty() {
            true => format!("it is about the {kind} `{name}`, and none is wanted"),
            false => format!("the {kind} `{name}` is not {}", list(wanted)),
        })
    }
}

impl Match {
    fn matches(&self, payload: &Value) -> bool {
        match payload.pointer(&self.pointer) {
            Some(Value::String(text)) => self.pattern.matches(text),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => self.pattern.matches(&value.to_string()),
            _ => false,
        }
    }
}

impl FromStr for Match {
    type Err = MatchError;

    fn from_str(text: &str) -> Result<Self, MatchError> {
        let (pointer, pattern) = text.split_once('=').ok_or(MatchError)?;
        let is_pointer = pointer.starts_with('/') && !pointer.contains(char::is_control);
        let pattern = pattern.parse().map_err(|_| MatchError)?;
        if is_pointer { Ok(Self { pointer: pointer.to_owned(), pattern }) } else { Err(MatchError) }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.pointer, self.pattern)
    }
}

impl GitRef {
    /// The branch or tag that a payload of GitHub or GitLab is about.
    pub fn of(payload: &Value) -> Option<Self> {
        let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let (branch, tag) = (Self::Branch, Self::Tag);
        if let Some(name) = text("/ref") {
            let is_tag = text("/ref_type").as_deref() == Some("tag");
            return Some(match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
                (Some(name), _) => branch(name.to_owned()),
                (_, Some(name)) => tag(name.to_owned()),
                (None, None) if is_tag => tag(name),
                (None, None) => branch(name),
            });
        }
        if let Some(name) = text("/object_attributes/ref") {
            let is_tag = payload.pointer("/object_attributes/tag") == Some(&Value::Bool(true));
            return Some(if is_tag { tag(name) } else { branch(name) });
        }
        let of_release = text("/release/tag_name").or_else(|| text("/tag")).map(tag);
        of_release.or_else(|| text("/workflow_run/head_branch").map(branch))
    }
}

/// Whether a payload says that its branch or tag was deleted: then there is nothing to release.
pub fn is_deletion(payload: &Value) -> bool {
    let after = payload.get("after").and_then(Value::as_str).unwrap_or_default();
    let is_nothing = !after.is_empty() && after.bytes().all(|digit| digit == b'0');
    is_nothing || payload.get("deleted") == Some(&Value::Bool(true))
}

fn list(patterns: &[Pattern]) -> String {
    patterns.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(json: Value) -> Filter {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_pushes_to_main_or_only_tags() {
        let main = filter(json!({"events": ["push"], "branches": ["main"]}));
        let push = |name: &str| json!({ "ref": name });
        assert_eq!(main.refusal("push", &push("refs/heads/main")), None);
        for (event, payload) in [
            ("push", push("refs/heads/main2")),
            ("push", push("refs/tags/main")),
            ("push", json!({})),
            ("issues", push("refs/heads/main")),
        ] {
            assert!(main.refusal(event, &payload).is_some(), "{event} {payload}");
        }
        let tags = filter(json!({"tags": ["v*"]}));
        assert_eq!(tags.refusal("push", &push("refs/tags/v1")), None);
        assert!(tags.refusal("push", &push("refs/heads/v1")).is_some());
        let both = filter(json!({"tags": ["v*"], "branches": ["main"]}));
        assert!(both.refusal("push", &push("refs/tags/v1")).is_none());
        assert!(both.refusal("push", &push("refs/heads/main")).is_none());
    }

    #[test]
    fn what_the_payload_holds_is_compared() {
        let filter = filter(json!({"matches": ["/repository/full_name=acme/*", "/n=7", "/ok=true"]}));
        assert_eq!(
            filter.refusal("x", &json!({"repository": {"full_name": "acme/shop"}, "n": 7, "ok": true})),
            None
        );
        let refusal =
            filter.refusal("x", &json!({"repository": {"full_name": "evil/shop"}, "n": 7, "ok": true}));
        assert!(refusal.unwrap().contains("/repository/full_name"));
        for bad in ["x=1", "/a", "/a=", "=b"] {
            assert!(bad.parse::<Match>().is_err(), "{bad}");
        }
    }

    #[test]
    fn branches_and_tags_are_found_in_each_kind_of_payload() {
        let (branch, tag) =
            (|name: &str| Some(GitRef::Branch(name.into())), |name: &str| Some(GitRef::Tag(name.into())));
        for (payload, found) in [
            (json!({"ref": "refs/heads/a/b"}), branch("a/b")),
            (json!({"ref": "v1", "ref_type": "tag"}), tag("v1")),
            (json!({"ref": "topic", "ref_type": "branch"}), branch("topic")),
            (json!({"release": {"tag_name": "v2"}}), tag("v2")),
            (json!({"object_kind": "release", "tag": "v3"}), tag("v3")),
            (json!({"object_attributes": {"ref": "main", "tag": false}}), branch("main")),
            (json!({"object_attributes": {"ref": "v4", "tag": true}}), tag("v4")),
            (json!({"workflow_run": {"head_branch": "main"}}), branch("main")),
            (json!({}), None),
        ] {
            assert_eq!(GitRef::of(&payload), found, "{payload}");
        }
        assert!(is_deletion(&json!({"deleted": true})) && is_deletion(&json!({"after": "0".repeat(40)})));
        assert!(!is_deletion(&json!({"deleted": false, "after": "0a"})) && !is_deletion(&json!({})));
    }
}
