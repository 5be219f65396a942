//! How a hook in, its deliveries and its tests are shown.

use super::{
    duration::rough,
    printer::{Printer, Style},
};
use crate::schema::hook_in::{HookIn, HookInState, HookInTest, InDelivery};

/// One line about a hook in as it is stored, with what came last.
pub(super) fn state_line(hook: &HookInState, now: u64, printer: &Printer) -> String {
    match hook {
        HookInState::Readable(hook) => {
            let last = hook.deliveries.first().map(|last| {
                format!("   {} {} ago", result(last, printer), rough(now.saturating_sub(last.at)))
            });
            hook_line(hook, printer) + &last.unwrap_or_else(|| "   nothing came yet".to_owned())
        }
        HookInState::Unreadable(hook) => {
            let fault = format!("the stored hook in cannot be read: {}", hook.fault);
            format!("{}   {}", printer.styled(Style::Bold, &hook.name), printer.styled(Style::Bad, fault))
        }
    }
}

/// One line about a hook in.
pub(super) fn hook_line(hook: &HookIn, printer: &Printer) -> String {
    let name = printer.styled(Style::Bold, &hook.name);
    let filters =
        [("event", &hook.events), ("branch", &hook.branches), ("tag", &hook.tags), ("match", &hook.matches)];
    let filters = filters.iter().filter(|(_, texts)| !texts.is_empty());
    let filters: String = filters.map(|(what, texts)| format!("   {what} {}", texts.join(", "))).collect();
    let from =
        hook.networks.as_ref().map(|networks| format!(" from {}", networks.join(", "))).unwrap_or_default();
    let paused = if hook.paused { "   paused" } else { "" };
    format!(
        "{name}   {}{from}   {} of {} to {}{filters}{paused}",
        hook.sender, hook.action, hook.app, hook.release
    )
}

/// One line about a delivery.
pub(super) fn delivery_line(delivery: &InDelivery, now: u64, printer: &Printer) -> String {
    let ago = rough(now.saturating_sub(delivery.at));
    let event = if delivery.event.is_empty() { "-" } else { &delivery.event };
    let why = if delivery.message.is_empty() { String::new() } else { format!("   {}", delivery.message) };
    format!("  {ago} ago   {event}   {}   from {}{why}", result(delivery, printer), delivery.client)
}

/// What it would do with a payload.
pub(super) fn test_lines(test: &HookInTest) -> Vec<String> {
    let endpoints = test.endpoints.iter().map(|endpoint| format!("  {endpoint}"));
    [test.message.clone()].into_iter().chain(endpoints).collect()
}

fn result(delivery: &InDelivery, printer: &Printer) -> String {
    match delivery.result.as_str() {
        "done" => printer.styled(Style::Good, "done"),
        "refused" => printer.styled(Style::Bad, format!("refused ({})", delivery.status)),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_hook_in_and_what_came() {
        let hook: HookIn = serde_json::from_str(
            r#"{"name":"shop","sender":"github","app":"shop","do":"set-candidate","release":"{/ref|last}","tags":["v*"],
                "networks":["192.0.2.0/24"],"deliveries":[
                {"at":1000,"result":"refused","event":"push","status":423,"message":"`shop` is locked","client":"192.0.2.7"},
                {"at":1000,"result":"done","event":"","client":"192.0.2.7"}]}"#,
        )
        .unwrap();
        let plain = Printer::plain();
        let line = "shop   github from 192.0.2.0/24   set-candidate of shop to {/ref|last}   tag v*";
        assert_eq!(hook_line(&hook, &plain), line);
        let lines: Vec<String> =
            hook.deliveries.iter().map(|delivery| delivery_line(delivery, 9_000, &plain)).collect();
        assert_eq!(
            lines,
            [
                "  8 s ago   push   refused (423)   from 192.0.2.7   `shop` is locked",
                "  8 s ago   -   done   from 192.0.2.7"
            ]
        );
        let state = HookInState::Readable(Box::new(hook));
        assert_eq!(state_line(&state, 9_000, &plain), format!("{line}   refused (423) 8 s ago"));
    }
}
