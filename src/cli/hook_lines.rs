//! How a hook, its deliveries and its tests are shown.

use super::{
    duration::rough,
    printer::{Printer, Style},
};
use crate::schema::hook::{Delivery, Hook, HookState, HookTest};

/// One line about a hook as it is stored.
pub(super) fn state_line(hook: &HookState, printer: &Printer) -> String {
    match hook {
        HookState::Readable(hook) => hook_line(hook, printer),
        HookState::Unreadable(hook) => {
            let name = printer.styled(Style::Bold, &hook.name);
            let fault = format!("the stored hook cannot be read: {}", hook.fault);
            format!("{name}   {}", printer.styled(Style::Bad, fault))
        }
    }
}

/// One line about a hook.
pub(super) fn hook_line(hook: &Hook, printer: &Printer) -> String {
    let name = printer.styled(Style::Bold, &hook.name);
    let all = |names: &Option<Vec<String>>, what: &str| {
        names.as_ref().map_or(format!("all {what}"), |names| names.join(", "))
    };
    let state = match hook.state.as_str() {
        "delivered" => printer.styled(Style::Good, "delivered"),
        "failed" | "dropped" => printer.styled(Style::Bad, &hook.state),
        "new" => "nothing sent yet".into(),
        state => state.into(),
    };
    let waiting: u64 = hook.waiting.values().sum();
    let waiting = if waiting == 0 { String::new() } else { format!("   {waiting} waiting") };
    let paused = if hook.paused && hook.state != "paused" { "   paused" } else { "" };
    let header = hook.header.as_ref().map_or(String::new(), |header| format!("   with {header}"));
    format!(
        "{name}   {}   {}   {}{header}   {state}{paused}{waiting}",
        hook.url,
        all(&hook.apps, "apps"),
        all(&hook.events, "events")
    )
}

/// One line about a delivery.
pub(super) fn delivery_line(delivery: &Delivery, now: u64, printer: &Printer) -> String {
    let ago = rough(now.saturating_sub(delivery.at));
    let about = match (&delivery.app, delivery.seq) {
        (Some(app), Some(seq)) => format!("{app} {seq}"),
        (Some(app), None) => app.clone(),
        (None, _) => "router".into(),
    };
    let status = delivery.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let outcome = match delivery.outcome.as_str() {
        "delivered" => printer.styled(Style::Good, "delivered"),
        outcome => printer.styled(Style::Bad, outcome),
    };
    let attempt =
        if delivery.attempt > 1 { format!("   attempt {}", delivery.attempt) } else { String::new() };
    let why = delivery.error.as_ref().map(|error| format!("   {error}")).unwrap_or_default();
    format!(
        "  {ago} ago   {}   {about}   {outcome}   {status}   {} ms{attempt}{why}",
        delivery.kind, delivery.ms
    )
}

/// One line about a test.
pub(super) fn test_line(test: &HookTest, printer: &Printer) -> String {
    let answer = if test.answer.is_empty() { String::new() } else { format!(": {}", test.answer) };
    match &test.error {
        None => printer.styled(Style::Good, format!("delivered in {}{answer}", rough(test.ms))),
        Some(error) => printer.styled(Style::Bad, format!("not delivered: {error}{answer}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_hook_and_what_it_was_told() {
        let hook: Hook = serde_json::from_str(
            r#"{"name":"chat","url":"https://chat.example/in","apps":null,"events":["promote","abort"],"paused":false,
                "state":"failed","waiting":{"hello":2,"blog":1},"deliveries":[
                {"type":"promote","app":"hello","seq":7,"at":1000,"attempt":2,"outcome":"failed","status":500,"ms":12,"error":"the receiver answered 500"},
                {"type":"test","app":null,"at":1000,"attempt":1,"outcome":"delivered","status":200,"ms":3,"error":null}]}"#,
        )
        .unwrap();
        let plain = Printer::plain();
        assert_eq!(
            hook_line(&hook, &plain),
            "chat   https://chat.example/in   all apps   promote, abort   failed   3 waiting"
        );
        let lines: Vec<String> =
            hook.deliveries.iter().map(|delivery| delivery_line(delivery, 9_000, &plain)).collect();
        assert_eq!(
            lines,
            [
                "  8 s ago   promote   hello 7   failed   500   12 ms   attempt 2   the receiver answered 500",
                "  8 s ago   test   router   delivered   200   3 ms",
            ]
        );
    }
}
