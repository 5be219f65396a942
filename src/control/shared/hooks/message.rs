//! A message to a hook: a JSON object whose `text` says everything in one line, as chats show it.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    event::EventKind,
    hook::HookName,
    text::{describe_change, escape},
};
use crate::{
    control::shared::hex::hex,
    rollout::{app::AppName, record::HistoryEvent},
};

/// One message. It is the same for every hook and every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: EventKind,
    /// The app that it is about; none: the router.
    pub app: Option<AppName>,
    /// The seq of the change that it is about.
    pub seq: Option<u64>,
    /// When it happened, Unix ms.
    pub at: u64,
    pub text: String,
    fields: Map<String, Value>,
}

impl Message {
    /// The message about a change in an app's history.
    pub fn of_event(app: &AppName, event: &HistoryEvent) -> Self {
        let record = &event.record;
        let kind = EventKind::of_command(&record.command);
        let fields = json!({
            "command": record.command,
            "actor": record.actor,
            "reason": record.reason,
            "changed": event.changed,
            "record": record,
        });
        let mut fields = object(fields);
        if let Some(receipt) = &event.receipt {
            fields.insert("receipt".to_owned(), json!(receipt));
        }
        Self {
            kind,
            app: Some(app.clone()),
            seq: Some(record.seq),
            at: record.at,
            text: describe_change(app, event),
            fields,
        }
    }

    /// A notice, which is in no history: an alarm that is raised or has ended.
    pub fn notice(kind: EventKind, app: Option<AppName>, text: String, at: u64, standing: bool) -> Self {
        Self {
            kind,
            app,
            seq: None,
            at,
            text: escape(&text),
            fields: object(json!({ "standing": standing })),
        }
    }

    /// A change of the router itself, which stands in no app's history.
    pub fn of_router(kind: EventKind, text: &str, at: u64, fields: Value) -> Self {
        Self { kind, app: None, seq: None, at, text: escape(text), fields: object(fields) }
    }

    /// What became of something that stands in no history, such as a deployment.
    pub fn outcome(kind: EventKind, app: AppName, text: &str, at: u64, fields: Value) -> Self {
        Self { kind, app: Some(app), seq: None, at, text: escape(text), fields: object(fields) }
    }

    /// A test.
    pub fn test(hook: &HookName, by: &str, at: u64) -> Self {
        let text = escape(&format!("This is a test of the hook {hook}, sent by {by}."));
        let fields = object(json!({ "hook": hook, "actor": by }));
        Self { kind: EventKind::Test, app: None, seq: None, at, text, fields }
    }

    /// The id of the message: the same at each attempt, and from whichever router. `epoch` is the store's.
    pub fn id(&self, epoch: &str) -> String {
        let app = self.app.as_ref().map_or("", AppName::as_str);
        let identity = format!("{epoch}\n{app}\n{:?}\n{}\n{}\n{}", self.seq, self.kind, self.at, self.text);
        format!("msg_{}", hex(&Sha256::digest(identity)[..16]))
    }

    /// The body that is sent.
    pub fn body(&self) -> Vec<u8> {
        let mut body = self.fields.clone();
        body.insert("type".into(), json!(self.kind.as_str()));
        body.insert("app".into(), json!(self.app));
        body.insert("seq".into(), json!(self.seq));
        body.insert("at".into(), json!(self.at));
        body.insert("text".into(), json!(self.text));
        Value::Object(body).to_string().into_bytes()
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::record::Record;

    fn promoted() -> (AppName, HistoryEvent) {
        let record =
            Record { seq: 7, command: "promote".into(), actor: "maria".into(), at: 5, ..Record::empty() };
        ("shop".parse().unwrap(), HistoryEvent { record, changed: Map::new(), receipt: None })
    }

    #[test]
    fn a_change_is_told_with_what_came_of_it() {
        let (app, event) = promoted();
        let body: Value = serde_json::from_slice(&Message::of_event(&app, &event).body()).unwrap();
        assert_eq!(
            (&body["type"], &body["app"], &body["seq"]),
            (&json!("promote"), &json!("shop"), &json!(7))
        );
        assert_eq!(
            (&body["record"]["seq"], &body["actor"], &body["at"]),
            (&json!(7), &json!("maria"), &json!(5))
        );
        assert!(body["text"].as_str().unwrap().starts_with("shop: maria promoted"), "{body}");
    }

    #[test]
    fn a_message_has_one_id_and_another_message_another() {
        let (app, event) = promoted();
        let message = Message::of_event(&app, &event);
        assert_eq!(message.id("e"), Message::of_event(&app, &event).id("e"));
        let later = HistoryEvent { record: Record { seq: 8, ..event.record.clone() }, ..event.clone() };
        assert_ne!(message.id("e"), Message::of_event(&app, &later).id("e"));
        assert_ne!(message.id("e"), message.id("another store"));
        assert!(!message.id("e").contains('.'), "the signature parts at dots");
    }
}
