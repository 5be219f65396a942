//! Which requests may be sent to two releases: none that redeems something once, and none that is silent on purpose.

use memchr::memchr;

use super::failure::has_body;
use crate::proxy::{
    codec::{
        head::HeaderLine,
        lines::{Progress, read_lines},
    },
    route::Plan,
};

/// Parts of a query that may be redeemed only once, by their names.
const REDEEMED: [&[u8]; 6] = [b"code", b"token", b"ticket", b"samlrequest", b"samlresponse", b"samlart"];

/// Whether stable may be asked as well. Read again from the head that was sent upstream, since it is needed rarely.
#[cold]
pub fn may_race(plan: &Plan, lines: &mut Vec<HeaderLine>) -> bool {
    let target = plan.marked(&plan.marks.target);
    let query = memchr(b'?', target).map(|at| &target[at + 1..]).unwrap_or_default();
    plan.upgrade.is_none()
        && !plan.carries_login
        && !has_body(plan.framing)
        && plan.app.routes.settings.shielding.may_race(plan.target())
        && !redeems(query)
        && !says_to_wait(plan, query, lines)
}

/// Whether a query redeems something, or is a long poll's.
fn redeems(query: &[u8]) -> bool {
    query.split(|byte| *byte == b'&').any(|part| {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default().to_ascii_lowercase();
        REDEEMED.contains(&name.as_slice()) || name.ends_with(b"_token") || part == b"transport=polling"
    })
}

/// Whether a header says that the request waits for an event, asks for a part of something, or comes from another site with
/// something that it was given there.
fn says_to_wait(plan: &Plan, query: &[u8], lines: &mut Vec<HeaderLine>) -> bool {
    let out = &plan.out.bytes;
    let Some(start) = memchr(b'\n', out).map(|end| end + 1) else { return true };
    let block = &out[start..];
    let Ok(Progress::Complete(_)) = read_lines(block, lines, usize::MAX) else { return true };
    let foreign = |value: &[u8]| plan.navigation && !query.is_empty() && is_foreign(value, plan);
    lines.iter().any(|line| {
        let (name, value) = (line.name(block).to_ascii_lowercase(), line.value(block).to_ascii_lowercase());
        match name.as_slice() {
            b"range" | b"if-range" => true,
            b"accept" => contains(&value, b"text/event-stream"),
            b"prefer" => value.split(|byte| *byte == b',').any(|part| part.trim_ascii().starts_with(b"wait")),
            b"sec-fetch-site" => plan.navigation && !query.is_empty() && value == b"cross-site",
            b"referer" => foreign(&value),
            _ => false,
        }
    })
}

/// Whether a Referer is on another host. Browsers say `Sec-Fetch-Site` only to https and localhost.
fn is_foreign(referer: &[u8], plan: &Plan) -> bool {
    let rest = referer.splitn(2, |byte| *byte == b':').nth(1).and_then(|rest| rest.strip_prefix(b"//"));
    let host = rest.and_then(|rest| rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next());
    host.is_some_and(|host| !host.eq_ignore_ascii_case(plan.marked(&plan.marks.authority)))
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    value.windows(part.len()).any(|found| found == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_redeemed_once_is_known_by_its_name() {
        for query in
            ["code=1", "a=b&Token=x", "ticket", "SAMLRequest=x", "id_token=1", "transport=polling&t=1"]
        {
            assert!(redeems(query.as_bytes()), "{query}");
        }
        for query in ["", "a=code", "codes=1", "q=token", "transport=websocket"] {
            assert!(!redeems(query.as_bytes()), "{query}");
        }
    }
}
