//! The gates that plans ask before they go on: a signed POST to a hook, once everything else is so.
//!
//! The router that holds the claim on hooks asks, and goes on by the answer itself, so a fleet asks once. What is no answer
//! holds the plan: a receiver that is silent, refuses, or says neither `pass`, `fail` nor `later`.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::hold::{Hold, HoldOf};
use crate::{
    control::{
        hooks::{
            client::HookClient,
            delivery::{Attempt, make_attempt},
        },
        shared::{
            core::Core,
            hooks::{event::EventKind, hook::HookName, message::Message},
        },
    },
    rollout::{
        app::AppName,
        plan::{GateAnswer, RunningPlan},
    },
};

/// The pause before a gate is asked again, unless it says how long by `Retry-After`.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// What the gates of all plans said.
#[derive(Default)]
pub struct Gates {
    asked: HashMap<AppName, AskedGate>,
}

/// A gate that is asked, or was.
struct AskedGate {
    of: HoldOf,
    answer: Option<GateAnswer>,
    task: Option<JoinHandle<(GateAnswer, Duration)>>,
    /// When it is asked again (monotonic).
    due: Duration,
}

impl Gates {
    /// What the gate of the step that a plan is at said.
    pub fn answer(&self, app: &AppName, plan: &RunningPlan) -> Option<&GateAnswer> {
        self.asked.get(app).filter(|asked| asked.of == Hold::key(plan))?.answer.as_ref()
    }

    /// Asks the gate of the step that a plan is at, unless it is asked already, or was a moment ago. `state` goes with the question.
    pub fn ask(&mut self, core: &Core, app: &AppName, plan: &RunningPlan, state: impl FnOnce() -> Value) {
        let now = core.clock.monotonic();
        let Some(gate) = plan.current().gate.clone().filter(|_| core.hooks.has_claim(now)) else { return };
        let of = Hold::key(plan);
        let known = self.asked.remove(app).filter(|asked| asked.of == of);
        let mut asked = known.unwrap_or(AskedGate { of, answer: None, task: None, due: now });
        if asked.task.is_none() && now >= asked.due {
            let text = format!("May the plan {} of {app} go on from step {}?", plan.name, plan.step + 1);
            let message =
                Message::outcome(EventKind::Gate, app.clone(), &text, core.clock.wall_ms(), state());
            asked.task = Some(tokio::spawn(ask(core.clone(), gate, message)));
        }
        self.asked.insert(app.clone(), asked);
    }

    /// Forgets what the gate of an app said: something else speaks against going on, so it is asked anew afterwards.
    pub fn forget(&mut self, app: &AppName) {
        if let Some(task) = self.asked.remove(app).and_then(|asked| asked.task) {
            task.abort();
        }
    }

    /// Takes the answers that have come.
    pub async fn take_answers(&mut self, now: Duration) {
        for asked in self.asked.values_mut() {
            if let Some(task) = asked.task.take_if(|task| task.is_finished())
                && let Ok((answer, pause)) = task.await
            {
                (asked.answer, asked.due) = (Some(answer), now + pause);
            }
        }
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        self.asked.values().filter_map(|asked| asked.task.as_ref()).for_each(JoinHandle::abort);
    }
}

/// Asks once; the answer, and the pause until it is asked again.
async fn ask(core: Core, gate: String, message: Message) -> (GateAnswer, Duration) {
    match attempt(&core, &gate, &message).await {
        Ok(attempt) => {
            let pause =
                attempt.retry_after.map_or(PAUSE, |pause| pause.clamp(Duration::from_secs(1), PAUSE_MAX));
            (answer_of(&attempt), pause)
        }
        Err(why) => (GateAnswer::Later(why), PAUSE),
    }
}

async fn attempt(core: &Core, gate: &str, message: &Message) -> Result<Attempt, String> {
    let name: HookName = gate.parse().map_err(|error| format!("{error}"))?;
    let stored = core.hooks.hook(&name).ok_or("there is no hook of this name")?;
    let hook = stored.hook.as_ref().map_err(|why| format!("the hook cannot be read: {why}"))?;
    if hook.paused {
        return Err("the hook is paused".to_owned());
    }
    let client = HookClient::new(hook, &core.addresses.load()).map_err(|error| error.to_string())?;
    let id = message.id(&core.node);
    Ok(make_attempt(&client, &hook.secret, &id, message, &core.clock).await)
}

fn answer_of(attempt: &Attempt) -> GateAnswer {
    match &attempt.error {
        Some(error) => GateAnswer::Later(error.clone()),
        None => GateAnswer::read(&attempt.answer).unwrap_or_else(|| {
            GateAnswer::Later("the receiver answered neither pass, fail nor later".to_owned())
        }),
    }
}
