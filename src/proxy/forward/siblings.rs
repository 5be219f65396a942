//! Asking the siblings of a release for an asset that it does not have (docs/design.md section 6), and the candidate for a
//! preflight that stable did not allow (section 5).
//!
//! The release's own answer waits meanwhile, unread, and goes out if no sibling has the asset. Siblings are asked as a
//! stranger would ask them, and their cookies stay with them. It is no move: the client's pin is not touched.

use std::{future::poll_fn, rc::Rc};

use super::{
    account::count_failure,
    attempt::{Attempts, OwnAnswer},
    exchange::Exchange,
    failure::{Failure, Side},
    skew::{AssetSource, lit_candidate, miss_of},
};
use crate::{
    proxy::{
        downstream::Downstream,
        rewrite::anonymous::write_anonymous,
        worker::{coarse, local::RequestDraw},
    },
    rollout::{
        assign::another_endpoint,
        target::{ReleaseIndex, Target},
    },
};

/// Answers with the asset of the first sibling that has it, or else with the release's own answer.
pub async fn fall_through<'a, D: Downstream>(
    exchange: &mut Exchange<'a, D>,
    own: OwnAnswer<'a>,
) -> Result<(), Failure> {
    let plan = &mut exchange.plan;
    let own_target = plan.assignment.target;
    let own_endpoint = exchange.outcome.endpoint;
    let mut head = exchange.worker.buffers.text();
    write_anonymous(&plan.out.bytes, &mut exchange.worker.lines.borrow_mut(), &mut head.bytes);
    std::mem::swap(&mut plan.out, &mut head);
    exchange.shield = Default::default();
    exchange.asset_source = AssetSource::sibling(&exchange.plan);
    let found = ask_siblings(exchange, own_target.release).await;
    // In the log and in all counts the request is that of the client's own release.
    std::mem::swap(&mut exchange.plan.out, &mut head);
    exchange.plan.assignment.target = own_target;
    let (counters, for_asset) = (exchange.worker.counters(), exchange.plan.preflight.is_none());
    match found? {
        Some(sibling) => {
            counters.assets_found.add(for_asset.into());
            exchange.outcome.sibling = Some(sibling);
            Ok(())
        }
        None => {
            if for_asset {
                counters.assets_missed.add(1);
                exchange.worker.misses.borrow_mut().remember(&miss_of(&exchange.plan), coarse::now_ms());
            }
            exchange.outcome.endpoint = own_endpoint;
            send_own(exchange, own).await
        }
    }
}

/// Goes on with the release's own answer.
async fn send_own<'a, D: Downstream>(
    exchange: &mut Exchange<'a, D>,
    own: OwnAnswer<'a>,
) -> Result<(), Failure> {
    exchange.asset_source = AssetSource::NoRelease;
    exchange.change_release();
    exchange.resume(own.attempt);
    let (mut link, _room) = (own.link, own.room);
    let done = poll_fn(|cx| exchange.poll(cx, &mut link.stream)).await;
    if let Err(failure) = done
        && failure.side() == Side::Upstream
    {
        count_failure(exchange.worker, &exchange.plan, failure);
    }
    done.map(|()| link.give_back(exchange))
}

/// Asks one sibling after the other. Which one answered with the asset, if any.
async fn ask_siblings<D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    release: ReleaseIndex,
) -> Result<Option<ReleaseIndex>, Failure> {
    let app = Rc::clone(&exchange.plan.app);
    let candidate = exchange.plan.preflight.as_ref().map(|_| lit_candidate(&app.routes));
    let siblings = app.routes.siblings(release);
    let asked = siblings.filter(|sibling| candidate.is_none_or(|candidate| candidate == Some(*sibling)));
    for sibling in asked {
        if exchange.asset_source.first_byte_ms(coarse::now_ms()) == Some(0) {
            break;
        }
        let Some(target) = target_with_room(exchange, sibling) else { continue };
        exchange.plan.assignment.target = target;
        exchange.change_release();
        match Attempts::new(&exchange.plan).try_once(exchange).await {
            Ok(()) => return Ok(Some(sibling)),
            Err(failure) => {
                if failure.side() == Side::Upstream {
                    count_failure(exchange.worker, &exchange.plan, failure);
                }
                if exchange.send_state().answered || failure.side() == Side::Downstream {
                    return Err(failure);
                }
            }
        }
    }
    Ok(None)
}

/// An endpoint of a sibling that serves and has room at once: the sibling's own requests come first.
fn target_with_room<D: Downstream>(exchange: &Exchange<'_, D>, sibling: ReleaseIndex) -> Option<Target> {
    let (worker, app) = (exchange.worker, &exchange.plan.app);
    let random = || worker.random();
    let mut draw = RequestDraw { app, random: &random };
    let endpoint = another_endpoint(&app.routes, sibling, &[], app.as_ref(), &mut draw)?;
    let target = Target { release: sibling, endpoint };
    worker.has_room_at_once(app.endpoint(target)).then_some(target)
}
