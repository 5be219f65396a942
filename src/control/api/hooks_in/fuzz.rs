//! Entry point for fuzzing: what senders deliver. It panics when something that must always hold does not.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::mapping::{ignored, parse_payload};
use crate::control::{
    limits::HOOK_IN_MESSAGE_BYTES_MAX,
    shared::hooks_in::{
        delivery::InDelivery,
        hook_in::HookIn,
        sender::{Request, Sender},
        template::{FILLED_BYTES_MAX, Template},
    },
};

/// A secret that no sender of the fuzzer knows.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The time at which deliveries come, in Unix seconds.
const NOW: u64 = 1_800_000_000;
/// The longest event: 100 characters, each of at most four bytes and three as a lower-case letter.
const EVENT_BYTES_MAX: usize = 1_200;

/// A template, lines `header: value`, an empty line, and a payload: without the secret nothing is proven, and whatever a known
/// sender says, what is made of it is bounded.
pub fn hooks_in(bytes: &[u8]) {
    let (head, body) = split(bytes);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let template = lines.next().unwrap_or_default();
    let headers = headers(lines);
    let secret = SECRET.parse().expect("it is a secret");
    for sender in Sender::ALL {
        let request = Request { headers: &headers, body, now: NOW };
        assert!(sender.check(&secret, request).is_err(), "{sender} took a delivery that nobody proved");
    }
    let Ok(payload) = parse_payload(body) else { return };
    assert!(payload.is_object());
    if let Ok(template) = template.parse::<Template>() {
        fill(&template, &payload);
    }
    for sender in Sender::ALL {
        let event = sender.event(&headers, &payload);
        assert!(event.len() <= EVENT_BYTES_MAX && !event.contains(' '), "{event:?}");
        for branches in ["main", "release/*", "*"] {
            let message = ignored(&hook(sender, branches), &event, &payload).unwrap_or_default();
            let kept = InDelivery { message, ..InDelivery::default() }.kept();
            assert!(kept.message.len() <= HOOK_IN_MESSAGE_BYTES_MAX);
        }
    }
}

fn fill(template: &Template, payload: &Value) {
    for filled in template.fill(payload).into_iter().chain(template.fill_each(payload).into_iter().flatten())
    {
        assert!(filled.len() <= FILLED_BYTES_MAX, "{} bytes", filled.len());
    }
}

fn hook(sender: Sender, branches: &str) -> HookIn {
    let action = serde_json::json!({ "do": "set-candidate", "release": "1" });
    let filter = serde_json::json!({ "branches": [branches], "matches": ["/a=b*"] });
    let hook = serde_json::json!({
        "sender": sender, "secret": SECRET, "app": "hello", "filter": filter, "action": action,
    });
    serde_json::from_value(hook).expect("it is a hook in")
}

fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.windows(2).position(|pair| pair == b"\n\n");
    at.map_or((bytes, &[]), |at| (&bytes[..at], &bytes[at + 2..]))
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let named = lines.filter_map(|line| line.split_once(": "));
    let read = |(name, value): (&str, &str)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    named.filter_map(read).collect()
}
