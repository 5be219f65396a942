//! Skew protection: a page of one release asks for an asset that only another release has (docs/design.md section 6).
//!
//! A fingerprinted asset is the same file under the same name in every release that has it. So when a release does not have
//! one, its siblings are asked ([`super::siblings`]). Here it is decided for which answers that is done.
//!
//! In the same way the candidate is asked for a CORS preflight that stable did not allow (docs/design.md section 5).
//!
//! Deliberately absent: testers, who are to see what their release really has.

use super::failure::{Failure, has_body};
use crate::{
    limits::{PREFLIGHT_MS, SIBLINGS_MS},
    proxy::{
        codec::{head::HeaderLine, response::ResponseHead},
        route::{
            Plan,
            preflight::{Permission, Preflight},
        },
        worker::{Worker, coarse, misses::Miss},
    },
    rollout::{
        assign::Reason, blend::Blend, settings::AssetSettings, table::AppRoutes, target::ReleaseIndex,
    },
};

/// Whose answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssetSource {
    /// The release's own.
    #[default]
    Own,
    /// A sibling's.
    Sibling {
        /// When it is too late for it, monotonic ms.
        until_ms: u64,
    },
    /// The release's own, although it does not have the asset: no sibling has it either.
    NoRelease,
}

impl AssetSource {
    /// A sibling, from now on.
    pub fn sibling(plan: &Plan) -> Self {
        let most = if plan.preflight.is_some() { PREFLIGHT_MS } else { SIBLINGS_MS };
        Self::Sibling { until_ms: coarse::now_ms() + most }
    }

    /// Whether it is a sibling.
    pub fn is_sibling(self) -> bool {
        matches!(self, Self::Sibling { .. })
    }

    /// How long a sibling may take to the first byte, in ms from when it was asked; `None` where no sibling is asked.
    pub fn first_byte_ms(self, asked_at_ms: u64) -> Option<u64> {
        match self {
            Self::Sibling { until_ms } => Some(until_ms.saturating_sub(asked_at_ms)),
            Self::Own | Self::NoRelease => None,
        }
    }

    /// Looks at the head of an answer. [`Failure::Missing`] if siblings are to be asked for a better one, or if it is a
    /// sibling's and not the asset.
    pub fn check(&mut self, worker: &Worker, plan: &Plan, head: &ResponseHead<'_>) -> Result<(), Failure> {
        if let Some(preflight) = &plan.preflight {
            return self.check_preflight(worker, plan, preflight, head);
        }
        match self {
            Self::Own if plan.app.falls_through && lacks_asset(plan, head) => self.ask_siblings(worker, plan),
            Self::Sibling { .. } if head.status >= 200 && (head.status != 200 || is_html(head)) => {
                Err(Failure::Missing)
            }
            _ => Ok(()),
        }
    }

    /// The same for a preflight: the candidate is asked if stable allows the origin and not the rest. Its answer is taken only
    /// if that allows everything.
    #[cold]
    fn check_preflight(
        &mut self,
        worker: &Worker,
        plan: &Plan,
        preflight: &Preflight,
        head: &ResponseHead<'_>,
    ) -> Result<(), Failure> {
        if head.status < 200 {
            return Ok(());
        }
        let permission = preflight.permission(head);
        match self {
            Self::Sibling { .. } if permission != Permission::Everything => Err(Failure::Missing),
            Self::Own
                if permission == Permission::OriginOnly && lit_candidate(&plan.app.routes).is_some() =>
            {
                if worker.shared.sibling_asks.take(coarse::now_us()) {
                    return Err(Failure::Missing);
                }
                worker.counters().assets_denied.add(1);
                *self = Self::NoRelease;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Siblings are asked unless it is known that none has the asset, or too much was asked of them in this second.
    #[cold]
    fn ask_siblings(&mut self, worker: &Worker, plan: &Plan) -> Result<(), Failure> {
        let counters = worker.counters();
        let known = worker.misses.borrow().knows(&miss_of(plan), coarse::now_ms());
        let counter = if known {
            &counters.assets_remembered
        } else if worker.shared.sibling_asks.take(coarse::now_us()) {
            return Err(Failure::Missing);
        } else {
            &counters.assets_denied
        };
        counter.add(1);
        *self = Self::NoRelease;
        Ok(())
    }
}

/// The candidate, if it gets clients without a pin.
pub fn lit_candidate(app: &AppRoutes) -> Option<ReleaseIndex> {
    app.candidate.filter(|_| app.blend > Blend::ZERO)
}

/// What is remembered if no sibling has the asset either.
pub fn miss_of(plan: &Plan) -> Miss<'_> {
    let routes = &plan.app.routes;
    Miss {
        app: (routes.slot, routes.seq),
        release: plan.assignment.target.release,
        authority: plan.marked(&plan.marks.authority),
        path: plan.target().split('?').next().unwrap_or_default().as_bytes(),
    }
}

/// Whether an answer says that the release does not have the asset that is asked for.
fn lacks_asset(plan: &Plan, head: &ResponseHead<'_>) -> bool {
    let absent = match head.status {
        404 | 410 => true,
        200..=299 => AssetSettings::is_html_unfit(plan.marked(&plan.marks.target)) && is_html(head),
        _ => false,
    };
    let method = plan.out.bytes.get(..plan.marks.method).unwrap_or_default();
    absent
        && matches!(method, b"GET" | b"HEAD")
        && !has_body(plan.framing)
        && plan.upgrade.is_none()
        && plan.assignment.reason != Reason::Override
        && plan.is_asset()
}

fn is_html(head: &ResponseHead<'_>) -> bool {
    let names_type = |line: &&HeaderLine| line.name(head.block).eq_ignore_ascii_case(b"content-type");
    let value = head.lines.iter().find(names_type).map(|line| line.value(head.block)).unwrap_or_default();
    let media = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    media.eq_ignore_ascii_case(b"text/html") || media.eq_ignore_ascii_case(b"application/xhtml+xml")
}
