//! How a container goes: out of the endpoints, stopped, removed.

use super::{
    run::Run,
    step::{ContainerState, Observation, Step},
};

/// How long a container of a routed release that has left the endpoints runs on at most, in ms: requests that are under way end
/// there.
pub const LEAVING_MS: u64 = 10_000;

/// The next step by which a container goes; none: it is gone, or stopped if it is not to be removed.
pub(super) fn down(run: &Run, observed: &Observation, number: u32, removes: bool) -> Option<Step> {
    let stays = run.kept.contains(&number) && !observed.is_routed;
    if run.may_be_registered(number) || stays {
        return Some(Step::Unregister { number });
    }
    let Some(container) = observed.containers.get(&number) else {
        // It was to be made: whether it was, removing it tells.
        return (removes && run.engines.contains_key(&number)).then_some(Step::Remove { number });
    };
    match container.state {
        ContainerState::Running => {
            let left = run.left.get(&number).filter(|_| observed.is_routed);
            let is_over = left.is_none_or(|at| observed.now >= at + LEAVING_MS);
            let is_over = is_over || observed.idle.contains(&number);
            Some(if is_over { Step::Stop { number } } else { Step::Wait })
        }
        _ if removes => Some(Step::Remove { number }),
        _ => None,
    }
}
