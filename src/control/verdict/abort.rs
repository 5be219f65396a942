//! The abort of a candidate that is worse: once in a fleet, since it is an ordinary command on the seq by which it was judged.

use std::{collections::HashMap, time::Duration};

use tokio::task::JoinHandle;

use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute},
            local_abort::is_outage,
        },
        shared::{core::Core, error::Kind, verdicts::CandidateVerdict},
    },
    rollout::{
        app::AppName,
        command::{Asker, Command},
    },
};

/// The pause after an abort that was not done, as while the store does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Aborts what is worse.
pub struct Aborter {
    core: Core,
    /// The aborts that are under way, and when each began.
    under_way: HashMap<AppName, (Duration, JoinHandle<()>)>,
}

impl Aborter {
    pub fn new(core: Core) -> Self {
        Self { core, under_way: HashMap::new() }
    }

    /// Begins the abort of every candidate that is to be aborted, unless it is under way. Looks go on meanwhile.
    pub fn abort_what_is_worse(&mut self) {
        self.draw_again();
        let now = self.core.clock.monotonic();
        self.under_way.retain(|_, (began, task)| !task.is_finished() || now.saturating_sub(*began) < PAUSE);
        for (app, verdict) in self.core.verdicts.all().iter().filter(|(_, verdict)| verdict.aborts()) {
            if self.under_way.contains_key(app) {
                continue;
            }
            // The command is refused at any other seq, and the next look decides anew.
            let Some(seq) = seq_of(&self.core, app, verdict) else { continue };
            let task = tokio::spawn(abort(self.core.clone(), app.clone(), verdict.clone(), seq));
            self.under_way.insert(app.clone(), (now, task));
        }
    }
}

impl Aborter {
    /// Clients are drawn again to candidates that are not to be aborted any more, once the store says what counts.
    fn draw_again(&self) {
        if !self.core.replica.status.is_followed() {
            return;
        }
        let verdicts = self.core.verdicts.all();
        for (app, verdict) in verdicts.iter().filter(|(_, verdict)| !verdict.aborts()) {
            if verdict.set_drawn(true) {
                tracing::info!(%app, "clients are drawn to the candidate again");
                self.core.feed.nudge_all();
            }
        }
    }
}

/// Draws nobody to a candidate whose abort the store does not take. Those who are there stay.
fn stop_drawing(core: &Core, app: &AppName, verdict: &CandidateVerdict) {
    if verdict.set_drawn(false) {
        tracing::warn!(%app, "the store does not take the abort of the candidate: no new client is drawn to it here meanwhile");
        core.feed.nudge_all();
    }
}

impl Drop for Aborter {
    fn drop(&mut self) {
        self.under_way.values().for_each(|(_, task)| task.abort());
    }
}

/// The seq at which an app has the candidate that was judged.
fn seq_of(core: &Core, app: &AppName, verdict: &CandidateVerdict) -> Option<u64> {
    let published = core.live.load();
    let routes = published.table.routes_of(app)?;
    let candidate = routes.release(routes.candidate?);
    (candidate.tenure == verdict.tenure && candidate.id == verdict.release).then_some(routes.seq)
}

async fn abort(core: Core, app: AppName, verdict: std::sync::Arc<CandidateVerdict>, seq: u64) {
    let asker = Asker::of_verdict(&verdict.verdict.sentence(), core.clock.wall_ms(), seq);
    let command = Command::Abort { release: Some(verdict.release.clone()) };
    if core.replica.status.down().is_some() {
        stop_drawing(&core, &app, &verdict);
    }
    match execute(&core, &app, &command, &asker, &CommandOptions::default()).await {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), Kind::Refused(_)) => {
            tracing::info!(%app, why = error.message(), "the candidate is worse than stable, but somebody else was faster");
        }
        Err(error) => {
            if is_outage(&error) {
                stop_drawing(&core, &app, &verdict);
            }
            tracing::warn!(%app, why = error.message(), "the candidate is worse than stable, and is not aborted yet");
        }
    }
}
