//! Skew protection: a page of one release asks for an asset that only another one has (docs/design.md section 6).
//!
//! A fingerprinted asset that a release does not have is asked of its siblings: the same file under the same name, or
//! none. The release's own answer waits meanwhile, unread, and goes out if nobody has the asset. Siblings are asked as
//! a stranger would ask them, and their cookies stay with them. It is no move: the client's pin is not touched.
//!
//! Deliberately absent: testers, who are to see what their release really has.

use std::rc::Rc;

use super::{
    Attempts, Link, charge,
    exchange::{Aside, Exchange},
    failure::{Failure, Side, has_body},
    room::Room,
    settle,
};
use crate::{
    limits::SIBLINGS_MS,
    proxy::{
        codec::{
            head::HeaderLine,
            lines::{Progress, read_lines},
            response::ResponseHead,
        },
        downstream::Downstream,
        route::Plan,
        worker::{coarse, local::RequestDraw, misses::Miss},
    },
    rollout::{
        assign::{Reason, another_endpoint},
        settings::AssetSettings,
        target::{ReleaseIndex, Target},
    },
};

/// Whose answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Skew {
    /// The release's own.
    #[default]
    Own,
    /// A sibling's, until then (monotonic ms).
    Sibling(u64),
    /// The release's own, although the asset is not among it: nobody has it.
    Nobody,
}

/// The release's own answer, with the connection it comes on, while siblings are asked.
pub struct Waiting<'a> {
    pub(super) link: Link,
    pub(super) room: Room<'a>,
    pub(super) aside: Aside,
}

/// Request headers that a sibling is not told: who asks, and what they have already of another release's.
const NOT_TOLD: [&[u8]; 8] = [
    b"cookie",
    b"authorization",
    b"range",
    b"if-range",
    b"if-match",
    b"if-none-match",
    b"if-modified-since",
    b"if-unmodified-since",
];

impl<D: Downstream> Exchange<'_, D> {
    /// Looks at the head of an answer: whether siblings are to be asked for a better one, or, if it is a sibling's,
    /// whether it is one.
    pub(super) fn judge(&mut self, head: &ResponseHead<'_>) -> Result<(), Failure> {
        match self.skew {
            Skew::Own if self.plan.app.falls_through && is_missing(&self.plan, head) => self.ask_or_settle(),
            Skew::Sibling(_) if head.status >= 200 && (head.status != 200 || is_html(head)) => {
                Err(Failure::Missing)
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn ask_or_settle(&mut self) -> Result<(), Failure> {
        let (worker, counters) = (self.worker, self.worker.counters());
        let known = worker.misses.borrow().knows(&miss(&self.plan), coarse::now_ms());
        let counter = if known {
            &counters.assets_remembered
        } else if worker.shared.sibling_asks.take(coarse::now_us()) {
            return Err(Failure::Missing);
        } else {
            &counters.assets_denied
        };
        counter.add(1);
        self.skew = Skew::Nobody;
        Ok(())
    }

    /// Whether this is a sibling's answer.
    pub(super) fn is_siblings(&self) -> bool {
        matches!(self.skew, Skew::Sibling(_))
    }

    /// How long the endpoint may take to the first byte, if it is a sibling's, in ms from when it was asked.
    pub(super) fn sibling_first_byte_ms(&self, asked_at_ms: u64) -> Option<u64> {
        match self.skew {
            Skew::Sibling(until_ms) => Some(until_ms.saturating_sub(asked_at_ms)),
            Skew::Own | Skew::Nobody => None,
        }
    }
}

/// Whether this answer says that the release does not have the asset that is asked for.
fn is_missing(plan: &Plan, head: &ResponseHead<'_>) -> bool {
    let absent = match head.status {
        404 | 410 => true,
        200..=299 => is_html(head) && AssetSettings::is_html_unfit(target(plan)),
        _ => false,
    };
    let method = plan.out.bytes.get(..plan.marks.method).unwrap_or_default();
    absent
        && matches!(method, b"GET" | b"HEAD")
        && !has_body(plan.framing)
        && !plan.websocket
        && plan.assignment.reason != Reason::Override
        && plan.is_asset()
}

fn is_html(head: &ResponseHead<'_>) -> bool {
    let named = |line: &&HeaderLine| line.name(head.block).eq_ignore_ascii_case(b"content-type");
    let value = head.lines.iter().find(named).map(|line| line.value(head.block)).unwrap_or_default();
    let media = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    media.eq_ignore_ascii_case(b"text/html") || media.eq_ignore_ascii_case(b"application/xhtml+xml")
}

fn target(plan: &Plan) -> &str {
    std::str::from_utf8(plan.marked(&plan.marks.target)).unwrap_or_default()
}

fn miss(plan: &Plan) -> Miss<'_> {
    let app = &plan.app.routes;
    Miss {
        app: (app.slot, app.seq),
        release: plan.assignment.target.release,
        authority: plan.marked(&plan.marks.authority),
        path: target(plan).split('?').next().unwrap_or_default().as_bytes(),
    }
}

/// Asks the siblings, one after the other, and answers with the first one's asset; with the release's own answer if
/// none has it.
pub async fn fall_through<'a, D: Downstream>(
    exchange: &mut Exchange<'a, D>,
    own: Waiting<'a>,
) -> Result<(), Failure> {
    let plan = &mut exchange.plan;
    let own_target = plan.assignment.target;
    let asked_first = exchange.outcome.endpoint;
    let mut head = exchange.worker.buffers.text();
    write_anonymous(&plan.out.bytes, &mut exchange.worker.lines.borrow_mut(), &mut head.bytes);
    std::mem::swap(&mut plan.out, &mut head);
    exchange.shield = Default::default();
    exchange.skew = Skew::Sibling(coarse::now_ms() + SIBLINGS_MS);
    let found = ask_siblings(exchange, own_target.release).await;
    // In the log and in all counts the request is that of the client's own release.
    std::mem::swap(&mut exchange.plan.out, &mut head);
    exchange.plan.assignment.target = own_target;
    let counters = exchange.worker.counters();
    match found? {
        Some(sibling) => {
            counters.assets_found.add(1);
            exchange.outcome.sibling = Some(sibling);
            Ok(())
        }
        None => {
            counters.assets_missed.add(1);
            exchange.worker.misses.borrow_mut().remember(&miss(&exchange.plan), coarse::now_ms());
            exchange.outcome.endpoint = asked_first;
            exchange.skew = Skew::Nobody;
            exchange.change_release();
            exchange.resume(own.aside);
            let (mut link, _room) = (own.link, own.room);
            let done = std::future::poll_fn(|cx| exchange.poll(cx, &mut link.stream)).await;
            if let Err(failure) = done
                && failure.side() == Side::Upstream
            {
                charge(exchange, failure);
            }
            done.map(|()| settle(exchange, link))
        }
    }
}

/// Which sibling answered, if any.
async fn ask_siblings<D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    release: ReleaseIndex,
) -> Result<Option<ReleaseIndex>, Failure> {
    let app = Rc::clone(&exchange.plan.app);
    for sibling in app.routes.siblings(release) {
        if exchange.sibling_first_byte_ms(coarse::now_ms()) == Some(0) {
            break;
        }
        let Some(target) = endpoint_with_room(exchange, sibling) else { continue };
        exchange.plan.assignment.target = target;
        exchange.change_release();
        match Attempts::new(&exchange.plan).once(exchange).await {
            Ok(()) => return Ok(Some(sibling)),
            Err(failure) => {
                if failure.side() == Side::Upstream {
                    charge(exchange, failure);
                }
                if exchange.progress().answered || failure.side() == Side::Downstream {
                    return Err(failure);
                }
            }
        }
    }
    Ok(None)
}

/// An endpoint of a sibling's that serves and has room at once: its own requests come first.
fn endpoint_with_room<D: Downstream>(exchange: &Exchange<'_, D>, sibling: ReleaseIndex) -> Option<Target> {
    let (worker, app) = (exchange.worker, &exchange.plan.app);
    let random = || worker.random();
    let mut draw = RequestDraw { app, random: &random };
    let endpoint = another_endpoint(&app.routes, sibling, &[], app.as_ref(), &mut draw)?;
    let target = Target { release: sibling, endpoint };
    let endpoint = app.endpoint(target);
    let most = worker.limits().endpoint_in_flight_max;
    let room = most == 0 || endpoint.state.in_flight() < most && worker.queues.len(endpoint.route.slot) == 0;
    room.then_some(target)
}

/// Appends a request's head less what a sibling is not told.
fn write_anonymous(request: &[u8], lines: &mut Vec<HeaderLine>, out: &mut Vec<u8>) {
    let start = memchr::memchr(b'\n', request).map_or(0, |end| end + 1);
    let block = &request[start..];
    out.extend_from_slice(&request[..start]);
    // It is the router's own writing, so it can be read.
    if let Ok(Progress::Complete(_)) = read_lines(block, lines, usize::MAX) {
        let told =
            |line: &&HeaderLine| NOT_TOLD.iter().all(|name| !line.name(block).eq_ignore_ascii_case(name));
        lines.iter().filter(told).for_each(|line| out.extend_from_slice(line.whole(block)));
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_is_not_told_who_asks() {
        let request = "GET /a-BX3k9dQ2.js HTTP/1.1\r\nhost: a\r\nCookie: s=1\r\nAccept: */*\r\nAUTHORIZATION: Basic x\r\n\
            If-None-Match: \"1\"\r\nRange: bytes=0-1\r\nvia: 1.1 me\r\n\r\n";
        let mut out = Vec::new();
        write_anonymous(request.as_bytes(), &mut Vec::new(), &mut out);
        let expected = "GET /a-BX3k9dQ2.js HTTP/1.1\r\nhost: a\r\nAccept: */*\r\nvia: 1.1 me\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
