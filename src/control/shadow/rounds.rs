//! The requests that are repeated: each at both releases at once, and at stable once more if its noise has to be known.

use std::{collections::HashMap, sync::Arc};

use tokio::task::JoinSet;

use super::repeat::repeat;
use crate::{
    control::shared::{core::Core, shadows::AppShadow},
    live::shadow::ShadowRequest,
    rollout::{app::AppName, record::Tenure, settings::Settings, shadow::Comparison},
};

/// The most requests of one app that wait for answers. A candidate that hangs keeps so many connections, and no more.
const WAITING_MAX: usize = 8;

/// Repeats what the workers offer, until the task is dropped.
pub async fn run(core: Core) {
    let Some(mut requests) = core.live.shadow().take_receiver() else { return };
    let mut waiting: HashMap<AppName, usize> = HashMap::new();
    let mut rounds = JoinSet::new();
    loop {
        tokio::select! {
            Some(request) = requests.recv() => {
                let count = waiting.entry(request.app.clone()).or_default();
                if *count < WAITING_MAX {
                    *count += 1;
                    rounds.spawn(ask_both(core.clone(), request));
                } else {
                    change(&core, &request.app, request.tenure, |known| known.skipped += 1);
                }
            }
            Some(done) = rounds.join_next() => {
                let Ok(app) = done else { continue };
                if let Some(count) = waiting.get_mut(&app) {
                    *count -= 1;
                }
                waiting.retain(|_, count| *count > 0);
            }
            else => return,
        }
    }
}

/// Asks both releases, and takes what they answered.
async fn ask_both(core: Core, request: ShadowRequest) -> AppName {
    let app = request.app.clone();
    let Some(settings) = settings_of(&core, &request) else { return app };
    let wants_noise = core.shadows.wants_noise(&app, request.tenure);
    let stable = || repeat(&request, request.stable, &settings, &core.clock);
    let again = async { if wants_noise { Some(stable().await) } else { None } };
    let candidate = repeat(&request, request.candidate, &settings, &core.clock);
    let (stable, candidate, again) = tokio::join!(stable(), candidate, again);
    let comparison = Comparison {
        session: request.session,
        target: &request.target,
        stable: &stable,
        candidate: &candidate,
        again: again.as_ref(),
    };
    change(&core, &app, request.tenure, |known| {
        known.findings.add(&comparison, &settings.shadow);
    });
    app
}

/// The settings of the request's app, if it is still about the present candidate.
fn settings_of(core: &Core, request: &ShadowRequest) -> Option<Arc<Settings>> {
    let published = core.live.load();
    let routes = published.table.routes_of(&request.app)?;
    let candidate = routes.release(routes.candidate?);
    (candidate.tenure == request.tenure).then(|| Arc::clone(&routes.settings))
}

/// Changes what is known of an app. Apps without a candidate are forgotten then.
fn change(core: &Core, app: &AppName, tenure: Tenure, change: impl FnOnce(&mut AppShadow)) {
    let published = core.live.load();
    let has_candidate =
        |app: &AppName| published.table.routes_of(app).is_some_and(|routes| routes.candidate.is_some());
    core.shadows.retain(has_candidate);
    core.shadows.change(app, tenure, core.clock.wall_ms(), change);
}
