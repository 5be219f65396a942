//! What a service manager such as systemd is told: that the router is ready, which process it is, that it lives, and that it
//! ends (sd_notify(3)). Without one nobody is told anything.

use std::process;

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::{runtime::Runtime, task::AbortHandle, time::interval};

/// Says that this process serves. After an upgrade it is another one than before.
pub fn say_ready() {
    say(&[NotifyState::MainPid(process::id()), NotifyState::Ready]);
}

/// Says that the router ends.
pub fn say_stopping() {
    say(&[NotifyState::Stopping]);
}

/// Says that the control plane's threads go on, twice in each time after which the manager would end the process. None: it
/// does not watch it.
pub fn keep_watched(runtime: &Runtime) -> Option<AbortHandle> {
    let period = watchdog_enabled()? / 2;
    let task = runtime.spawn(async move {
        let mut ticks = interval(period);
        loop {
            ticks.tick().await;
            say(&[NotifyState::Watchdog]);
        }
    });
    Some(task.abort_handle())
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!("the service manager cannot be told (NOTIFY_SOCKET): {error}");
    }
}
