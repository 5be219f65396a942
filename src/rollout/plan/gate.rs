//! A gate: something outside that is asked before a plan goes on from a step, and its answer.

use serde_json::Value;

/// The longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 200;

/// What a gate answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateAnswer {
    /// The plan goes on.
    Pass,
    /// It does not: it is paused. With the reason.
    Fail(String),
    /// It waits, and asks again. With the reason.
    Later(String),
}

impl GateAnswer {
    /// Reads `pass`, `fail` or `later`, alone or as `{"answer": "fail", "reason": "the smoke tests failed"}`.
    pub fn read(body: &str) -> Option<Self> {
        let document: Option<Value> = serde_json::from_str(body).ok();
        let field = |name: &str| document.as_ref().and_then(|document| document.get(name)?.as_str());
        let reason: String = field("reason").unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
        match field("answer").unwrap_or(body).trim() {
            "pass" => Some(Self::Pass),
            "fail" => Some(Self::Fail(reason)),
            "later" => Some(Self::Later(reason)),
            _ => None,
        }
    }

    /// How a plan says that it waits for this gate; `None`: it was not asked yet.
    pub fn waiting(gate: &str, answer: Option<&Self>) -> Option<String> {
        let said = |verb: &str, why: &str| {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            Some(format!("the gate `{gate}`, which says {verb}{why}"))
        };
        match answer {
            None => Some(format!("the gate `{gate}`")),
            Some(Self::Pass) => None,
            Some(Self::Fail(why)) => said("fail", why),
            Some(Self::Later(why)) => said("later", why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_word_or_a_document_with_one() {
        let (fail, later) =
            (|why: &str| GateAnswer::Fail(why.into()), |why: &str| GateAnswer::Later(why.into()));
        for (body, answer) in [
            ("pass", Some(GateAnswer::Pass)),
            (" later\n", Some(later(""))),
            (r#"{"answer":"pass","more":1}"#, Some(GateAnswer::Pass)),
            (r#"{"answer":"fail","reason":"3 tests failed"}"#, Some(fail("3 tests failed"))),
            (r#"{"reason":"pass"}"#, None),
            (r#"{"answer":true}"#, None),
            ("passed", None),
            ("", None),
        ] {
            assert_eq!(GateAnswer::read(body), answer, "{body}");
        }
        let long = format!(r#"{{"answer":"later","reason":"{}"}}"#, "x".repeat(500));
        assert_eq!(GateAnswer::read(&long), Some(later(&"x".repeat(REASON_CHARS_MAX))));
    }

    #[test]
    fn what_it_says_is_told() {
        let waiting = |answer: Option<GateAnswer>| GateAnswer::waiting("ci", answer.as_ref());
        assert_eq!(waiting(None).as_deref(), Some("the gate `ci`"));
        assert_eq!(waiting(Some(GateAnswer::Pass)), None);
        let later = GateAnswer::Later("a test runs".into());
        assert_eq!(waiting(Some(later)).as_deref(), Some("the gate `ci`, which says later: a test runs"));
    }
}
